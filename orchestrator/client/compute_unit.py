"""Which kind of processor a runtime's back end is. "" where it does not tell, or chooses by itself.

NNAPI, Core ML and OpenVINO place every node on whatever they find, so their name proves nothing.
"""

_PROVIDERS = {
    "CPU": "CPU",
    "XNNPACK": "CPU",
    "DNNL": "CPU",
    "ACL": "CPU",
    "ARMNN": "CPU",
    "CUDA": "GPU",
    "TENSORRT": "GPU",
    "NVTENSORRTRTX": "GPU",
    "ROCM": "GPU",
    "MIGRAPHX": "GPU",
    "DML": "GPU",
    "WEBGPU": "GPU",
    "JS": "GPU",
    "QNN": "NPU",
    "RKNPU": "NPU",
    "CANN": "NPU",
    "VITISAI": "NPU",
    "VSINPU": "NPU",
    "SNPE": "NPU",
}
_DELEGATE_WORDS = {
    "CPU": ("xnnpack", "select tf", "flex", "cpu"),
    "GPU": ("gpu", "opencl", "opengl", "metal", "vulkan"),
    "NPU": ("npu", "hexagon", "edgetpu", "edge tpu", "htp", "neuron", "qnn", "qualcomm", "mediatek"),
}
_CHOOSES_ITSELF = ("nnapi", "coreml", "core ml")


def of_provider(provider: str) -> str:
    """The compute unit of an execution provider of ONNX Runtime, such as CPUExecutionProvider."""
    return _PROVIDERS.get(provider.removesuffix("ExecutionProvider").upper(), "")


def of_delegate(name: str) -> str:
    """The compute unit of a LiteRT delegate, by any of the names that logs and files give it."""
    lower = name.lower()
    if any(word in lower for word in _CHOOSES_ITSELF):
        return ""
    # NPU first: "npu" would else be found by no one, and a GPU's words are in no NPU's name.
    for unit in ("NPU", "GPU", "CPU"):
        if any(word in lower for word in _DELEGATE_WORDS[unit]):
            return unit
    return ""
