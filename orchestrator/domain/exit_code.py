"""What a finished run's exit code is: the first of a failed gate, an unusable cloud, missing results, an open gate."""

from collections.abc import Iterable

from orchestrator.domain.job import JobResult
from orchestrator.domain.outcome import FailureKind
from orchestrator.domain.report import GateResult

OK, CLOUD_UNUSABLE, GATE_FAILED, RESULTS_MISSING, GATE_OPEN = 0, 4, 10, 11, 12
_FROM_THE_WORST = (GATE_FAILED, CLOUD_UNUSABLE, RESULTS_MISSING, GATE_OPEN, OK)
_CLOUD_KINDS = {FailureKind.CLOUD, FailureKind.UPLOAD, FailureKind.QUOTA}


def exit_code(jobs: Iterable[JobResult], gates: Iterable[GateResult]) -> int:
    """The exit code of a run that has ended. Warnings do not change it; no jobs at all are missing results."""
    jobs, verdicts = list(jobs), {gate.verdict for gate in gates}
    failures = [job.failed for job in jobs if job.failed]
    if "fail" in verdicts:
        return GATE_FAILED
    if failures and len(failures) == len(jobs) and {failure.kind for failure in failures} <= _CLOUD_KINDS:
        return CLOUD_UNUSABLE
    if not jobs or any(job.measured is None for job in jobs):
        return RESULTS_MISSING
    return GATE_OPEN if "inconclusive" in verdicts else OK


def worst(codes: Iterable[int]) -> int:
    """The exit code of several runs: what is wrong with the command or the program itself goes first."""
    order = dict(zip(_FROM_THE_WORST, range(1, 1 + len(_FROM_THE_WORST)), strict=True))
    return min(codes, key=lambda code: order.get(code, 0), default=OK)
