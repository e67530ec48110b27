"""From a model and its params to the bundle that a device takes."""

from collections.abc import Mapping
from pathlib import Path

from orchestrator.domain.device import Platform
from orchestrator.domain.model import Model, ModelFormat
from orchestrator.domain.secret import Secret
from orchestrator.errors import ModelError, TransferBroken
from orchestrator.protocol import bundle as wire
from orchestrator.protocol.unreadable import UnsafeArchive

SHAPE_FLAGS = ("input_layer", "input_layer_shape")


def build_bundle(
    model: Model, params: Mapping[str, str], *, downloads_url: Secret, platform: Platform, to: Path
) -> tuple[str, ...]:
    """Writes the bundle; what the reader of the report should know of it: params that were overridden or left out.

    Raises ModelError where the model's external data cannot go beside it, TransferBroken where a file cannot be read
    or written.
    """
    ios = platform is Platform.IOS
    shapes, notes = shape_flags(model, params)
    final, overridden = wire.with_cloud_params({**params, **shapes}, ios=ios)
    notes += tuple(f"the cloud sets {name!r} itself: {final[name]}" for name in overridden)
    try:
        bundle = wire.Bundle(
            model_name="model.onnx" if model.format is ModelFormat.ONNX else "model.tflite",
            model_path=model.path,
            params=final,
            downloads_url=downloads_url.reveal(),
            external_files=_external_files(model),
            ios=ios,
        )
        wire.write_bundle(bundle, to)
    except UnsafeArchive as error:
        message = f"{model.path}: {error}"
        raise ModelError(message) from error
    except OSError as error:
        message = f"the bundle cannot be made: {error.strerror}: {Path(error.filename or to).name}"
        raise TransferBroken(message) from error
    return notes


def shape_flags(model: Model, params: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The values chosen for dynamic dimensions as LiteRT's flags: names "a,b" and shapes "1,3:4,5" of all inputs.

    Nothing where none was chosen, or the plan has set a shape itself. The flags cannot hold every name; then the
    device chooses by itself, and a note says so.
    """
    if not model.chosen_dimensions or any(flag in params for flag in SHAPE_FLAGS):
        return {}, ()
    shapes = [(tensor.name, model.input_shapes[tensor.name]) for tensor in model.inputs]
    fits = all("," not in name and (shape or model.format is ModelFormat.ONNX) for name, shape in shapes)
    if not fits:
        return {}, ("the shapes of the inputs cannot be told to the device, which chooses dynamic dimensions itself",)
    return {
        "input_layer": ",".join(name for name, _ in shapes),
        "input_layer_shape": ":".join(",".join(map(str, shape)) for _, shape in shapes),
    }, ()


def _external_files(model: Model) -> dict[str, Path]:
    """External data by its name relative to the model, which is how the model refers to it."""
    folder = model.path.parent
    try:
        return {path.relative_to(folder).as_posix(): path for path in model.external_files}
    except ValueError as error:
        message = f"{model.path}: its external data lies outside its folder"
        raise ModelError(message) from error
