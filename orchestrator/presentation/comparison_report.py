"""A comparison for the terminal, for Markdown and for programs. As a page it is a part of the report's own."""

import json
from collections.abc import Iterator
from typing import TextIO

from pydantic import TypeAdapter
from rich.text import Text

from orchestrator.domain.comparison import CellComparison, Comparison, Standing
from orchestrator.presentation.changes import (
    WORDS,
    change_interval,
    layers_behind,
    method_of,
    patterns,
    standing_word,
    summary_of,
)
from orchestrator.presentation.escape import markdown
from orchestrator.presentation.terminal import add_row, open_console, plain, table
from orchestrator.presentation.text import change, number, plural

MOST_ROWS = 60
_COMPARISON = TypeAdapter(Comparison)
_STYLES = {Standing.WORSE: "red", Standing.LOST: "red", Standing.BETTER: "green", Standing.UNCLEAR: "yellow"}


def comparison_json(comparison: Comparison) -> str:
    """The comparison for programs, in ASCII."""
    return json.dumps(_COMPARISON.dump_python(comparison, mode="json"), indent=1)


def print_comparison(comparison: Comparison, *, stream: TextIO) -> None:
    """The comparison in the terminal, worst first, with the layers behind what changed."""
    console = open_console(stream)
    shown = table("", "Cell", "Baseline:", "Now:", "Change:", "Interval", "Jobs:")
    cells = comparison.cells[:MOST_ROWS]
    for found in cells:
        mark, *texts = _columns(found, comparison.metric)
        add_row(shown, [Text(mark, style=_STYLES.get(found.standing, "")), *texts])
    console.print(plain(f"{comparison.metric}: {comparison.run_id} against {comparison.baseline.id}"))
    if cells:
        console.print(shown)
    if len(cells) < len(comparison.cells):
        console.print(plain(f"… and {plural(len(comparison.cells) - len(cells), 'more cell')}; --format json has all"))
    for found in cells:
        if found.standing in (Standing.WORSE, Standing.BETTER) and (words := layers_behind(found, comparison.metric)):
            console.print(Text(WORDS[found.standing].mark), plain(f"{found.name}: {words}"))
    for line in (*patterns(comparison), *(f"not the same: {text}" for text in comparison.differences)):
        console.print(plain(line))
    console.print(plain(summary_of(comparison)))
    console.print(plain(method_of(comparison), style="dim"))


def _columns(found: CellComparison, metric: str) -> tuple[str, ...]:
    """A cell as texts: mark and word, name, baseline, now, change, interval, jobs."""
    head = f"{WORDS[found.standing].mark} {standing_word(found.standing, metric)}"
    told = found.changes.get(metric)
    if told is None:
        return (head, found.name, "–", "–", "–", "", "")
    jobs = f"{told.baseline.n} / {told.value.n}"
    numbers = (number(told.baseline.value), number(told.value.value), change(told.change))
    return (head, found.name, *numbers, change_interval(told), jobs)


def comparison_markdown(comparison: Comparison) -> str:
    """The comparison on its own, for a comment or a step summary."""
    return "\n".join(markdown_lines(comparison, title="##")) + "\n"


def markdown_lines(comparison: Comparison, *, title: str = "###", most: int = 0) -> Iterator[str]:
    """The lines of the comparison, worst first; of the cells at most `most` (0: all)."""
    yield f"{title} Against {markdown(comparison.baseline.id)} ({markdown(comparison.metric)})"
    yield from ("", markdown(summary_of(comparison)))
    for line in (*patterns(comparison), *(f"Not the same: {text}" for text in comparison.differences)):
        yield f"- {markdown(line)}"
    yield from ("", "|  | Cell | Baseline | Now | Change | Interval | Jobs | Layers |")
    yield "|---|---|--:|--:|--:|---|--:|---|"
    cells = comparison.cells[:most] if most else comparison.cells
    for found in cells:
        texts = (*_columns(found, comparison.metric), layers_behind(found, comparison.metric))
        yield f"| {' | '.join(markdown(text) for text in texts)} |"
    if len(cells) < len(comparison.cells):
        yield from ("", f"*{plural(len(comparison.cells) - len(cells), 'more cell')} in results.json.*")
    yield from ("", f"<sub>{markdown(method_of(comparison))}</sub>")
