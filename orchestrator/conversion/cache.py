"""Conversions that were made: a folder for each, by what it was made of and how; whole, or not there.

A folder is made beside its place and moved there in one stroke, so that it is never seen half written, and however
many processes make the same one, each finds a whole one in the end. What does not hold its word is made again.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from orchestrator.domain.conversion import Converter, Difference
from orchestrator.domain.model import Model
from orchestrator.inputs.model_file import model_sha256

MODEL_FILE, RECORD_FILE = "model.tflite", "conversion.json"
_MAKING = ".making-"
_ABANDONED_S = 86_400.0
_COMPARISON = 1  # of how both are compared: a change of it makes every conversion anew


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of a conversion: its file's hash, what the tool took, when, and how alike both are.

    `input_shapes` are those that it was run with.
    """

    sha256: str
    seconds: float
    made_at: datetime
    difference: Difference
    input_shapes: dict[str, tuple[int, ...]]


_RECORD = TypeAdapter(Record)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A conversion in its place."""

    path: Path
    record: Record


class Cache:
    """The conversions in `folder`. Safe to use from several processes at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, key: str) -> Kept | None:
        """The conversion, if it is there and whole."""
        place = self._folder / key
        try:
            record = _RECORD.validate_json((place / RECORD_FILE).read_bytes())
            if model_sha256(place / MODEL_FILE) == record.sha256:
                return Kept(path=place / MODEL_FILE, record=record)
        except (OSError, ValidationError):
            pass
        return None

    @contextmanager
    def making(self) -> Iterator[Path]:
        """A folder to make a conversion in; what is still there at the end is removed."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        folder = Path(tempfile.mkdtemp(prefix=_MAKING, dir=self._folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, key: str, folder: Path, record: Record) -> Kept:
        """Moves what was made to its place, unless another process was faster. Raises OSError."""
        (folder / RECORD_FILE).write_bytes(_RECORD.dump_json(record))
        for file in (folder / MODEL_FILE, folder / RECORD_FILE):
            _to_disk(file)
        place = self._folder / key
        with suppress(OSError):  # it is taken: by a whole one, which will do, or by a damaged one
            folder.rename(place)
        if kept := self.find(key):
            return kept
        with tempfile.TemporaryDirectory(prefix=_MAKING, dir=self._folder) as aside:
            with suppress(FileNotFoundError):
                place.rename(Path(aside, "damaged"))
            folder.rename(place)
        return Kept(path=place / MODEL_FILE, record=record)

    def _sweep(self) -> None:
        """Removes what processes left that were killed."""
        for folder in self._folder.glob(f"{_MAKING}*"):
            with suppress(FileNotFoundError):
                if time.time() - folder.stat().st_mtime > _ABANDONED_S:
                    shutil.rmtree(folder, ignore_errors=True)


def cache_key(model: Model, converter: Converter) -> str:
    """What a conversion is found by: the model with its external data and shapes, the tool, its version and options."""
    told = {
        "model": model.sha256,
        "shapes": {name: list(shape) for name, shape in model.input_shapes.items()},
        "converter": [converter.tool, converter.version, *converter.options],
        "comparison": _COMPARISON,
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
