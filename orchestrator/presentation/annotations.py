"""GitHub's annotations of a run: workflow commands, one line for a cell, as many as a step shows."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchestrator.domain.cell import Cell
from orchestrator.domain.job import JobResult
from orchestrator.domain.report import CellReport, GateResult, Report
from orchestrator.presentation.escape import one_line, workflow_data, workflow_property
from orchestrator.presentation.gate_words import gate_words, worst_first
from orchestrator.presentation.text import plural

MOST = 10  # GitHub shows no more of a kind in a step; the last one counts the rest
_LONGEST = 600
_WORDS = {"fail": "gate failed", "missing": "no result", "inconclusive": "undecided", "warn": "warning"}  # worst first


@dataclass(frozen=True, kw_only=True)
class _Complaint:
    """Something about a cell: one of _WORDS, and the cause in words."""

    kind: str
    text: str


def annotations(report: Report) -> tuple[str, ...]:
    """The commands: errors for what failed, is undecided or has no result, then warnings; each kind worst first."""
    jobs, gates = report.jobs_by_cell, defaultdict[Cell, list[GateResult]](list)
    for gate in worst_first(report.gates):
        gates[gate.cell].append(gate)
    found = ((cell.cell, _complaints(cell, jobs.get(cell.cell, ()), gates[cell.cell])) for cell in report.cells)
    told = [(cell, complaints) for cell, complaints in found if complaints]
    told.sort(key=lambda pair: list(_WORDS).index(pair[1][0].kind))
    errors = [pair for pair in told if pair[1][0].kind != "warn"]
    warnings = [pair for pair in told if pair[1][0].kind == "warn"]
    return (*_commands("error", errors, report), *_commands("warning", warnings, report))


def _complaints(cell: CellReport, jobs: Iterable[JobResult], gates: Iterable[GateResult]) -> list[_Complaint]:
    """Worst first. A warning beside something worse is left out, as is a gate that only repeats what is missing."""
    unmeasured = [job for job in jobs if not job.measured]
    missing = cell.measured < cell.planned or not cell.planned
    open_gates = (gate for gate in gates if gate.verdict != "pass")
    found = [_of_gate(gate) for gate in open_gates if not (missing and gate.cause == "missing")]
    if missing:
        found.append(_Complaint(kind="missing", text=_why(cell, unmeasured)))
    found.sort(key=lambda one: list(_WORDS).index(one.kind))
    errors = [one for one in found if one.kind != "warn"]
    return errors or found


def _of_gate(gate: GateResult) -> _Complaint:
    words = gate_words(gate)
    return _Complaint(kind=gate.verdict, text=f"{words.rule}: {words.numbers}; {words.reason}")


def _why(cell: CellReport, jobs: list[JobResult]) -> str:
    reasons = dict.fromkeys(f"{job.failed.kind}: {job.failed.reason}" if job.failed else "skipped" for job in jobs)
    return f"{plural(cell.planned - cell.measured, 'job')} of {cell.planned} without a result; {'; '.join(reasons)}"


def _commands(command: str, told: list[tuple[Cell, list[_Complaint]]], report: Report) -> Iterator[str]:
    shown = told if len(told) < MOST else told[: MOST - 1]
    for cell, found in shown:
        yield _command(command, f"{_WORDS[found[0].kind]}: {cell}", "; ".join(one.text for one in found))
    if len(shown) < len(told):
        left = plural(len(told) - len(shown), "more cell")
        yield _command(
            command, report.run.plan, f"and {left}; 'bench gate {report.run.id}' and the report have them all"
        )


def _command(command: str, title: str, text: str) -> str:
    return f"::{command} title={workflow_property(one_line(title))}::{workflow_data(one_line(text, _LONGEST))}"
