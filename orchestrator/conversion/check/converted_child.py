"""The child that runs the converted model on the original's inputs, and says how far apart the outputs are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from orchestrator.conversion.check.layout import Array, arranged
from orchestrator.conversion.check.likeness import Figures, compare, total
from orchestrator.localcloud.measure.failure import Failure, failing_as
from orchestrator.sandbox.inside import Say, serve

_FOREIGN = (RuntimeError, ValueError)
_DECORATIONS = ("serving_default_", ":0")  # what converters put around a name

Detail = dict[str, Any]
Tried = tuple[dict[str, tuple[int, ...]], dict[str, Figures]]  # the inputs' shapes, and each output's figures


def _check(spec: dict[str, Any], say: Say) -> None:
    """Says each output's figures. Where an input's layout is not clear from its shape, the likelier one counts."""
    folder = Path(spec["folder"])
    try:
        inputs = _load(folder, "in", spec["inputs"])
        outputs = _load(folder, "out", spec["outputs"])
        tries = [_compared(spec["model"], inputs, outputs, last=last) for last in (True, False)]
        shapes, best = min(tries, key=lambda found: total(found[1].values()))
        say(stage="compared", shapes=shapes, outputs=[{"name": name, **figures} for name, figures in best.items()])
    except Failure as failure:
        say(stage="failed", reason=str(failure))


def _load(folder: Path, kind: str, names: Sequence[str]) -> dict[str, Array]:
    return {name: np.load(folder / f"{kind}-{number}.npy", allow_pickle=False) for number, name in enumerate(names)}


def _compared(model: str, inputs: dict[str, Array], outputs: dict[str, Array], *, last: bool) -> Tried:
    with failing_as("model_unsupported", "loading the converted model", _FOREIGN):
        interpreter = Interpreter(model_path=model, num_threads=1)
        fed = _fed(inputs, interpreter.get_input_details(), last=last)
        for index, array in fed.items():
            interpreter.resize_tensor_input(index, array.shape)
        interpreter.allocate_tensors()
    with failing_as("model_crash", "running the converted model", _FOREIGN):
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], fed[detail["index"]].astype(detail["dtype"]))
        interpreter.invoke()
        details = interpreter.get_output_details()
        pairs = _paired(list(outputs), details, "outputs")
        shapes = {detail["name"]: fed[detail["index"]].shape for detail in interpreter.get_input_details()}
        return shapes, {name: compare(outputs[name], _numbers(interpreter, pairs[name])) for name in outputs}


def _fed(inputs: dict[str, Array], details: Sequence[Detail], *, last: bool) -> dict[int, Array]:
    """The arrays by the index of the tensor that takes them."""
    found = {}
    for name, detail in _paired(list(inputs), details, "inputs").items():
        signature = [int(size) for size in detail["shape_signature"]]
        array = arranged(inputs[name], signature, last=last)
        if array is None:
            reason = (
                f"input {name!r} is {list(inputs[name].shape)} in the original and {signature} in the converted model"
            )
            raise Failure(reason)
        found[detail["index"]] = array
    return found


def _paired(names: Sequence[str], details: Sequence[Detail], what: str) -> dict[str, Detail]:
    """Each of the original's names with its tensor: the one of that name, the others in their order."""
    if len(names) != len(details):
        reason = f"the original has {len(names)} {what}, the converted model {len(details)}"
        raise Failure(reason)
    by_name = {_plain(detail["name"]): detail for detail in details}
    pairs = {name: by_name.pop(_plain(name)) for name in names if _plain(name) in by_name}
    taken = {detail["index"] for detail in pairs.values()}
    rest = iter([detail for detail in details if detail["index"] not in taken])
    return {name: pairs[name] if name in pairs else next(rest) for name in names}


def _plain(name: str) -> str:
    """The name as it is found on both sides: the tool writes some signs in another way."""
    for decoration in _DECORATIONS:
        name = name.removeprefix(decoration).removesuffix(decoration)
    return name.replace(":", "__").removeprefix("wa/").removeprefix("/")


def _numbers(interpreter: Any, detail: Detail) -> Array:
    """An output's values; whole numbers that stand for others become those."""
    values: Array = interpreter.get_tensor(detail["index"])
    scale, zero = detail["quantization"]
    return (values.astype(np.float64) - zero) * scale if scale else values


if __name__ == "__main__":
    serve(_check)
