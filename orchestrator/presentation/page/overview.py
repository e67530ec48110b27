"""The top of the page: tiles, the strip of how far to trust, and the fastest and slowest place of each model."""

from dataclasses import dataclass

from orchestrator.domain.ranking import Ranked, Ranking, rank
from orchestrator.domain.report import Report
from orchestrator.domain.session import Trust
from orchestrator.presentation.page.names import place
from orchestrator.presentation.text import duration, interval, number, plural, times
from orchestrator.presentation.verdict import TRUST_MARKS

_NARROWEST = 2.0  # the bars' axis reaches at least this ratio, so that a few percent do not look like much


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One number with what it counts. `tone` is "" or "bad" or "unclear"."""

    value: str
    label: str
    tone: str = ""


@dataclass(frozen=True, kw_only=True)
class Share:
    """A part of the strip of trust, in percent."""

    trust: str
    x: str
    width: str
    label: str


@dataclass(frozen=True, kw_only=True)
class End:
    """The fastest or the slowest place of a model, with its evidence."""

    place: str
    value: str
    interval: str
    trust: str
    mark: str


@dataclass(frozen=True, kw_only=True)
class Contest:
    """A model's fastest and slowest place. `bar` is the width of the ratio's bar in percent of the widest.

    `is_clear`: the fastest is told apart from the next.
    """

    subject: str
    places: str
    fastest: End
    slowest: End
    ratio: str
    bar: str
    is_clear: bool


def tiles(report: Report) -> tuple[Tile, ...]:
    """The six numbers of the run as a whole."""
    counts, run = report.counts, report.run
    by_trust = _by_trust(report)
    missing = counts["planned"] - counts["measured"]
    took = (run.ended_at - run.started_at).total_seconds() if run.ended_at else None
    models, devices = ({getattr(cell.cell, axis) for cell in report.cells} for axis in ("model", "device"))
    return (
        Tile(
            value=f"{len(models):,} × {len(devices):,}", label=f"models × devices, {plural(len(report.cells), 'cell')}"
        ),
        Tile(value=f"{counts['measured']:,}", label=f"of {plural(counts['planned'], 'job')} measured"),
        Tile(value=f"✓ {by_trust[Trust.TRUSTED]:,}", label="cells trusted"),
        Tile(value=f"? {by_trust[Trust.NOISY]:,}", label="cells noisy or partly measured", tone="unclear"),
        Tile(value=f"✕ {missing:,}", label="jobs without a result", tone="bad" if missing else ""),
        Tile(value=duration(took), label="from start to end"),
    )


def trust_strip(report: Report) -> tuple[Share, ...]:
    """The cells by trust, side by side, in percent of all."""
    by_trust, total = _by_trust(report), len(report.cells) or 1
    shares: list[Share] = []
    x = 0.0
    for trust, count in by_trust.items():
        width = 100 * count / total
        if count:
            label = f"{TRUST_MARKS[trust]} {trust} {count:,}"
            shares.append(Share(trust=trust, x=f"{x:.2f}", width=f"{width:.2f}", label=label))
        x += width
    return tuple(shares)


def _by_trust(report: Report) -> dict[Trust, int]:
    return {trust: sum(1 for cell in report.cells if cell.trust is trust) for trust in Trust}


def contests(report: Report) -> tuple[Contest, ...]:
    """One row a model, in the plan's order."""
    rankings = rank(report.cells, report.headline)
    widest = max(_NARROWEST, *(ranking.worst.ratio for ranking in rankings), 0.0)
    return tuple(_contest(ranking, widest) for ranking in rankings)


def _contest(ranking: Ranking, widest: float) -> Contest:
    return Contest(
        subject=ranking.subject,
        places=f"{len(ranking.ranked):,}",
        fastest=_end(ranking.best),
        slowest=_end(ranking.worst),
        ratio=times(ranking.worst.ratio) if len(ranking.ranked) > 1 else "",
        bar=f"{100 * ranking.worst.ratio / widest:.2f}",
        is_clear=ranking.is_clear,
    )


def _end(ranked: Ranked) -> End:
    return End(
        place=place(ranked.cell.cell),
        value=number(ranked.summary.value),
        interval=interval(ranked.summary),
        trust=ranked.cell.trust,
        mark=TRUST_MARKS[ranked.cell.trust],
    )
