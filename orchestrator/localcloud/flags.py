"""The flags of a bundle, spelled as LiteRT's `benchmark_model` spells them, and what this cloud makes of them.

Defaults are this cloud's own: at least 30 runs and one second, but no more than ten.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.protocol.onnxruntime import MAX_SAMPLES

_MAX_SECONDS = 86_400.0
_MAX_DIMENSION = 2**31 - 1
_MAX_INPUTS = 1000
_MAX_SHOWN = 20
_PLAIN = re.compile(r"[\w.-]{1,60}")

# What the device does anyway, and the cloud sets for every bundle.
UNDERSTOOD = {
    "graph",
    "enable_op_profiling",
    "op_profiling_output_mode",
    "op_profiling_output_file",
    "report_peak_memory_footprint",
    "result_file_path",
}
_TRUTH = {"1": True, "true": True, "0": False, "false": False}


class FlagError(ValueError):
    """A flag whose value makes no sense, or that asks for what this device does not have."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a model is to be measured. `shapes` are those of the inputs that the flags name; no flag sets `max_runs`.

    `spinning` lets waiting threads burn their core; `ignored` are flags that mean nothing here.
    """

    threads: int
    min_runs: int = 30
    min_s: float = 1.0
    max_s: float = 10.0
    max_runs: int = MAX_SAMPLES
    warmup_runs: int = 1
    warmup_min_s: float = 0.0
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    use_xnnpack: bool = True
    spinning: bool = False
    seed: int = 0
    ignored: tuple[str, ...] = ()


def read_flags(params: Mapping[str, str], *, device_threads: int) -> Settings:
    """The settings of a bundle on a device that has so many threads. Raises FlagError, naming the flag.

    More threads than the device has are brought down to those it has; 0 and -1 mean the device's own number.
    """
    _refuse_accelerators(params)
    given = {name: read(flag, params[flag]) for flag, (name, read) in _FLAGS.items() if flag in params}
    wanted = given.pop("threads", 0)
    known = {*_FLAGS, *UNDERSTOOD, *_ACCELERATORS, "input_layer", "input_layer_shape"}
    return Settings(
        threads=min(wanted, device_threads) if wanted > 0 else device_threads,
        shapes=_shapes(params.get("input_layer", ""), params.get("input_layer_shape", "")),
        ignored=shown(set(params) - known),
        **given,
    )


def check_values(params: Mapping[str, str]) -> None:
    """Raises FlagError, naming the flag, where a flag that is known here has a value that makes no sense anywhere."""
    readers = {flag: read for flag, (_, read) in _FLAGS.items()} | dict.fromkeys(_ACCELERATORS, _truth)
    for flag in readers.keys() & params.keys():
        readers[flag](flag, params[flag])
    _shapes(params.get("input_layer", ""), params.get("input_layer_shape", ""))


def ignored_note(ignored: Sequence[str]) -> tuple[str, ...]:
    """What the reader of the results is told of flags that were left out."""
    return (f"flags without a meaning on this device were ignored: {', '.join(ignored)}",) if ignored else ()


def shown(names: Collection[str]) -> tuple[str, ...]:
    """The names as they may stand in a log, without the rest of what a bundle can put into a key."""
    plain = sorted(name for name in names if _PLAIN.fullmatch(name))[:_MAX_SHOWN]
    others = len(names) - len(plain)
    return (*plain, f"{others} more") if others else tuple(plain)


def _whole(least: int, most: int) -> Callable[[str, str], int]:
    def read(flag: str, text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            message = f"{flag}={text[:40]!r} is not a whole number from {least} to {most}"
            raise FlagError(message)
        return value

    return read


def _seconds(flag: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= _MAX_SECONDS:
        message = f"{flag}={text[:40]!r} is not a number of seconds from 0 to {_MAX_SECONDS:g}"
        raise FlagError(message)
    return value


def _truth(flag: str, text: str) -> bool:
    if text.lower() not in _TRUTH:
        message = f"{flag}={text[:40]!r} is neither true nor false"
        raise FlagError(message)
    return _TRUTH[text.lower()]


_FLAGS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "num_threads": ("threads", _whole(-1, 1024)),
    "num_runs": ("min_runs", _whole(1, MAX_SAMPLES)),
    "min_secs": ("min_s", _seconds),
    "max_secs": ("max_s", _seconds),
    "warmup_runs": ("warmup_runs", _whole(0, MAX_SAMPLES)),
    "warmup_min_secs": ("warmup_min_s", _seconds),
    "use_xnnpack": ("use_xnnpack", _truth),
    "allow_spinning": ("spinning", _truth),
    "random_seed": ("seed", _whole(0, 2**63 - 1)),
}
_ACCELERATORS = {
    "use_gpu": "GPU",
    "use_nnapi": "NNAPI",
    "use_hexagon": "Hexagon DSP",
    "use_coreml": "Core ML",
    "use_npu": "NPU",
}


def _refuse_accelerators(params: Mapping[str, str]) -> None:
    """What the plan asks to measure must not be measured on something else."""
    for flag, name in _ACCELERATORS.items():
        if flag in params and _truth(flag, params[flag]):
            message = f"{flag}: this device has no {name}"
            raise FlagError(message)


def _shapes(layers: str, shapes: str) -> dict[str, tuple[int, ...]]:
    """`a,b` and `1,3:4,5` as {"a": (1, 3), "b": (4, 5)}."""
    names, parts = layers.split(",") if layers else [], shapes.split(":") if shapes else []
    if len(names) != len(parts) or len(names) > _MAX_INPUTS or len(set(names)) != len(names):
        message = f"input_layer names {len(names)} inputs, input_layer_shape has {len(parts)} shapes for them"
        raise FlagError(message)
    size = _whole(0, _MAX_DIMENSION)
    return {
        name: tuple(size("input_layer_shape", dimension) for dimension in part.split(",") if part)
        for name, part in zip(names, parts, strict=True)
    }
