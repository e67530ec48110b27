"""Where the time must be spent, `require`: shares of the layers' time on a compute unit, and layers that moved."""

from collections.abc import Mapping

from orchestrator.domain.evidence import Evidence
from orchestrator.domain.finding import Cause, Finding, Verdict, undecided
from orchestrator.domain.readiness import missing_jobs
from orchestrator.domain.session import Session

_TOLD_LAYERS = 3
_ROUNDING = 1e-9


def judge_placement(require: Mapping[str, float], evidence: Evidence) -> Finding:
    """Fail where a unit has less than its share in any session; `require` maps cpu, gpu, npu to shares (0 to 1).

    Where all have theirs, layers that run on another unit than in the newest earlier session are a warning.
    """
    if found := missing_jobs(evidence.current):
        return found
    if not all(session.unit_shares for session in evidence.current):
        return undecided(Cause.MISSING, "the results tell no layers, so nothing says where the time was spent")
    shares = {unit: min(_share(session, unit) for session in evidence.current) for unit in require}
    tightest = min(require, key=lambda unit: shares[unit] - require[unit])
    told = ", ".join(f"{shares[unit]:.1%} of the time on {unit} (at least {require[unit]:.0%})" for unit in require)
    is_met = all(shares[unit] >= require[unit] - _ROUNDING for unit in require)
    moved = told_moves(evidence)
    verdict = Verdict.FAIL if not is_met else Verdict.WARN if moved else Verdict.PASS
    return Finding(
        verdict=verdict,
        cause=Cause.MOVED if moved else None,
        reason="; ".join(filter(None, (told, moved))),
        value=shares[tightest],
        sessions=len(evidence.current),
    )


def told_moves(evidence: Evidence) -> str:
    """The layers that run on another unit than before, in words; "" where none does or nothing is known before."""
    before = next((found for found in reversed(evidence.baseline) if found.units), None)
    if before is None:
        return ""
    now = evidence.current[-1].units
    moved = [
        f"{name} from {before.units[name] or 'unknown'} to {unit or 'unknown'}"
        for name, unit in now.items()
        if before.units.get(name, unit) != unit
    ]
    more = f" and {len(moved) - _TOLD_LAYERS} more" if len(moved) > _TOLD_LAYERS else ""
    return f"layers moved: {', '.join(moved[:_TOLD_LAYERS])}{more}" if moved else ""


def _share(session: Session, unit: str) -> float:
    return sum(share for name, share in session.unit_shares.items() if name.lower() == unit.lower())
