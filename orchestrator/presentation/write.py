"""Writes a run's files, each whole or not at all: to a temporary name first, then renamed over the old one."""

import io
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from orchestrator.domain.report import Report
from orchestrator.domain.run import Run
from orchestrator.presentation.console import print_report
from orchestrator.presentation.csv_report import gates_to_csv, to_csv
from orchestrator.presentation.html_report import to_html
from orchestrator.presentation.index import to_index
from orchestrator.presentation.index_cache import CACHE, digests, dump_digests
from orchestrator.presentation.json_report import report_pieces
from orchestrator.presentation.junit import to_junit
from orchestrator.presentation.summary import to_markdown

Text = str | Iterable[str]  # whole, or piece by piece

WRITERS: dict[str, Callable[[Report], Text]] = {
    "results.json": report_pieces,  # first: the source, should the others fail
    "results.csv": to_csv,
    "gates.csv": gates_to_csv,
    "junit.xml": to_junit,
    "summary.md": to_markdown,
    "report.html": to_html,
}


_FILES = {"json": "results.json", "csv": "results.csv", "junit": "junit.xml", "md": "summary.md", "html": "report.html"}


def rendered(report: Report, form: str, folder: Path) -> str:
    """One form of the report as text: json, csv, junit, md, html, or text as the terminal shows it."""
    if form == "text":
        text = io.StringIO()
        print_report(report, folder, stream=text)
        return text.getvalue()
    return "".join(_pieces(WRITERS[_FILES[form]](report)))


def write_reports(report: Report, folder: Path) -> tuple[Path, ...]:
    """Writes every form of the report into `folder`, made where missing. The paths written, the source first."""
    return tuple(write_text(folder / name, writer(report)) for name, writer in WRITERS.items())


def write_index(runs: Sequence[Run], reports_folder: Path, written: Report | None = None) -> Path:
    """Writes `index.html`, the runs with links to the reports that are there, and what it keeps for the next time.

    `written` is the report that `write_reports` has just written, if it was one of them.
    """
    with_report = {run.id for run in runs if (reports_folder / run.id / "report.html").is_file()}
    found = digests(runs, reports_folder, written)
    write_text(reports_folder / CACHE, dump_digests(found))
    return write_text(reports_folder / "index.html", to_index(runs, with_report, found))


def write_text(path: Path, text: Text) -> Path:
    """Writes the file whole: a reader sees the old one or the new one. What UTF-8 cannot hold becomes "?"."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(piece.encode("utf-8", "replace") for piece in _pieces(text))
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def _pieces(text: Text) -> Iterable[str]:
    return [text] if isinstance(text, str) else text
