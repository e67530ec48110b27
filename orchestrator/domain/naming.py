"""File names for things that users and clouds have named."""

import hashlib
import re

MAX_PART = 40


def file_slug(*parts: str) -> str:
    """One safe file name for several names: readable, and different for different names."""
    readable = "-".join(re.sub(r"[^A-Za-z0-9._-]+", "_", part)[:MAX_PART].strip("._-") or "x" for part in parts)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
    return f"{readable}-{digest}"
