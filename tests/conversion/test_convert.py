"""One model's conversion: made behind walls, looked into, compared, kept, and what goes wrong on the way."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.conversion import call
from orchestrator.domain.model import Model
from orchestrator.sandbox.landlock import landlock_abi

MakeBench = Callable[..., Any]


def test_a_model_is_converted_compared_and_kept(bench: MakeBench, small: Model) -> None:
    before = small.path.read_bytes()
    place = bench()
    found = place.convert(small)
    assert found.failure == ""
    assert found.model.format == "tflite"
    assert [tensor.shape for tensor in found.model.inputs] == [(1, 12, 8, 3), (1, 4)]
    assert found.model.random_weights
    assert [output.name for output in found.difference.outputs] == ["features", "scores", "best"]
    assert 0 < found.difference.relative < 1e-6
    assert 0.999999 < found.difference.cosine <= 1
    assert str(found.converter) == "onnx2tf 2.6.9"
    assert found.converter.options[-3:] == ("-ois", "image:1,3,12,8", "ids:1,4")
    assert found.seconds > 0
    assert small.path.read_bytes() == before
    assert [path.name for path in place.cache.iterdir()] == [found.model.path.parent.name]
    assert place.convert(small) == found
    assert place.said == ["converting small to TFLite by onnx2tf 2.6.9"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("crash", "exit status -6"),
        ("nothing", "left no files"),
        ("garbage", "what it left is an HTML or XML page"),
        ("cut", "what it left "),
        ("huge", "failed (exit status"),
        ("chatter", "wrote more than is read of it"),
    ],
)
def test_what_the_tool_does_wrong_is_told_and_nothing_is_kept(
    bench: MakeBench, small: Model, fault: str, reason: str
) -> None:
    place = bench(fault)
    found = place.convert(small)
    assert found.failure.startswith("small cannot be converted to TFLite by onnx2tf 2.6.9: ")
    assert reason in found.failure
    assert found.model is None
    assert list(place.cache.iterdir()) == []


@pytest.mark.skipif(not landlock_abi(), reason="this kernel has no Landlock")
@pytest.mark.parametrize("fault", ["reads", "writes", "network", "link"])
def test_the_tool_cannot_leave_its_walls(bench: MakeBench, small: Model, secret: Path, fault: str) -> None:
    found = bench(fault).convert(small)
    assert "PermissionError" in found.failure or "left something that is no model" in found.failure
    assert secret.read_text() == "secret"


def test_a_tool_that_hangs_is_ended(bench: MakeBench, small: Model) -> None:
    assert "onnx2tf took more than 2 s" in bench("hang").convert(small, timeout_s=2.0).failure


def test_a_tool_that_eats_memory_is_ended(bench: MakeBench, small: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "_LEAST_MEMORY_BYTES", 200 << 20)
    found = bench("memory").convert(small)
    assert "MemoryError" in found.failure or "MiB of memory" in found.failure


def test_stopping_ends_the_tool(bench: MakeBench, small: Model) -> None:
    place = bench("hang")
    threading.Timer(0.5, place.workshop.kill.set).start()
    assert "was stopped" in place.convert(small).failure


def test_a_model_that_it_cannot_convert_is_told_in_its_own_words(bench: MakeBench, small: Model) -> None:
    small.path.write_bytes(small.path.read_bytes() + b"\x0a\x00")
    found = bench().convert(replace(small, sha256="another"))
    assert found.failure.endswith("ERROR: the op Mystery is not supported")


def test_a_model_that_changes_meanwhile_is_not_kept_as_what_it_was(bench: MakeBench, small: Model) -> None:
    place = bench()
    found = place.convert(replace(small, sha256="0" * 64))
    assert found.failure.endswith("the model's file has changed meanwhile")
    assert list(place.cache.iterdir()) == []


def test_what_differs_is_not_measured_unless_the_plan_lets_it(bench: MakeBench, small: Model) -> None:
    place = bench("wrong")
    found = place.convert(small)
    assert found.failure.startswith("not measured: small as converted by onnx2tf 2.6.9 differs from the original")
    assert "the largest relative difference is" in found.failure
    assert found.model is not None
    assert found.difference.absolute == pytest.approx(0.1, rel=1e-3)
    allowed = place.convert(small, allow_difference=True)
    assert allowed.failure == ""
    assert allowed.beyond == found.beyond
    within = place.convert(small, max_relative=0.5, min_cosine=0.5)
    assert (within.failure, within.beyond) == ("", ())
    assert place.convert(small, max_relative=0.5, min_cosine=0.5, max_absolute=0.01).failure
    assert len(place.said) == 1


def test_a_damaged_conversion_is_made_again(bench: MakeBench, small: Model) -> None:
    place = bench()
    first = place.convert(small)
    first.model.path.write_bytes(first.model.path.read_bytes()[:-1] + b"\x55")
    again = place.convert(small)
    assert (again.failure, again.model) == ("", first.model)
    assert again.made_at > first.made_at
    assert [path.name for path in place.cache.iterdir()] == [first.model.path.parent.name]
