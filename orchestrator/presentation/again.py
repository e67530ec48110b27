"""The cells that had more than one session, or the old model beside it, in words: what each session came to and why."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.domain.cell import Cell
from orchestrator.domain.report import CellReport, GateResult, Report, SessionReport
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
    gates: dict[Cell, list[GateResult]] = defaultdict(list)
    for gate in worst_first(report.gates):
        gates[gate.cell].append(gate)
    told = (cell for cell in report.cells if _is_worth_telling(cell))
    return tuple(words for cell in told for words in _sessions(cell, gates[cell.cell]))


def _is_worth_telling(cell: CellReport) -> bool:
    return len(cell.sessions) > 1 or any(session.beside_planned for session in cell.sessions)


def _sessions(cell: CellReport, gates: Sequence[GateResult]) -> Iterator[SessionWords]:
    last = cell.sessions[-1].number
    for session in cell.sessions:
        yield SessionWords(
            cell=str(cell.cell),
            number=str(session.number),
            value=session_value(session),
            trust=session.trust,
            why=session.why or "as planned",
            outcome=_outcome(gates) if session.number == last else "",
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


def _outcome(gates: Sequence[GateResult]) -> str:
    """The worst of the cell's verdicts, which come worst first."""
    worst = (gate for gate in gates[:_MOST_VERDICTS] if gate.verdict == gates[0].verdict)
    return "; ".join(f"{MARKS[gate.verdict]} {gate.verdict}: {gate.reason}" for gate in worst)
