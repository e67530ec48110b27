"""From an archive to an outcome: numbers, or a failure of its own kind for everything that can be wrong."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.client.compute_unit import of_delegate, of_provider
from orchestrator.client.results import read_outcome
from orchestrator.domain.model import Model, ModelFormat, Tensor
from orchestrator.domain.outcome import Failed, FailureKind, Measured

LOG = b"""STARTING!
Num threads: [1]
The input model file size (MB): 4.25
Initialized session in 30ms.
count=2 first=20 curr=16 min=16 max=20 avg=18 std=1
count=50 first=12 curr=12 min=12 max=15 avg=12.5 std=1
"""
SAMPLES = [1.0, 2.0, 3.0, 4.0]
RESULT = {
    "schema_version": 1,
    "runtime": {"name": "ONNX Runtime", "version": "1.32.0"},
    "status": "ok",
    "host": {"cpu_model": "A CPU", "cores": 2, "os": "Linux"},
    "threads": 1,
    "spinning": False,
    "load_cold_ms": 20.0,
    "load_warm_ms": 10.0,
    "first_inference_ms": 5.0,
    "warmup_runs": 3,
    "samples_ms": SAMPLES,
    "wall_clock": {
        "n": 4,
        "mean": 2.5,
        "p50": 3.0,
        "p90": 4.0,
        "p95": 4.0,
        "p99": None,
        "min": 1.0,
        "max": 4.0,
        "std": 1.1,
    },
    "percentile_definition": "upper nearest rank",
    "std_definition": "of the population",
    "memory": {"base_mb": 40.0, "load_peak_mb": 80.0, "run_peak_mb": 70.0},
    "noise": {"run_delay_pct": 1.5, "steal_pct": 0.0, "noisy": False, "reasons": []},
    "inputs": [{"name": "image", "dtype": "float32", "shape": [1, 3, 224, 224]}],
    "chosen_dimensions": {"batch": 1},
    "seed": 7,
    "sandbox": {"landlock": "7"},
    "profile_overhead_pct": 10.0,
}
EVENTS = [
    {"cat": "Session", "name": "model_run", "ts": 0, "dur": 100, "ph": "X", "pid": 1, "tid": 1, "args": {}},
    *(
        {
            "cat": "Node",
            "name": f"{name}_kernel_time",
            "ts": at,
            "dur": 40,
            "ph": "X",
            "pid": 1,
            "tid": 1,
            "args": {"op_name": "Conv", "provider": provider},
        }
        for at, name, provider in ((5, "a", "CPUExecutionProvider"), (50, "b", "CUDAExecutionProvider"))
    ),
]
PROFILE = "[\n" + ",\n".join(map(json.dumps, EVENTS)) + "\n]\n"
MODEL = Model(
    name="m",
    path=Path("m.onnx"),
    format=ModelFormat.ONNX,
    sha256="",
    size_bytes=4_250_000,
    inputs=(Tensor(name="image", dtype="float32", shape=("N", 3, 224, 224)),),
    outputs=(),
    operators={},
)


@pytest.fixture
def outcome(tmp_path):
    """What an archive of these files comes to."""

    def read(files, model=None):
        archive = tmp_path / "results.zip"
        with zipfile.ZipFile(archive, "w") as zipped:
            for name, content in files.items():
                zipped.writestr(name, content if isinstance(content, bytes) else json.dumps(content))
        return read_outcome(archive, tmp_path, model)

    return read


def failure(found) -> FailureKind:
    assert isinstance(found, Failed), found
    assert found.reason.isprintable()
    assert len(found.reason) < 400
    return found.kind


def test_an_onnx_result_becomes_a_measurement(outcome) -> None:
    found = outcome({"a/onnxruntime-result.json": RESULT, "b/onnxruntime-profile.json": PROFILE.encode()}, MODEL)
    assert isinstance(found, Measured)
    measurement = found.measurement
    assert {name: metric.value for name, metric in measurement.metrics.items()} == {
        "latency_ms": 2.5,
        "latency_p50_ms": 3.0,
        "latency_p90_ms": 4.0,
        "latency_p95_ms": 4.0,
        "latency_min_ms": 1.0,
        "latency_max_ms": 4.0,
        "latency_std_ms": 1.1,
        "first_inference_ms": 5.0,
        "load_ms": 20.0,
        "peak_memory_mb": 80.0,
        "throughput_per_s": 400.0,
    }
    assert measurement.metrics["latency_p90_ms"].definition == "upper nearest rank"
    assert measurement.metrics["latency_std_ms"].definition == "of the population"
    assert measurement.metrics["latency_ms"].n == 4
    assert [(layer.name, layer.type, layer.time_us, layer.compute_unit) for layer in measurement.layers] == [
        ("a", "Conv", 40.0, "CPU"),
        ("b", "Conv", 40.0, "GPU"),
    ]
    assert measurement.runtime == "ONNX Runtime 1.32.0"
    assert measurement.conditions == {
        "threads": "1",
        "spinning": "off",
        "cpu": "A CPU",
        "cores": "2",
        "os": "Linux",
        "warmup_runs": "3",
        "load_warm_ms": "10",
        "base_memory_mb": "40",
        "run_delay_pct": "1.5",
        "steal_pct": "0",
        "profile_overhead_pct": "10",
        "seed": "7",
        "inputs": "image: float32 1x3x224x224",
        "chosen_dimensions": "batch=1",
        "sandbox": "landlock=7",
    }
    assert not measurement.noise
    assert not measurement.profiled


def test_a_p99_that_rests_on_enough_is_told(outcome) -> None:
    clock = {**RESULT["wall_clock"], "n": 100, "p99": 4.0}
    found = outcome({"onnxruntime-result.json": {**RESULT, "wall_clock": clock, "samples_ms": [1.0] * 100}})
    assert found.measurement.metrics["latency_p99_ms"].value == 4.0


@pytest.mark.parametrize(("reasons", "told"), [(["a busy host"], ("a busy host",)), ([], ("the host was disturbed",))])
def test_noise_has_its_reasons(outcome, reasons, told) -> None:
    noise = {"run_delay_pct": 40, "steal_pct": 0, "noisy": True, "reasons": reasons}
    assert outcome({"onnxruntime-result.json": {**RESULT, "noise": noise}}).measurement.noise == told


def test_what_a_host_does_not_tell_is_left_out(outcome) -> None:
    told = {key: value for key, value in RESULT.items() if key not in ("memory", "noise", "seed", "inputs", "sandbox")}
    measurement = outcome({"onnxruntime-result.json": told}).measurement
    assert "peak_memory_mb" not in measurement.metrics
    assert not {"steal_pct", "base_memory_mb", "seed", "inputs", "sandbox"} & set(measurement.conditions)


def test_a_profile_that_was_cut_short_is_a_doubt(outcome) -> None:
    cut = PROFILE.removesuffix("\n]\n")
    found = outcome({"onnxruntime-result.json": RESULT, "onnxruntime-profile.json": cut.encode()})
    assert found.measurement.noise == ("the operators' profile was cut short",)


@pytest.mark.parametrize("kind", ["model_crash", "model_unsupported", "out_of_memory", "run_timeout", "device"])
def test_an_onnx_job_tells_how_it_failed(outcome, kind) -> None:
    told = {**RESULT, "status": "error", "error": {"kind": kind, "message": "it\nbroke \x1b[31m" + "x" * 1000}}
    found = outcome({"onnxruntime-result.json": {**told, "wall_clock": None, "samples_ms": []}})
    assert failure(found) is FailureKind(kind)
    assert found.reason.startswith("it broke [31mxxx")


def test_a_litert_log_becomes_a_measurement(outcome) -> None:
    found = outcome({"some/folder/tflite-logs.txt": LOG, "screenshot.png": b"png"}, replace(MODEL, inputs=()))
    assert found.measurement.metrics["latency_ms"].value == 0.0125


def test_a_broken_file_beside_good_ones_is_a_doubt(outcome) -> None:
    found = outcome({"tflite-logs.txt": LOG, "tflite-op-profile.pb": b"\xff\xff"})
    assert isinstance(found, Measured)
    assert len(found.measurement.noise) == 1
    assert "tflite-op-profile.pb" in found.measurement.noise[0]


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"screenshot.png": b"png"},
        {"tflite-logs.txt": b""},
        {"tflite-logs.txt": b"<html>not found</html>"},
        {"tflite-op-profile.pb": b""},
    ],
)
def test_nothing_usable_is_results_missing(outcome, files) -> None:
    assert failure(outcome(files)) is FailureKind.RESULTS_MISSING


@pytest.mark.parametrize(
    "files",
    [
        {"tflite-logs.txt": LOG.replace(b"avg=12.5", b"avg=nan")},
        {"tflite-logs.txt": LOG.replace(b"avg=12.5", b"avg=-5").replace(b"min=12 ", b"min=-9 ")},
        {"tflite-logs.txt": LOG[: LOG.index(b"count=50")]},
        {"tflite-logs.txt": LOG[: LOG.index(b"Initialized")]},
        {"results.pb": b"\xff\xff\xff"},
        {"results.pb": bytes.fromhex("12050d0000c07f")},  # avg_ms is NaN
        {"onnxruntime-result.json": b"{}"},
        {"onnxruntime-result.json": b'{"status": "o'},
        {"onnxruntime-result.json": b"[" * 100_000},
        {"onnxruntime-result.json": {**RESULT, "load_cold_ms": -1.0}},
        {"onnxruntime-result.json": json.dumps(RESULT).replace("20.0", "NaN").encode()},
        {"onnxruntime-result.json": {**RESULT, "wall_clock": {**RESULT["wall_clock"], "min": 3.0}}},
        {"a/onnxruntime-result.json": RESULT, "b/onnxruntime-result.json": {**RESULT, "threads": 2}},
        {"../tflite-logs.txt": LOG},
        {"/tflite-logs.txt": LOG},
        {f"{number}.txt": b"" for number in range(300)},
    ],
    ids=lambda files: next(iter(files))[:30],
)
def test_what_cannot_be_read_or_trusted_is_unreadable(outcome, files) -> None:
    assert failure(outcome(files)) is FailureKind.RESULTS_UNREADABLE


@pytest.mark.parametrize("content", [b"", b"<html>gone</html>", b"PK\x03\x04half", b"PK\x05\x06" + bytes(18)[:10]])
def test_an_archive_that_is_none_is_unreadable(tmp_path, content) -> None:
    (tmp_path / "results.zip").write_bytes(content)
    assert failure(read_outcome(tmp_path / "results.zip", tmp_path)) is FailureKind.RESULTS_UNREADABLE


@pytest.mark.parametrize(
    ("files", "model"),
    [
        ({"tflite-logs.txt": LOG}, replace(MODEL, size_bytes=4_260_000)),
        ({"onnxruntime-result.json": RESULT}, replace(MODEL, inputs=(Tensor(name="other", dtype="", shape=None),))),
        ({"onnxruntime-result.json": RESULT}, replace(MODEL, inputs=())),
    ],
)
def test_another_models_results_are_refused(outcome, files, model) -> None:
    found = outcome(files, model)
    assert failure(found) is FailureKind.RESULTS_UNREADABLE
    assert "another model" in found.reason
    assert isinstance(outcome(files, MODEL), Measured)


def test_reading_again_after_a_crash_replaces_what_was_left(tmp_path, outcome) -> None:
    left = tmp_path / "results" / "tflite-logs.txt"
    left.parent.mkdir()
    left.write_bytes(b"half")
    (tmp_path / "other.txt").write_bytes(b"stays")
    files = {"tflite-logs.txt": LOG, "results.zip": b"a name that is taken"}
    assert outcome(files) == outcome(files)
    assert left.read_bytes() == LOG
    assert (tmp_path / "other.txt").read_bytes() == b"stays"


def whole_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as zipped:
        zipped.writestr("tflite-logs.txt", LOG)
        zipped.writestr("onnxruntime-result.json", json.dumps(RESULT))
    return buffer.getvalue()


ARCHIVE = whole_archive()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=200)
@given(at=st.integers(0, len(ARCHIVE) - 1), byte=st.integers(0, 255), length=st.integers(0, len(ARCHIVE)))
def test_damage_is_an_outcome_never_a_crash(tmp_path, at, byte, length) -> None:
    damaged = bytearray(ARCHIVE)
    damaged[at] = byte
    (tmp_path / "results.zip").write_bytes(bytes(damaged[:length]) if at % 2 else bytes(damaged))
    found = read_outcome(tmp_path / "results.zip", tmp_path)
    assert isinstance(found, Measured | Failed)


@pytest.mark.parametrize(
    ("provider", "unit"),
    [
        ("CPUExecutionProvider", "CPU"),
        ("CUDAExecutionProvider", "GPU"),
        ("DmlExecutionProvider", "GPU"),
        ("TensorrtExecutionProvider", "GPU"),
        ("QNNExecutionProvider", "NPU"),
        ("NnapiExecutionProvider", ""),
        ("CoreMLExecutionProvider", ""),
        ("OpenVINOExecutionProvider", ""),
        ("SomethingNew", ""),
        ("", ""),
    ],
)
def test_a_provider_proves_a_compute_unit_or_nothing(provider, unit) -> None:
    assert of_provider(provider) == unit


@pytest.mark.parametrize(
    ("delegate", "unit"),
    [
        ("TfLiteXNNPackDelegate", "CPU"),
        ("TfLiteFlexDelegate", "CPU"),
        ("TfLiteGpuDelegateV2", "GPU"),
        ("TfLiteMetalDelegate", "GPU"),
        ("GPU", "GPU"),
        ("TfLiteHexagonDelegate", "NPU"),
        ("EdgeTpuDelegateForCustomOp", "NPU"),
        ("TfLiteNnapiDelegate", ""),
        ("TfLiteCoreMlDelegate", ""),
        ("DELEGATE", ""),
    ],
)
def test_a_delegate_proves_a_compute_unit_or_nothing(delegate, unit) -> None:
    assert of_delegate(delegate) == unit
