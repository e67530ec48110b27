"""What people are told of a run: troubles that are new, and those that are over. Never twice of the same.

A trouble has a subject that stays the same from run to run. Whoever was told of one hears of it again when it is over,
and only what a run has shown to be fine is over: what it could not decide stays as it was told.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from orchestrator.domain.alert import Alert, AlertKind, AlertState
from orchestrator.domain.cell import Cell
from orchestrator.domain.job import JobResult
from orchestrator.domain.report import GateResult, Report

RECOVERY = "recovery"


@dataclass(frozen=True, kw_only=True, order=True)
class Subject:
    """What a trouble is about: its kind (of NOTIFY_EVENTS) and words that are the same in every run."""

    kind: str
    about: str


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A cell whose planned jobs were not all measured, and why the first of them was not."""

    cell: Cell
    measured: int
    planned: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A run that did not end, or never began."""

    reason: str


Trouble = Alert | GateResult | Missing | Unfinished
UNFINISHED = Subject(kind="unfinished", about="the run")


@dataclass(frozen=True, kw_only=True)
class Situation:
    """How things stand after a run: troubles, what is fine, and what could not be decided.

    A subject that a whole run knows nothing of is there no more, such as the cell of a device that was taken out of the
    plan. `covered` are gates that failed for a change that has an alert.
    """

    troubles: Mapping[Subject, Trouble]
    fine: frozenset[Subject] = frozenset()
    undecided: frozenset[Subject] = frozenset()
    covered: frozenset[Subject] = frozenset()
    is_whole: bool = True
    run_id: str = ""


@dataclass(frozen=True, kw_only=True)
class News:
    """What somebody is to be told: troubles that are new, and those that are over. `gone` ones are only forgotten."""

    new: tuple[Subject, ...]
    over: tuple[Subject, ...]
    gone: tuple[Subject, ...]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One piece of news, for people and programs."""

    kind: str
    about: str
    text: str
    is_over: bool = False


@dataclass(frozen=True, kw_only=True)
class Letter:
    """News on their way to somebody; `target` is as the plan says it, so that no secret is part of it.

    `report` is where the run's report is. `may_have_arrived`: it was being sent when the sender died.
    """

    id: str
    plan: str
    target: str
    title: str
    lines: tuple[Line, ...]
    report: str = ""
    run_id: str = ""
    may_have_arrived: bool = field(default=False, compare=False)

    @property
    def is_good(self) -> bool:
        """Whether it only says what is over."""
        return all(line.is_over for line in self.lines)


def did_not_end(reason: str, run_id: str = "") -> Situation:
    """The situation when a run broke off: of everything else nothing is known."""
    return Situation(troubles={UNFINISHED: Unfinished(reason=reason)}, is_whole=False, run_id=run_id)


def situation_of(report: Report) -> Situation:
    """The situation after a run that has ended."""
    gates = {_gate_subject(gate): gate for gate in report.gates}
    failed = {subject: gate for subject, gate in gates.items() if gate.verdict == "fail"}
    cells = {Subject(kind="missing", about=str(cell.cell)): cell for cell in report.cells}
    missing = {
        subject: Missing(
            cell=cell.cell,
            measured=cell.measured,
            planned=cell.planned,
            reason=_reason(report.jobs_by_cell.get(cell.cell, ())),
        )
        for subject, cell in cells.items()
        if cell.measured < cell.planned
    }
    changes = {_alert_subject(alert): alert for alert in report.alerts}
    is_open = {subject: alert for subject, alert in changes.items() if alert.state is AlertState.OPEN}
    resolved = {subject for subject, alert in changes.items() if alert.state is AlertState.RESOLVED}
    open_gates = {subject for subject, gate in gates.items() if gate.is_open}
    fine_gates, fine_cells = gates.keys() - failed.keys() - open_gates, cells.keys() - missing.keys()
    return Situation(
        troubles={**is_open, **failed, **missing},
        fine=frozenset({UNFINISHED, *resolved, *fine_cells, *fine_gates}),
        undecided=frozenset({*open_gates, *(changes.keys() - is_open.keys() - resolved)}),
        covered=frozenset(subject for subject, gate in failed.items() if _is_covered(gate, report.alerts)),
        run_id=report.run.id,
    )


def news_for(on: Collection[str], told: Collection[Subject], situation: Situation) -> News:
    """What is news to somebody who hears of the events `on` and was told of those subjects."""
    told = set(told)
    silent = situation.covered if "change" in on else frozenset()
    heard = {subject for subject in situation.troubles if subject.kind in on} - silent
    known = {*situation.troubles, *situation.fine, *situation.undecided}
    over = told & situation.fine
    gone = (told - known) if situation.is_whole else set()
    is_told = RECOVERY in on
    return News(
        new=tuple(subject for subject in situation.troubles if subject in heard - told),
        over=tuple(sorted(over)) if is_told else (),
        gone=tuple(sorted(gone if is_told else gone | over)),
    )


def _gate_subject(gate: GateResult) -> Subject:
    return Subject(kind="gate", about=f"{gate.cell}: {gate.metric} {gate.rule}")


def _alert_subject(alert: Alert) -> Subject:
    return Subject(kind="change", about=f"{alert.metric} of {alert.cell}, alert {alert.id}")


def _is_covered(gate: GateResult, alerts: Collection[Alert]) -> bool:
    alive = (alert for alert in alerts if alert.kind is AlertKind.GATE and not alert.state.is_over)
    return any(alert.is_of(gate.cell, gate.metric) for alert in alive)


def _reason(jobs: Collection[JobResult]) -> str:
    failures = [job.failed for job in jobs if job.failed]
    return f"{failures[0].kind}: {failures[0].reason}" if failures else "nothing came of its jobs"
