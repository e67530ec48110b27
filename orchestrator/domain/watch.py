"""What the end of a run shows of a cell over its nights: changes that nobody knows yet, changes that are over, and
improvements. The result follows from the arguments alone.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from orchestrator.domain.alert import Alert, AlertKind, AlertState, is_known
from orchestrator.domain.cell import Cell
from orchestrator.domain.changepoint import ChangePoint
from orchestrator.domain.contrast import tolerance_log
from orchestrator.domain.evidence import Evidence, comparable_with
from orchestrator.domain.finding import Finding, Verdict
from orchestrator.domain.gate import covers
from orchestrator.domain.judgement import Terms
from orchestrator.domain.known_change import accepted_since_pinned, is_within
from orchestrator.domain.metric_logs import in_unit, sign_of
from orchestrator.domain.nights import MOST_NIGHTS, Nights, nights_of
from orchestrator.domain.plan import GateRule, Plan
from orchestrator.domain.readiness import unfit
from orchestrator.domain.regression_rule import judge_past, judge_pinned
from orchestrator.domain.report import HEADLINES
from orchestrator.domain.session import Session, told_differences
from orchestrator.domain.threshold_rule import PLAIN_METRICS, judge_threshold

UNWATCHED_TOLERANCE = 0.05  # of cells that no relative rule covers


@dataclass(frozen=True, kw_only=True)
class Ending:
    """That an alert's cell is as good as before, from that session on, and by which rule."""

    alert: Alert
    back_since: datetime
    because: str


@dataclass(frozen=True, kw_only=True)
class Watched:
    """`onsets`: known changes that turn out to have begun earlier, by their ids. `anew`: where an improvement began."""

    opened: tuple[Alert, ...] = ()
    ended: tuple[Ending, ...] = ()
    onsets: Mapping[str, datetime] = field(default_factory=dict)
    anew: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Look:
    """One rule on one cell, at the end of a run. `nights` ends with this run's where it gave the metric."""

    project: str
    run_id: str
    now: datetime
    cell: Cell
    rule: GateRule
    terms: Terms
    evidence: Evidence
    nights: Nights
    is_gate: bool

    @property
    def last_two(self) -> tuple[Session, ...]:
        """This run's night and the one before it, where both may be judged together; else nothing."""
        *_, night = self.nights.sessions
        before = self.nights.sessions[-2:-1]
        is_now = self.evidence.current[:1] == (night,)
        alike = [found for found in before if found.planned == night.planned]
        two = (*comparable_with(night, alike, self.rule.metric), night)
        return two if is_now and len(two) > 1 and unfit(two, self.rule.metric) is None else ()

    def tolerance(self, baseline: float) -> float:
        """The smallest change that counts there, in logs."""
        return tolerance_log(self.rule, baseline)

    def changes(self) -> tuple[ChangePoint, ...]:
        """The change points of the nights, by the rule's tolerance at their median."""
        middle = in_unit(self.rule.metric, sorted(self.nights.numbers)[len(self.nights.numbers) // 2])
        return self.nights.changes(self.tolerance(middle))

    def finding(self, current: Sequence[Session], kind: AlertKind) -> Finding | None:
        """What the rule finds in these sessions, whatever is known of it already."""
        evidence, terms = self.evidence, self.terms
        if tuple(current) != evidence.current:
            evidence = replace(evidence, current=tuple(current), control=())
            terms = replace(terms, policy=replace(terms.policy, control="never"))
        if unfit(evidence.current, self.rule.metric):
            return None
        if self.rule.metric in PLAIN_METRICS:
            is_pinned = kind is AlertKind.DRIFT  # these are not compared with a pinned run
            return None if is_pinned else judge_threshold(self.rule, evidence, terms.policy, terms.gating)
        judge = judge_pinned if kind is AlertKind.DRIFT else judge_past
        return judge(self.rule, evidence, terms)


def watched_rules(plan: Plan, cell: Cell, evidence: Evidence) -> tuple[GateRule, ...]:
    """The relative rules of the cell; where it has none, its latency is watched for change points all the same."""
    rules = tuple(rule for rule in plan.gates if rule.max_regression is not None and covers(rule, cell))
    given = (name for name in HEADLINES if any(session.jobs(name) for session in evidence.current))
    return rules or tuple(GateRule(metric=name, max_regression=UNWATCHED_TOLERANCE) for name in [*given][:1])


def watch(
    plan: Plan, terms: Terms, cell: Cell, evidence: Evidence, past: Sequence[Session], *, run_id: str, now: datetime
) -> Watched:
    """What this run's end shows of the cell. `past`: its sessions since the baseline last began anew, oldest first.

    Those of regressions that are over are left out: they would hide what changes after them.
    """
    gone = [alert for alert in evidence.alerts if alert.state is AlertState.RESOLVED]
    past = [session for session in past if not any(alert.takes_out(cell, session.at) for alert in gone)]
    found, looks = Watched(), Counter[str]()
    for rule in watched_rules(plan, cell, evidence):
        nights = nights_of([*past, *evidence.current[:1]][-MOST_NIGHTS:], rule.metric, plan.gating.statistic)
        if nights is not None:
            look = Look(project=plan.project, run_id=run_id, now=now, cell=cell, rule=rule, terms=terms,
                        evidence=evidence, nights=nights, is_gate=rule in plan.gates)  # fmt: skip
            found, looks[rule.metric] = _joined(found, _watch(look, found)), looks[rule.metric] + 1
    return replace(found, ended=_ended_by_all(found.ended, looks))


def _ended_by_all(ended: Sequence[Ending], looks: Mapping[str, int]) -> tuple[Ending, ...]:
    """Those that every rule of their metric ends: a change that a wide rule lets pass may be one to a narrow rule."""
    by_how_many = Counter(ending.alert.id for ending in ended)
    whole = (ending for ending in ended if by_how_many[ending.alert.id] == looks[ending.alert.metric])
    return tuple({ending.alert.id: ending for ending in whole}.values())


def _joined(before: Watched, new: Watched) -> Watched:
    starts = [at for at in (before.anew, new.anew) if at is not None]
    return Watched(
        opened=(*before.opened, *new.opened),
        ended=(*before.ended, *new.ended),
        onsets={**new.onsets, **before.onsets},
        anew=max(starts, default=None),
    )


def _watch(look: Look, before: Watched) -> Watched:
    changes = look.changes()
    opened: list[Alert] = []
    for new in (*_failed(look), *_stepped(look, changes), *_drifted(look)):
        known = [*look.evidence.alerts, *before.opened, *opened]
        if not is_known(known, new, look.tolerance(new.after)):
            opened.append(new)
    alive = [found for found in look.evidence.alerts if not found.state.is_over and found.metric == look.rule.metric]
    ended = tuple(ending for alert in alive if (ending := _ending(look, alert, changes)) is not None)
    is_calm = not alive and not opened
    onsets = {alert.id: at for alert in [*alive, *opened] if (at := _onset(look, alert, changes)) is not None}
    return Watched(
        opened=tuple(opened), ended=ended, onsets=onsets, anew=_improved_since(look, changes) if is_calm else None
    )


def _failed(look: Look) -> Iterator[Alert]:
    """A relative gate that failed, its regression confirmed."""
    if look.is_gate:
        yield from _by_finding(look, AlertKind.GATE)


def _drifted(look: Look) -> Iterator[Alert]:
    """Too far from the pinned run, and that is not what was accepted since."""
    accepted = [*accepted_since_pinned(look.evidence, look.rule.metric)]
    for alert in _by_finding(look, AlertKind.DRIFT):
        if not any(is_within(alert.after, known, look.rule) for known in accepted):
            yield alert


def _by_finding(look: Look, kind: AlertKind) -> Iterator[Alert]:
    current = look.evidence.current
    found = look.finding(current, kind)
    if found is None or found.verdict is not Verdict.FAIL or found.value is None or found.baseline is None:
        return
    yield _alert(look, kind, current[0], before=found.baseline, after=found.value, low=found.low, high=found.high)


def _stepped(look: Look, changes: Sequence[ChangePoint]) -> Iterator[Alert]:
    """Change points for the worse that the newest nights still show."""
    for point in changes:
        before, after = (in_unit(look.rule.metric, number) for number in (point.before, point.after))
        is_so_still = changes[-1].after - point.before >= look.tolerance(before)
        if point.step >= look.tolerance(before) and is_so_still:
            session = look.nights.sessions[point.index]
            yield _alert(look, AlertKind.CHANGE_POINT, session, before=before, after=after, p=point.p)


def _alert(
    look: Look,
    kind: AlertKind,
    session: Session,
    *,
    before: float,
    after: float,
    p: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Alert:
    earlier = [found for found in look.nights.sessions if found.at < session.at]
    return Alert(
        project=look.project,
        cell=look.cell,
        metric=look.rule.metric,
        kind=kind,
        since=session.at,
        before=before,
        after=after,
        p=p,
        low=low,
        high=high,
        context=told_differences(earlier[-1].context, session.context) if earlier else "",
        run_id=look.run_id,
        opened_at=look.now,
    )


def _onset(look: Look, alert: Alert, changes: Sequence[ChangePoint]) -> datetime | None:
    """The change point where a known change began, if that lies before what is known."""
    for point in changes:
        at, after = look.nights.sessions[point.index].at, in_unit(look.rule.metric, point.after)
        if point.step > 0 and at < alert.began and is_within(after, alert, look.rule):
            return at
    return None


def _ending(look: Look, alert: Alert, changes: Sequence[ChangePoint]) -> Ending | None:
    two = look.last_two
    if two and two[0].at > alert.began:
        judged = [look.finding((night,), alert.kind) for night in two]
        if all(finding is not None and finding.verdict is Verdict.PASS for finding in judged):
            return Ending(alert=alert, back_since=two[0].at, because="its rule passes two nights in a row")
    for point in changes[-1:]:
        back = look.nights.sessions[point.index]
        newest = max(point.after, float(look.nights.numbers[-1]))
        distance = newest - sign_of(alert.metric) * math.log(alert.before)
        if point.step < 0 and back.at > alert.began and distance < look.tolerance(alert.before):
            told = f"a change point for the better (p = {point.p:.1g}), back to within the tolerance of before"
            return Ending(alert=alert, back_since=back.at, because=told)
    return None


def _improved_since(look: Look, changes: Sequence[ChangePoint]) -> datetime | None:
    """Where the cell became better for good: the last change point, if it is one for the better.

    Two lucky sessions are no proof: a baseline that began anew with them would make the usual look like a regression.
    """
    for point in changes[-1:]:
        if point.step <= -look.tolerance(in_unit(look.rule.metric, point.before)):
            return look.nights.sessions[point.index].at
    return None
