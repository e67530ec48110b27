"""What the host did to a measurement: how long our threads waited for a core, and what a hypervisor took away.

Sources: field 2 of `/proc/self/task/*/schedstat` (nanoseconds a thread was ready to run and did not) and the `cpu`
line of `/proc/stat` (proc(5)). Elsewhere than on Linux both are unknown, which is not the same as 0.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TASKS = Path("/proc/self/task")
_STAT = Path("/proc/stat")
_STEAL = 7  # user nice system idle iowait irq softirq steal

# Measured: a quiet host shows delays of 0 to 1.2 %, one busy neighbour 26 %.
MAX_DELAY_SHARE_ONE_THREAD, MAX_DELAY_SHARE = 0.05, 0.10
MAX_STEAL_SHARE = 0.02
MAX_TAIL_SHARE = 0.15


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The counters at one moment, in seconds; None where the system does not tell."""

    at_s: float
    waited_s: float | None
    stolen_s: float | None
    host_s: float | None


def read_host() -> Reading:
    """The counters now."""
    host = _host_times_s()
    return Reading(
        at_s=time.perf_counter(),
        waited_s=_waited_s(),
        stolen_s=host[_STEAL] if host else None,
        host_s=sum(host) if host else None,
    )


def noise_between(before: Reading, after: Reading) -> dict[str, float | None]:
    """Shares (0 to 1, more with many threads) of the time between: spent waiting for a core, and stolen."""
    wall_s = after.at_s - before.at_s
    waited, stolen, host = (
        _difference(before.waited_s, after.waited_s),
        _difference(before.stolen_s, after.stolen_s),
        _difference(before.host_s, after.host_s),
    )
    return {
        "run_delay": waited / wall_s if waited is not None and wall_s > 0 else None,
        "steal": stolen / host if stolen is not None and host else None,
    }


def doubts(noise: Mapping[str, float | None], latency_ms: Mapping[str, float], threads: int) -> list[str]:
    """Why these times deserve no trust, in words; nothing where they do."""
    found = []
    delay, steal = noise["run_delay"], noise["steal"]
    if delay is not None and delay > (MAX_DELAY_SHARE_ONE_THREAD if threads == 1 else MAX_DELAY_SHARE):
        found.append(f"the host was busy: the model waited {delay:.0%} of the time for a core")
    if steal is not None and steal > MAX_STEAL_SHARE:
        found.append(f"the hypervisor took {steal:.0%} of the host's time")
    tail = (latency_ms["p90"] - latency_ms["p50"]) / latency_ms["p50"] if latency_ms["p50"] else 0.0
    if tail > MAX_TAIL_SHARE:
        found.append(f"one run in ten took {tail:.0%} longer than the median, or more")
    return found


def _waited_s() -> float | None:
    waited = []
    for task in _TASKS.glob("*/schedstat"):
        try:
            waited.append(int(task.read_text().split()[1]))
        except (FileNotFoundError, ProcessLookupError):  # a thread that ended since it was listed
            continue
    return sum(waited) / 1e9 if waited else None


def _host_times_s() -> list[float]:
    if not _STAT.exists():
        return []
    ticks = os.sysconf("SC_CLK_TCK")
    return [int(field) / ticks for field in _STAT.read_text().splitlines()[0].split()[1 : _STEAL + 2]]


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
