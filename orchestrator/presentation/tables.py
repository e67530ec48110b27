"""Lists as tables in the terminal: devices, runs, and what a check found."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from rich.text import Text

from orchestrator.domain.cell import Cell
from orchestrator.domain.device import Device
from orchestrator.domain.model import Model, ModelFormat
from orchestrator.domain.plan import Plan
from orchestrator.domain.run import Run, RunState
from orchestrator.presentation.escape import one_line
from orchestrator.presentation.terminal import TONES, add_row, open_console, plain, table
from orchestrator.presentation.text import amount, duration, moment, plural, size
from orchestrator.presentation.verdict import verdict_of_run


def print_devices(devices: Sequence[Device], *, stream: TextIO) -> None:
    """The devices of a cloud, as `bench devices` lists them."""
    console = open_console(stream)
    shown = table("Device", "Platform", "OS", "Vendor", "Type", "Processor", "Takes")
    for device in devices:
        told = [device.name, device.platform, device.os, device.vendor, device.type, device.cpu]
        add_row(shown, [*told, ", ".join(format for format in ModelFormat if device.takes(format))])
    console.print(shown if devices else plain("no device matches"))


def print_runs(runs: Sequence[Run], done: Mapping[str, tuple[int, int]], *, stream: TextIO) -> None:
    """Runs, one a line, as `bench runs` lists them; `done` of which jobs, of those that have not ended."""
    console = open_console(stream)
    shown = table("Run", "Plan", "Cloud", "Started", "Took:", "Result")
    for run in runs:
        verdict = verdict_of_run(run)
        took = (run.ended_at - run.started_at).total_seconds() if run.ended_at else None
        far = ", {:,} of {:,} jobs".format(*done[run.id]) if run.id in done else ""
        where = ", with workers" if run.detached and run.state is RunState.RUNNING else ""
        result = Text(f"{verdict.mark} {verdict.word.lower()}{far}{where}", style=TONES[verdict.tone])
        add_row(shown, [run.id, run.plan, run.cloud, moment(run.started_at), duration(took), result])
    console.print(shown if runs else plain("nothing has been run yet"))


def print_check(
    plan: Plan,
    models: Sequence[Model],
    cells: Sequence[Cell],
    devices: Sequence[Device],
    *,
    stream: TextIO,
    notices: Iterable[str] = (),
) -> None:
    """What `bench check` found: the models, what was chosen for them, and what a run would take."""
    console = open_console(stream)
    shown = table("Model", "Format", "Size:", "Params:", "MACs:", "Opset:", "Inputs")
    for model in models:
        inputs = ", ".join(str(tensor) for tensor in model.inputs)
        opset = "–" if model.opset is None else str(model.opset)
        numbers = [size(model.size_bytes), amount(model.parameters), amount(model.multiply_accumulates), opset]
        add_row(shown, [model.name, model.format, *numbers, inputs])
    console.print(shown)
    for line in [line for model in models for line in _remarks(model)] + list(notices):
        console.print(Text("!", style="yellow"), plain(line))
    console.print(plain(_effort(plan, models, cells, devices)))


def _remarks(model: Model) -> Iterable[str]:
    """What a user should know of a model before it is measured."""
    for chosen in model.chosen_dimensions:
        where = f"input {chosen.input}, axis {chosen.axis} ({chosen.name})"
        yield f"{model.name}: {where} = {chosen.value} (by {chosen.source})"
    if model.random_weights:
        yield f"{model.name}: random weights; the speed counts, the answers do not"
    yield from (f"{model.name}: {warning}" for warning in model.warnings)


def _effort(plan: Plan, models: Sequence[Model], cells: Sequence[Cell], devices: Sequence[Device]) -> str:
    """What the run would take. Its time is not known before the first run; its bound is."""
    jobs = len(cells) * plan.repeats
    bound_s = jobs * plan.limits.run_timeout_s
    return one_line(
        f"{plan.name}: {plural(len(models), 'model')} × {plural(len(devices), 'device')} × "
        f"{plural(len(plan.variants), 'variant')} = {plural(len(cells), 'cell')}; × {plural(plan.repeats, 'repeat')} = "
        f"{plural(jobs, 'job')} on cloud {plan.cloud}; at most {duration(bound_s)} of device time "
        f"(run_timeout {duration(plan.limits.run_timeout_s)} a job)"
    )
