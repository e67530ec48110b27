"""LiteRT's C interface (libLiteRt.so, symbols VERS_1.0), as much of it as a profile needs.

Only its compiled models can be profiled from Python, and only through C. The layouts below are those of the versions
in `SUPPORTED`. The raw events have another layout than the public header says, so the summary's text is what is read.
Nothing is released: the process ends with its one profile.
"""

import ctypes
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from orchestrator.localcloud.measure.inputs import Array

SUPPORTED = ((2, 3), (2, 4))  # at least, and below

_CPU = ctypes.c_int(1)  # of the hardware accelerators
_REGISTER_ACCELERATORS, _INTEGER = 24, 2  # an option of the environment, and the kind of its value
_TO_WRITE = ctypes.c_int(1)
_FIRST = ctypes.c_size_t(0)

_Handle = ctypes.c_void_p
_keep = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)  # instead of a function that frees


class CallFailed(RuntimeError):
    """A function of the library gave another status than 0."""


class _Layout(ctypes.Structure):
    _fields_ = (("rank", ctypes.c_uint32), ("sizes", ctypes.c_int32 * 8), ("strides", ctypes.c_uint32 * 8))


class _TensorType(ctypes.Structure):
    _fields_ = (("element", ctypes.c_int), ("layout", _Layout))


class _AnyValue(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int), ("padding", ctypes.c_int), ("value", ctypes.c_int64))


class _EnvironmentOption(ctypes.Structure):
    _fields_ = (("tag", ctypes.c_int), ("padding", ctypes.c_int), ("value", _AnyValue))


class ProfiledModel:
    """A compiled model with a profiler. Everything here may raise CallFailed."""

    def __init__(self, path: Path, options: Mapping[str, str]) -> None:
        """Compiles the model; `options` are opaque options by their identifier, in TOML."""
        package = find_spec("ai_edge_litert")
        assert package is not None
        assert package.origin is not None
        self._library: Any = ctypes.CDLL(str(Path(package.origin).parent / "libLiteRt.so"))
        self._environment = self._new_environment()
        model = self._made("CreateModelFromFile", self._environment, str(path).encode())
        self._compiled = self._made("CreateCompiledModel", self._environment, model, self._new_options(options))
        self._signature = self._made("GetModelSignature", model, _FIRST)
        self._profiler = self._made("CompiledModelGetProfiler", self._compiled)
        self._tensors = {side: self._signature_tensors(side) for side in ("Input", "Output")}
        self._buffers = {side: self._new_buffers(side) for side in ("Input", "Output")}

    def fill(self, arrays: Mapping[str, Array]) -> None:
        """Copies the inputs, by the names of their tensors."""
        for tensor, buffer in zip(self._tensors["Input"], self._buffers["Input"], strict=True):
            name, size, place = ctypes.c_char_p(), ctypes.c_size_t(), _Handle()
            self._call("GetTensorName", tensor, ctypes.byref(name))
            array = arrays[(name.value or b"").decode("utf-8", "replace")]
            self._call("GetTensorBufferPackedSize", _Handle(buffer), ctypes.byref(size))
            if size.value != array.nbytes:
                message = f"the profiler keeps an input at {size.value} bytes, and {array.nbytes} are needed"
                raise CallFailed(message)
            self._call("LockTensorBuffer", _Handle(buffer), ctypes.byref(place), _TO_WRITE)
            ctypes.memmove(place, array.tobytes(), array.nbytes)
            self._call("UnlockTensorBuffer", _Handle(buffer))

    def infer(self) -> None:
        """Runs once."""
        sides = [(ctypes.c_size_t(len(self._buffers[side])), self._buffers[side]) for side in ("Input", "Output")]
        self._call("RunCompiledModel", self._compiled, _FIRST, *sides[0], *sides[1])

    def start(self) -> None:
        """From here on runs are recorded."""
        self._call("StartProfiler", self._profiler)

    def summary(self) -> str:
        """Ends the recording: the tables that LiteRT's benchmark tool prints."""
        self._call("StopProfiler", self._profiler)
        text = ctypes.c_char_p()
        self._call("GetProfileSummary", self._profiler, self._compiled, ctypes.byref(text))
        return (text.value or b"").decode("utf-8", "replace")

    def _call(self, function: str, *arguments: object) -> None:
        status = getattr(self._library, f"LiteRt{function}")(*arguments)
        if status:
            message = f"LiteRt{function} gave status {status}"
            raise CallFailed(message)

    def _made(self, function: str, *arguments: object) -> Any:
        """What a function gives through its last argument."""
        handle = _Handle()
        self._call(function, *arguments, ctypes.byref(handle))
        return handle

    def _new_environment(self) -> Any:
        """One that knows the CPU alone."""
        value = _AnyValue(kind=_INTEGER, value=_CPU.value)
        options = (_EnvironmentOption * 1)(_EnvironmentOption(tag=_REGISTER_ACCELERATORS, value=value))
        return self._made("CreateEnvironment", len(options), options)

    def _new_options(self, texts: Mapping[str, str]) -> Any:
        options = self._made("CreateOptions")
        self._call("SetOptionsHardwareAccelerators", options, _CPU)
        self._texts = [ctypes.create_string_buffer(text.encode()) for text in texts.values()]  # read later
        for identifier, text in zip(texts, self._texts, strict=True):
            pointer = ctypes.cast(text, ctypes.c_void_p)
            opaque = self._made("CreateOpaqueOptions", identifier.encode(), pointer, _keep)
            self._call("AddOpaqueOptions", options, opaque)
        return options

    def _signature_tensors(self, side: Literal["Input", "Output"]) -> list[Any]:
        count = ctypes.c_size_t()
        self._call(f"GetNumSignature{side}s", self._signature, ctypes.byref(count))
        function = f"GetSignature{side}TensorByIndex"
        return [self._made(function, self._signature, ctypes.c_size_t(index)) for index in range(count.value)]

    def _new_buffers(self, side: Literal["Input", "Output"]) -> Any:
        buffers = (_Handle * len(self._tensors[side]))()
        for index, tensor in enumerate(self._tensors[side]):
            tensor_type = _TensorType()
            self._call("GetRankedTensorType", tensor, ctypes.byref(tensor_type))
            needs = self._made(
                f"GetCompiledModel{side}BufferRequirements", self._compiled, _FIRST, ctypes.c_size_t(index)
            )
            buffers[index] = self._made(
                "CreateManagedTensorBufferFromRequirements", self._environment, ctypes.byref(tensor_type), needs
            )
        return buffers
