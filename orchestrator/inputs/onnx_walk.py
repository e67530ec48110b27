"""All nodes and tensors of an ONNX model, wherever they hide: in subgraphs, attributes and functions."""

from collections.abc import Iterable, Iterator

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto


def all_nodes(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """These nodes and those of their subgraphs."""
    waiting = [iter(nodes)]
    while waiting:
        for node in waiting.pop():
            yield node
            waiting += [iter(graph.node) for graph in subgraphs(node)]


def subgraphs(node: NodeProto) -> list[GraphProto]:
    """The graphs in a node's own attributes: branches and bodies."""
    return [
        graph
        for attribute in node.attribute
        for graph in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs)
    ]


def all_tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Initializers and constants of the whole model."""
    yield from _initializers(model.graph)
    bodies = [model.graph.node, *(function.node for function in model.functions)]
    for node in all_nodes(node for body in bodies for node in body):
        for graph in subgraphs(node):
            yield from _initializers(graph)
        yield from _of_attributes(node.attribute)
    for function in model.functions:
        yield from _of_attributes(function.attribute_proto)


def _initializers(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    yield from _of_sparse(graph.sparse_initializer)


def _of_attributes(attributes: Iterable[AttributeProto]) -> Iterator[TensorProto]:
    for attribute in attributes:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        yield from _of_sparse([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else [])
        yield from _of_sparse(attribute.sparse_tensors)


def _of_sparse(tensors: Iterable[SparseTensorProto]) -> Iterator[TensorProto]:
    for tensor in tensors:
        yield tensor.values
        yield tensor.indices
