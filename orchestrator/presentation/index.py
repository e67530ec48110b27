"""reports/index.html: the runs, newest first."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from orchestrator.domain.run import Run
from orchestrator.presentation.html_report import render
from orchestrator.presentation.text import duration, moment
from orchestrator.presentation.verdict import Verdict, verdict_of_run


@dataclass(frozen=True, kw_only=True)
class IndexRow:
    """One run. `link` is relative to the index, "" where there is no report."""

    run: Run
    verdict: Verdict
    link: str
    started: str
    took: str


def to_index(runs: Iterable[Run], with_report: Collection[str]) -> str:
    """The page; `with_report` holds the ids of the runs whose report is there to link to."""
    ordered = sorted(runs, key=lambda run: run.started_at, reverse=True)
    rows = [
        IndexRow(
            run=run,
            verdict=verdict_of_run(run),
            link=f"{run.id}/report.html" if run.id in with_report else "",
            started=moment(run.started_at),
            took=duration((run.ended_at - run.started_at).total_seconds() if run.ended_at else None),
        )
        for run in ordered
    ]
    return render("index.html.j2", style="page.css", script="", rows=rows)
