"""Real models, really measured: the figures are there, belong together, and come as the files of real devices."""

import runpy
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper

from orchestrator.localcloud.sessions import Stopped
from orchestrator.localcloud.worker import WorkOrder, execute
from orchestrator.protocol.litert_delegate import Created
from orchestrator.protocol.litert_proto import OpProfileData
from orchestrator.protocol.onnxruntime import OnnxRuntimeResult
from orchestrator.protocol.results import ResultFiles

MODELS = Path(__file__).parents[2] / "benchmarks/models"
TINY = (MODELS / "tiny.tflite").read_bytes()

CarryOut = Callable[..., ResultFiles]
Ratios = list[tuple[float, float, float]]  # the least, what was measured, the most


def fit_once(measure: Callable[[], Ratios]) -> None:
    """All ratios of one of three measurements fit: other work on the machine spoils one, a wrong unit spoils each."""
    tries = []
    for _ in range(3):
        tries.append(measure())
        if all(least < ratio < most for least, ratio, most in tries[-1]):
            return
    pytest.fail(f"no measurement was plausible: {tries}")


@pytest.fixture(scope="session")
def squeezenet(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The quickstart's model, made by its script."""
    made = runpy.run_path(str(MODELS / "make_models.py"))["write_model"](
        "squeezenet", tmp_path_factory.mktemp("models")
    )
    content: bytes = made[0].read_bytes()
    return content


def figures(results: ResultFiles) -> OnnxRuntimeResult:
    """The result of an ONNX job that went well."""
    assert results.problems == ()
    assert results.onnxruntime is not None
    assert results.onnxruntime.error is None
    return results.onnxruntime


def test_a_convolutional_network_has_plausible_figures(carry_out: CarryOut, squeezenet: bytes) -> None:
    def measure() -> Ratios:
        results = carry_out("model.onnx", squeezenet, params={"num_runs": "40", "min_secs": "0", "mystery": "1"})
        found = figures(results)
        wall, memory = found.wall_clock, found.memory
        assert wall is not None
        assert memory is not None
        assert (wall.n, wall.p99) == (40, None)
        assert 0 < wall.min <= wall.p50 <= wall.p90 <= wall.p95 <= wall.max
        assert wall.min <= wall.mean <= wall.max
        assert sorted(found.samples_ms)[20] == wall.p50
        assert found.first_inference_ms is not None
        assert found.first_inference_ms >= wall.min
        assert found.load_cold_ms is not None
        assert found.load_warm_ms is not None
        assert memory.base_mb + 5 < memory.load_peak_mb < 500
        assert memory.base_mb < memory.run_peak_mb < 500
        assert [(fed.name, fed.dtype, fed.shape) for fed in found.inputs] == [("data_0", "float32", [1, 3, 224, 224])]
        assert (found.threads, found.spinning, found.seed) == (1, False, 0)
        assert found.sandbox["rlimits"] == "True"
        assert found.notes == ["flags without a meaning on this device were ignored: mystery"]
        return [(0.0, found.load_warm_ms / found.load_cold_ms, 3.0)]

    fit_once(measure)


def test_the_profile_names_the_layers_and_its_sum_is_about_the_latency(carry_out: CarryOut, squeezenet: bytes) -> None:
    def measure() -> Ratios:
        results = carry_out("model.onnx", squeezenet)
        wall, profile = figures(results).wall_clock, results.onnxruntime_profile
        assert wall is not None
        assert profile is not None
        assert (profile.runs, profile.truncated) == (10, False)
        assert {"Conv", "MaxPool", "Softmax"} <= {node.op_type for node in profile.nodes}
        assert all(node.name and node.provider == "CPUExecutionProvider" and node.calls == 10 for node in profile.nodes)
        total_ms = sum(node.mean_us for node in profile.nodes) / 1e3
        assert figures(results).profile_overhead_pct is not None
        return [(0.5, total_ms / (profile.run_mean_us / 1e3), 1.01), (0.3, total_ms / wall.p50, 5.0)]

    fit_once(measure)


def test_a_tflite_model_leaves_the_files_of_the_benchmark_tool(carry_out: CarryOut) -> None:
    results = carry_out("model.tflite", TINY, params={"num_runs": "40", "min_secs": "0", "mystery": "1"})
    log, result = results.log, results.benchmark_result
    assert results.problems == ()
    assert log is not None
    assert result is not None
    assert (log.failed, log.errors, log.profiled) == (False, (), False)
    assert log.params["Num threads"] == "1"
    assert log.delegates.created == (Created(name="XNNPACK", target="CPU"),)
    assert log.measured is not None
    assert log.warmup is not None
    assert log.measured.count == 40
    assert log.measured.min_us is not None
    assert log.measured.median_us is not None
    assert log.measured.max_us is not None
    assert 0 < log.measured.min_us <= log.measured.median_us <= log.measured.max_us
    assert log.first_inference_us == log.warmup.first_us
    assert log.model_size_mb == pytest.approx(len(TINY) / 1e6, rel=1e-5)
    assert log.memory_init_mib is not None
    assert log.memory_overall_mib is not None
    assert log.peak_mib is not None
    assert 0 < log.memory_init_mib <= log.memory_overall_mib < log.peak_mib < 500
    latency, memory, misc = result.latency_metrics, result.memory_metrics, result.misc_metrics
    assert latency is not None
    assert memory is not None
    assert misc is not None
    assert latency.median_ms == pytest.approx(log.measured.median_us / 1e3, abs=1e-3)
    assert latency.avg_ms == pytest.approx((log.inference_avg_us or 0) / 1e3, rel=1e-4)
    assert memory.overall_footprint_kb == pytest.approx(log.memory_overall_mib * 1024, rel=1e-3)
    assert (misc.num_runs, misc.num_warmup_runs) == (40, log.warmup.count)
    text = next(path for path in results.files if path.name == "tflite-logs.txt").read_text()
    assert "WARN: flags without a meaning on this device were ignored: mystery\n" in text


@pytest.mark.parametrize("xnnpack", [True, False])
def test_the_op_profile_has_the_network_s_operators(carry_out: CarryOut, xnnpack: bool) -> None:
    def measure() -> Ratios:
        results = carry_out(
            "model.tflite", TINY, params={"num_runs": "40", "min_secs": "0", "use_xnnpack": str(xnnpack).lower()}
        )
        assert results.op_profile is not None
        assert results.op_profile.runtime_profile is not None
        assert results.log is not None
        (graph,) = results.op_profile.runtime_profile.subgraph_profiles
        inside = [op for part in results.op_profile.runtime_profile.delegate_profiles for op in part.per_op_profiles]
        kinds = [op.node_type for op in graph.per_op_profiles]
        assert kinds == (["TfLiteXNNPackDelegate"] if xnnpack else OPERATORS)
        assert len(inside) >= (len(OPERATORS) if xnnpack else 0)
        assert all(op.name and op.times_called == 1 for op in (*graph.per_op_profiles, *inside))
        median_us = results.log.measured and results.log.measured.median_us
        assert median_us
        assert xnnpack or (graph.per_op_profiles[0].name, graph.per_op_profiles[-1].name) == (
            "[stem]:0",
            "[probabilities]:22",
        )
        if xnnpack:
            assert per_run_us(inside) == pytest.approx(per_run_us(graph.per_op_profiles))
        return [(0.3, per_run_us(graph.per_op_profiles) / median_us, 5.0)]

    fit_once(measure)


OPERATORS = [
    *("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "ADD"),
    *("DEPTHWISE_CONV_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "ADD") * 3,
    *("AVERAGE_POOL_2D", "RESHAPE", "FULLY_CONNECTED", "SOFTMAX"),
]


def per_run_us(operators: tuple[OpProfileData, ...] | list[OpProfileData]) -> float:
    """The time of one inference."""
    stats = [op.inference_microseconds for op in operators]
    return sum((stat.sum or 0) / (stat.count or 1) for stat in stats if stat)


@pytest.mark.parametrize(("device", "threads"), [("host-cpu-1t", 1), ("host-cpu-1t-ios", 1)])
def test_android_and_ios_are_the_same_silicon(
    carry_out: CarryOut, squeezenet: bytes, device: str, threads: int
) -> None:
    found = figures(carry_out("model.onnx", squeezenet, device_name=device))
    assert found.threads == threads
    assert found.wall_clock is not None
    assert found.wall_clock.n == 5


def test_a_gpu_that_is_asked_for_and_missing_fails_the_job(carry_out: CarryOut, squeezenet: bytes) -> None:
    refused = carry_out("model.onnx", squeezenet, params={"use_gpu": "true"})
    assert refused.onnxruntime is not None
    assert refused.onnxruntime.error is not None
    assert refused.onnxruntime.error.kind == "model_unsupported"
    assert refused.onnxruntime.error.message == "use_gpu: this device has no GPU"
    log = carry_out("model.tflite", TINY, params={"use_gpu": "true"}).log
    assert log is not None
    assert log.failed
    assert log.errors == ("model_unsupported: use_gpu: this device has no GPU",)


def text_model() -> bytes:
    """ids and mask, both of batch x sequence, to the sum of the rows of a table of 7."""
    dims = ["batch", "sequence"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, dims) for name in ("ids", "mask")]
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("Cast", ["mask"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("Einsum", ["rows", "weights"], ["y"], equation="bsd,bs->bd"),
    ]
    table = numpy_helper.from_array(np.ones((7, 4), np.float32), "table")
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])
    graph = helper.make_graph(nodes, "text", inputs, [out], [table])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


@pytest.mark.parametrize(
    ("flags", "shape"),
    [
        ({}, [1, 1]),
        ({"input_layer": "ids", "input_layer_shape": "2,50"}, [2, 50]),
        ({"input_layer": "ids,mask", "input_layer_shape": "3,9:3,9"}, [3, 9]),
    ],
)
def test_dynamic_dimensions_come_from_the_flags(carry_out: CarryOut, flags: dict[str, str], shape: list[int]) -> None:
    found = figures(carry_out("model.onnx", text_model(), params={"num_runs": "3", "min_secs": "0", **flags}))
    assert [fed.shape for fed in found.inputs] == [shape, shape]
    assert found.chosen_dimensions == dict(zip(("batch", "sequence"), shape, strict=True))


@pytest.mark.parametrize("elem_type", [TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.STRING, TensorProto.BOOL])
def test_inputs_of_uncommon_types_are_fed(carry_out: CarryOut, elem_type: int) -> None:
    values = [helper.make_tensor_value_info(name, elem_type, [2, 3]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert figures(carry_out("model.onnx", model.SerializeToString())).inputs[0].shape == [2, 3]


def relu_model(*shape: int) -> bytes:
    """A TFLite model of one operator; -1 is a dynamic dimension."""
    plain = [max(size, 1) for size in shape]
    tensors = [schema.TensorT(shape=plain, shapeSignature=list(shape), name=name, buffer=0) for name in "xy"]
    relu = schema.BuiltinOperator.RELU
    model = schema.ModelT(
        version=3,
        operatorCodes=[schema.OperatorCodeT(builtinCode=relu, deprecatedBuiltinCode=relu)],
        subgraphs=[
            schema.SubGraphT(
                tensors=tensors, inputs=[0], outputs=[1], operators=[schema.OperatorT(inputs=[0], outputs=[1])]
            )
        ],
        buffers=[schema.BufferT()],
    )
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize(
    ("flags", "mebibytes"),
    [({}, 0), ({"input_layer": "x", "input_layer_shape": "64,262144"}, 128)],
)
def test_a_dynamic_tflite_input_has_the_size_of_the_flags(
    carry_out: CarryOut, flags: dict[str, str], mebibytes: int
) -> None:
    results = carry_out("model.tflite", relu_model(-1, 262144), params={"num_runs": "3", "min_secs": "0", **flags})
    assert results.log is not None
    assert results.log.errors == ()
    assert results.log.memory_overall_mib is not None
    assert mebibytes < results.log.memory_overall_mib < mebibytes + 100


def order_for(folder: Path, model: bytes, **flags: str) -> WorkOrder:
    """An order for a model in a folder of its own."""
    (folder / "bundle").mkdir(parents=True)
    (folder / "work").mkdir()
    (folder / "bundle" / "model.onnx").write_bytes(model)
    return WorkOrder(device_name="host-cpu-1t", model_path=folder / "bundle/model.onnx", params=flags, timeout_s=30.0)


def test_a_stopped_measurement_ends_soon_and_leaves_no_results(tmp_path: Path, squeezenet: bytes) -> None:
    order, stop = order_for(tmp_path, squeezenet, min_secs="60", max_secs="60"), threading.Event()
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(Stopped):
        execute(order, tmp_path / "work", stop)
    assert not (tmp_path / "work/results.zip").exists()


def test_two_at_once_do_not_meet(tmp_path: Path, squeezenet: bytes) -> None:
    orders = [order_for(tmp_path / name, squeezenet, num_runs="3", min_secs="0") for name in "ab"]
    with ThreadPoolExecutor(2) as pool:
        archives = list(pool.map(execute, orders, [tmp_path / "a/work", tmp_path / "b/work"]))
    assert [archive.parent.parent.name for archive in archives] == ["a", "b"]
    assert all(archive.stat().st_size > 1000 for archive in archives)


def test_a_device_of_another_host_is_no_device(tmp_path: Path) -> None:
    order = WorkOrder(device_name="Pixel 8", model_path=MODELS / "tiny.tflite", params={}, timeout_s=1.0)
    with pytest.raises(KeyError):
        execute(order, tmp_path)
