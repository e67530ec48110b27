"""Looks into a model file that may be anything, and says what it is or why it cannot be measured.

The parsing happens in a child that can be killed (model_child.py); this side reads the file only to hash it.
"""

import hashlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from orchestrator.domain.model import Model, ModelFormat
from orchestrator.errors import ModelError
from orchestrator.inputs.external_data import external_path
from orchestrator.inputs.file_kind import format_of
from orchestrator.inputs.inspection import BadModel, Inspection
from orchestrator.sandbox.child import ChildLimits, ChildResult, run_child

MAX_PROTOBUF_BYTES = (1 << 31) - 1
_BLOCK_BYTES = 1 << 20
_WALL_S = 60.0
_WALL_BYTES_PER_S = 50e6  # on top, for a slow disk
_MEMORY_BYTES = 1 << 30
_INSPECTION = TypeAdapter(Inspection)
_LOCATIONS = TypeAdapter(dict[str, int])


def inspect_model(name: str, path: Path, *, inputs: Mapping[str, tuple[int, ...]] = {}) -> Model:
    """The model in `path`, its dynamic dimensions resolved by `inputs` (whole shapes by input name) or defaults.

    Blocks for as long as hashing the file and checking its graph takes; memory stays in the tens of megabytes. Raises
    ModelError, whose message names the file.
    """
    try:
        return _inspect(name, path, inputs)
    except BadModel as bad:
        msg = f"{path}: {bad}"
        raise ModelError(msg) from bad
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise ModelError(msg) from error


def _inspect(name: str, path: Path, inputs: Mapping[str, tuple[int, ...]]) -> Model:
    kind = format_of(path)
    if kind is ModelFormat.ONNX and path.stat().st_size > MAX_PROTOBUF_BYTES:
        msg = "is larger than 2 GiB, which protobuf cannot hold: save its weights as external data"
        raise BadModel(msg)
    inspection, files = _ask_child(path, kind, inputs)
    external = tuple(sorted(set(files.values())))  # two locations may name one file
    return Model(
        name=name,
        path=path,
        format=kind,
        sha256=model_sha256(path, external),
        size_bytes=sum(file.stat().st_size for file in (path, *external)),
        inputs=inspection.inputs,
        outputs=inspection.outputs,
        operators=inspection.operators,
        opset=inspection.opset,
        ir_version=inspection.ir_version,
        parameters=inspection.parameters,
        multiply_accumulates=inspection.multiply_accumulates,
        chosen_dimensions=inspection.chosen_dimensions,
        input_shapes=inspection.input_shapes,
        external_files=external,
        warnings=(*inspection.warnings, *_hard_links(files)),
        random_weights=inspection.random_weights,
    )


def model_sha256(path: Path, external_files: Iterable[Path] = ()) -> str:
    """`Model.sha256`: the file's, or with external data that of the `sha256sum` listing of all files.

    In the listing the model comes first and the others by name, as the model names them. Raises OSError.
    """
    files = sorted(external_files)
    if not files:
        return _sha256(path)
    listing = "".join(f"{_sha256(file)}  {file.relative_to(path.parent).as_posix()}\n" for file in (path, *files))
    return hashlib.sha256(listing.encode()).hexdigest()


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _ask_child(
    path: Path, kind: ModelFormat, inputs: Mapping[str, tuple[int, ...]]
) -> tuple[Inspection, dict[str, Path]]:
    """What the child says of the model, and the paths of its external data.

    A model with external data is asked twice, so that the child can read these files and none beside them.
    """
    spec = {"path": str(path.resolve()), "format": kind, "planned": inputs, "files": {}}
    files: dict[str, Path] = {}
    try:
        message = _run(spec, [path])
        if "locations" in message:
            files = _external_files(path.parent, _LOCATIONS.validate_python(message["locations"]))
            named = {location: str(file.resolve()) for location, file in files.items()}
            message = _run({**spec, "files": named}, [path, *files.values()])
        return _INSPECTION.validate_python(message.get("inspection")), files
    except ValidationError as error:
        msg = "cannot be inspected: the child that reads it gave no valid answer"
        raise BadModel(msg) from error


def _external_files(folder: Path, locations: Mapping[str, int]) -> dict[str, Path]:
    files = {}
    for location, needed in sorted(locations.items()):
        files[location] = external_path(folder, location)
        size = files[location].stat().st_size
        if size < needed:
            msg = f"needs {needed} bytes of external data in {location!r}, which has {size}"
            raise BadModel(msg)
    return files


def _hard_links(files: Mapping[str, Path]) -> list[str]:
    linked = [location for location, file in files.items() if file.stat().st_nlink > 1]
    return [f"external data {location!r} is a hard link, which some tools refuse" for location in linked]


def _run(spec: Mapping[str, Any], readable: Sequence[Path]) -> dict[str, Any]:
    """The last message of a child that ended well. Raises BadModel for every other end."""
    wall_s = _WALL_S + sum(path.stat().st_size for path in readable) / _WALL_BYTES_PER_S
    limits = ChildLimits(wall_s=wall_s, memory_bytes=_MEMORY_BYTES, cpu_s=int(wall_s), file_bytes=0)
    with tempfile.TemporaryDirectory(prefix="bench-model-") as scratch:
        result = run_child(
            "orchestrator.inputs.model_child", spec, limits=limits, readable=readable, scratch=Path(scratch)
        )
    if result.returncode == 0 and result.killed is None and result.messages:
        return result.messages[-1]
    raise BadModel(_why(result, limits))


def _why(result: ChildResult, limits: ChildLimits) -> str:
    """In words: the child's own, if it could still speak."""
    last = result.messages[-1] if result.messages else {}
    kind, message = last.get("type"), last.get("message")
    if result.killed == "timeout":
        return f"took more than {limits.wall_s:.0f} s to check: it is corrupt or made to keep a reader busy"
    if result.killed == "memory" or kind == "MemoryError":
        return f"took more than {limits.memory_bytes >> 20} MiB of memory to check"
    if result.killed == "output":
        return "has too much to tell: it is corrupt or made to keep a reader busy"
    if kind == BadModel.__name__:
        return str(message)
    if last.get("stage") == "error":
        return f"cannot be read as a model ({kind}: {message})"
    return f"breaks the checker (exit status {result.returncode}): {result.stderr[-300:]}"
