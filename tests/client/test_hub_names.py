"""The hub's names and units, as protocol "Names the hub's own pages understand" lists them."""

import pytest

from orchestrator.client.hub_names import MAX_LAYERS, hub_metrics, hub_params
from orchestrator.domain.measurement import Layer, Measurement, Metric


def layer(index: int, unit: str = "CPU") -> Layer:
    return Layer(index=index, name=f"n{index}", type="Conv", time_us=10.0 * index, compute_unit=unit)


MEASUREMENT = Measurement(
    metrics={
        "latency_ms": Metric(value=4.0, unit="ms", definition="mean"),
        "latency_p50_ms": Metric(value=3.0, unit="ms"),
        "throughput_per_s": Metric(value=250.0, unit="1/s"),
        "peak_memory_mb": Metric(value=64.0, unit="MB"),
        "load_ms": Metric(value=30.0, unit="ms"),
    },
    layers=(layer(0), layer(1, "GPU"), layer(2)),
    runtime="LiteRT",
    conditions={"threads": "4"},
    noise=("busy", "hot"),
    profiled=True,
)


def test_numbers_go_under_the_hubs_names_and_ours() -> None:
    told = [(metric.name, metric.value, metric.step) for metric in hub_metrics(MEASUREMENT)]
    assert {name: value for name, value, step in told if step is None} == {
        "latency_ms": 4.0,
        "latency_p50_ms": 3.0,
        "throughput_per_s": 250.0,
        "peak_memory_mb": 64.0,
        "load_ms": 30.0,
        "$latency": 4.0,
        "fps": 250.0,
        "$peak_memory_usage": 64.0,
        "$load_time": 30.0,
        "$num_layers": 3,
        "$num_layers_cpu": 2,
        "$num_layers_gpu": 1,
        "$num_layers_npu": 0,
    }
    assert [entry for entry in told if entry[2] is not None] == [
        ("$latency_per_layer", 0.0, 0),
        ("$latency_per_layer", 10.0, 1),
        ("$latency_per_layer", 20.0, 2),
    ]


def test_what_is_not_known_is_not_counted_as_none() -> None:
    metrics = {metric.name for metric in hub_metrics(Measurement(metrics={}, layers=(layer(0), layer(1, ""))))}
    assert metrics == {"$num_layers", "$latency_per_layer"}
    assert hub_metrics(Measurement(metrics={})) == []
    assert hub_metrics(None) == []


def test_params_tell_the_conditions_and_the_layers() -> None:
    told = {param.name: param.value for param in hub_params(MEASUREMENT, {"num_runs": "50"}, "a phone")}
    assert told == {
        "num_runs": "50",
        "$device": "a phone",
        "$runtime": "LiteRT",
        "condition_threads": "4",
        "definition_latency_ms": "mean",
        "profiled": "true",
        "noise": "busy; hot",
        **{f"$layer_name_{index}": f"n{index}" for index in range(3)},
        **{f"$layer_type_{index}": "Conv" for index in range(3)},
        **{f"$layer_compute_unit_{index}": unit for index, unit in enumerate(["CPU", "GPU", "CPU"])},
    }


def test_a_failed_job_has_its_params_alone() -> None:
    told = hub_params(None, {"failure_kind": "device"}, "a phone")
    assert [(param.name, param.value) for param in told] == [("failure_kind", "device"), ("$device", "a phone")]


def test_an_unknown_compute_unit_is_left_out() -> None:
    names = {param.name for param in hub_params(Measurement(metrics={}, layers=(layer(0, ""),)), {}, "")}
    assert names == {"$layer_name_0", "$layer_type_0"}


@pytest.mark.parametrize("count", [MAX_LAYERS, MAX_LAYERS + 1, 50_000])
def test_a_request_stays_bounded(count) -> None:
    measurement = Measurement(metrics={}, layers=tuple(map(layer, range(count))), conditions={"x": "y" * 100_000})
    metrics = hub_metrics(measurement)
    assert next(metric.value for metric in metrics if metric.name == "$num_layers") == count
    assert len(metrics) == MAX_LAYERS + 4
    params = hub_params(measurement, {}, "")
    assert len(params) == 3 * MAX_LAYERS + 1
    assert max(len(param.value) for param in params) == 4000
