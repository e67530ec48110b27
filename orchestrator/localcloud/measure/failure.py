"""What ends a measurement because of the model, told in words that name no path of this computer."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Kind = Literal["model_crash", "model_unsupported", "out_of_memory"]

_MAX_REASON_CHARS = 500
# What the runtimes say where an allocation was refused; the C++ exception reaches Python with another type.
_MEMORY_WORDS = re.compile(r"bad[_ ]alloc|failed to allocate|cannot allocate|out of memory", re.IGNORECASE)
_FOLDER = re.compile(r"(?<![\w:/])/(?:[^\s\"'/:]+/)+")


class Failure(Exception):
    """The model cannot be measured here; `kind` is a job's failure kind."""

    def __init__(self, reason: str, *, kind: Kind = "model_unsupported") -> None:
        super().__init__(tidy(reason))
        self.kind = kind


def tidy(text: str) -> str:
    """The text as one line without folders and control characters, its middle left out if it is long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in _FOLDER.sub("", text)).split())
    half = _MAX_REASON_CHARS // 2
    return line if len(line) <= _MAX_REASON_CHARS else f"{line[:half]} … {line[-half:]}"


@contextmanager
def failing_as(kind: Kind, doing: str, foreign: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turns what a runtime raises into a Failure; `doing` ("loading the model") begins its reason."""
    try:
        yield
    except MemoryError as error:
        reason = f"{doing} needs more memory than a model may have here"
        raise Failure(reason, kind="out_of_memory") from error
    except foreign as error:
        told = str(error) or type(error).__name__
        reason = f"{doing} failed: {told}"
        raise Failure(reason, kind="out_of_memory" if _MEMORY_WORDS.search(told) else kind) from error
