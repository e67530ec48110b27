"""A run's result in a word and in a sentence, the same in every output."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.domain.ranking import Ranking, rank
from orchestrator.domain.report import Report, RunVerdict
from orchestrator.domain.run import Run, RunState
from orchestrator.domain.session import Trust
from orchestrator.presentation.text import interval, plural, quantity, times

_MOST_REASONS = 4
_MOST_TOLD = 3  # models, each in a sentence of its own


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`mark` and `word` say it without colour; `tone` is good, bad or unclear."""

    mark: str
    word: str
    tone: str


VERDICTS: Mapping[RunVerdict, Verdict] = {
    RunVerdict.PASSED: Verdict(mark="✓", word="PASS", tone="good"),
    RunVerdict.MEASURED: Verdict(mark="✓", word="MEASURED", tone="good"),
    RunVerdict.FAILED: Verdict(mark="✕", word="FAIL", tone="bad"),
    RunVerdict.INCOMPLETE: Verdict(mark="✕", word="INCOMPLETE", tone="bad"),
    RunVerdict.NOTHING_MEASURED: Verdict(mark="✕", word="NOTHING MEASURED", tone="bad"),
    RunVerdict.UNDECIDED: Verdict(mark="?", word="UNDECIDED", tone="unclear"),
    RunVerdict.INTERRUPTED: Verdict(mark="?", word="INTERRUPTED", tone="unclear"),
}
_BY_EXIT_CODE = {
    0: Verdict(mark="✓", word="MEASURED", tone="good"),
    4: Verdict(mark="✕", word="NO CLOUD", tone="bad"),
    10: VERDICTS[RunVerdict.FAILED],
    11: VERDICTS[RunVerdict.INCOMPLETE],
    12: VERDICTS[RunVerdict.UNDECIDED],
    130: VERDICTS[RunVerdict.INTERRUPTED],
}
TRUST_MARKS: Mapping[Trust, str] = {Trust.TRUSTED: "✓", Trust.NOISY: "?", Trust.INVALID: "✕"}


def verdict_of(report: Report) -> Verdict:
    """The verdict of a report."""
    return VERDICTS[report.verdict]


def verdict_of_run(run: Run) -> Verdict:
    """What is known of a run without its jobs: by its exit code."""
    if run.exit_code is None:
        word = "INTERRUPTED" if run.state is RunState.INTERRUPTED else "NOT FINISHED"
        return Verdict(mark="?", word=word, tone="unclear")
    return _BY_EXIT_CODE.get(run.exit_code, Verdict(mark="✕", word=f"EXIT {run.exit_code}", tone="bad"))


def evidence(report: Report) -> str:
    """How much was measured and how far to trust it, in one sentence."""
    counts = report.counts
    trusted = sum(1 for cell in report.cells if cell.trust is Trust.TRUSTED)
    failed = f", {counts['failed']:,} failed" if counts["failed"] else ""
    skipped = f", {counts['skipped']:,} skipped" if counts["skipped"] else ""
    return (
        f"{counts['measured']:,} of {plural(counts['planned'], 'job')} measured{failed}{skipped}; "
        f"{trusted:,} of {plural(len(report.cells), 'cell')} trusted."
    )


def sensitivities(report: Report) -> tuple[str, ...]:
    """What the cells' sensitivities rest on, or why they have none, the commonest first."""
    reasons = Counter(cell.sensitivity_reason for cell in report.cells if cell.sensitivity_reason)
    told = reasons.most_common(_MOST_REASONS)
    lines = [
        f"Sensitivity (Sens.), the smallest change to be seen, of {plural(count, 'cell')}: {reason}"
        for reason, count in told
    ]
    more = f"of {plural(len(reasons) - len(told), 'more kind')} in results.json"
    return (*lines, f"Sens. {more}") if len(reasons) > len(told) else tuple(lines)


def answer(report: Report) -> str:
    """What the run found, in one sentence. A device is called fastest only where its jobs' range says so."""
    rankings = rank(report.cells, report.headline)
    if not rankings:
        return "No job delivered a latency."
    is_alone = all(len(ranking.ranked) == 1 for ranking in rankings)
    if len({ranking.model for ranking in rankings}) == 1 or (is_alone and len(rankings) <= _MOST_TOLD):
        return " ".join(map(_answer_for_one, rankings))
    if is_alone:
        least, *_, most = sorted(ranking.best.summary.value for ranking in rankings)
        return (
            f"{len(rankings):,} models take {quantity(least, 'ms')} to {quantity(most, 'ms')}, each in one place alone."
        )
    clear = {(ranking.best.cell.cell.device, ranking.model) for ranking in rankings if ranking.is_clear}
    wins = Counter(device for device, _ in clear)
    models = plural(len({ranking.model for ranking in rankings}), "model")
    if not wins:
        return f"No device is clearly the fastest for any of {models}: their jobs scatter too much to tell."
    device, count = wins.most_common(1)[0]
    return f"{device} is clearly the fastest device for {count} of {models}."


def _answer_for_one(ranking: Ranking) -> str:
    best, places = ranking.best, plural(len(ranking.ranked), "place")
    where = str(best.cell.cell).removeprefix(f"{ranking.model} on ")
    found = f"{ranking.subject} takes {quantity(best.summary.value, 'ms')} on {where}"
    spread = f" ({interval(best.summary)} over {plural(best.summary.n, 'job')})" if best.summary.n > 1 else ""
    if len(ranking.ranked) == 1:
        return f"{found}{spread}."
    if not ranking.is_clear:
        return f"{found}{spread}, not clearly faster than the next of {places}."
    return f"{found}{spread}, clearly the fastest of {places}; the slowest takes {times(ranking.worst.ratio)} as long."
