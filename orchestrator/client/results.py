"""From the archive that a device left to a job's outcome. Everything in it is hostile until checked."""

import shutil
from dataclasses import replace
from pathlib import Path

from orchestrator.client.foreign_text import harmless
from orchestrator.client.litert import check_not_cut_off, litert_outcome
from orchestrator.client.onnxruntime import onnxruntime_outcome
from orchestrator.domain.measurement import Measurement
from orchestrator.domain.model import Model
from orchestrator.domain.outcome import Failed, FailureKind, Measured, Outcome
from orchestrator.protocol.onnxruntime import OnnxRuntimeResult
from orchestrator.protocol.results import ResultFiles, read_results
from orchestrator.protocol.unreadable import Unreadable, UnsafeArchive

FOLDER = "results"
SIZE_SLACK = 1e-4  # logs give the model's size with six digits


def read_outcome(archive: Path, into: Path, model: Model | None = None) -> Outcome:
    """What the results say: numbers, or why there are none. Their files are unpacked in `into`/results.

    What an earlier reading left there is replaced. With `model`, results of another one are refused.
    """
    folder = into / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    try:
        found = read_results(archive, folder)
        outcome = _outcome(found)
        if model and isinstance(outcome, Measured):
            _check_model(model, outcome.measurement, found.onnxruntime)
    except (UnsafeArchive, Unreadable) as error:
        return Failed(kind=FailureKind.RESULTS_UNREADABLE, reason=f"the results cannot be read: {harmless(str(error))}")
    return outcome


def _outcome(found: ResultFiles) -> Outcome:
    if found.onnxruntime:
        outcome: Outcome | None = onnxruntime_outcome(found.onnxruntime, found.onnxruntime_profile)
    else:
        outcome = litert_outcome(found)
    if isinstance(outcome, Measured):
        noise = (*outcome.measurement.noise, *map(harmless, found.problems))
        return Measured(measurement=replace(outcome.measurement, noise=noise))
    if found.problems and outcome is None:
        raise Unreadable("; ".join(found.problems))
    if outcome is None:
        check_not_cut_off(found)
        return Failed(kind=FailureKind.RESULTS_MISSING, reason=f"nothing measured is in the results ({_names(found)})")
    return outcome


def _names(found: ResultFiles) -> str:
    names = [path.name for path in found.files]
    return harmless(", ".join(names[:5]) + (", ..." if len(names) > 5 else "")) if names else "no files"


def _check_model(model: Model, measurement: Measurement, result: OnnxRuntimeResult | None) -> None:
    """Raises Unreadable where the model's size, or an input's name or type, is not that of the model that was sent."""
    size = measurement.metrics.get("model_size_mb")
    sent_mb = model.size_bytes / 1e6
    if size and abs(size.value - sent_mb) > sent_mb * SIZE_SLACK:
        reason = f"another model's results: it has {size.value:g} MB, ours {sent_mb:g} MB"
        raise Unreadable(reason)
    if result and result.inputs and {fed.name for fed in result.inputs} != {tensor.name for tensor in model.inputs}:
        reason = f"another model's results: its inputs are {', '.join(fed.name for fed in result.inputs)}"
        raise Unreadable(reason)
