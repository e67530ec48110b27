"""reports/index.html: the runs, newest first, and each cell's trend over the runs of its plan."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from orchestrator.domain.report import RunVerdict
from orchestrator.domain.run import Run
from orchestrator.presentation.html_report import render
from orchestrator.presentation.index_cache import RunDigest
from orchestrator.presentation.text import duration, moment
from orchestrator.presentation.trends import plan_trends
from orchestrator.presentation.verdict import VERDICTS, Verdict, verdict_of_run


@dataclass(frozen=True, kw_only=True)
class IndexRow:
    """One run. `link` is relative to the index, "" where there is no report; `jobs` is "" where nothing is known."""

    run: Run
    verdict: Verdict
    link: str
    started: str
    took: str
    jobs: str


def to_index(runs: Iterable[Run], with_report: Collection[str], digests: Mapping[str, RunDigest] | None = None) -> str:
    """The page; `with_report` holds the ids of the runs whose report is there to link to."""
    digests = digests or {}
    ordered = sorted(runs, key=lambda run: run.started_at, reverse=True)
    rows = [_row(run, run.id in with_report, digests.get(run.id)) for run in ordered]
    return render("index.html.j2", style="page.css", script="", rows=rows, plans=plan_trends(ordered, digests))


def _row(run: Run, has_report: bool, digest: RunDigest | None) -> IndexRow:
    known = digest and digest.word in list(RunVerdict) and run.exit_code is not None
    return IndexRow(
        run=run,
        verdict=VERDICTS[RunVerdict(digest.word)] if digest and known else verdict_of_run(run),
        link=f"{run.id}/report.html" if has_report else "",
        started=moment(run.started_at),
        took=duration((run.ended_at - run.started_at).total_seconds() if run.ended_at else None),
        jobs=f"{digest.measured:,}/{digest.planned:,}" if digest else "",
    )
