"""The words of a letter: what changed, by how much, how certain that is, and where the report is."""

import uuid
from collections.abc import Sequence

from orchestrator.domain.alert import Alert
from orchestrator.domain.measurement import METRICS
from orchestrator.domain.news import Letter, Line, Missing, News, Situation, Subject, Trouble, Unfinished
from orchestrator.domain.report import GateResult
from orchestrator.presentation.escape import one_line
from orchestrator.presentation.text import change, plural, quantity

MOST_LINES = 30
_NAMES = {
    "change": ("change", "changes"),
    "gate": ("failed gate", "failed gates"),
    "missing": ("cell without all results", "cells without all results"),
    "unfinished": ("run that did not end", "runs that did not end"),
}


def letter_of(plan: str, target: str, news: News, situation: Situation, report: str) -> Letter:
    """The letter with these news."""
    lines = [
        *(_line(subject, words_of(situation.troubles[subject])) for subject in news.new),
        *(_line(subject, f"{subject.about} is fine again", is_over=True) for subject in news.over),
    ]
    return Letter(
        id=uuid.uuid4().hex,
        plan=plan,
        target=target,
        title=one_line(f"{plan}: {_title(lines)}", 150),
        lines=tuple(lines),
        report=report,
        run_id=situation.run_id,
    )


def body_of(letter: Letter) -> str:
    """The letter as plain text."""
    shown = [f"{'✓' if line.is_over else '✕'} {line.text}" for line in letter.lines[:MOST_LINES]]
    if more := len(letter.lines) - len(shown):
        shown.append(f"… and {plural(more, 'more')}")
    if letter.may_have_arrived:
        shown.append("(Sent again: it is not known whether this arrived before.)")
    return "\n".join([*shown, *([f"Report: {letter.report}"] if letter.report else [])])


def words_of(trouble: Trouble) -> str:
    """One trouble in a sentence."""
    match trouble:
        case Alert():
            return _change(trouble)
        case GateResult():
            return _gate(trouble)
        case Missing():
            return f"{trouble.cell}: {trouble.measured} of {plural(trouble.planned, 'job')} measured; {trouble.reason}"
        case Unfinished():
            return f"the run did not end: {trouble.reason}"


def _line(subject: Subject, text: str, *, is_over: bool = False) -> Line:
    return Line(kind=subject.kind, about=one_line(subject.about), text=one_line(text, 600), is_over=is_over)


def _title(lines: Sequence[Line]) -> str:
    over = sum(line.is_over for line in lines)
    kinds = [line.kind for line in lines if not line.is_over]
    told = [plural(kinds.count(kind), *names) for kind, names in _NAMES.items() if kind in kinds]
    return ", ".join([*told, *([f"{over} fine again"] if over else [])])


def _change(alert: Alert) -> str:
    unit = METRICS[alert.metric].unit
    sides = f"{quantity(alert.before, unit)} to {quantity(alert.after, unit)}"
    sure = f", p = {alert.p:.2g}" if alert.p is not None else _interval(alert.low, alert.high)
    because = f"; what else changed: {alert.context}" if alert.context else ""
    return f"{alert.cell}: {alert.metric} {change(alert.change)} ({sides}{sure}), since {alert.began:%Y-%m-%d}{because}"


def _gate(gate: GateResult) -> str:
    unit = METRICS[gate.metric].unit if gate.metric in METRICS else ""
    found = f": {quantity(gate.value, unit)}" if gate.value is not None else ""
    against = f", {change(gate.change)} against {quantity(gate.baseline, unit)}" if gate.change is not None else ""
    rests = f"{plural(gate.sessions, 'session')} against {gate.baseline_sessions}" if gate.baseline_sessions else ""
    sure = "; ".join(part for part in (_interval(gate.low, gate.high).removeprefix(", "), rests) if part)
    return f"{gate.cell}: {gate.metric} {gate.rule}{found}{against}{f' ({sure})' if sure else ''}; {gate.reason}"


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f", interval {change(low)} to {change(high)}"
