"""What an acknowledged change does to a verdict: a failure of exactly that change is a warning that names it.

People who cannot silence what they know switch the gate off. So it is silent on the change, never on a further one: a
value that is worse than the acknowledged one by the rule's tolerance still fails.
"""

from collections.abc import Iterator
from dataclasses import replace

from orchestrator.domain.alert import Alert, AlertState
from orchestrator.domain.contrast import tolerance_log
from orchestrator.domain.evidence import Evidence
from orchestrator.domain.finding import Cause, Finding, Verdict
from orchestrator.domain.plan import GateRule

_DOUBTS_OF_IT = (Cause.SUSPICIOUS, Cause.YOUNG_BASELINE)


def as_known(finding: Finding, rule: GateRule, evidence: Evidence, *, pinned: bool = False) -> Finding:
    """The finding, a warning where what it shows is acknowledged; against the pinned run also where it is accepted."""
    is_bad = finding.verdict is Verdict.FAIL or finding.cause in _DOUBTS_OF_IT
    value = finding.value
    if not is_bad or value is None:
        return finding
    known = next((alert for alert in _known(rule, evidence, pinned) if is_within(value, alert, rule)), None)
    if known is None:
        return finding
    cause = Cause.ACCEPTED if known.state is AlertState.ACCEPTED else Cause.ACKNOWLEDGED
    return replace(finding.softened(f"{finding.reason}; {_told(known)}"), cause=cause)


def is_within(value: float, alert: Alert, rule: GateRule) -> bool:
    """Whether the value is no worse than the alert's, by the rule's tolerance."""
    return alert.holds(value, tolerance_log(rule, alert.after))


def accepted_since_pinned(evidence: Evidence, metric: str) -> Iterator[Alert]:
    """The accepted changes that the baseline still stands on: it began anew with them, and a pinned run did not."""
    for alert in evidence.alerts:
        is_base = evidence.anew is None or alert.began >= evidence.anew
        if alert.metric == metric and alert.state is AlertState.ACCEPTED and is_base:
            yield alert


def _known(rule: GateRule, evidence: Evidence, pinned: bool) -> Iterator[Alert]:
    of_metric = (alert for alert in evidence.alerts if alert.metric == rule.metric)
    yield from (alert for alert in of_metric if alert.state is AlertState.ACKNOWLEDGED)
    if pinned:
        yield from accepted_since_pinned(evidence, rule.metric)


def _told(alert: Alert) -> str:
    end = f" until {alert.until:%Y-%m-%d}" if alert.until else ""
    return f"{alert.state} by {alert.who}{end} (alert {alert.id}): {alert.reason}"
