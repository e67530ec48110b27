"""The child that measures the latency of a TFLite model."""

from functools import partial

from orchestrator.localcloud.measure.latency import measure_latency
from orchestrator.localcloud.measure.litert_runtime import LiteRt
from orchestrator.sandbox.inside import serve

if __name__ == "__main__":
    serve(partial(measure_latency, LiteRt()))
