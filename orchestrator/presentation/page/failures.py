"""Failures by cause: what has one kind and one reason is one entry, however many jobs it hit."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from orchestrator.domain.job import JobResult
from orchestrator.domain.outcome import Failed, Skipped
from orchestrator.domain.report import Report
from orchestrator.presentation.text import plural

_MOST_CELLS = 12
_MOST_FILES = 6
_MOST_GROUPS = 40
_REASON_CHARACTERS = 4000


@dataclass(frozen=True, kw_only=True)
class SavedFile:
    """A raw file. `link` leads to it from the run's folder, "" where its name is not one of a file below that."""

    name: str
    link: str


@dataclass(frozen=True, kw_only=True)
class FailureGroup:
    """One cause: which jobs it hit, how often they were tried, and the raw files that were saved."""

    kind: str
    note: str
    reason: str
    jobs: str
    attempts: str
    cells: tuple[str, ...]
    more_cells: str
    files: tuple[SavedFile, ...]
    more_files: str


@dataclass(frozen=True, kw_only=True)
class Failures:
    """The most frequent causes first. `recovered` tells of attempts that failed before a job was measured."""

    groups: tuple[FailureGroup, ...]
    more_groups: str
    recovered: str


def failures(report: Report) -> Failures:
    """The section; `groups` is empty where every job was measured."""
    found: dict[tuple[str, str, str], list[JobResult]] = defaultdict(list)
    for job in report.jobs:
        match job.outcome:
            case Failed(kind=kind, reason=reason):
                note = "infrastructure: tried again" if kind.is_infrastructure else "the model's own: not tried again"
                found[kind.replace("_", " "), note, reason].append(job)
            case Skipped(reason=reason):
                found["skipped", "never submitted", reason].append(job)
    ordered = sorted(found.items(), key=lambda item: -len(item[1]))
    hidden = len(ordered) - _MOST_GROUPS
    return Failures(
        groups=tuple(_group(*cause, jobs) for cause, jobs in ordered[:_MOST_GROUPS]),
        more_groups=f"{plural(hidden, 'more cause')} in results.json." if hidden > 0 else "",
        recovered=_recovered(report.jobs),
    )


def _group(kind: str, note: str, reason: str, jobs: list[JobResult]) -> FailureGroup:
    cells = list(dict.fromkeys(f"{job.key.cell}{' (control)' if job.key.control else ''}" for job in jobs))
    files = [file for job in jobs for attempt in job.attempts for file in attempt.files]
    return FailureGroup(
        kind=kind,
        note=note,
        reason=reason[:_REASON_CHARACTERS],
        jobs=plural(len(jobs), "job"),
        attempts=plural(sum(len(job.attempts) for job in jobs), "attempt"),
        cells=tuple(cells[:_MOST_CELLS]),
        more_cells=_more(cells, _MOST_CELLS),
        files=tuple(SavedFile(name=file, link=_link(file)) for file in files[:_MOST_FILES]),
        more_files=_more(files, _MOST_FILES),
    )


def _link(file: str) -> str:
    """The file as a relative address; quoted, so that a name can neither leave the folder nor name a scheme."""
    inside = file.startswith("artifacts/") and ".." not in file.split("/")
    return quote(file.encode("utf-8", "replace"), safe="/") if inside else ""


def _more(items: list[str], shown: int) -> str:
    return f"and {len(items) - shown:,} more" if len(items) > shown else ""


def _recovered(jobs: Iterable[JobResult]) -> str:
    """Attempts that failed without costing the job."""
    retried = [job for job in jobs if job.measured and len(job.attempts) > 1]
    if not retried:
        return ""
    extra = sum(len(job.attempts) - 1 for job in retried)
    return f"{plural(len(retried), 'job')} needed {plural(extra, 'more attempt')} and then delivered."
