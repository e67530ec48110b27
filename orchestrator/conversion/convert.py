"""One model's conversion, whole: from the cache, or made, looked into, compared and kept there."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.conversion.cache import MODEL_FILE, Cache, Kept, Record, cache_key
from orchestrator.conversion.call import NotConverted, call_tool, memory_limit_bytes
from orchestrator.conversion.compare import Comparing
from orchestrator.conversion.tool import TOOL, Tool
from orchestrator.domain.conversion import DEFAULT_TIMEOUT_S, ConvertedModel, Converter
from orchestrator.domain.model import Model
from orchestrator.errors import ModelError
from orchestrator.inputs.model_file import inspect_model, model_sha256
from orchestrator.sandbox.inside import MESSAGE_CHARACTERS

_QUIET = ("-v", "error")


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """The tool and the cache. Setting `kill` ends what is being converted; `say` hears of what takes time."""

    tool: Tool
    cache: Cache
    say: Callable[[str], None]
    kill: threading.Event = field(default_factory=threading.Event)

    def convert(self, model: Model, wanted: ConvertedModel) -> ConvertedModel:
        """`wanted` with the converted file and how alike it is, or with what went wrong.

        Blocks for as long as the tool and both runs take.
        """
        wanted = replace(wanted, converter=converter_for(self.tool, model))
        key = cache_key(model, wanted.converter)
        try:
            kept = self.cache.find(key) or self._make(key, model, wanted)
            record = kept.record
            converted = inspect_model(model.name, kept.path, inputs=record.input_shapes)
        except (NotConverted, ModelError, OSError) as error:
            return replace(wanted, failure=_cannot(wanted, str(error)))
        done = replace(
            wanted,
            model=replace(converted, random_weights=model.random_weights),
            seconds=record.seconds,
            made_at=record.made_at,
            difference=record.difference,
        )
        return done if not done.beyond or done.policy.allow_difference else replace(done, failure=_differs(done))

    def _make(self, key: str, model: Model, wanted: ConvertedModel) -> Kept:
        self.say(f"converting {model.name} to TFLite by {wanted.converter}")
        timeout_s = wanted.policy.timeout_s or DEFAULT_TIMEOUT_S
        with self.cache.making() as folder:
            file = folder / MODEL_FILE
            seconds = call_tool(
                self.tool,
                model,
                wanted.converter.options,
                into=file,
                timeout_s=timeout_s,
                memory_bytes=memory_limit_bytes(model),
                kill=self.kill,
            )
            sha256 = _looked_into(model.name, file)
            compared = Comparing(timeout_s=timeout_s, kill=self.kill).compare(model, file, folder)
            record = Record(
                sha256=sha256,
                seconds=seconds,
                made_at=datetime.now(UTC),
                difference=compared.difference,
                input_shapes=compared.input_shapes,
            )
            if model_sha256(model.path, model.external_files) != model.sha256:  # else it would be kept as another's
                message = "the model's file has changed meanwhile"
                raise NotConverted(message)
            return self.cache.keep(key, folder, record)


def _looked_into(name: str, file: Path) -> str:
    """The hash of a file that is a model. Raises NotConverted where it is none."""
    try:
        return inspect_model(name, file).sha256
    except ModelError as error:
        message = f"what it left {str(error).removeprefix(f'{file}: ')}"
        raise NotConverted(message) from error


def converter_for(tool: Tool, model: Model) -> Converter:
    """The tool as it is called for a model: its dynamic dimensions get the values that were chosen for them."""
    dynamic = dict.fromkeys(chosen.input for chosen in model.chosen_dimensions)
    shapes = [f"{name}:{','.join(map(str, model.input_shapes[name]))}" for name in dynamic if _can_be_told(model, name)]
    return Converter(tool=TOOL, version=tool.version, options=(*_QUIET, *(["-ois", *shapes] if shapes else [])))


def _can_be_told(model: Model, name: str) -> bool:
    """Whether the tool's way of writing shapes holds the input's."""
    return ":" not in name and not name.startswith("-") and all(model.input_shapes[name])


def _cannot(wanted: ConvertedModel, why: str) -> str:
    return _bounded(f"{wanted.name} cannot be converted to TFLite by {wanted.converter}: {why}")


def _differs(done: ConvertedModel) -> str:
    what = f"{done.name} as converted by {done.converter} differs from the original"
    return _bounded(f"not measured: {what} ({'; '.join(done.beyond)})")


def _bounded(text: str) -> str:
    """A model with many outputs has much to tell."""
    return text if len(text) <= MESSAGE_CHARACTERS else f"{text[:MESSAGE_CHARACTERS]} …"
