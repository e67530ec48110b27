"""Tables in the terminal: lines drawn at once are what rich draws cell by cell."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orchestrator.presentation import terminal
from orchestrator.presentation.terminal import LineTable, add_row, table

WORDS = st.text(st.sampled_from("ab é–表👍🏽▁█\u0301:"), max_size=12) | st.text(max_size=8)
STYLED = st.builds(Text, WORDS.map(lambda text: " ".join(text.split())), style=st.sampled_from(["", "bold red"]))
STEERING = re.compile(r"\x1b\[[0-9;]*m")


def drawn(shown: Table, width: int, encoding: str = "utf-8", *, colours: bool = False) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace", newline="")
    console = Console(
        file=file, width=width, markup=False, highlight=False, emoji=False, force_terminal=colours, legacy_windows=False
    )
    console.print(shown)
    file.seek(0)
    return file.read()


@given(
    heads=st.lists(st.sampled_from(["", "Run", "Took:", "表:", "Newest last"]), min_size=1, max_size=5),
    rows=st.data(),
    width=st.integers(10, 120),
    encoding=st.sampled_from(["utf-8", "ascii"]),
)
def test_a_table_is_drawn_as_rich_draws_it(heads: list[str], rows: st.DataObject, width: int, encoding: str) -> None:
    cells = rows.draw(st.lists(st.tuples(*[WORDS | STYLED for _ in heads]), max_size=4))
    shown = table(*heads)
    for row in cells:
        add_row(shown, row)
    whole = drawn(shown, width, encoding)
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(LineTable, "__rich_console__")
        assert whole == drawn(shown, width, encoding)
    assert STEERING.sub("", drawn(shown, width, encoding, colours=True)) == whole


def test_verdicts_keep_their_colours_and_heads_are_bold() -> None:
    shown = table("Run", "Result")
    add_row(shown, ["r1", Text("passed", style=terminal.TONES["good"])])
    text = drawn(shown, 80, colours=True)
    assert "\x1b[1mRun\x1b[0m" in text
    assert "\x1b[1;32mpassed\x1b[0m" in text
    assert "\x1b" not in drawn(shown, 80)
