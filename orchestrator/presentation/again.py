"""The cells that had more than one session, or the old model beside it, in words: what each session came to and why."""

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.domain.report import CellReport, Report, SessionReport
from orchestrator.presentation.gate_words import MARKS, worst_first
from orchestrator.presentation.text import MISSING, plural, quantity
from orchestrator.presentation.text import number as written

_MOST_VERDICTS = 2


@dataclass(frozen=True, kw_only=True)
class SessionWords:
    """One session. `outcome` is what the cell's gates say after its last one, "" before."""

    cell: str
    number: str
    value: str
    trust: str
    why: str
    outcome: str


def measured_again(report: Report) -> tuple[SessionWords, ...]:
    """All sessions of the cells that had several, or the old model beside one, in the report's order."""
    return tuple(words for cell in report.cells if _is_worth_telling(cell) for words in _sessions(cell, report))


def _is_worth_telling(cell: CellReport) -> bool:
    return len(cell.sessions) > 1 or any(session.beside_planned for session in cell.sessions)


def _sessions(cell: CellReport, report: Report) -> Iterator[SessionWords]:
    last = cell.sessions[-1].number
    for session in cell.sessions:
        yield SessionWords(
            cell=str(cell.cell),
            number=str(session.number),
            value=session_value(session),
            trust=session.trust,
            why=session.why or "as planned",
            outcome=_outcome(cell, report) if session.number == last else "",
        )


def session_value(session: SessionReport) -> str:
    """ "12.1 ms (best of 3 jobs, 12.1–12.5); the old model beside it 11.9 ms (3 jobs)"."""
    return _own_value(session) + _beside(session)


def _beside(session: SessionReport) -> str:
    if not session.beside_planned:
        return ""
    value = quantity(session.beside, "ms") if session.beside is not None else MISSING
    jobs = plural(session.beside_measured, "job")
    some = f" of {session.beside_planned} measured" if session.beside_measured < session.beside_planned else ""
    return f"; the old model beside it {value} ({jobs}{some})"


def _own_value(session: SessionReport) -> str:
    jobs = plural(session.measured, "job")
    if session.value is None or session.low is None or session.high is None:
        return f"{MISSING} ({jobs} of {session.planned} measured)"
    of = (
        f"{session.statistic} of {jobs}, {written(session.low)}–{written(session.high)}"
        if session.measured > 1
        else jobs
    )
    return f"{quantity(session.value, 'ms')} ({of})"


def _outcome(cell: CellReport, report: Report) -> str:
    """The worst verdicts on the cell."""
    gates = worst_first(gate for gate in report.gates if gate.cell == cell.cell)
    return "; ".join(
        f"{MARKS[gate.verdict]} {gate.verdict}: {gate.reason}"
        for gate in gates[:_MOST_VERDICTS]
        if gate.verdict == gates[0].verdict
    )
