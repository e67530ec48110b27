"""Weights beside the model file: only plain files below the model's own folder, as ONNX allows.

Source: onnx/docs/ExternalData.md. The device's runtime refuses more: links, whose target lies elsewhere.
"""

import stat
from pathlib import Path, PurePosixPath

from orchestrator.inputs.inspection import BadModel

MAX_FILES = 1000


def external_path(folder: Path, location: str) -> Path:
    """The plain file that a model in `folder` names. Raises BadModel for a missing, linked or escaping one."""
    parts = PurePosixPath(location).parts
    if not parts or location.startswith("/") or ".." in parts or any(c in location for c in "\\\0:"):
        msg = f"its external data {location!r} lies outside the model's folder"
        raise BadModel(msg)
    path = folder
    for part in parts:
        path = path / part
        _check_entry(path, location, is_last=path == folder.joinpath(*parts))
    return path


def _check_entry(path: Path, location: str, *, is_last: bool) -> None:
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        msg = f"its external data {location!r} cannot be read: {error.strerror}"
        raise BadModel(msg) from error
    if stat.S_ISLNK(mode):
        msg = f"its external data {location!r} is a symbolic link, which runtimes refuse: put the file itself there"
        raise BadModel(msg)
    if is_last and not stat.S_ISREG(mode):
        msg = f"its external data {location!r} is no plain file"
        raise BadModel(msg)
