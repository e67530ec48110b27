"""`run.log`: what happened in a run, one JSON object a line, enough to answer a support question from it alone."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from orchestrator.domain.event import Event, JobEnded, JobMoved, Listener, Notice, RunStarted, SessionsAdded
from orchestrator.domain.job import JobKey
from orchestrator.domain.outcome import Failed, Skipped

LOGGER = "orchestrator"
_SECRETS = re.compile(r"(?i)(https?://[^\s\"'?#]+)[?#][^\s\"']*|(bearer\s+)\S+")


@contextmanager
def run_log(path: Path, listen: Listener) -> Iterator[Listener]:
    """A listener that writes the log at `path` (appending, on resume) and passes every event on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        handler = _Handler(file, listen)
        logger = logging.getLogger(LOGGER)
        level = logger.level
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)

        def write(event: Event) -> None:
            _write(file, _as_line(event))
            listen(event)

        try:
            yield write
        finally:
            logger.setLevel(level)
            logger.removeHandler(handler)


def mask(text: str) -> str:
    """The text without anything that could be a credential: queries of URLs, bearer tokens."""
    return _SECRETS.sub(lambda match: f"{match[1] or match[2]}{'?' if match[1] else ''}***", text)


class _Handler(logging.Handler):
    """What the program's own loggers say goes to the same file, and as a notice to the listener if it is a warning."""

    def __init__(self, file: TextIO, listen: Listener) -> None:
        super().__init__(logging.INFO)
        self._file = file
        self._listen = listen

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record."""
        if record.levelno >= logging.WARNING:
            self._listen(Notice(text=mask(record.getMessage()), at=datetime.now(UTC)))
        _write(
            self._file,
            {
                "at": _time(datetime.now(UTC)),
                "event": "log",
                "level": record.levelname.lower(),
                "logger": record.name,
                "text": record.getMessage(),
            },
        )


def _write(file: TextIO, line: dict[str, Any]) -> None:
    file.write(mask(json.dumps(line, ensure_ascii=False)) + "\n")
    file.flush()


def _as_line(event: Event) -> dict[str, Any]:
    match event:
        case RunStarted():
            cells = [str(cell) for cell in event.cells]
            return {
                "at": _time(datetime.now(UTC)),
                "event": "run",
                "run": event.run_id,
                "cells": cells,
                "repeats": event.repeats,
                "done": event.done,
            }
        case SessionsAdded():
            cells = [str(cell) for cell in event.cells]
            beside = [str(cell) for cell in event.beside]
            return {
                "at": _time(datetime.now(UTC)),
                "event": "sessions",
                "cells": cells,
                "repeats": event.repeats,
                "beside": beside,
            }
        case JobMoved():
            return {
                "at": _time(event.at),
                "event": "state",
                **_key(event.key),
                "attempt": event.attempt,
                "state": event.state,
                "job_id": event.job_id,
                "detail": event.detail,
            }
        case JobEnded():
            return {
                "at": _time(event.at),
                "event": "ended",
                **_key(event.result.key),
                **_outcome(event),
                "attempts": len(event.result.attempts),
                "hub_run_id": event.result.hub_run_id,
            }
        case Notice():
            return {"at": _time(event.at), "event": "notice", "text": event.text}


def _key(key: JobKey) -> dict[str, Any]:
    cell = {"model": key.cell.model, "device": key.cell.device, "variant": key.cell.variant}
    return {**cell, "repeat": key.repeat, "role": key.role}


def _outcome(event: JobEnded) -> dict[str, Any]:
    match event.result.outcome:
        case Failed(kind=kind, reason=reason):
            return {"outcome": "failed", "kind": kind.value, "reason": reason}
        case Skipped(reason=reason):
            return {"outcome": "skipped", "reason": reason}
        case _:
            return {"outcome": "measured"}


def _time(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
