"""From LiteRT's files to a measurement; values from formats.md."""

import math
from dataclasses import replace

import pytest

from orchestrator.client import litert_layers as litert_layers_module
from orchestrator.client.litert import litert_outcome
from orchestrator.client.litert_layers import litert_layers
from orchestrator.domain.outcome import Failed, FailureKind, Measured
from orchestrator.protocol.litert_log import parse_log
from orchestrator.protocol.litert_proto import (
    DelegateNodeDetails,
    DelegateProfilingData,
    LatencyMetrics,
    ModelProfilingData,
    Node,
    OpProfile,
    OpProfileData,
    OpProfilingStat,
    RuntimeInfo,
    RuntimeSubgraph,
    SubGraphProfilingData,
    parse_benchmark_result,
    parse_op_profile,
)
from orchestrator.protocol.results import ResultFiles
from orchestrator.protocol.unreadable import Unreadable

# The test vectors of formats.md, sections 2 and 3.
OP_PROFILE = bytes.fromhex(
    "1a590a570a046d61696e10001a4d0a07434f4e565f3244121908781062186425000020402d0000c840305f387840882748321a18080010001"
    "80025000000002d00000000300038004000483220012a095b636f6e76315d3a303000"
)
RESULTS = bytes.fromhex(
    "12320d0000484115000040411d00007041250000003f2d0000444135000040413d00006041450000f0414d0000a04155000080411a1408fcff"
    "ffffffffffffff011080a0011d00008142220e0d000088401032180c2500003842"
)
LOG = """INFO: STARTING!
INFO: Num threads: [4]
INFO: Graph: [/data/local/tmp/model.tflite]
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
INFO: The input model file size (MB): 4.25
INFO: Initialized session in 30.5ms.
INFO: count=12 first=20000 curr=16000 min=15000 max=20000 avg=16000 std=100
INFO: count=50 first=12000 curr=12500 min=12000 max=15000 avg=12500.5 std=500 p5=12000 median=12250 p95=14000
INFO: Inference timings in us: Init: 30000, First inference: 20000, Warmup (avg): 16000, Inference (avg): 12500.5
INFO: Memory footprint delta from the start of the tool (MB): init=1.5 overall=20
"""
PEAK = "INFO: Overall peak memory footprint (MB) via periodic monitoring: 64.5\n"

IN_BOTH = {
    "latency_p50_ms": 12.25,
    "latency_p95_ms": 14.0,
    "latency_min_ms": 12.0,
    "latency_max_ms": 15.0,
    "latency_std_ms": 0.5,
    "first_inference_ms": 20.0,
    "load_ms": 30.0,
    "model_size_mb": 4.25,
}


def measured(**files):
    outcome = litert_outcome(ResultFiles(**files))
    assert isinstance(outcome, Measured)
    return outcome.measurement


def values(measurement):
    return {name: metric.value for name, metric in measurement.metrics.items()}


def test_the_log_is_converted_to_our_units() -> None:
    measurement = measured(log=parse_log(LOG))
    assert values(measurement) == {
        "latency_ms": 12.5005,
        **IN_BOTH,
        "peak_memory_mb": pytest.approx(20 * 1.048576),
        "throughput_per_s": pytest.approx(1000 / 12.5005),
    }
    assert {metric.source for metric in measurement.metrics.values()} == {"tflite-logs.txt"}
    assert measurement.metrics["latency_ms"].n == 50
    assert "population" in measurement.metrics["latency_std_ms"].definition
    assert "nearest rank" in measurement.metrics["latency_p95_ms"].definition
    assert "growth" in measurement.metrics["peak_memory_mb"].definition
    assert measurement.conditions == {"threads": "4", "warmup_runs": "12", "delegates": "XNNPACK CPU"}
    assert measurement.runtime == "LiteRT"
    assert not measurement.profiled
    assert not measurement.noise


def test_a_monitored_peak_is_preferred_to_growth() -> None:
    metric = measured(log=parse_log(LOG + PEAK)).metrics["peak_memory_mb"]
    assert metric.value == pytest.approx(64.5 * 1.048576)
    assert "growth" not in metric.definition


def test_the_result_file_has_its_own_units() -> None:
    measurement = measured(benchmark_result=parse_benchmark_result(RESULTS))
    assert values(measurement) == {
        "latency_ms": 12.5,
        **IN_BOTH,
        "peak_memory_mb": pytest.approx(64.5 * 1.048576),
        "throughput_per_s": 80.0,
    }
    assert measurement.metrics["latency_ms"].n == 50


def test_the_result_file_is_preferred_figure_by_figure() -> None:
    partial = replace(parse_benchmark_result(RESULTS), memory_metrics=None, misc_metrics=None)
    measurement = measured(log=parse_log(LOG), benchmark_result=partial)
    sources = {name: metric.source for name, metric in measurement.metrics.items()}
    assert sources["latency_ms"] == "results.pb"
    assert measurement.metrics["latency_ms"].value == 12.5
    assert sources["model_size_mb"] == sources["peak_memory_mb"] == "tflite-logs.txt"


def test_single_precision_gives_seven_digits() -> None:
    result = replace(parse_benchmark_result(RESULTS), latency_metrics=LatencyMetrics(avg_ms=12.100000381469727))
    assert measured(benchmark_result=result).metrics["latency_ms"].value == 12.1


def test_footprints_in_kibibytes_count_where_no_peak_was_monitored() -> None:
    result = parse_benchmark_result(RESULTS)
    memory = replace(result.memory_metrics, peak_mem_mb=None)
    metric = measured(benchmark_result=replace(result, memory_metrics=memory)).metrics["peak_memory_mb"]
    assert metric.value == pytest.approx(20480 * 1024 / 1e6)
    hidden = replace(memory, overall_footprint_kb=-4)
    assert "peak_memory_mb" not in measured(benchmark_result=replace(result, memory_metrics=hidden)).metrics


def test_what_the_source_lacks_is_left_out() -> None:
    old = "count=5 curr=7(all same)\ncount=5 first=10 curr=9 min=9 max=10 avg=9.5 std=0\n"
    assert values(measured(log=parse_log(old))) == {
        "latency_ms": 0.0095,
        "latency_min_ms": 0.009,
        "latency_max_ms": 0.01,
        "latency_std_ms": 0.0,
        "throughput_per_s": pytest.approx(1 / 9.5e-6),
    }


def test_the_oldest_summary_alone_is_a_latency() -> None:
    log = parse_log("Average inference timings in us: Warmup: 83235, Init: 38467, Inference: 79760.9\n")
    assert values(measured(log=log)) == {
        "latency_ms": pytest.approx(79.7609),
        "load_ms": 38.467,
        "throughput_per_s": pytest.approx(12.5374, abs=1e-4),
    }


def test_a_latency_taken_under_the_profiler_says_so() -> None:
    assert measured(log=parse_log("INFO: Enable op profiling: [1]\n" + LOG)).profiled
    assert not measured(log=parse_log(LOG), op_profile=parse_op_profile(OP_PROFILE)).profiled
    result = parse_benchmark_result(RESULTS)
    assert measured(benchmark_result=result, op_profile=parse_op_profile(OP_PROFILE)).profiled


@pytest.mark.parametrize(
    "bad",
    [
        {"avg_ms": -1.0},
        {"avg_ms": math.inf},
        {"avg_ms": math.nan},
        {"avg_ms": 5.0, "min_ms": 9.0},
        {"avg_ms": 5.0, "max_ms": 4.0},
        {"avg_ms": 5.0, "median_ms": 9.0, "p95_ms": 8.0},
        {"avg_ms": 5.0, "init_ms": -3.0},
    ],
)
def test_numbers_that_cannot_be_are_unreadable(bad) -> None:
    result = replace(parse_benchmark_result(RESULTS), latency_metrics=LatencyMetrics(**bad))
    with pytest.raises(Unreadable):
        litert_outcome(ResultFiles(benchmark_result=result))


def test_an_error_that_stopped_nothing_is_a_doubt() -> None:
    log = parse_log(LOG + "ERROR: Failed to apply GPU delegate.\n")
    assert measured(log=log).noise == ("Failed to apply GPU delegate.",)


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("ERROR: Failed to apply GPU delegate.\nERROR: Benchmarking failed.", "model_unsupported", "Failed to apply"),
        ("ERROR: Didn't find op for builtin opcode 'X' version '9'.", "model_unsupported", "opcode"),
        ("ERROR: Disallowed CPU fallback detected.", "model_unsupported", "fallback"),
        ("ERROR: std::bad_alloc\nERROR: Benchmarking failed.", "out_of_memory", "bad_alloc"),
        ("ERROR: Node 3 failed to invoke\nERROR: Benchmarking failed.", "model_crash", "Node 3"),
        ("FATAL: \nERROR: Benchmarking failed.", "model_crash", "without saying why"),
        ("ERROR: out_of_memory: it wanted too much\nERROR: Benchmarking failed.", "out_of_memory", "it wanted too"),
        ("ERROR: device: too hot\nERROR: Benchmarking failed.", "device", "too hot"),
        ("ERROR: run_timeout: over 600 s\nERROR: Benchmarking failed.", "run_timeout", "over 600 s"),
    ],
)
def test_a_log_tells_why_there_are_no_numbers(text, kind, reason) -> None:
    outcome = litert_outcome(ResultFiles(log=parse_log("INFO: STARTING!\n" + text + "\n")))
    assert isinstance(outcome, Failed)
    assert outcome.kind is FailureKind(kind)
    assert reason in outcome.reason


def test_a_dry_run_measured_nothing() -> None:
    assert litert_outcome(ResultFiles(log=parse_log("INFO: count=0\nINFO: count=0\n"))) is None
    assert litert_outcome(ResultFiles()) is None


def test_an_operators_time_is_exact_where_its_average_is_cut() -> None:
    (layer,) = litert_layers(ResultFiles(op_profile=parse_op_profile(OP_PROFILE)))
    assert (layer.index, layer.name, layer.type, layer.time_us, layer.compute_unit) == (
        0,
        "[conv1]:0",
        "CONV_2D",
        100.0,
        "CPU",
    )


def op(name: str, total_us: int, *, kind: str = "CONV_2D", count: int = 10, times_called: int = 1) -> OpProfileData:
    stat = OpProfilingStat(sum=total_us, count=count, avg=total_us // max(count, 1))
    return OpProfileData(name=name, node_type=kind, inference_microseconds=stat, times_called=times_called)


def profile(*ops, inside=(), more=()):
    graphs = (*more, SubGraphProfilingData(subgraph_index=0, per_op_profiles=tuple(ops)))
    delegates = (DelegateProfilingData(per_op_profiles=tuple(inside)),) if inside else ()
    runs = ModelProfilingData(subgraph_profiles=graphs, delegate_profiles=delegates)
    return ResultFiles(op_profile=OpProfile(runtime_profile=runs))


@pytest.mark.parametrize(
    ("given", "time_us"),
    [
        (op("[a]:0", 1005), 100.5),
        (op("[a]:0", 9000, count=30, times_called=3), 900.0),
        (op("[a]:0", 100, times_called=0), 10.0),
        (op("[a]:0", 0, count=0), 0.0),
        (OpProfileData(name="[a]:0"), 0.0),
    ],
)
def test_an_operators_time_is_that_of_all_its_calls_in_an_inference(given, time_us) -> None:
    (layer,) = litert_layers(profile(given))
    assert layer.time_us == pytest.approx(time_us)


def test_negative_times_are_unreadable() -> None:
    with pytest.raises(Unreadable, match="negative"):
        litert_layers(profile(op("[a]:0", -5)))


def test_more_operators_than_any_model_has_are_unreadable(monkeypatch) -> None:
    monkeypatch.setattr(litert_layers_module, "MAX_LAYERS", 3)
    with pytest.raises(Unreadable, match="too many"):
        litert_layers(profile(*[op("[a]:0", 5)] * 4))


def test_only_the_primary_graph_is_told_for_others_run_inside_it() -> None:
    body = SubGraphProfilingData(subgraph_index=1, per_op_profiles=(op("[in]:0", 500),))
    layers = litert_layers(profile(op("[while]:0", 1000, kind="WHILE"), more=(body,)))
    assert [layer.name for layer in layers] == ["[while]:0"]


XNNPACK = op("[out]:7", 1000, kind="TfLiteXNNPackDelegate")
GPU = op("[out]:8", 2000, kind="TfLiteGpuDelegateV2")
KERNELS = (op("Delegate/conv:0", 600, kind="Convolution"), op("Delegate/fc:1", 390, kind="Fully Connected"))


def test_a_delegates_inside_is_told_instead_of_its_node_never_beside_it() -> None:
    layers = litert_layers(profile(XNNPACK, inside=KERNELS))
    assert [(layer.type, layer.compute_unit) for layer in layers] == [
        ("Convolution", "CPU"),
        ("Fully Connected", "CPU"),
    ]
    mixed = litert_layers(profile(XNNPACK, op("[a]:9", 100), inside=KERNELS))
    assert [(layer.name, layer.compute_unit) for layer in mixed] == [("[out]:7", "CPU"), ("[a]:9", "CPU")]
    assert sum(layer.time_us for layer in mixed) == pytest.approx(110)


def test_the_inside_of_two_kinds_of_delegates_is_placed_nowhere() -> None:
    layers = litert_layers(profile(XNNPACK, GPU, inside=KERNELS))
    assert {layer.compute_unit for layer in layers} == {""}


def test_the_runtimes_placement_counts() -> None:
    graph = RuntimeSubgraph(
        subgraph_id=0,
        nodes=(
            Node(id=0, delegated_to_node_id=2),
            Node(id=1),
            Node(id=2, delegate_node_details=DelegateNodeDetails(delegate_name="TfLiteHexagonDelegate")),
        ),
    )
    found = profile(op("[a]:0", 10), op("[b]:1", 10), op("[c]:2", 10), op("odd", 10))
    layers = litert_layers(replace(found, runtime_info=RuntimeInfo(subgraphs=(graph,))))
    assert [layer.compute_unit for layer in layers] == ["NPU", "CPU", "NPU", "CPU"]


def test_the_logs_table_serves_where_no_profile_is() -> None:
    table = """INFO: Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
[node type]\t[first]\t[avg ms]\t[%]\t[cdf%]\t[mem KB]\t[times called]\t[Name]
CONV_2D\t0.120\t0.100\t40.000%\t40.000%\t0.000\t1\t[conv1]:0
WHILE\t0.120\t0.050\t60.000%\t100.000%\t0.000\t3\t[loop]:1
"""
    measurement = measured(log=parse_log(LOG + table))
    assert [(layer.name, layer.time_us) for layer in measurement.layers] == [
        ("[conv1]:0", pytest.approx(100)),
        ("[loop]:1", pytest.approx(150)),
    ]
    assert measurement.profiled


def test_a_runners_doubts_are_noise_and_its_notes_are_conditions() -> None:
    found = measured(log=parse_log(LOG + "WARN: noise: the host was busy\nWARN: ignored flag --x\n"))
    assert found.noise == ("the host was busy",)
    assert found.conditions["notes"] == "ignored flag --x"
