"""What changed against the baseline, in words: the same in the terminal, in Markdown and on the page."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.domain.cell import Cell
from orchestrator.domain.comparison import CellComparison, Change, Comparison, Standing
from orchestrator.domain.layer_cause import fate_words, likely_cause
from orchestrator.domain.layer_match import LayerChange, LayerFate
from orchestrator.presentation.text import change as signed
from orchestrator.presentation.text import number, percent, plural

_WORST_LAYERS = 3


@dataclass(frozen=True, kw_only=True)
class Word:
    """A mark that says it without colour, and the word for latencies and memory."""

    mark: str
    word: str


WORDS: Mapping[Standing, Word] = {
    Standing.WORSE: Word(mark="▲", word="worse"),
    Standing.LOST: Word(mark="✕", word="no result any more"),
    Standing.BETTER: Word(mark="▼", word="better"),
    Standing.UNCLEAR: Word(mark="?", word="unclear"),
    Standing.UNLIKE: Word(mark="≠", word="not the same kind of file"),
    Standing.FOUND: Word(mark="+", word="has a result now"),
    Standing.ADDED: Word(mark="+", word="only in this run"),
    Standing.REMOVED: Word(mark="–", word="only in the baseline"),
    Standing.SAME: Word(mark="·", word="the same"),
    Standing.UNMEASURED: Word(mark="✕", word="no result in either"),
}
FATES: Mapping[LayerFate, str] = {
    LayerFate.SLOWER: "slower",
    LayerFate.FASTER: "faster",
    LayerFate.MOVED: "moved to another unit",
    LayerFate.FUSED: "fused",
    LayerFate.SPLIT: "split",
    LayerFate.APPEARED: "appeared",
    LayerFate.GONE: "gone",
    LayerFate.SAME: "the same",
}


def standing_word(standing: Standing, metric: str) -> str:
    """The word for a standing: of a time, worse is slower."""
    if standing in (Standing.WORSE, Standing.BETTER) and metric.endswith("_ms"):
        return "slower" if standing is Standing.WORSE else "faster"
    return WORDS[standing].word


def change_interval(change: Change) -> str:
    """The interval of a change: "+3.1% to +8.0%"; says where the jobs are too few for one."""
    if change.low is None or change.high is None:
        return "–"
    if min(change.value.n, change.baseline.n) < 2:
        return "one job a side"
    return f"{signed(change.low)} to {signed(change.high)}"


def summary_of(comparison: Comparison) -> str:
    """The whole comparison in one sentence."""
    counts = comparison.counts
    told = [f"{count:,} {standing_word(standing, comparison.metric)}" for standing, count in counts.items() if count]
    if not told:
        return "Neither run has a cell that could be compared."
    overall = (
        f" Overall (geometric mean of the cells): {signed(comparison.overall)}."
        if comparison.overall is not None
        else ""
    )
    return f"{plural(len(comparison.cells), 'cell')}: {', '.join(told)}.{overall}"


def method_of(comparison: Comparison) -> str:
    """How the intervals were made and what they do not say."""
    return (
        "The interval is that of the ratio between the jobs of both sides (Hodges-Lehmann, 90% where the jobs are "
        f"enough). A change counts where all of its interval lies beyond {percent(comparison.threshold)}. It tells two "
        "runs apart; on the same device two runs of one model differ by themselves."
    )


def patterns(comparison: Comparison) -> tuple[str, ...]:
    """What many changed cells have in common, as sentences: a model or a device on which at least half changed."""
    compared = [found for found in comparison.cells if found.cell and comparison.metric in found.changes]
    axes: tuple[tuple[Callable[[Cell], str], str], ...] = ((lambda c: c.model, "device"), (lambda c: c.device, "model"))
    return tuple(
        sentence for name_of, across in axes for sentence in _patterns(compared, name_of, across, comparison.metric)
    )


def _patterns(
    compared: Sequence[CellComparison], name_of: Callable[[Cell], str], across: str, metric: str
) -> Iterator[str]:
    groups: dict[str, list[CellComparison]] = defaultdict(list)
    for found in compared:
        if found.cell:
            groups[name_of(found.cell)].append(found)
    for name, cells in groups.items():
        for standing in (Standing.WORSE, Standing.BETTER):
            hit = [found.changes[metric].change or 0.0 for found in cells if found.standing is standing]
            if len(hit) >= 2 and 2 * len(hit) >= len(cells):
                where = f"{len(hit):,} of {plural(len(cells), across)}"
                reach = f"{signed(min(hit))} to {signed(max(hit))}"
                yield f"{WORDS[standing].mark} {name} is {standing_word(standing, metric)} on {where}: {reach}."


def layer_words(layers: Sequence[LayerChange]) -> str:
    """The layers that explain most of a change, in words; "" where no layer changed."""
    told = [layer for layer in layers if layer.fate is not LayerFate.SAME]
    if not told:
        return ""
    more = len(told) - _WORST_LAYERS
    words = [_layer_word(layer) for layer in told[:_WORST_LAYERS]]
    return "; ".join(words) + (f"; and {plural(more, 'more layer')}" if more > 0 else "")


def _layer_word(layer: LayerChange) -> str:
    share = f", {percent(layer.share)} of it" if layer.share is not None else ""
    return f"{layer.name} {fate_words(layer)} ({difference_ms(layer)} ms{share})"


def cause_words(found: CellComparison, metric: str) -> str:
    """What likely made the cell slower or faster, by its layers; "" where it is the same, or they do not tell."""
    told = found.changes.get(metric)
    is_changed = found.standing in (Standing.WORSE, Standing.BETTER) and metric.startswith("latency_")
    return likely_cause(found.layers, told.change) if told and is_changed else ""


def layers_behind(found: CellComparison, metric: str) -> str:
    """The likely cause of a change, then the layers that changed most; "" where the cell is the same."""
    if found.standing is Standing.SAME:
        return ""
    return "; ".join(filter(None, (cause_words(found, metric), layer_words(found.layers))))


def difference_ms(layer: LayerChange) -> str:
    """What a layer adds to the inference in ms, with its sign."""
    difference = layer.difference_us / 1000
    return ("+" if difference > 0 else "") + number(difference)
