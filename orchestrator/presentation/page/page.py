"""The whole page as values: one field a section."""

from dataclasses import dataclass

from orchestrator.domain.report import Report
from orchestrator.presentation.page.again import Again, again
from orchestrator.presentation.page.alerts import Alerts, alerts
from orchestrator.presentation.page.cells import CellsTable, cells_table
from orchestrator.presentation.page.changes import Changes, changes
from orchestrator.presentation.page.conditions import Conditions, conditions
from orchestrator.presentation.page.failures import Failures, failures
from orchestrator.presentation.page.gates import Gates, gates
from orchestrator.presentation.page.layers import Layers, layers
from orchestrator.presentation.page.matrix import LEGEND, Matrix, matrices
from orchestrator.presentation.page.names import metric_label
from orchestrator.presentation.page.overview import Contest, Share, Tile, contests, tiles, trust_strip
from orchestrator.presentation.page.strips import ModelStrips, model_strips
from orchestrator.presentation.page.timeline import PHASES, Timeline, timeline
from orchestrator.presentation.text import duration, moment
from orchestrator.presentation.verdict import Verdict, answer, evidence, sensitivities, verdict_of


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the template places."""

    verdict: Verdict
    answer: str
    evidence: str
    facts: tuple[tuple[str, str], ...]
    headline: str
    tiles: tuple[Tile, ...]
    trust: tuple[Share, ...]
    changes: Changes | None
    contests: tuple[Contest, ...]
    matrices: tuple[Matrix, ...]
    legend: tuple[tuple[str, str], ...]
    strips: tuple[ModelStrips, ...]
    layers: Layers
    failures: Failures
    timeline: Timeline
    phases: tuple[str, ...]
    conditions: Conditions
    alerts: Alerts
    gates: Gates
    again: Again
    cells: CellsTable
    sensitivities: tuple[str, ...]
    notices: tuple[str, ...]
    command: str
    plan_text: str


def page_of(report: Report) -> Page:
    """Works the page out."""
    return Page(
        verdict=verdict_of(report),
        answer=answer(report),
        evidence=evidence(report),
        facts=_facts(report),
        headline=metric_label(report.headline),
        tiles=tiles(report),
        trust=trust_strip(report),
        changes=changes(report),
        contests=contests(report),
        matrices=matrices(report),
        legend=LEGEND,
        strips=model_strips(report),
        layers=layers(report),
        failures=failures(report),
        timeline=timeline(report),
        phases=PHASES,
        conditions=conditions(report),
        alerts=alerts(report),
        gates=gates(report),
        again=again(report),
        cells=cells_table(report),
        sensitivities=sensitivities(report),
        notices=report.notices,
        command=report.command,
        plan_text=report.plan_text,
    )


def _facts(report: Report) -> tuple[tuple[str, str], ...]:
    run = report.run
    took = duration((run.ended_at - run.started_at).total_seconds()) if run.ended_at else "not finished"
    baseline = (("Baseline", report.comparison.baseline.id),) if report.comparison else ()
    return (
        ("Run", run.id),
        *baseline,
        ("Started", moment(run.started_at)),
        ("Took", took),
        ("Project", run.project),
        ("Cloud", run.cloud),
        ("Plan", f"sha256 {run.plan_sha256[:12]}"),
        ("Tool", f"bench {run.tool_version}"),
        ("Exit code", "–" if run.exit_code is None else str(run.exit_code)),
    )
