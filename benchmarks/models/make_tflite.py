"""Makes `tiny.tflite`, a small convolutional network with seeded random weights: the same bytes each time.

The network has the shape of MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) made small: depthwise-separable
blocks with ReLU6, shortcuts where the shape stays, average pooling, a classifier. The weights are He-normal and
random, so its answers mean nothing; the file's description says so.

    python benchmarks/models/make_tflite.py [FILE]
"""

import sys
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

HERE = Path(__file__).parent
SEED = 0
INPUT_SIZE = 224
CLASSES = 100
BLOCKS = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1))  # channels, stride
ALIGNMENT = 16  # schema.fbs: `data:[ubyte] (force_align: 16)`, which the Python generator leaves out
RELU6, LINEAR = schema.ActivationFunctionType.RELU6, schema.ActivationFunctionType.NONE


class AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """A buffer whose bytes start where the runtime may read them as floats."""

    def Pack(self, builder: flatbuffers.Builder) -> int:
        """Writes the buffer."""
        builder.Prep(ALIGNMENT, len(self.data))
        data = builder.CreateByteVector(self.data)
        schema.BufferStart(builder)
        schema.BufferAddData(builder, data)
        return int(schema.BufferEnd(builder))


class Network:
    """A TFLite graph under construction; each layer takes a tensor's index and gives that of its output."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(SEED)
        self._buffers: list[Any] = [schema.BufferT()]  # buffer 0 is by convention the empty one
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: dict[str, Any] = {}

    def shape(self, tensor: int) -> tuple[int, ...]:
        """A tensor's shape, NHWC."""
        return tuple(self._tensors[tensor].shape)

    def tensor(self, name: str, shape: tuple[int, ...], data: np.ndarray | None = None) -> int:
        """Adds a tensor, a constant one if it has data."""
        if data is not None:
            self._buffers.append(AlignedBuffer(data=data.astype(data.dtype.newbyteorder("<")).tobytes()))
        number_type = (
            schema.TensorType.INT32 if data is not None and data.dtype == np.int32 else schema.TensorType.FLOAT32
        )
        where = len(self._buffers) - 1 if data is not None else 0
        self._tensors.append(schema.TensorT(shape=list(shape), type=number_type, buffer=where, name=name))
        return len(self._tensors) - 1

    def conv(
        self, name: str, source: int, channels: int, *, kernel: int, stride: int = 1, activation: int = RELU6
    ) -> int:
        """A convolution with bias, padded to keep the size."""
        batch, height, width, depth = self.shape(source)
        weights = self._weights(name, (channels, kernel, kernel, depth), fan_in=kernel * kernel * depth)
        options = schema.Conv2DOptionsT(strideW=stride, strideH=stride, fusedActivationFunction=activation)
        shape = (batch, -(-height // stride), -(-width // stride), channels)
        return self._operator(name, "CONV_2D", [source, *weights], shape, options)

    def depthwise(self, name: str, source: int, *, stride: int) -> int:
        """A 3x3 convolution of each channel by itself."""
        batch, height, width, depth = self.shape(source)
        weights = self._weights(name, (1, 3, 3, depth), fan_in=9)
        options = schema.DepthwiseConv2DOptionsT(
            strideW=stride, strideH=stride, depthMultiplier=1, fusedActivationFunction=RELU6
        )
        shape = (batch, -(-height // stride), -(-width // stride), depth)
        return self._operator(name, "DEPTHWISE_CONV_2D", [source, *weights], shape, options)

    def add(self, name: str, one: int, other: int) -> int:
        """The sum of two tensors of one shape."""
        return self._operator(name, "ADD", [one, other], self.shape(one), schema.AddOptionsT())

    def average_pool(self, name: str, source: int) -> int:
        """The mean over height and width."""
        batch, height, width, depth = self.shape(source)
        valid = schema.Padding.VALID
        options = schema.Pool2DOptionsT(padding=valid, strideW=1, strideH=1, filterWidth=width, filterHeight=height)
        return self._operator(name, "AVERAGE_POOL_2D", [source], (batch, 1, 1, depth), options)

    def flatten(self, name: str, source: int) -> int:
        """The tensor as a matrix with a row for each of the batch."""
        shape = np.array([self.shape(source)[0], self.shape(source)[-1]], np.int32)
        options = schema.ReshapeOptionsT(newShape=shape.tolist())
        wanted = self.tensor(f"{name}/shape", shape.shape, shape)
        return self._operator(name, "RESHAPE", [source, wanted], tuple(shape.tolist()), options)

    def fully_connected(self, name: str, source: int, outputs: int) -> int:
        """A matrix multiplication with bias."""
        batch, depth = self.shape(source)
        weights = self._weights(name, (outputs, depth), fan_in=depth)
        return self._operator(
            name, "FULLY_CONNECTED", [source, *weights], (batch, outputs), schema.FullyConnectedOptionsT()
        )

    def softmax(self, name: str, source: int) -> int:
        """Probabilities."""
        return self._operator(name, "SOFTMAX", [source], self.shape(source), schema.SoftmaxOptionsT(beta=1.0))

    def finish(self, source: int, output: int) -> bytes:
        """The model file, with this input and this output."""
        graph = schema.SubGraphT(
            name="main", tensors=self._tensors, inputs=[source], outputs=[output], operators=self._operators
        )
        model = schema.ModelT(
            version=3,
            description=f"random weights (seed {SEED})",
            operatorCodes=list(self._codes.values()),
            subgraphs=[graph],
            buffers=self._buffers,
        )
        builder = flatbuffers.Builder(1 << 18)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _weights(self, name: str, shape: tuple[int, ...], *, fan_in: int) -> tuple[int, int]:
        """A He-normal kernel and a bias of zeros; the bias has an element for each output."""
        kernel = self._random.standard_normal(shape, dtype=np.float32) * np.float32(np.sqrt(2.0 / fan_in))
        outputs = shape[-1] if shape[0] == 1 else shape[0]
        bias = self.tensor(f"{name}/bias", (outputs,), np.zeros(outputs, np.float32))
        return self.tensor(f"{name}/weights", shape, kernel), bias

    def _operator(self, name: str, kind: str, inputs: list[int], shape: tuple[int, ...], options: Any) -> int:
        output = self.tensor(name, shape)
        number = getattr(schema.BuiltinOperator, kind)
        self._codes.setdefault(kind, schema.OperatorCodeT(builtinCode=number, deprecatedBuiltinCode=number))
        self._operators.append(
            schema.OperatorT(
                opcodeIndex=list(self._codes).index(kind),
                inputs=inputs,
                outputs=[output],
                builtinOptions=options,
                builtinOptionsType=getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T")),
            )
        )
        return output


def make_tiny() -> bytes:
    """The network as the bytes of a .tflite file."""
    network = Network()
    image = network.tensor("image", (1, INPUT_SIZE, INPUT_SIZE, 3))
    value = network.conv("stem", image, BLOCKS[0][0], kernel=3, stride=2)
    for number, (channels, stride) in enumerate(BLOCKS, start=1):
        name = f"block{number}"
        inner = network.depthwise(f"{name}/depthwise", value, stride=stride)
        outer = network.conv(f"{name}/pointwise", inner, channels, kernel=1, activation=LINEAR)
        value = network.add(f"{name}/add", value, outer) if network.shape(outer) == network.shape(value) else outer
    pooled = network.flatten("flatten", network.average_pool("pool", value))
    return network.finish(image, network.softmax("probabilities", network.fully_connected("logits", pooled, CLASSES)))


def main() -> None:
    """Writes the model to the file named on the command line, or beside this script."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "tiny.tflite"
    path.write_bytes(make_tiny())
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
