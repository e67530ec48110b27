"""What a child may write: JSON lines on stdout, anything on stderr, neither without a bound."""

import json
from collections.abc import Iterator
from typing import Any

OUTPUT_BYTES = 8 << 20  # of each stream; a profile of ten thousand layers takes 2 MiB
TAIL_BYTES = 8 << 10  # of stderr, for the log


class BadOutput(ValueError):
    """More than `OUTPUT_BYTES`, or a line that is no JSON object."""


class MessageLines:
    """Cuts a stream of bytes into JSON objects, one a line. A last line without its end is no message."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._received_bytes = 0

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The messages that `data` completes, one by one: those before a bad line count. Raises BadOutput."""
        self._received_bytes += len(data)
        if self._received_bytes > OUTPUT_BYTES:
            msg = f"more than {OUTPUT_BYTES} bytes"
            raise BadOutput(msg)
        self._rest += data
        *lines, rest = self._rest.split(b"\n") if b"\n" in data else [self._rest]
        self._rest = rest
        yield from map(_message, lines)


class Tail:
    """Keeps the last `TAIL_BYTES` of a stream."""

    def __init__(self) -> None:
        self._kept = b""
        self._received_bytes = 0

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. Raises BadOutput beyond the bound."""
        self._received_bytes += len(data)
        self._kept = (self._kept + data)[-TAIL_BYTES:]
        if self._received_bytes > OUTPUT_BYTES:
            msg = f"more than {OUTPUT_BYTES} bytes"
            raise BadOutput(msg)

    def __str__(self) -> str:
        return self._kept.decode("utf-8", "replace")


def _message(line: bytes | bytearray) -> dict[str, Any]:
    try:
        message = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # the second: brackets nested thousands deep
        msg = "a line that is not JSON"
        raise BadOutput(msg) from error
    if not isinstance(message, dict):
        msg = "a line that is no JSON object"
        raise BadOutput(msg)
    return message


def _refuse_constant(name: str) -> None:
    msg = f"{name} is not JSON"
    raise ValueError(msg)
