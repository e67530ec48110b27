"""What the list of runs needs of each run, kept in one small file, so that a thousand results are not read again.

`reports/.index.json` is a cache and nothing else: entries whose results.json changed are read anew, and a cache that
is missing, broken or of another version is made anew. Cells are kept for the newest runs of a plan only.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from orchestrator.domain.cell import Cell
from orchestrator.domain.report import Report
from orchestrator.domain.run import Run
from orchestrator.domain.statistics import Summary
from orchestrator.errors import UsageError
from orchestrator.presentation.json_report import load_report

CACHE = ".index.json"
MOST_RUNS = 60  # runs of a plan that a trend is drawn over
_VERSION = 3
_LARGEST_BYTES = 200_000_000


@dataclass(frozen=True, kw_only=True)
class CellPoint:
    """A cell's headline metric in one run. `alert`: the run opened or resolved one about it, or "".

    Of a converted model the cell is another one, named so.
    """

    cell: Cell
    summary: Summary
    alert: str = ""


@dataclass(frozen=True, kw_only=True)
class RunDigest:
    """The little of a run that the list shows. `stamp` tells whether its results.json is still the same."""

    stamp: tuple[int, int]
    word: str
    planned: int
    measured: int
    metric: str = ""
    points: tuple[CellPoint, ...] = ()


_DIGESTS = TypeAdapter(dict[str, RunDigest])


def digests(runs: Sequence[Run], folder: Path, written: Report | None = None) -> Mapping[str, RunDigest]:
    """The digest of each run that has a readable results.json, from the cache where that is current.

    The report that was just `written` there is not read again, for a large one fills the memory.
    """
    known = _read(folder / CACHE)
    with_cells = _newest(runs)
    at_hand = {written.run.id: written} if written else {}
    found = {}
    for run in runs:
        results = folder / run.id / "results.json"
        digest = _digest(results, known.get(run.id), at_hand.get(run.id), run.id in with_cells)
        if digest:
            found[run.id] = digest
    return found


def dump_digests(found: Mapping[str, RunDigest]) -> str:
    """The cache's text."""
    return json.dumps({"version": _VERSION, "runs": _DIGESTS.dump_python(dict(found), mode="json")})


def _newest(runs: Iterable[Run]) -> set[str]:
    """The runs that trends are drawn over."""
    seen: Counter[tuple[str, str]] = Counter()
    newest = set()
    for run in sorted(runs, key=lambda run: run.started_at, reverse=True):
        seen[run.project, run.plan] += 1
        if seen[run.project, run.plan] <= MOST_RUNS:
            newest.add(run.id)
    return newest


def _read(path: Path) -> Mapping[str, RunDigest]:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            return {}
        data: Any = json.loads(path.read_bytes())
        return _DIGESTS.validate_python(data["runs"]) if data["version"] == _VERSION else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ValidationError):
        return {}  # a cache that cannot be read is made anew


def _digest(results: Path, known: RunDigest | None, written: Report | None, with_cells: bool) -> RunDigest | None:
    try:
        stat = results.stat()
    except OSError:
        return None
    stamp = (stat.st_mtime_ns, stat.st_size)
    if known and known.stamp == stamp and (known.points or not with_cells or not known.measured):
        return known if with_cells else _without_cells(known)
    try:
        return _made(written or load_report(results), stamp, with_cells)
    except UsageError:
        return None  # the run is listed all the same, by what the journal knows of it


def _without_cells(digest: RunDigest) -> RunDigest:
    return RunDigest(stamp=digest.stamp, word=digest.word, planned=digest.planned, measured=digest.measured)


def _made(report: Report, stamp: tuple[int, int], with_cells: bool) -> RunDigest:
    metric = report.headline
    found = ((cell, cell.metric(metric)) for cell in report.cells) if with_cells else ()
    alerts = {alert.cell: "resolved" for alert in report.resolved_alerts if alert.metric == metric}
    alerts |= {alert.cell: "opened" for alert in report.new_alerts if alert.metric == metric}
    return RunDigest(
        stamp=stamp,
        word=report.verdict,
        planned=report.counts["planned"],
        measured=report.counts["measured"],
        metric=metric,
        points=tuple(
            CellPoint(cell=replace(of.cell, model=of.subject), summary=summary, alert=alerts.get(of.cell, ""))
            for of, summary in found
            if summary
        ),
    )
