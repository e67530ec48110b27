"""Multiply-accumulates against the definition of each operator, worked out by hand."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from onnx import ModelProto, TensorProto, helper, shape_inference

from orchestrator.inputs.onnx_count import count_multiply_accumulates

Make = Callable[..., ModelProto]

NO_DTYPES: Mapping[int, int] = MappingProxyType({})


def counted(
    make: Make, op: str, shapes: list[list[int] | None], dtypes: Mapping[int, int] = NO_DTYPES, **attributes: Any
) -> int | None:
    """The count of one node whose inputs have these shapes; None leaves an input out."""
    names = [f"i{number}" if shape is not None else "" for number, shape in enumerate(shapes)]
    inputs = [
        helper.make_tensor_value_info(name, dtypes.get(number, TensorProto.FLOAT), shape)
        for number, (name, shape) in enumerate(zip(names, shapes, strict=True))
        if name
    ]
    domain = attributes.pop("domain", "")
    node = helper.make_node(op, names, ["y"], domain=domain, **attributes)
    model = make([node], inputs, [helper.make_empty_tensor_value_info("y")], domains=[domain] if domain else [])
    return count_multiply_accumulates(shape_inference.infer_shapes(model))


@pytest.mark.parametrize(
    ("op", "shapes", "attributes", "expected"),
    [
        ("Conv", [[1, 3, 8, 8], [16, 3, 3, 3]], {"pads": [1, 1, 1, 1]}, 16 * 8 * 8 * 3 * 3 * 3),
        ("Conv", [[2, 3, 8, 8], [16, 3, 3, 3]], {"strides": [2, 2]}, 2 * 16 * 3 * 3 * 27),
        ("Conv", [[1, 8, 8, 8], [8, 1, 3, 3]], {"group": 8}, 8 * 6 * 6 * 9),
        ("Conv", [[1, 4, 10], [6, 4, 3]], {}, 6 * 8 * 4 * 3),
        ("ConvTranspose", [[1, 4, 5, 5], [4, 6, 2, 2]], {"strides": [2, 2]}, 4 * 5 * 5 * 6 * 2 * 2),
        ("MatMul", [[2, 5, 7], [7, 3]], {}, 2 * 5 * 7 * 3),
        ("MatMul", [[7], [7, 3]], {}, 21),
        ("Gemm", [[5, 7], [7, 3]], {}, 105),
        ("Gemm", [[7, 5], [3, 7]], {"transA": 1, "transB": 1}, 105),
        ("LSTM", [[9, 2, 5], [1, 16, 5], [1, 16, 4]], {"hidden_size": 4}, 9 * 2 * (16 * 5 + 16 * 4)),
        ("Einsum", [[2, 5, 7], [2, 7, 3]], {"equation": "bij, bjk -> bik"}, 2 * 5 * 7 * 3),
        ("Einsum", [[2, 5, 7], [2, 7, 3]], {"equation": "...ij,...jk->...ik"}, None),
        ("Einsum", [[2, 5]], {"equation": "ij->ji"}, None),
        ("Relu", [[100, 100]], {}, 0),
        ("Add", [[100, 100], [100]], {}, 0),
        ("Attention", [[1, 2, 3], [3, 9], [9]], {"domain": "com.microsoft", "num_heads": 1}, None),
    ],
)
def test_an_operator(
    make_onnx: Make, op: str, shapes: list[list[int] | None], attributes: dict[str, Any], expected: int | None
) -> None:
    assert counted(make_onnx, op, shapes, **attributes) == expected


def test_an_integer_convolution(make_onnx: Make) -> None:
    shapes = [[1, 3, 8, 8], [], [], [16, 3, 3, 3], [], [], [], []]
    scale, zero = TensorProto.FLOAT, TensorProto.UINT8
    dtypes = {0: zero, 1: scale, 2: zero, 3: zero, 4: scale, 5: zero, 6: scale, 7: zero}
    assert counted(make_onnx, "QLinearConv", shapes, dtypes) == 16 * 6 * 6 * 27


def test_a_shape_that_is_not_known_makes_the_count_unknown(make_onnx: Make) -> None:
    unknown = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])
    weights = helper.make_tensor_value_info("w", TensorProto.FLOAT, [3, 4])
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    assert count_multiply_accumulates(make_onnx([node], [unknown, weights])) is None


@pytest.mark.parametrize(("inner", "expected"), [("MatMul", None), ("Add", 0)])
def test_a_branch_is_counted_only_where_it_does_not_matter(make_onnx: Make, inner: str, expected: int | None) -> None:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3, 3]) for name in ("x", "out")]
    branch = helper.make_graph([helper.make_node(inner, ["x", "x"], ["out"])], "branch", [], ends[1:])
    node = helper.make_node("If", ["c"], ["out"], then_branch=branch, else_branch=branch)
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    assert count_multiply_accumulates(make_onnx([node], [ends[0], condition], ends[1:])) == expected
