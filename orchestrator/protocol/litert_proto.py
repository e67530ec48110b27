"""The binary files of LiteRT's benchmark tools: operator profile, result, and placement of the nodes.

proto2 messages of `tflite/profiling/proto/{profiling_info,model_runtime_info}.proto` and
`tflite/tools/benchmark/proto/benchmark_result.proto`. The dataclasses are the table of their fields; names are the
format's. None means the writer did not set the field.
"""

from dataclasses import dataclass
from typing import Annotated

from orchestrator.protocol.proto_table import Number, encode_message, parse_message


@dataclass(frozen=True, kw_only=True)
class OpProfilingStat:
    """A series of numbers in the unit of the field that holds it. `avg` is truncated: sum / count is exact."""

    first: Annotated[int | None, Number(1)] = None
    last: Annotated[int | None, Number(2)] = None
    avg: Annotated[int | None, Number(3)] = None
    stddev: Annotated[float | None, Number(4)] = None
    variance: Annotated[float | None, Number(5)] = None
    min: Annotated[int | None, Number(6)] = None
    max: Annotated[int | None, Number(7)] = None
    sum: Annotated[int | None, Number(8)] = None
    count: Annotated[int | None, Number(9)] = None


@dataclass(frozen=True, kw_only=True)
class OpProfileData:
    """One operator. `times_called` is calls per inference; `name` reads `[output tensors]:node index`."""

    node_type: Annotated[str | None, Number(1)] = None
    inference_microseconds: Annotated[OpProfilingStat | None, Number(2)] = None
    mem_kb: Annotated[OpProfilingStat | None, Number(3)] = None
    times_called: Annotated[int | None, Number(4)] = None
    name: Annotated[str | None, Number(5)] = None
    run_order: Annotated[int | None, Number(6)] = None


@dataclass(frozen=True, kw_only=True)
class SubGraphProfilingData:
    """The operators of a subgraph, in the order they ran."""

    subgraph_name: Annotated[str | None, Number(1)] = None
    subgraph_index: Annotated[int | None, Number(2)] = None
    per_op_profiles: Annotated[tuple[OpProfileData, ...], Number(3)] = ()


@dataclass(frozen=True, kw_only=True)
class DelegateProfilingData:
    """Operators inside delegates: detail of the subgraph's own operators, never to be added to them."""

    delegate_name: Annotated[str | None, Number(1)] = None
    per_op_profiles: Annotated[tuple[OpProfileData, ...], Number(2)] = ()


@dataclass(frozen=True, kw_only=True)
class ModelProfilingData:
    """The profile of initialisation, or of the runs."""

    subgraph_profiles: Annotated[tuple[SubGraphProfilingData, ...], Number(1)] = ()
    delegate_profiles: Annotated[tuple[DelegateProfilingData, ...], Number(2)] = ()


@dataclass(frozen=True, kw_only=True)
class OpProfile:
    """`tflite-op-profile.pb`: BenchmarkProfilingData."""

    model_name: Annotated[str | None, Number(1)] = None
    init_profile: Annotated[ModelProfilingData | None, Number(2)] = None
    runtime_profile: Annotated[ModelProfilingData | None, Number(3)] = None


@dataclass(frozen=True, kw_only=True)
class LatencyMetrics:
    """Wall times of the tool's own statistics (population deviation, nearest-rank percentiles)."""

    avg_ms: Annotated[float | None, Number(1)] = None
    min_ms: Annotated[float | None, Number(2)] = None
    max_ms: Annotated[float | None, Number(3)] = None
    stddev_ms: Annotated[float | None, Number(4)] = None
    median_ms: Annotated[float | None, Number(5)] = None
    p5_ms: Annotated[float | None, Number(6)] = None
    p95_ms: Annotated[float | None, Number(7)] = None
    init_ms: Annotated[float | None, Number(8)] = None
    first_inference_ms: Annotated[float | None, Number(9)] = None
    average_warm_up_ms: Annotated[float | None, Number(10)] = None


@dataclass(frozen=True, kw_only=True)
class MemoryMetrics:
    """Footprints are differences (KiB, maybe negative) to the tool's start; the peak is set only if monitored."""

    init_footprint_kb: Annotated[int | None, Number(1)] = None
    overall_footprint_kb: Annotated[int | None, Number(2)] = None
    peak_mem_mb: Annotated[float | None, Number(3)] = None


@dataclass(frozen=True, kw_only=True)
class MiscMetrics:
    """Throughput counts input bytes, not inferences."""

    model_size_mb: Annotated[float | None, Number(1)] = None
    num_runs: Annotated[int | None, Number(2)] = None
    num_warmup_runs: Annotated[int | None, Number(3)] = None
    model_throughput_in_mb_per_sec: Annotated[float | None, Number(4)] = None


@dataclass(frozen=True, kw_only=True)
class BenchmarkResult:
    """`results.pb`."""

    name: Annotated[str | None, Number(1)] = None
    latency_metrics: Annotated[LatencyMetrics | None, Number(2)] = None
    memory_metrics: Annotated[MemoryMetrics | None, Number(3)] = None
    misc_metrics: Annotated[MiscMetrics | None, Number(4)] = None


@dataclass(frozen=True, kw_only=True)
class DelegateNodeDetails:
    """A delegate's node, and the model's own nodes that it replaced."""

    delegate_name: Annotated[str | None, Number(1)] = None
    tflite_node_ids_replaced: Annotated[tuple[int, ...], Number(2)] = ()


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A tensor. `data_type` and `layout_type` are the format's enums as numbers; `size` is bytes."""

    id: Annotated[int | None, Number(1)] = None
    name: Annotated[str | None, Number(2)] = None
    data_type: Annotated[int | None, Number(3)] = None
    shape: Annotated[tuple[int, ...], Number(4)] = ()
    allocation_type: Annotated[str | None, Number(5)] = None
    layout_type: Annotated[int | None, Number(6)] = None
    size: Annotated[int | None, Number(7)] = None


@dataclass(frozen=True, kw_only=True)
class Node:
    """A node: a delegate's own, one that a delegate took over, or (with neither set) one the runtime executes."""

    id: Annotated[int | None, Number(1)] = None
    name: Annotated[str | None, Number(2)] = None
    type: Annotated[str | None, Number(3)] = None
    inputs: Annotated[tuple[int, ...], Number(4)] = ()
    outputs: Annotated[tuple[int, ...], Number(5)] = ()
    intermediates: Annotated[tuple[int, ...], Number(6)] = ()
    temporaries: Annotated[tuple[int, ...], Number(7)] = ()
    delegate_node_details: Annotated[DelegateNodeDetails | None, Number(8, oneof="node_info")] = None
    delegated_to_node_id: Annotated[int | None, Number(9, oneof="node_info")] = None
    op_profile_data: Annotated[OpProfileData | None, Number(10)] = None


@dataclass(frozen=True, kw_only=True)
class RuntimeSubgraph:
    """A subgraph. `subgraph_type`: 0 unknown, 1 the model's, 2 a delegate's."""

    subgraph_id: Annotated[int | None, Number(1)] = None
    edges: Annotated[tuple[Edge, ...], Number(2)] = ()
    nodes: Annotated[tuple[Node, ...], Number(3)] = ()
    execution_plan: Annotated[tuple[int, ...], Number(4)] = ()
    subgraph_type: Annotated[int | None, Number(5)] = None
    name: Annotated[str | None, Number(6)] = None

    def placement(self) -> dict[int, str]:
        """The delegate's name by the id of each node that a delegate executes; the rest runs on the runtime's own."""
        owners = {node.id: node.delegate_node_details for node in self.nodes if node.delegate_node_details}
        placed = {id_: own.delegate_name or "" for own in owners.values() for id_ in own.tflite_node_ids_replaced}
        for node in self.nodes:
            if node.id is not None and node.delegated_to_node_id in owners:
                placed[node.id] = owners[node.delegated_to_node_id].delegate_name or ""
        return placed


@dataclass(frozen=True, kw_only=True)
class RuntimeInfo:
    """`runtime_info.pb`: ModelRuntimeDetails, the proof of where each node ran."""

    model_name: Annotated[str | None, Number(1)] = None
    subgraphs: Annotated[tuple[RuntimeSubgraph, ...], Number(2)] = ()


def parse_op_profile(data: bytes) -> OpProfile:
    """Raises Unreadable where the bytes are no such message, too many, or hold a number that is not finite."""
    return parse_message(OpProfile, data)


def parse_benchmark_result(data: bytes) -> BenchmarkResult:
    """Raises Unreadable where the bytes are no such message, too many, or hold a number that is not finite."""
    return parse_message(BenchmarkResult, data)


def parse_runtime_info(data: bytes) -> RuntimeInfo:
    """Raises Unreadable where the bytes are no such message, too many, or hold a number that is not finite."""
    return parse_message(RuntimeInfo, data)


def encode_op_profile(profile: OpProfile) -> bytes:
    """The file's bytes; None is left out, an explicit 0 is written."""
    return encode_message(profile)


def encode_benchmark_result(result: BenchmarkResult) -> bytes:
    """The file's bytes; None is left out, an explicit 0 is written."""
    return encode_message(result)


def encode_runtime_info(info: RuntimeInfo) -> bytes:
    """The file's bytes; None is left out, an explicit 0 is written."""
    return encode_message(info)
