"""Compares a converted model with its original: both in children, on the same inputs, neither in this process."""

import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from orchestrator.conversion.call import NotConverted
from orchestrator.domain.conversion import Difference, OutputDifference
from orchestrator.domain.model import Model
from orchestrator.errors import UsageError
from orchestrator.sandbox.child import ChildLimits, run_child

SEED = 0
_LEAST_MEMORY_BYTES, _MEMORY_FOR_BYTE = 2 << 30, 8
_FILE_BYTES = 1 << 30
_SHOWN_CHARACTERS = 200
_RUNTIMES = {"onnxruntime": "onnxruntime", "ai_edge_litert": "ai-edge-litert"}
_NAMES = TypeAdapter(list[str])
_OUTPUTS = TypeAdapter(tuple[OutputDifference, ...])
_SHAPES = TypeAdapter(dict[str, tuple[int, ...]])


def check_runtimes() -> None:
    """Raises UsageError where a runtime is missing that one of the two models needs."""
    for module, package in _RUNTIMES.items():
        if find_spec(module) is None:
            message = f"checking a converted model needs the package {package!r}: pip install 'device-bench[local]'"
            raise UsageError(message)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """How far apart both are, and the shapes of the converted model's inputs as it was run."""

    difference: Difference
    input_shapes: dict[str, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class Comparing:
    """The bounds on both models' runs; setting `kill` ends them."""

    timeout_s: float
    kill: threading.Event

    def compare(self, original: Model, converted: Path, scratch: Path) -> Compared:
        """Runs both. Raises NotConverted where one of the two does not run."""
        with tempfile.TemporaryDirectory(prefix="check-", dir=scratch) as folder:
            one, other = Path(folder, "original"), Path(folder, "converted")
            one.mkdir()
            other.mkdir()
            spec = {"model": str(original.path.resolve()), "shapes": original.input_shapes, "seed": SEED}
            readable = (original.path, *original.external_files)
            ran = self._run("original_child", spec, readable, one, original.size_bytes)
            try:
                names = {kind: _NAMES.validate_python(ran.get(kind)) for kind in ("inputs", "outputs")}
                spec = {"model": str(converted.resolve()), "folder": str(one.resolve()), **names}
                told = self._run("converted_child", spec, (converted, one), other, original.size_bytes)
                outputs = tuple(map(_tidy, _OUTPUTS.validate_python(told.get("outputs"))))
                difference = Difference(outputs=outputs, seed=SEED)
                return Compared(difference=difference, input_shapes=_SHAPES.validate_python(told.get("shapes")))
            except ValidationError as error:
                message = "it could not be compared with the original: the child that does so gave no valid answer"
                raise NotConverted(message) from error

    def _run(
        self, child: str, spec: Mapping[str, Any], readable: tuple[Path, ...], scratch: Path, size_bytes: int
    ) -> dict[str, Any]:
        """The last message of a child that did its work. Raises NotConverted."""
        limits = ChildLimits(
            wall_s=self.timeout_s,
            memory_bytes=_LEAST_MEMORY_BYTES + _MEMORY_FOR_BYTE * size_bytes,
            cpu_s=int(self.timeout_s) + 1,
            file_bytes=_FILE_BYTES,
        )
        module = f"orchestrator.conversion.check.{child}"
        result = run_child(module, spec, limits=limits, readable=readable, scratch=scratch, kill=self.kill)
        last = result.messages[-1] if result.messages else {}
        if last.get("stage") in ("ran", "compared") and not result.killed:
            return last
        reason = last.get("reason") or last.get("message") or f"it was ended ({result.killed or result.returncode})"
        message = f"it could not be compared with the original: {reason}"
        raise NotConverted(message)


def _tidy(output: OutputDifference) -> OutputDifference:
    """With a name and a reason that can be shown: they are the model's own words."""
    return replace(output, name=_plain(output.name), why=_plain(output.why))


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:_SHOWN_CHARACTERS]
