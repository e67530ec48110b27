"""The layers of a LiteRT job: from the op profile, else from the tables in the log.

A delegate's node in the graph and the operators inside it are the same time told twice, so never both are taken:
the graph's own nodes, unless delegates run all of it and tell what they do.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.client.compute_unit import of_delegate
from orchestrator.client.foreign_text import harmless
from orchestrator.domain.measurement import Layer
from orchestrator.protocol.litert_proto import OpProfile, OpProfileData, RuntimeInfo
from orchestrator.protocol.litert_table import OperatorTables
from orchestrator.protocol.results import ResultFiles
from orchestrator.protocol.unreadable import Unreadable

MAX_LAYERS = 20_000
_NODE_ID = re.compile(r":(\d{1,9})$")


@dataclass(frozen=True, kw_only=True)
class _Row:
    name: str
    type: str
    time_us: float

    @property
    def is_delegate(self) -> bool:
        """Whether it is a whole delegate, as one node."""
        return "delegate" in self.type.lower()

    @property
    def node_id(self) -> int | None:
        """The node's id in its graph, which ends the name."""
        found = _NODE_ID.search(self.name)
        return int(found[1]) if found else None


def litert_layers(found: ResultFiles) -> tuple[Layer, ...]:
    """The layers with their time per inference; none where no file tells them. Raises Unreadable on negative times."""
    log = found.log
    if found.op_profile:
        nodes, inside = _from_profile(found.op_profile)
    else:
        nodes, inside = _from_tables(log.operators) if log else ([], [])
    placed = _placement(found.runtime_info) if found.runtime_info else {}
    if inside and nodes and all(row.is_delegate for row in nodes):
        units = {_unit(row, placed) for row in nodes}
        unit = units.pop() if len(units) == 1 else ""
        return _layers((row, unit) for row in inside)
    return _layers((row, _unit(row, placed)) for row in nodes)


def _layers(rows: Iterable[tuple[_Row, str]]) -> tuple[Layer, ...]:
    layers = tuple(
        Layer(index=index, name=harmless(row.name), type=harmless(row.type), time_us=row.time_us, compute_unit=unit)
        for index, (row, unit) in enumerate(rows)
    )
    if len(layers) > MAX_LAYERS or any(layer.time_us < 0 for layer in layers):
        reason = "the operators' profile has negative times" if len(layers) <= MAX_LAYERS else "too many operators"
        raise Unreadable(reason)
    return layers


def _from_profile(profile: OpProfile) -> tuple[list[_Row], list[_Row]]:
    """The rows of the primary subgraph (those of others run within its control flow), and those inside delegates."""
    runs = profile.runtime_profile
    if runs is None or not runs.subgraph_profiles:
        return [], []
    primary = min(runs.subgraph_profiles, key=lambda graph: graph.subgraph_index or 0)
    inside = [op for delegate in runs.delegate_profiles for op in delegate.per_op_profiles]
    return _rows(primary.per_op_profiles), _rows(inside)


def _rows(ops: Iterable[OpProfileData]) -> list[_Row]:
    return [_Row(name=op.name or "", type=op.node_type or "", time_us=_per_inference_us(op)) for op in ops]


def _per_inference_us(op: OpProfileData) -> float:
    """Of all calls; `avg` would be cut to whole microseconds. An operator in a loop is called several times."""
    stat = op.inference_microseconds
    if stat is None or not stat.count or stat.sum is None:
        return 0.0
    return stat.sum / stat.count * max(1, op.times_called or 1)


def _from_tables(tables: OperatorTables) -> tuple[list[_Row], list[_Row]]:
    """Their times are milliseconds per call."""
    nodes, inside = (
        [_Row(name=op.name, type=op.type, time_us=op.avg_ms * 1000 * max(1, op.times_called)) for op in found]
        for found in (tables.runs, tables.delegates)
    )
    return nodes, inside


def _placement(info: RuntimeInfo) -> dict[int, str]:
    """The delegate's name by the id of each node in the primary subgraph that is one, or was taken by one."""
    if not info.subgraphs:
        return {}
    primary = min(info.subgraphs, key=lambda graph: graph.subgraph_id or 0)
    own = {
        node.id: node.delegate_node_details.delegate_name or ""
        for node in primary.nodes
        if node.id is not None and node.delegate_node_details
    }
    return primary.placement() | own


def _unit(row: _Row, placed: dict[int, str]) -> str:
    """A node that no delegate took runs on LiteRT's own kernels, which are the CPU's."""
    if row.node_id is not None and row.node_id in placed:
        return of_delegate(placed[row.node_id] or row.type)
    return of_delegate(row.type) if row.is_delegate else "CPU"
