"""Models that were converted for devices that take another format: by what, how alike, and for which devices."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime

from orchestrator.domain.cell import Cell
from orchestrator.domain.model import Model

DEFAULT_TIMEOUT_S = 600.0


@dataclass(frozen=True, kw_only=True)
class ConversionPolicy:
    """How far a converted model's outputs may lie from the original's, and how long converting may take.

    The fields mean what those of `Difference` mean; None is not said, or no limit. `allow_difference`: what differs
    more is measured all the same.
    """

    max_relative: float | None = None
    max_absolute: float | None = None
    min_cosine: float | None = None
    allow_difference: bool | None = None
    timeout_s: float | None = None

    def over(self, other: "ConversionPolicy") -> "ConversionPolicy":
        """What this one says, and what it does not say as the other has it."""
        mine = {field.name: getattr(self, field.name) for field in fields(self)}
        return ConversionPolicy(
            **{name: getattr(other, name) if value is None else value for name, value in mine.items()}
        )


DEFAULT_POLICY = ConversionPolicy(
    max_relative=1e-3, min_cosine=0.999, allow_difference=False, timeout_s=DEFAULT_TIMEOUT_S
)


@dataclass(frozen=True, kw_only=True)
class OutputDifference:
    """One output of both models on the same inputs.

    `absolute` is the largest difference of two values, `relative` the same as a fraction of the largest value that
    either has, `cosine` that of the angle between both. All None where they cannot be compared, and `why` not.
    """

    name: str
    absolute: float | None = None
    relative: float | None = None
    cosine: float | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All outputs of the original and the converted model on inputs made from `seed`."""

    outputs: tuple[OutputDifference, ...]
    seed: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether every output could be compared."""
        return bool(self.outputs) and not any(output.why for output in self.outputs)

    @property
    def absolute(self) -> float | None:
        """The largest of any output; None where one cannot be compared."""
        return max(output.absolute or 0.0 for output in self.outputs) if self.is_whole else None

    @property
    def relative(self) -> float | None:
        """As `absolute`."""
        return max(output.relative or 0.0 for output in self.outputs) if self.is_whole else None

    @property
    def cosine(self) -> float | None:
        """The smallest of any output; None where one cannot be compared."""
        return (
            min(1.0 if output.cosine is None else output.cosine for output in self.outputs) if self.is_whole else None
        )

    def beyond(self, policy: ConversionPolicy) -> tuple[str, ...]:
        """In words, what is more than the policy lets pass; nothing where all is within."""
        return tuple(self._beyond(policy)) if self.outputs else ("there is no output to compare",)

    def _beyond(self, policy: ConversionPolicy) -> Iterator[str]:
        yield from (f"output {output.name}: {output.why}" for output in self.outputs if output.why)
        for name, found, most in (
            ("relative", self.relative, policy.max_relative),
            ("absolute", self.absolute, policy.max_absolute),
        ):
            if found is not None and most is not None and found > most:
                yield f"the largest {name} difference is {found:.3g}, allowed is {most:.3g}"
        if self.cosine is not None and policy.min_cosine is not None and self.cosine < policy.min_cosine:
            yield f"the cosine is {self.cosine:.6f}, at least {policy.min_cosine:g} is wanted"


@dataclass(frozen=True, kw_only=True)
class Converter:
    """What converts: a tool of that version, called with these options besides its input and output."""

    tool: str
    version: str
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.tool} {self.version}"


@dataclass(frozen=True, kw_only=True)
class ConvertedModel:
    """What takes the place of the plan's model `name` on these devices.

    `model` is the converted file, None where there is none; `seconds` is what the tool took, at `made_at`, which may be
    in an earlier run. `failure` says why nothing is measured with it, "" where something is; `beyond` what its
    difference exceeds. `hub_run_id` is its COMPILE run on the hub, `refused` why there is none.
    """

    name: str
    devices: tuple[str, ...]
    converter: Converter
    source_sha256: str
    source_size_bytes: int
    policy: ConversionPolicy = DEFAULT_POLICY
    model: Model | None = None
    seconds: float = 0.0
    made_at: datetime | None = None
    difference: Difference | None = None
    failure: str = ""
    hub_run_id: str = ""
    refused: str = ""

    @property
    def beyond(self) -> tuple[str, ...]:
        """In words, what is more than its policy lets pass."""
        return self.difference.beyond(self.policy) if self.difference else ()

    def serves(self, cell: Cell) -> bool:
        """Whether it is what the cell measures."""
        return cell.model == self.name and cell.device in self.devices


@dataclass(frozen=True, kw_only=True)
class MeasuredFile:
    """The file that a number was taken with: the plan's own, or one that was made of it.

    `converted_by` is "" for the plan's own; the difference's figures are None where it was not compared.
    """

    format: str
    sha256: str
    size_bytes: int
    converted_by: str = ""
    source_sha256: str = ""
    relative: float | None = None
    absolute: float | None = None
    cosine: float | None = None
    beyond: tuple[str, ...] = ()

    @property
    def origin(self) -> str:
        """ "original" or "converted"."""
        return "converted" if self.converted_by else "original"

    def __str__(self) -> str:
        return f"{self.format}, converted by {self.converted_by}" if self.converted_by else f"{self.format}, original"


def measured_file(model: Model, converted: ConvertedModel | None) -> MeasuredFile:
    """What a number of the plan's model was taken with, where `converted` takes its place."""
    if converted is None or converted.model is None:
        return MeasuredFile(format=model.format, sha256=model.sha256, size_bytes=model.size_bytes)
    found = converted.difference
    figures = {"relative": found.relative, "absolute": found.absolute, "cosine": found.cosine} if found else {}
    return MeasuredFile(
        format=converted.model.format,
        sha256=converted.model.sha256,
        size_bytes=converted.model.size_bytes,
        converted_by=str(converted.converter),
        source_sha256=converted.source_sha256,
        beyond=converted.beyond,
        **figures,
    )
