"""The child in which a model file is looked into: whatever the file does to a parser, it does it here."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.domain.model import ModelFormat
from orchestrator.inputs.inspection import Inspection, NeedsFiles
from orchestrator.sandbox.inside import Say, serve


def _onnx(spec: dict[str, Any]) -> Inspection:
    from orchestrator.inputs.onnx_inspection import inspect_onnx

    files = {location: Path(file) for location, file in spec["files"].items()}
    return inspect_onnx(Path(spec["path"]), spec["planned"], files)


def _tflite(spec: dict[str, Any]) -> Inspection:
    from orchestrator.inputs.tflite_inspection import inspect_tflite

    return inspect_tflite(Path(spec["path"]), spec["planned"])


# Each imports its own packages: of two that take a tenth of a second, one is needed.
_INSPECTORS: dict[str, Callable[[dict[str, Any]], Inspection]] = {ModelFormat.ONNX: _onnx, ModelFormat.TFLITE: _tflite}


def _inspect(spec: dict[str, Any], say: Say) -> None:
    """Says the inspection, or which external files it needs first."""
    try:
        say(inspection=asdict(_INSPECTORS[spec["format"]](spec)))
    except NeedsFiles as needs:
        say(locations=dict(needs.locations))


if __name__ == "__main__":
    serve(_inspect)
