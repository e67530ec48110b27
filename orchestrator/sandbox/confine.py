"""What a child takes from itself before it touches a hostile file; none of it can be undone.

On Linux: resource limits, death with its parent, no new privileges, a system call filter (seccomp.py) and Landlock
(landlock.py). Elsewhere only the resource limits that the system knows stand, so there run models you trust.
"""

import ctypes
import os
import resource
import signal
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

from orchestrator.sandbox.landlock import restrict_paths
from orchestrator.sandbox.seccomp import restrict_calls

_SET_PARENT_DEATH_SIGNAL, _SET_NO_NEW_PRIVILEGES = 1, 38  # prctl(2)
_OPEN_FILES = 256
_SYSTEM = ("/usr", "/lib", "/lib64", "/sys/devices/system/cpu", "/dev/null", "/dev/urandom")
# Not all of /proc: Landlock does not keep a process from reading another's environment there, and keys lie in it.
_PROCESS = ("/proc/self", "/proc/stat", "/proc/cpuinfo", "/proc/meminfo", "/proc/loadavg", "/proc/version")
_PACKAGE = str(Path(__file__).parents[1])
_PEAK_RESET = Path("/proc/self/clear_refs")  # writing 5 resets the peak that /proc/self/status tells

Walls = dict[str, bool | int]


def die_with_parent(parent: int) -> bool:
    """Has the kernel kill this process when the thread that started it ends; True where it can."""
    if sys.platform != "linux":
        return False
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the call
        sys.exit(1)
    return True


def confine(limits: Mapping[str, int], *, readable: Iterable[Path], scratch: Path) -> Walls:
    """Raises the walls around this process; returns those that stand, Landlock with its version.

    `limits` has `memory_bytes`, `cpu_s` and `file_bytes`. Threads started before keep their access to files.
    """
    _limit_resources(limits)
    walls: Walls = {"rlimits": True, "no_new_privileges": False, "seccomp": False, "landlock": 0}
    if sys.platform == "linux":
        Path("/proc/self/oom_score_adj").write_text("1000")  # the first to go when memory runs out
        walls["no_new_privileges"] = ctypes.CDLL(None).prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
        walls["seccomp"] = restrict_calls()
        walls["landlock"] = restrict_paths(
            readable=(*_interpreter(), *readable), writable=(scratch.resolve(), _PEAK_RESET)
        )
    return walls


def _limit_resources(limits: Mapping[str, int]) -> None:
    cpu_s = limits["cpu_s"]
    wanted = {
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_DATA: (limits["memory_bytes"],) * 2,
        resource.RLIMIT_CPU: (cpu_s, cpu_s + 2),  # SIGXCPU, and two seconds later SIGKILL
        resource.RLIMIT_FSIZE: (limits["file_bytes"],) * 2,
        resource.RLIMIT_NOFILE: (_OPEN_FILES,) * 2,
    }
    for kind, (soft, hard) in wanted.items():
        ceiling = resource.getrlimit(kind)[1]
        both = (soft, hard) if ceiling == resource.RLIM_INFINITY else (min(soft, ceiling), min(hard, ceiling))
        resource.setrlimit(kind, both)


def _interpreter() -> tuple[Path, ...]:
    """Where Python, its packages, this one and the system's libraries lie."""
    paths = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), _PACKAGE, *_SYSTEM, *_PROCESS}
    return tuple(Path(path) for path in sorted(paths))
