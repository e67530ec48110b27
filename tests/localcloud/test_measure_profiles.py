"""The profiles' files: ONNX Runtime's cut to its last runs, LiteRT's made from the profiler's summary."""

import json
from pathlib import Path

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema

from orchestrator.localcloud.measure.failure import Failure
from orchestrator.localcloud.measure.litert_graph import litert_index_bounds, litert_operators
from orchestrator.localcloud.measure.litert_profile import check_version
from orchestrator.localcloud.measure.litert_summary import DELEGATE, op_profile
from orchestrator.localcloud.measure.onnx_profile import keep_last_runs
from orchestrator.protocol.litert_proto import encode_op_profile, parse_op_profile
from orchestrator.protocol.onnxruntime_profile import parse_profile

SESSION = ("model_loading_uri", "session_initialization")


def event(category: str, name: str, start_us: int, duration_us: int) -> dict[str, object]:
    """One event as ONNX Runtime 1.32 writes it."""
    args = {"op_name": "Conv", "provider": "CPUExecutionProvider", "node_index": "0"} if category == "Node" else {}
    times = {"dur": duration_us, "ts": start_us, "ph": "X"}
    return {"cat": category, "pid": 1, "tid": 1, **times, "name": name, "args": args}


def profile(runs: int) -> str:
    """A profile of so many runs at 1000, 2000, ... of one node, each run a microsecond longer than the one before."""
    events = [event("Session", name, place, 5) for place, name in enumerate(SESSION)]
    for run in range(1, runs + 1):
        events.append(event("Node", "a_kernel_time", 1000 * run + 2, 10 * run))
        events.append(event("Session", "SequentialExecutor::Execute", 1000 * run + 1, 100))
        events.append(event("Session", "model_run", 1000 * run, 200 + run))
    return "[\n" + ",\n".join(json.dumps(event) for event in events) + "\n]\n"


def test_a_profile_keeps_its_session_and_its_last_runs() -> None:
    parsed = parse_profile(keep_last_runs(profile(13), 10))
    assert (parsed.load_us, parsed.init_us, parsed.runs, parsed.truncated) == (5, 5, 10, False)
    assert parsed.run_mean_us == 200 + sum(range(4, 14)) / 10
    assert [(node.name, node.mean_us, node.calls) for node in parsed.nodes] == [("a", 85.0, 10)]


def test_a_long_profile_keeps_as_many_runs_as_fit_the_latest_of_them() -> None:
    whole = keep_last_runs(profile(13), 10)
    cut = keep_last_runs(profile(13), 10, max_bytes=len(whole) // 2)
    parsed = parse_profile(cut)
    assert len(cut) < len(whole) * 0.7
    assert 1 <= parsed.runs < 10
    assert parsed.run_mean_us == pytest.approx(213 - (parsed.runs - 1) / 2)


@pytest.mark.parametrize("text", ["", "[\n", profile(2)[:-40], profile(2)[:-3]])
def test_a_profile_that_was_cut_off_is_none(text: str) -> None:
    with pytest.raises(Failure, match="too long"):
        keep_last_runs(text, 2)


def test_a_run_that_does_not_fit_is_none() -> None:
    with pytest.raises(Failure, match="longer than 0 MiB"):
        keep_last_runs(profile(3), 2, max_bytes=100)


def summary(*rows: str, total_us: int = 2000) -> str:
    """What LiteRT 2.3's profiler says of runs of these operators."""
    header = "[node type] [start] [first] [avg ms] [%] [cdf%] [mem KB] [times called] [Name]"
    title = "=" * 30
    return "\n".join(
        [
            f"{title} Run Order {title}",
            header,
            *rows,
            "",
            f"{title} Top by Computation Time {title}",
            header,
            *reversed(rows),
            "",
            f"Number of nodes executed: {len(rows)}",
            f"{title} Delegate Statistics {title}",
            "Op Name     Count    Avg(us)    Min(us)    Max(us)  Total(us)",
            "Delegate/Add (ND)      10       9.40          1         27        752",
            "",
            f"Timings (microseconds): count={len(rows)} curr={total_us}",
            "Memory (bytes): count=0",
        ]
    )


CONV = "    Delegate/Convolution (NHWC, F32) IGEMM   0.000  0.060  0.050  50.000%  50.000%  0.000  20  [Delegate]:0"
ADD = "                         Delegate/Add (ND)   0.000  0.007  0.005   5.025%  55.025%  0.000  20  [Delegate]:1"
OWN = "                                   CUSTOM   0.055  0.050  0.045  44.975% 100.000%  0.000  20  [Builtin]:2"


def test_the_summary_becomes_the_profile_of_the_tool() -> None:
    written = op_profile(summary(CONV, ADD, OWN), runs=20)
    assert parse_op_profile(encode_op_profile(written)) == written
    assert written.runtime_profile is not None
    (graph,), (delegate,) = written.runtime_profile.subgraph_profiles, written.runtime_profile.delegate_profiles
    assert [(op.node_type, op.run_order, op.times_called) for op in graph.per_op_profiles] == [
        (DELEGATE, 0, 1),
        ("CUSTOM", 1, 1),
    ]
    assert [op.node_type for op in delegate.per_op_profiles] == ["Convolution (NHWC, F32) IGEMM", "Add (ND)"]


def test_shares_of_the_total_are_more_exact_than_rounded_averages_and_nothing_is_counted_twice() -> None:
    written = op_profile(summary(CONV, ADD, OWN), runs=20).runtime_profile
    assert written is not None
    kernels = [op.inference_microseconds for op in written.delegate_profiles[0].per_op_profiles]
    nodes = [op.inference_microseconds for op in written.subgraph_profiles[0].per_op_profiles]
    sums = [stat.sum for stat in kernels if stat]
    assert sums == [1000, 100]  # 5.025 % of 2000 us; the row's average of 5 us would say the same only by chance
    assert [(stat.sum, stat.first, stat.count) for stat in nodes if stat] == [(1100, 67, 20), (900, 50, 20)]


def test_a_model_without_a_delegate_has_its_own_operators_alone() -> None:
    written = op_profile(summary(OWN, total_us=900), runs=20).runtime_profile
    assert written is not None
    assert (len(written.subgraph_profiles[0].per_op_profiles), written.delegate_profiles) == (1, ())


@pytest.mark.parametrize(
    ("operators", "name"),
    [
        ([("A", "[a]"), ("B", "[b]"), ("CUSTOM", "[c, d]")], "[c, d]:2"),
        ([("A", "[a]"), ("B", "[b]"), ("CONV_2D", "[c]")], "[Builtin]:2"),  # another numbering than the file's
        ([("CUSTOM", "[a]")], "[Builtin]:2"),
    ],
)
def test_operators_are_called_by_their_outputs(operators: list[tuple[str, str]], name: str) -> None:
    written = op_profile(summary(OWN), 20, operators).runtime_profile
    assert written is not None
    assert written.subgraph_profiles[0].per_op_profiles[0].name == name


@pytest.mark.parametrize("version", ["2.3.0", "2.3.9"])
def test_the_known_versions_may_be_profiled(version: str) -> None:
    check_version(version)


@pytest.mark.parametrize("version", ["2.2.9", "2.4.0", "3.0.0", "1.9"])
def test_an_unknown_version_is_not_called(version: str) -> None:
    with pytest.raises(Failure, match=f"LiteRT {version}"):
        check_version(version)


def test_a_tflite_table_is_found_behind_a_reshape(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(embedding())
    assert litert_index_bounds(path, ["ids", "other"]) == {"ids": 7}
    assert litert_operators(path) == [("RESHAPE", "[flat]"), ("GATHER", "[rows]")]


def embedding() -> bytes:
    """ids -> reshape -> gather on axis 0 of a table of 7 rows."""
    names = {"ids": [1, 2], "flat": [2], "table": [7, 5], "rows": [2, 5], "other": [1]}
    tensors = [
        schema.TensorT(shape=shape, name=name, type=schema.TensorType.INT32, buffer=0) for name, shape in names.items()
    ]
    operators = [
        schema.OperatorT(opcodeIndex=0, inputs=[0], outputs=[1]),
        schema.OperatorT(
            opcodeIndex=1,
            inputs=[2, 1],
            outputs=[3],
            builtinOptionsType=schema.BuiltinOptions.GatherOptions,
            builtinOptions=schema.GatherOptionsT(axis=0),
        ),
    ]
    kinds = (schema.BuiltinOperator.RESHAPE, schema.BuiltinOperator.GATHER)
    model = schema.ModelT(
        version=3,
        operatorCodes=[schema.OperatorCodeT(builtinCode=kind, deprecatedBuiltinCode=kind) for kind in kinds],
        subgraphs=[schema.SubGraphT(tensors=tensors, inputs=[0, 4], outputs=[3], operators=operators)],
        buffers=[schema.BufferT()],
    )
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())
