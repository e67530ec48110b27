"""The result file of a job on ONNX Runtime: what it must hold, and what it must not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.protocol.onnxruntime import MAX_RESULT_BYTES, MAX_SAMPLES, OnnxRuntimeResult
from orchestrator.protocol.unreadable import Unreadable


def changed(data: bytes, path: str, value: Any) -> bytes:
    """The JSON with one value replaced; `path` has dots."""
    whole = json.loads(data)
    *parents, last = path.split(".")
    inner = whole
    for parent in parents:
        inner = inner[parent]
    inner[last] = value
    return json.dumps(whole).encode()


def test_a_result_says_what_was_measured(result_json: bytes) -> None:
    result = OnnxRuntimeResult.parse(result_json)
    assert result.status == "ok"
    assert result.samples_ms == [4.0, 5.0, 6.0]
    assert result.wall_clock is not None
    assert (result.wall_clock.n, result.wall_clock.mean, result.wall_clock.p99) == (3, 5.0, None)
    assert result.noise is not None
    assert result.noise.reasons == ["a busy host"]
    assert result.inputs[0].shape == [1, 3, 224, 224]


def test_what_is_written_reads_the_same(result_json: bytes) -> None:
    result = OnnxRuntimeResult.parse(result_json)
    assert OnnxRuntimeResult.parse(result.to_json()) == result
    assert json.loads(result.to_json()).keys() >= {"schema_version", "load_cold_ms", "samples_ms", "chosen_dimensions"}


@pytest.mark.parametrize("kind", ["model_crash", "model_unsupported", "out_of_memory", "run_timeout", "device"])
def test_an_error_needs_no_measurement(kind: str, result_json: bytes) -> None:
    whole = json.loads(result_json)
    left = {name: whole[name] for name in ("runtime", "host", "threads", "spinning")}
    result = OnnxRuntimeResult.parse(
        json.dumps({**left, "status": "error", "error": {"kind": kind, "message": "bad"}}).encode()
    )
    assert result.error is not None
    assert result.error.kind == kind


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("schema_version", 2, "schema_version"),
        ("status", "fine", "status"),
        ("status", "error", "does not fit error None"),
        ("error", {"kind": "model_crash", "message": ""}, "does not fit error"),
        ("error", {"kind": "bored", "message": ""}, "error.kind"),
        ("wall_clock", None, "without wall_clock"),
        ("load_cold_ms", None, "without wall_clock and load_cold_ms"),
        ("load_cold_ms", float("nan"), "load_cold_ms"),
        ("load_cold_ms", float("inf"), "load_cold_ms"),
        ("load_cold_ms", -1, "load_cold_ms"),
        ("samples_ms", [4.0, 5.0], "wall_clock of 3 samples, and 2 in the list"),
        ("samples_ms", [1.0] * (MAX_SAMPLES + 1), "samples_ms"),
        ("samples_ms", [float("nan")] * 3, "samples_ms.0"),
        ("wall_clock.p99", 6.0, "p99 of 3 samples"),
        ("wall_clock.n", 0, "wall_clock.n"),
        ("memory.run_peak_mb", "a lot", "memory.run_peak_mb"),
        ("host.cpu_model", "x" * 1001, "host.cpu_model"),
        ("inputs", [{"name": "x", "dtype": "f", "shape": [-1]}], "inputs.0.shape.0"),
    ],
)
def test_each_mistake_is_named(path: str, value: Any, reason: str, result_json: bytes) -> None:
    with pytest.raises(Unreadable, match=reason):
        OnnxRuntimeResult.parse(changed(result_json, path, value))


def test_fields_of_a_newer_writer_are_passed_over(result_json: bytes) -> None:
    assert OnnxRuntimeResult.parse(changed(result_json, "host.gpu", "none")) == OnnxRuntimeResult.parse(result_json)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b" " * (MAX_RESULT_BYTES + 1)]
)
def test_what_is_no_result_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        OnnxRuntimeResult.parse(data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["runtime", "status", "host", "x"]), inner),
    )
)
def test_no_json_does_anything_but_parse_or_be_refused(value: Any) -> None:
    with pytest.raises(Unreadable):
        OnnxRuntimeResult.parse(json.dumps(value).encode())
