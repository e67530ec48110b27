"""What ends a measurement because of the model, told in words that name no path of this computer."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Kind = Literal["model_crash", "model_unsupported", "out_of_memory"]

_MAX_REASON_CHARS = 500
_MAX_TOLD_CHARS = 8000  # a runtime quotes the model's names, however long
# What the runtimes say where an allocation was refused; the C++ exception reaches Python with another type.
_MEMORY_WORDS = re.compile(r"bad[_ ]alloc|failed to allocate|cannot allocate|out of memory", re.IGNORECASE)
# What speaks to the runtime's developers: its code, and file, line and C++ signature. Folders are nobody's business.
_INSIDE_TALK = re.compile(
    r"\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : "
    r"|[\w./-]+\.(?:h|cc):\d+ (?:[\w:<>*&~ ]*onnxruntime::[^()]*\([^()]*\)(?: const)?(?: \[with [^\]]*\])? )?"
    r"|(?<![\w/])/(?:[^\s\"'/:]+/)+"
)


class Failure(Exception):
    """The model cannot be measured here; `kind` is a job's failure kind."""

    def __init__(self, reason: str, *, kind: Kind = "model_unsupported") -> None:
        super().__init__(tidy(reason))
        self.kind = kind


def tidy(text: str) -> str:
    """The text as one line in the words meant for users, its middle left out if it is long."""
    bare = _INSIDE_TALK.sub("", _shortened(text, _MAX_TOLD_CHARS))
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in bare).split())
    return _shortened(line, _MAX_REASON_CHARS)


def _shortened(text: str, most: int) -> str:
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} … {text[-half:]}"


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
