"""The protos of formats.md sections 2 to 4: its test vectors, round trips, and bytes that are no such message."""

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.protocol import litert_proto
from orchestrator.protocol.litert_proto import (
    BenchmarkResult,
    DelegateNodeDetails,
    LatencyMetrics,
    MemoryMetrics,
    MiscMetrics,
    ModelProfilingData,
    Node,
    OpProfile,
    OpProfileData,
    OpProfilingStat,
    RuntimeInfo,
    RuntimeSubgraph,
    SubGraphProfilingData,
)
from orchestrator.protocol.proto_table import MAX_PROTO_BYTES
from orchestrator.protocol.unreadable import Unreadable

NO_MEMORY = OpProfilingStat(first=0, last=0, avg=0, stddev=0, variance=0, min=0, max=0, sum=0, count=50)
OP_PROFILE = OpProfile(
    runtime_profile=ModelProfilingData(
        subgraph_profiles=(
            SubGraphProfilingData(
                subgraph_name="main",
                subgraph_index=0,
                per_op_profiles=(
                    OpProfileData(
                        node_type="CONV_2D",
                        inference_microseconds=OpProfilingStat(
                            first=120, last=98, avg=100, stddev=2.5, variance=6.25, min=95, max=120, sum=5000, count=50
                        ),
                        mem_kb=NO_MEMORY,
                        times_called=1,
                        name="[conv1]:0",
                        run_order=0,
                    ),
                ),
            ),
        )
    )
)
OP_PROFILE_BYTES = (
    "1a590a570a046d61696e10001a4d0a07434f4e565f3244121908781062186425000020402d0000c840305f387840882748321a180800100018"
    "0025000000002d00000000300038004000483220012a095b636f6e76315d3a303000"
)
RESULT = BenchmarkResult(
    latency_metrics=LatencyMetrics(
        avg_ms=12.5,
        min_ms=12,
        max_ms=15,
        stddev_ms=0.5,
        median_ms=12.25,
        p5_ms=12,
        p95_ms=14,
        init_ms=30,
        first_inference_ms=20,
        average_warm_up_ms=16,
    ),
    memory_metrics=MemoryMetrics(init_footprint_kb=-4, overall_footprint_kb=20480, peak_mem_mb=64.5),
    misc_metrics=MiscMetrics(model_size_mb=4.25, num_runs=50, num_warmup_runs=12, model_throughput_in_mb_per_sec=46),
)
RESULT_BYTES = (
    "12320d0000484115000040411d00007041250000003f2d0000444135000040413d00006041450000f0414d0000a04155000080411a1408fcff"
    "ffffffffffffff011080a0011d00008142220e0d000088401032180c2500003842"
)
# By hand: subgraph 1 { id 0, node { id 2, name "d", details { "X", replaced [0, 1] packed } }, node { id 0, to 2 } }
RUNTIME_BYTES = "12180800" + "1a0e" + "0802" + "120164" + "4207" + "0a0158" + "12020001" + "1a04" + "0800" + "4802"
RUNTIME = RuntimeInfo(
    subgraphs=(
        RuntimeSubgraph(
            subgraph_id=0,
            nodes=(
                Node(
                    id=2,
                    name="d",
                    delegate_node_details=DelegateNodeDetails(delegate_name="X", tflite_node_ids_replaced=(0, 1)),
                ),
                Node(id=0, delegated_to_node_id=2),
            ),
        ),
    )
)
KINDS: dict[type, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = {
    OpProfile: (litert_proto.parse_op_profile, litert_proto.encode_op_profile),
    BenchmarkResult: (litert_proto.parse_benchmark_result, litert_proto.encode_benchmark_result),
    RuntimeInfo: (litert_proto.parse_runtime_info, litert_proto.encode_runtime_info),
}
VECTORS = [(OP_PROFILE, OP_PROFILE_BYTES), (RESULT, RESULT_BYTES), (RUNTIME, RUNTIME_BYTES)]


@pytest.mark.parametrize(("message", "vector"), VECTORS, ids=lambda value: type(value).__name__)
def test_the_formats_own_bytes_are_read_and_written(message: Any, vector: str) -> None:
    parse, encode = KINDS[type(message)]
    assert parse(bytes.fromhex(vector)) == message
    assert encode(message).hex() == vector


def test_the_placement_names_each_delegated_node() -> None:
    (subgraph,) = RUNTIME.subgraphs
    assert subgraph.placement() == {0: "X", 1: "X"}


def test_a_node_sent_to_one_that_is_not_there_is_not_placed() -> None:
    assert RuntimeSubgraph(nodes=(Node(id=0, delegated_to_node_id=7), Node(id=1))).placement() == {}


def test_unknown_fields_are_passed_over() -> None:
    parse, _ = KINDS[BenchmarkResult]
    assert parse(bytes.fromhex(RESULT_BYTES) + b"\xfa\x01\x03new") == RESULT


def test_a_name_that_is_no_utf_8_stays_a_text() -> None:
    parse, _ = KINDS[BenchmarkResult]
    assert parse(b"\x0a\x03a\xff\xfe").name == "a\ufffd\ufffd"


def messages(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a message: every field set or not, numbers as wide as the wire has them."""
    hints = get_type_hints(kind)
    fields = {item.name: values(hints[item.name]) for item in dataclasses.fields(kind)}
    built = st.builds(kind, **fields)
    # Of a oneof only one field is ever set.
    return built.map(lambda node: dataclasses.replace(node, delegated_to_node_id=None)) if kind is Node else built


def values(hint: Any) -> st.SearchStrategy[Any]:
    kind = get_args(hint)[0]
    scalars = {
        int: st.integers(-(2**63), 2**63 - 1),
        float: st.floats(width=32, allow_nan=False, allow_infinity=False),
        str: st.text(st.characters(codec="utf-8"), max_size=10),
    }
    one = scalars[kind] if kind in scalars else st.deferred(lambda: messages(kind))
    return st.lists(one, max_size=2).map(tuple) if get_origin(hint) is tuple else st.none() | one


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_what_is_written_reads_the_same(kind: type, data: st.DataObject) -> None:
    parse, encode = KINDS[kind]
    message = data.draw(messages(kind))
    assert parse(encode(message)) == message


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.binary(max_size=200) | st.sampled_from([bytes.fromhex(vector) for _, vector in VECTORS]))
def test_no_bytes_do_anything_but_parse_or_be_refused(kind: type, data: bytes) -> None:
    try:
        assert isinstance(KINDS[kind][0](data), kind)
    except Unreadable:
        return


@given(st.data())
def test_a_damaged_vector_parses_or_is_refused(data: st.DataObject) -> None:
    message, vector = data.draw(st.sampled_from(VECTORS))
    damaged = bytearray.fromhex(vector)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        KINDS[type(message)][0](bytes(damaged[: data.draw(st.integers(1, len(damaged)))]))
    except Unreadable:
        return


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<html>", "no BenchmarkResult message"),
        (bytes.fromhex(RESULT_BYTES)[:-3], "no BenchmarkResult message"),
        (bytes.fromhex("12050d0000c07f"), "avg_ms is not a finite number"),
        (bytes.fromhex("12050d0000807f"), "avg_ms is not a finite number"),
        (b"\0" * (MAX_PROTO_BYTES + 1), "longer than 16 MiB"),
    ],
    ids=["other file", "cut off", "NaN", "infinity", "too long"],
)
def test_what_is_no_message_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        litert_proto.parse_benchmark_result(data)


FIRST_TOGETHER = """
import sys, threading
from orchestrator.protocol.litert_proto import OpProfile
from orchestrator.protocol.proto_table import parse_message
sys.setswitchinterval(1e-6)
together, failed = threading.Barrier(8), []
def read():
    together.wait()
    try:
        parse_message(OpProfile, b"")
    except Exception as error:
        failed.append(error)
threads = [threading.Thread(target=read) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit(str(failed) if failed else 0)
"""


def test_threads_may_read_the_first_message_together() -> None:
    """Each in a process of its own, in which no message has been described yet."""
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", FIRST_TOGETHER], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
