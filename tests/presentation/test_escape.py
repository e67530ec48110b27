"""Foreign text in each output language."""

import unicodedata
from xml.etree.ElementTree import Element, fromstring, tostring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.presentation.escape import csv_text, markdown, one_line, printable

anything = st.text(st.characters(exclude_categories=[]))


@given(anything)
def test_printable_text_has_no_controls_and_fits_into_xml(text: str) -> None:
    safe = printable(text)
    assert not [c for c in safe if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"]
    assert not set(safe) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")
    element = Element("a")
    element.text = safe
    assert fromstring(tostring(element)).text == (safe or None)


@given(anything, st.integers(5, 50))
def test_one_line_is_one_short_line(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert not set(line) & set("\n\r\t")


@pytest.mark.parametrize("before", ["", " ", "\t", "\n", "\r\n"])
@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_a_formula_is_defused(before: str, sign: str) -> None:
    written = csv_text(f"{before}{sign}1\n+1")
    assert written.startswith("'")
    assert written.endswith(f"{sign}1 +1")
    assert csv_text("a" + sign) == "a" + sign


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b", "a\\|b"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("a & b", "a &amp; b"),
        ("`code` *b* _i_", "\\`code\\` \\*b\\* \\_i\\_"),
        ("[x](javascript:1)", "\\[x\\]\\(javascript:1\\)"),
        ("# head\nnext", "\\# head next"),
        ("@team", "@\u200bteam"),
        ("https://a.example", "https:\u200b//a.example"),
        ("~~no~~ \\", "\\~\\~no\\~\\~ \\\\"),
    ],
)
def test_markdown_says_only_what_it_says(text: str, written: str) -> None:
    assert markdown(text) == written
