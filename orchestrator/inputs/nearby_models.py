"""Which model files lie near a path that leads nowhere: for "did you mean"."""

import glob
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from orchestrator.domain.device import nearest_names

SUFFIXES = (".onnx", ".tflite")
_LOOKED_AT = 5000  # directory entries, so that a suggestion never takes long
_LOOKED_DEEP = 4


def suggest_models(wanted: Path, folder: Path) -> str:
    """The model files with the likeliest names, as paths relative to the plan's folder; in words."""
    start = _existing_parent(wanted)
    found = list(dict.fromkeys(_relative(path, folder) for root in (start, folder) for path in _models_below(root)))
    if not found:
        return f"there are no .onnx or .tflite files in {start}"
    by_stem = {Path(path).stem: path for path in reversed(found)}
    near = [by_stem[stem] for stem in nearest_names(wanted.stem, by_stem)]
    if near:
        return f"nearest: {', '.join(near)}"
    return f"there are: {', '.join(found[:3])}" + (f" and {len(found) - 3} more" if len(found) > 3 else "")


def _existing_parent(path: Path) -> Path:
    """The deepest folder on the way to a path that is there, wildcards being no folders."""
    for parent in path.parents:
        if not glob.has_magic(str(parent)) and parent.is_dir():
            return parent
    return path.parent


def _models_below(root: Path) -> Iterator[Path]:
    return (path for path in islice(_walk(root), _LOOKED_AT) if path.suffix.lower() in SUFFIXES)


def _walk(root: Path) -> Iterator[Path]:
    """Every file below, a folder before its folders; hidden folders and links to folders are left out."""
    for folder, folders, files in os.walk(root):
        deep = len(Path(folder).relative_to(root).parts) >= _LOOKED_DEEP
        folders[:] = [] if deep else sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder) / name for name in sorted(files))


def _relative(path: Path, folder: Path) -> str:
    return os.path.relpath(path, folder)
