"""What the rules judge a cell by, and which earlier sessions it may be compared with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrator.domain.alert import Alert
from orchestrator.domain.finding import Cause
from orchestrator.domain.metric_logs import is_latency
from orchestrator.domain.old_model import OldModel
from orchestrator.domain.plan import DAY_S, BaselinePolicy
from orchestrator.domain.session import Pair, Session, Trust, told_differences


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The sessions of one cell that count, each series oldest first.

    `current`: those of the run that is judged. `baseline`: accepted earlier ones, whatever their context and age.
    `before`: those that were the baseline before it last began anew: they tell how much the cell scatters.
    `pinned`: those of the run that the plan names. `old` is the model of the sessions before, `control` are its
    sessions beside those of the same numbers; `pairs`: a model beside itself, as `bench calibrate` runs it. `alerts`:
    what was known of changes when the run was judged; `anew`: where the baseline began anew, None where it never did.
    """

    current: tuple[Session, ...] = ()
    baseline: tuple[Session, ...] = ()
    before: tuple[Session, ...] = ()
    pinned: tuple[Session, ...] = ()
    old: OldModel | None = None
    control: tuple[Session, ...] = ()
    pairs: tuple[Pair, ...] = ()
    alerts: tuple[Alert, ...] = ()
    anew: datetime | None = None

    @property
    def beside(self) -> "Evidence":
        """The same with only those current and control sessions that have a partner of the same number."""
        numbers = {found.number for found in self.current} & {found.number for found in self.control}
        current, control = (
            tuple(found for found in side if found.number in numbers) for side in (self.current, self.control)
        )
        return replace(self, current=current, control=control)


@dataclass(frozen=True, kw_only=True)
class Comparable:
    """The sessions to compare with, oldest first; where they are too few, the cause and the reason say why.

    `noise` are others that tell the spread where a baseline that began anew has too few of its own.
    """

    sessions: tuple[Session, ...]
    noise: tuple[Session, ...] = ()
    cause: Cause | None = None
    reason: str = ""

    @property
    def is_new(self) -> bool:
        """Whether the cell has no past yet, rather than one that does not fit."""
        return self.cause is Cause.NO_BASELINE


def choose_baseline(evidence: Evidence, metric: str, policy: BaselinePolicy) -> Comparable:
    """The newest sessions before the current ones, of the same context and with as many jobs, not too old.

    A session whose jobs differ much is taken like any other: left out, it would make the noise look smaller than it is.
    Of each run only the first counts, for the same reason: what follows within the run shares its day.
    """
    now = evidence.current[0]
    usable = _usable(evidence.baseline, now, metric)
    if len(usable) < policy.min:
        begun, noise = (
            _fresh(comparable_with(now, sessions, metric), now, policy)
            for sessions in (usable, _usable(evidence.before, now, metric))
        )
        if begun and len(noise) >= policy.min:
            return Comparable(sessions=begun, noise=noise[-policy.rolling :])
        return _too_few(usable, Cause.NO_BASELINE, f"no baseline yet: {len(usable)} of at least {policy.min} sessions")
    alike = [found for found in usable if found.context == now.context]
    if len(alike) < policy.min:
        told = told_differences(usable[-1].context, now.context) or "the context changed before"
        return _too_few(
            alike, Cause.NOT_COMPARABLE, f"only {len(alike)} of at least {policy.min} sessions are comparable ({told})"
        )
    fresh = _fresh(alike, now, policy)
    if len(fresh) < policy.min:
        days = policy.max_age_s / DAY_S
        return _too_few(
            fresh,
            Cause.STALE,
            f"the baseline is old: {len(fresh)} of at least {policy.min} sessions of the last {days:.3g} days",
        )
    return Comparable(sessions=fresh[-policy.rolling :])


def _usable(sessions: Sequence[Session], now: Session, metric: str) -> list[Session]:
    earlier = (found for found in sessions if found.run_id != now.run_id and found.at < now.at and found.number == 1)
    return [found for found in earlier if serves(found, metric, now.planned)]


def _fresh(sessions: Sequence[Session], now: Session, policy: BaselinePolicy) -> tuple[Session, ...]:
    return tuple(found for found in sessions if now.at - found.at <= timedelta(seconds=policy.max_age_s))


def _too_few(sessions: Sequence[Session], cause: Cause, reason: str) -> Comparable:
    return Comparable(sessions=tuple(sessions), cause=cause, reason=reason)


def serves(session: Session, metric: str, jobs: int) -> bool:
    """Whether the session can be compared with by that metric, having at least so many jobs."""
    is_sound = session.trust is not Trust.INVALID and not (session.profiled and is_latency(metric))
    return is_sound and len(session.jobs(metric)) >= jobs


def comparable_with(now: Session, others: Sequence[Session], metric: str) -> tuple[Session, ...]:
    """Those of the others that may be compared with the current session directly."""
    return tuple(found for found in others if serves(found, metric, now.planned) and found.context == now.context)
