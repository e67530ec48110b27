"""The peak memory of one phase: the kernel keeps the process's largest resident set and can be told to start anew."""

from pathlib import Path

_RESET = Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"  # proc(5)


def forget_peak() -> bool:
    """Starts a new peak at what is resident now; False where the system cannot, and peaks are those since the start."""
    try:
        _RESET.write_text(_FORGET_PEAK)
    except (FileNotFoundError, PermissionError):
        return False
    return True
