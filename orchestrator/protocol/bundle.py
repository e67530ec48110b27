"""The bundle a job is made of: a stored zip of the model, its external data, the params and the results' address.

See protocol "One job, start to end". An iOS upload type demands a test package, so its two files are added.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from orchestrator.protocol.archive import extract_safely, safe_name, store
from orchestrator.protocol.unreadable import Unreadable, UnsafeArchive

ModelName = Literal["model.onnx", "model.tflite"]

PARAMS_FILE = "benchmark-params.json"
DOWNLOADS_URL_FILE = "downloads-url.txt"
IOS_FILES = ("requirements.txt", "tests/test.py")
IOS_FILE_TEXT = "# The upload type demands this file; the device does not use it.\n"
MODEL_NAMES: tuple[ModelName, ...] = ("model.onnx", "model.tflite")
MAX_FILES = 1000
MAX_TEXT_BYTES = 64 * 1024

_RESERVED = frozenset({*MODEL_NAMES, PARAMS_FILE, DOWNLOADS_URL_FILE, *IOS_FILES})
_PARAMS = TypeAdapter(dict[str, str])


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What a device needs. `external_files` are named relative to the model; `downloads_url` is a secret."""

    model_name: ModelName
    model_path: Path
    params: Mapping[str, str]
    downloads_url: str = field(repr=False)
    external_files: Mapping[str, Path] = field(default_factory=dict)
    ios: bool = False


def with_cloud_params(params: Mapping[str, str], *, ios: bool) -> tuple[dict[str, str], list[str]]:
    """The params as the cloud runs them, and the names of those that it sets against the user's will."""
    fixed = {
        "graph": "model.tflite" if ios else "/data/local/tmp/model.tflite",
        "enable_op_profiling": "true",
        "op_profiling_output_mode": "proto",
        "op_profiling_output_file": "tflite-op-profile.pb"
        if ios
        else "/data/user/0/org.tensorflow.lite.benchmark/files/profile.pb",
    }
    overridden = [name for name, value in params.items() if fixed.get(name, value) != value]
    return {**params, **fixed}, overridden


def write_bundle(bundle: Bundle, to: Path) -> None:
    """Write the zip, in memory that does not grow with the model. The same bundle gives the same bytes.

    Raises UnsafeArchive where an external file's name leaves the folder or is one of the bundle's own.
    """
    for name in bundle.external_files:
        _check_external(name)
    texts = {PARAMS_FILE: _PARAMS.dump_json(dict(bundle.params)), DOWNLOADS_URL_FILE: bundle.downloads_url.encode()}
    texts |= dict.fromkeys(IOS_FILES, IOS_FILE_TEXT.encode()) if bundle.ios else {}
    files: dict[str, bytes | Path] = {bundle.model_name: bundle.model_path, **bundle.external_files, **texts}
    with zipfile.ZipFile(to, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            store(archive, name, content)


def _check_external(name: str) -> None:
    if safe_name(name).casefold() in _RESERVED:
        reason = f"external data may not be called {name!r}: the bundle has a file of that name"
        raise UnsafeArchive(reason)


def read_bundle(archive: Path, into: Path, *, max_bytes: int) -> Bundle:
    """Unpack a bundle below `into`, which must be empty: external data beside the model under its own names.

    Raises UnsafeArchive and Unreadable.
    """
    files = extract_safely(archive, into, max_files=MAX_FILES, max_bytes=max_bytes, flat=False)
    return Bundle(
        model_name=(model := _model_of(files)),
        model_path=files[model],
        params=_read_params(files),
        downloads_url=_read_text(files, DOWNLOADS_URL_FILE).decode(errors="replace").strip(),
        external_files={name: path for name, path in files.items() if name not in _RESERVED},
        ios=all(name in files for name in IOS_FILES),
    )


def _model_of(files: Mapping[str, Path]) -> ModelName:
    models = [name for name in MODEL_NAMES if name in files]
    if len(models) != 1:
        reason = f"a bundle holds one of {' and '.join(MODEL_NAMES)}, this one {len(models)}"
        raise Unreadable(reason)
    return models[0]


def _read_params(files: Mapping[str, Path]) -> dict[str, str]:
    try:
        return _PARAMS.validate_json(_read_text(files, PARAMS_FILE), strict=True)
    except ValidationError as error:
        reason = f"{PARAMS_FILE} is not a JSON object of texts"
        raise Unreadable(reason) from error


def _read_text(files: Mapping[str, Path], name: str) -> bytes:
    if name not in files:
        reason = f"{name} is missing"
        raise Unreadable(reason)
    if files[name].stat().st_size > MAX_TEXT_BYTES:
        reason = f"{name} is longer than {MAX_TEXT_BYTES} bytes"
        raise Unreadable(reason)
    return files[name].read_bytes()
