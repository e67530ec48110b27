"""Names that users and clouds have given: matching them, and file names for them."""

import fnmatch
import hashlib
import re

MAX_PART = 40


def file_slug(*parts: str) -> str:
    """One safe file name for several names: readable, and different for different names."""
    readable = "-".join(re.sub(r"[^A-Za-z0-9._-]+", "_", part)[:MAX_PART].strip("._-") or "x" for part in parts)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]
    return f"{readable}-{digest}"


def glob_matches(name: str, pattern: str) -> bool:
    """Whether a glob (`*`, `?`, `[abc]`) means this name, in upper or lower case."""
    return fnmatch.fnmatchcase(name.lower(), pattern.lower())
