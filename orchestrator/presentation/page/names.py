"""How the page names places and metrics."""

from orchestrator.domain.cell import Cell
from orchestrator.domain.measurement import METRICS

_SHORT_NAMES = {
    "latency_ms": "mean",
    "latency_p50_ms": "p50",
    "latency_p90_ms": "p90",
    "latency_p95_ms": "p95",
    "latency_p99_ms": "p99",
    "latency_min_ms": "min",
    "latency_max_ms": "max",
    "latency_std_ms": "std",
    "first_inference_ms": "first run",
    "load_ms": "load",
    "peak_memory_mb": "peak",
    "throughput_per_s": "rate",
    "model_size_mb": "size",
}


def place(cell: Cell) -> str:
    """Where a model ran: the device, and the variant where it is a named one."""
    return cell.device if cell.variant == "default" else f"{cell.device} · {cell.variant}"


def metric_label(name: str) -> str:
    """A metric's short name with its unit: "p50 ms", "peak MB"."""
    unit = METRICS[name].unit if name in METRICS else ""
    return f"{_SHORT_NAMES.get(name, name)} {unit}".strip()
