"""What `bench doctor` finds."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing looked at: whether it is there, what was found, and what to do where it is not."""

    name: str
    ok: bool
    found: str
    advice: str = ""
