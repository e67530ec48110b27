"""How much memory a process holds, from Linux's /proc; MB are 10^6 bytes."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Memory:
    """The resident set now, and at its largest since the start of the process or since it was reset."""

    resident_mb: float = 0.0
    peak_mb: float = 0.0


def memory_of(process: int | str = "self") -> Memory:
    """All 0.0 where the system does not tell, and for a process that has ended.

    Not `getrusage`: its figure starts with the size of the parent that the process was forked from.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return Memory()
    kib = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in status.splitlines())
        if name in {"VmRSS", "VmHWM"}
    }
    return Memory(resident_mb=kib.get("VmRSS", 0) * 1024 / 1e6, peak_mb=kib.get("VmHWM", 0) * 1024 / 1e6)
