"""Which of a plan's models are to be converted, and for which devices."""

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.domain.cell import Cell
from orchestrator.domain.conversion import ConvertedModel, Converter
from orchestrator.domain.device import Device
from orchestrator.domain.model import Model, ModelFormat
from orchestrator.domain.plan import ModelEntry, Plan
from orchestrator.errors import ModelError

AUTO = "auto"
_NOT_CHOSEN = Converter(tool="", version="")


def wanted_conversions(
    plan: Plan, models: Sequence[Model], cells: Iterable[Cell], devices: Iterable[Device]
) -> tuple[tuple[Model, ConvertedModel], ...]:
    """Each model that some of its devices get as TFLite and that is none, with those devices; nothing is made yet.

    Raises ModelError where a model is to go as ONNX and is none.
    """
    on_devices: dict[str, dict[str, None]] = {model.name: {} for model in models}
    for cell in cells:
        on_devices[cell.model][cell.device] = None
    by_name = {device.name: device for device in devices}
    entries = {entry.name: entry for entry in plan.models}
    return tuple(
        (model, _wanted(plan, entries[model.name], model, names))
        for model in models
        if (names := tuple(_served(entries[model.name], model, (by_name[name] for name in on_devices[model.name]))))
    )


def _served(entry: ModelEntry, model: Model, devices: Iterable[Device]) -> Iterator[str]:
    if model.format is not ModelFormat.ONNX:
        if entry.format == ModelFormat.ONNX:
            message = f"{model.path}: 'format: onnx' is said of a model that is {model.format}"
            raise ModelError(message)
        return
    for device in devices:
        if entry.format == ModelFormat.TFLITE or (entry.format == AUTO and not device.takes(ModelFormat.ONNX)):
            yield device.name


def _wanted(plan: Plan, entry: ModelEntry, model: Model, devices: tuple[str, ...]) -> ConvertedModel:
    return ConvertedModel(
        name=model.name,
        devices=devices,
        converter=_NOT_CHOSEN,
        source_sha256=model.sha256,
        source_size_bytes=model.size_bytes,
        policy=plan.conversion_of(entry),
    )
