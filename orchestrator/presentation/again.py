"""The cells that had more than one session, in words: what each session came to, why it was measured, what followed."""

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
    """All sessions of the cells that had several, in the report's order."""
    return tuple(words for cell in report.cells if len(cell.sessions) > 1 for words in _sessions(cell, report))


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
    """ "12.1 ms (best of 3 jobs, 12.1–12.5)"."""
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
