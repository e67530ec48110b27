"""The child that measures the latency of an ONNX model."""

from functools import partial

from orchestrator.localcloud.measure.latency import measure_latency
from orchestrator.localcloud.measure.onnx_runtime import OnnxRuntime
from orchestrator.sandbox.inside import serve

if __name__ == "__main__":
    serve(partial(measure_latency, OnnxRuntime()))
