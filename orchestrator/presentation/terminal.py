"""The terminal as a place to write tables: what is foreign comes in as plain text and can steer nothing.

rich honours NO_COLOR and knows by itself whether the stream is a terminal and how wide.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, TextIO, cast

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from orchestrator.presentation.escape import no_workflow_command, one_line

PIPE_WIDTH = 120  # where there is no terminal to ask
TONES = {"good": "bold green", "bad": "bold red", "unclear": "bold yellow"}  # of a verdict


def open_console(stream: TextIO) -> Console:
    """A console that takes no markup from texts. Signs the stream's encoding lacks become "?".

    In GitHub Actions, where a line can be a command, none is.
    """
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure and (getattr(stream, "encoding", "") or "").lower().replace("-", "") != "utf8":
        reconfigure(errors="replace")
    width = None if stream.isatty() else PIPE_WIDTH
    if os.environ.get("GITHUB_ACTIONS") == "true":
        stream = cast("TextIO", _WithoutCommands(stream))
    return _Console(file=stream, markup=False, emoji=False, highlight=False, width=width)


class _Console(Console):
    """Goes on in silence where whoever read it has gone: a run ends as it would, and its exit code is its own."""

    def on_broken_pipe(self) -> None:
        """Sends all that follows nowhere; rich would end the program."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


class _WithoutCommands:
    """A stream on which foreign names can be no workflow commands, however a table breaks them into lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes the text made harmless."""
        return self._stream.write(no_workflow_command(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def plain(text: str, style: str = "") -> Text:
    """Foreign text as one harmless line."""
    return Text(one_line(text), style=style)


class LineTable(Table):
    """Draws line by line where every cell fits on one, just as rich does cell by cell in five times the time."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns = [cast("list[Text]", [column.header, *column.cells]) for column in self.columns]
        widths = [max(cell_len(text.plain) for text in column) for column in columns]
        drawn = [width + 1 + (0 < place < len(widths) - 1) for place, width in enumerate(widths)]  # with their padding
        box = SIMPLE_HEAD.substitute(options, safe=console.safe_box)  # another where a stream takes nothing but ASCII
        is_simple = box is SIMPLE_HEAD and len(columns) > 1 and min(widths) > 0 and not (self.title or self.expand)
        is_wide = sum(drawn) + len(drawn) + 1 > options.max_width
        if not is_simple or is_wide or any(text.spans for text in chain(*columns)):
            yield from super().__rich_console__(console, options)
            return
        heads, *rows = zip(*columns, strict=True)
        rights = [column.justify == "right" for column in self.columns]
        yield Segment(f"{box.get_top(drawn)}\n")
        yield from _line(heads, widths, rights, lambda _: console.get_style("table.header"))
        yield Segment(f"{box.get_row(drawn, 'head')}\n")
        for row in rows:
            yield from _line(row, widths, rights, lambda text: console.get_style(text.style) if text.style else None)
        yield Segment(f"{box.get_bottom(drawn)}\n")


def _line(
    cells: Sequence[Text], widths: Sequence[int], rights: Sequence[bool], style_of: Callable[[Text], Style | None]
) -> Iterator[Segment]:
    before = " "
    for text, width, is_right in zip(cells, widths, rights, strict=True):
        space = " " * (width - cell_len(text.plain))
        left, right = (space, "") if is_right else ("", space)
        yield Segment(before + left)
        yield Segment(text.plain, style_of(text))
        before = right + "   "
    yield Segment(right + " \n")


def table(*heads: str, title: str = "", expand: bool = False) -> Table:
    """A table without lines between columns. A head that ends with ":" is a column of numbers, never wrapped."""
    made = LineTable(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False, expand=expand)
    for head in heads:
        is_number = head.endswith(":")
        made.add_column(
            Text(head.rstrip(":")),
            justify="right" if is_number else "left",
            no_wrap=is_number,
            overflow="fold",
        )
    return made


def add_row(to: Table, cells: Sequence[str | Text]) -> None:
    """Adds a row; texts are taken as foreign."""
    to.add_row(*(cell if isinstance(cell, Text) else plain(cell) for cell in cells))
