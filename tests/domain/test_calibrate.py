"""What a device's noise is and what it allows."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from orchestrator.domain.calibrate import calibrate
from orchestrator.domain.session import Session

P50 = "latency_p50_ms"


def farm(session: Callable[..., Session], days: float, jobs: float, count: int = 200) -> list[Session]:
    random = np.random.default_rng(1)
    logs = random.normal(0, days, (count, 1)) + random.normal(0, jobs, (count, 3))
    return [session(P50, *(10 * np.exp(row))) for row in logs]


def test_noise_is_told_apart_by_where_it_comes_from(session: Callable[..., Session]) -> None:
    found = calibrate(farm(session, days=0.03, jobs=0.01), P50)
    assert found
    assert found.between_jobs == pytest.approx(0.01, rel=0.1)
    assert found.between_sessions == pytest.approx(0.03, rel=0.2)
    assert (found.sessions, found.jobs, found.within_jobs) == (200, 600, None)
    assert found.is_sure


def test_the_tolerance_is_twice_what_can_be_seen_and_no_less_than_five_percent(
    session: Callable[..., Session],
) -> None:
    noisy, quiet = (calibrate(farm(session, days=noise, jobs=0.001, count=20), P50) for noise in (0.05, 0.001))
    assert noisy
    assert quiet
    assert quiet.tolerance == 0.05
    assert 2 * noisy.sensitivity <= noisy.tolerance < 2 * noisy.sensitivity + 0.01
    assert 0.05 < noisy.sensitivity < 0.15


def test_the_noise_within_jobs_is_told_where_they_tell_it(session: Callable[..., Session]) -> None:
    sessions = [
        replace(found, values={**found.values, "latency_std_ms": (0.5,) * 3, "latency_ms": (10.0,) * 3})
        for found in farm(session, days=0.01, jobs=0.01, count=8)
    ]
    found = calibrate(sessions, P50)
    assert found
    assert found.within_jobs == pytest.approx(0.05)


def test_a_handful_of_sessions_is_needed(session: Callable[..., Session]) -> None:
    assert calibrate(farm(session, 0.01, 0.01, count=4), P50) is None
    few = calibrate(farm(session, 0.01, 0.01, count=5), P50)
    assert few
    assert not few.is_sure
    assert calibrate([replace(found, values={P50: found.jobs(P50)[:1]}) for found in farm(session, 0.01, 0.01)], P50)
