"""Conversions in their places: whole, or not there."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.conversion.cache import MODEL_FILE, RECORD_FILE, Cache, Kept, Record, cache_key
from orchestrator.domain.conversion import Converter, Difference, OutputDifference
from orchestrator.domain.model import Model
from orchestrator.inputs.model_file import model_sha256

Damage = Callable[[Path], object]


def cut(place: Path) -> None:
    """The model loses its last byte."""
    (place / MODEL_FILE).write_bytes(b"a mode")


def become_a_file(place: Path) -> None:
    """Somebody put a file there."""
    (place / MODEL_FILE).unlink()
    (place / RECORD_FILE).unlink()
    place.rmdir()
    place.write_text("")


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def make(cache: Cache, content: bytes = b"a model") -> Kept:
    """Keeps a conversion under the key "key"."""
    with cache.making() as folder:
        (folder / MODEL_FILE).write_bytes(content)
        output = OutputDifference(name="out", absolute=0.0, relative=0.0, cosine=1.0)
        record = Record(
            sha256=model_sha256(folder / MODEL_FILE),
            seconds=1.0,
            made_at=datetime.now(UTC),
            difference=Difference(outputs=(output,)),
            input_shapes={"image": (1, 2)},
        )
        return cache.keep("key", folder, record)


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        become_a_file,
        lambda place: (place / MODEL_FILE).unlink(),
        lambda place: (place / RECORD_FILE).unlink(),
        lambda place: (place / RECORD_FILE).write_text("{"),
    ],
)
def test_what_is_damaged_is_not_there_and_gives_way(tmp_path: Path, damage: Damage) -> None:
    cache = Cache(tmp_path / "conversions")
    kept = make(cache)
    assert cache.find("key") == kept
    damage(kept.path.parent)
    assert cache.find("key") is None
    again = make(cache)
    assert cache.find("key") == again
    assert names(tmp_path / "conversions") == ["key"]


def test_whoever_comes_second_takes_what_the_first_made(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "conversions")
    first = make(cache)
    assert make(cache, b"made later") == first
    assert first.path.read_bytes() == b"a model"
    assert names(tmp_path / "conversions") == ["key"]


def test_what_a_killed_process_left_is_swept_when_it_is_old(tmp_path: Path) -> None:
    for name, age_s in (("old", 90_000), ("new", 10)):
        folder = tmp_path / "conversions" / f".making-{name}"
        folder.mkdir(parents=True)
        os.utime(folder, (time.time() - age_s,) * 2)
    make(Cache(tmp_path / "conversions"))
    assert names(tmp_path / "conversions") == [".making-new", "key"]


def test_another_model_shape_version_or_option_is_another_conversion(small: Model) -> None:
    converter = Converter(tool="onnx2tf", version="2.6.9", options=("-v", "error"))
    keys = {
        cache_key(small, converter),
        cache_key(replace(small, sha256="0"), converter),
        cache_key(replace(small, input_shapes={"image": (2, 3, 12, 8), "ids": (2, 4)}), converter),
        cache_key(small, replace(converter, version="2.7.0")),
        cache_key(small, replace(converter, options=())),
    }
    assert len(keys) == 5
    assert cache_key(replace(small, name="renamed", path=Path("elsewhere")), converter) in keys
