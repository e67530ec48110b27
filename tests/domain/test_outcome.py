"""Outcomes: which failures are worth another attempt (product.md, "Failure kinds")."""

from orchestrator.domain.outcome import FailureKind

INFRASTRUCTURE = [
    "upload",
    "quota",
    "queue_timeout",
    "device",
    "run_timeout",
    "cloud",
    "results_missing",
    "results_unreadable",
]
FINAL = ["model_crash", "model_unsupported", "out_of_memory", "conversion", "cancelled"]


def test_the_first_eight_kinds_are_infrastructure_and_the_rest_is_final() -> None:
    assert [kind.value for kind in FailureKind] == INFRASTRUCTURE + FINAL
    assert [kind.value for kind in FailureKind if kind.is_infrastructure] == INFRASTRUCTURE
