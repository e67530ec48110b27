"""A metric's values as logarithms, in which a change is a step however large the values, and back."""

import math
from collections.abc import Sequence

import numpy as np

from orchestrator.domain.measurement import METRICS
from orchestrator.domain.noise import Logs
from orchestrator.domain.session import Session


def log_jobs(sessions: Sequence[Session], metric: str, jobs: int) -> Logs:
    """The logs of the first `jobs` values of each session, signed so that more is worse: (sessions, jobs)."""
    return sign_of(metric) * np.log(np.array([found.jobs(metric)[:jobs] for found in sessions], dtype=np.float64))


def sign_of(metric: str) -> float:
    """1 where less is better, -1 where more is."""
    return METRICS[metric].sign


def in_unit(metric: str, number: float | Logs) -> float:
    """A number in logs as the metric's value."""
    return math.exp(sign_of(metric) * float(number))


def is_latency(metric: str) -> bool:
    """Whether the metric is of the timed iterations, which a profiler slows down."""
    return metric.startswith("latency_") or metric in ("throughput_per_s", "first_inference_ms")
