"""A measurement in the names that the hub's own pages understand, and beside them ours.

See protocol "Names the hub's own pages understand".
"""

from collections.abc import Iterator, Mapping

from orchestrator.domain.measurement import Layer, Measurement
from orchestrator.protocol.hub import Metric, Parameter

MAX_LAYERS = 2000
MAX_VALUE_CHARS = 4000
SAME_UNIT = {
    "latency_ms": "$latency",
    "throughput_per_s": "fps",
    "peak_memory_mb": "$peak_memory_usage",
    "load_ms": "$load_time",
}
UNITS = ("CPU", "GPU", "NPU")


def hub_metrics(measurement: Measurement | None) -> list[Metric]:
    """All numbers of a job; of more than MAX_LAYERS layers only the first are told one by one."""
    if measurement is None:
        return []
    names = [(name, name) for name in measurement.metrics]
    names += [(theirs, ours) for ours, theirs in SAME_UNIT.items() if ours in measurement.metrics]
    flat = [Metric(name=name, value=measurement.metrics[ours].value) for name, ours in names]
    return flat + list(_layer_metrics(measurement.layers))


def _layer_metrics(layers: tuple[Layer, ...]) -> Iterator[Metric]:
    if not layers:
        return
    yield Metric(name="$num_layers", value=len(layers))
    if all(layer.compute_unit for layer in layers):  # else a count would tell less than there are
        for unit in UNITS:
            count = sum(layer.compute_unit == unit for layer in layers)
            yield Metric(name=f"$num_layers_{unit.lower()}", value=count)
    for layer in layers[:MAX_LAYERS]:
        yield Metric(name="$latency_per_layer", value=layer.time_us, step=layer.index)


def hub_params(measurement: Measurement | None, params: Mapping[str, str], device: str) -> list[Parameter]:
    """The plan's params, what the numbers were taken under and how they are defined, and the layers' names."""
    told = dict(params)
    if device:
        told["$device"] = device
    if measurement is not None:
        told |= {"$runtime": measurement.runtime} if measurement.runtime else {}
        told |= {f"condition_{name}": value for name, value in measurement.conditions.items()}
        told |= {
            f"definition_{name}": metric.definition for name, metric in measurement.metrics.items() if metric.definition
        }
        told |= {"profiled": "true"} if measurement.profiled else {}
        told |= {"noise": "; ".join(measurement.noise)} if measurement.noise else {}
        told |= _layer_params(measurement.layers)
    return [Parameter(name=name, value=value[:MAX_VALUE_CHARS]) for name, value in told.items()]


def _layer_params(layers: tuple[Layer, ...]) -> dict[str, str]:
    told = {}
    for layer in layers[:MAX_LAYERS]:
        told[f"$layer_name_{layer.index}"] = layer.name
        told[f"$layer_type_{layer.index}"] = layer.type
        if layer.compute_unit:
            told[f"$layer_compute_unit_{layer.index}"] = layer.compute_unit
    return told
