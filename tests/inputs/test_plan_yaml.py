"""YAML as plans are read: plain values with their places, nothing that builds, grows or surprises."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import PlanError
from orchestrator.inputs.safe_yaml import MAX_DEPTH, MAX_NODES, read_yaml
from orchestrator.inputs.text_file import MAX_BYTES, read_text_file
from orchestrator.inputs.yaml_tree import place_of, plain, without

MIB = 1 << 20


def value_of(text: str) -> Any:
    """What `text` means as the value of a key."""
    tree, problems = read_yaml(f"key: {text}", "plan.yaml")
    assert problems == []
    return plain(tree)["key"]


def mistakes(text: str) -> list[str]:
    """All that is wrong with the text, as its user reads it."""
    try:
        return [str(problem) for problem in read_yaml(text, "p")[1]]
    except PlanError as error:
        return [str(problem) for problem in error.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-3", -3),
        ("0", 0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ('"1"', "1"),
        ("'true'", "true"),
        ("text", "text"),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    assert value_of(text) == value
    assert type(value_of(text)) is type(value) or isinstance(value, float)


WORDS = ["yes", "No", "on", "OFF", "=", ".inf", "-.inf", ".nan", "NaN"]
NEARLY_NUMBERS = [
    "010",
    "0o17",
    "0x1F",
    "0b1",
    "1_000",
    "12:30",
    "12:30:45",
    "2026-01-31",
    "+5",
    "1.2.3",
    "9" * 30,
    "٣",
]


@pytest.mark.parametrize("text", [*WORDS, *NEARLY_NUMBERS, "9" * 30, "1e99999"])
def test_whatever_old_yaml_would_have_guessed_stays_text(text: str) -> None:
    assert value_of(text) == text


@pytest.mark.parametrize("text", ["1.10", "2.0", "1e3", "0.30", "-1.50"])
def test_a_decimal_fraction_remembers_how_it_was_written(text: str) -> None:
    assert value_of(text).written == text


# without the characters that YAML does not allow, or takes for the ends of lines
words = st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), max_size=6)
keys = words.filter(lambda key: key != "<<")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | words,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=3),
    max_leaves=10,
)


@given(value=st.dictionaries(keys, json_values, max_size=4))
def test_json_is_read_as_it_was_written(value: dict[str, Any]) -> None:
    tree, problems = read_yaml(json.dumps(value, ensure_ascii=False), "p")
    assert problems == []
    assert plain(tree) == value


@given(text=st.text(alphabet=st.sampled_from(list(" \n\t-:?[]{}&*!|>'\"%@`#,<~abc01.\\é\x00")), max_size=60))
@settings(max_examples=400)
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        tree, problems = read_yaml(text, "p")
        assert isinstance(plain(tree), dict)
    except PlanError as error:
        problems = list(error.problems) or pytest.fail("refused without a reason")
    lines = text.count("\n") + text.count("\r") + 2
    assert all(0 <= problem.line <= lines and problem.message for problem in problems)


def test_every_value_and_key_knows_its_place() -> None:
    tree, _ = read_yaml("name: x\nmodels:\n  - a\n  - {path: b, é: 1}\n", "p")
    assert str(place_of(tree, ("name",))) == "line 1, column 7"
    assert str(place_of(tree, ("models", 0))) == "line 3, column 5"
    assert str(place_of(tree, ("models", 1, "path"))) == "line 4, column 12"
    assert str(place_of(tree, ("models", 1, "é"), key=True)) == "line 4, column 15"
    assert str(place_of(tree, ("models", 0, "path"))) == "line 3, column 5"
    assert str(place_of(tree, ("nothing",))) == "line 1, column 1"


def test_a_tree_without_some_of_its_entries_keeps_the_places_of_the_others() -> None:
    tree, _ = read_yaml("a: 1\nb:\n  - x\n  - y\nc:\n  - z\n", "p")
    rest = without(tree, {("a",), ("b", 0), ("c", 0)})
    assert plain(rest) == {"b": ["y"]}
    assert str(place_of(rest, ("b", 0))) == "line 4, column 5"


def test_a_modest_anchor_is_fine() -> None:
    tree, problems = read_yaml("a: &x {n: 1}\nb: *x\nc: {<<: *x, m: 2}\nd: {n: 3, <<: [*x, {o: 4}]}\n", "p")
    assert problems == []
    assert plain(tree) == {"a": {"n": 1}, "b": {"n": 1}, "c": {"n": 1, "m": 2}, "d": {"n": 3, "o": 4}}


def bomb(levels: int) -> str:
    """Ten references to ten references to ..., as the billion laughs."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "a: [1\nb: 2\n",
            "p:2:2: not valid YAML: expected ',' or ']', but got ':' (while parsing a flow sequence",
        ),
        ("a: {b: 1\nc: 2", "p:2:2: not valid YAML: expected ',' or '}', but got ':' "),
        (
            "a: 1\n\tb: 2",
            "p:2:1: not valid YAML: found character '\\t' that cannot start any token (indent with spaces)",
        ),
        ("a: 'x", "p:1:6: not valid YAML: found unexpected end of stream"),
        ("a: 1\n b: 2", "p:2:3: not valid YAML: mapping values are not allowed here"),
        ("a: \x07", "p:1:4: the character U+0007 is not allowed in YAML"),
        ("a: 1\nb: \x00", "p:2:4: the character U+0000 is not allowed in YAML"),
        ("a: 1\nb: 2\na: 3", "p:3:1: 'a' is already given in line 1, column 1"),
        ("a: {b: 1, 'b': 2}", "p:1:11: 'b' is already given in line 1, column 5"),
        ("- a", "p:1:1: a plan is a mapping: lines such as 'name: nightly'"),
        ("text", "p:1:1: a plan is a mapping"),
        ("", "p: the plan is empty"),
        ("# only this\n", "p: the plan is empty"),
        ("a: !!python/object/apply:os.system [ls]", "p:1:4: the tag 'tag:yaml.org,2002:python/object/apply:os.system'"),
        ("a: !!str 1", "p:1:4: the tag 'tag:yaml.org,2002:str' is not read"),
        ("a: ! x", "p:1:4: the tag '!' is not read"),
        ("a: 1\n---\nb: 2", "p:2:1: a second document begins"),
        ("? [a]\n: 1", "p:1:3: a key must be a word"),
        ("<<: 5", "p:1:5: << takes in mappings"),
        ("a: *b", "p:1:4: *b has no anchor &b before it"),
        ("a: &a [*a]", "p:1:8: *a has no anchor &a before it"),
        (bomb(9), "more than 20,000 values, with its aliases written out"),
        ("a: " + "[" * 100_000, f"nested deeper than {MAX_DEPTH} levels"),
        ("- " * 100_000, f"nested deeper than {MAX_DEPTH} levels"),
        ("x0: &x0 {b: 1}\n" + "".join(f"x{n}: &x{n} [*x{n - 1}]\n" for n in range(1, 40)), "nested deeper"),
        ("a:\n" + "  - x\n" * (MAX_NODES + 1), "more than 20,000 values"),
    ],
    ids=lambda text: text[:30],
)
def test_what_is_not_read_is_told_with_its_place(text: str, said: str) -> None:
    assert any(said in mistake for mistake in mistakes(text)), mistakes(text)


def test_several_mistakes_are_told_together() -> None:
    assert len(mistakes("a: 1\na: 2\nb: !!int 3\nb: 4\n")) == 3


@pytest.mark.parametrize(
    "text",
    [
        "# comment\n" * (MIB // 10),
        "a: " + "x " * (MIB // 2 - 2),
        'a: "' + "\\n" * (MIB // 2 - 3) + '"',
        "- a\n" * (MIB // 4),
        "".join(f"&a{n} k{n}: 1\n" for n in range(MIB // 20)),
        "{" * MIB,
        "? " * (MIB // 2),
        "k" * (MIB - 3) + ": 1",
    ],
    ids=["comments", "words", "escapes", "entries", "anchors", "braces", "questions", "one key"],
)
def test_a_whole_mebibyte_of_anything_is_done_with_in_seconds(text: str) -> None:
    began = time.process_time()
    mistakes(text)
    assert time.process_time() - began < 15


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def written(data: bytes) -> Callable[[Path], Path]:
    def make(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return make


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path, ": there is no such file ('bench init' writes a plan to start from)"),
        (folder, ": this is a folder"),
        (pipe, ": not a regular file"),
        (lambda path: written(b"x")(path) / "below.yaml", "cannot be read: not a directory"),
        (lambda path: path.with_name("x" * 300), "cannot be read: file name too long"),
        (written(b"#" * (MAX_BYTES + 1)), ": larger than 1 MiB"),
        (written(b"a: 1\nb: \xff"), ":2:4: not UTF-8 text (save it as UTF-8)"),
        (written("a: 1".encode("utf-16")), ":1:1: not UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_why(make: Callable[[Path], Path], said: str, tmp_path: Path) -> None:
    path = make(tmp_path / "plan.yaml")
    with pytest.raises(PlanError) as caught:
        read_text_file(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_a_file_of_just_a_mebibyte_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    path = written(b"\xef\xbb\xbfa: 1\n" + b"#" * (MAX_BYTES - 8))(tmp_path / "plan.yaml")
    assert read_text_file(path).startswith("a: 1\n")
