"""What is stored of a run: from the journal, else from its folder's results.json."""

from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.cli.home import DEFAULT_REPORTS, database_url
from orchestrator.domain.report import Report
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.domain.journal import RunEntry
    from orchestrator.history.journal import Journal

LATEST = "latest"


async def stored_report(run: str) -> tuple[Report, Path]:
    """A run's report and its folder. `run` is an id, "latest", a run's folder or a results.json.

    Raises UsageError where nothing of that name is stored.
    """
    path = Path(run)
    for file in (path, path / "results.json", DEFAULT_REPORTS / run / "results.json"):
        if file.is_file():
            from orchestrator.presentation.json_report import load_report

            return load_report(file), file.parent
    return await _journalled(run)


async def _journalled(run: str) -> tuple[Report, Path]:
    from orchestrator.history.journal import open_journal

    async with open_journal(database_url()) as journal:
        entry = await journal.run(await latest_run_id(journal) if run == LATEST else run)
        return await journalled_report(entry, journal)


async def journalled_report(entry: "RunEntry", journal: "Journal") -> tuple[Report, Path]:
    """A run's report from the journal, and its folder: of a detached run a folder of this machine's."""
    from orchestrator.workflow.reports import compared, read_report

    folder = (DEFAULT_REPORTS / entry.run.id).absolute() if entry.run.detached else entry.folder
    return await compared(await read_report(entry, journal), entry, journal), folder


async def latest_run_id(journal: "Journal") -> str:
    """The newest run's id. Raises UsageError where there is none."""
    newest = await journal.runs(limit=1)
    if not newest:
        message = "nothing has been run here yet; 'bench run PLAN' does"
        raise UsageError(message)
    return newest[0].id
