"""File names made from what users and clouds have named: safe, readable, and never two things in one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.naming import file_slug

HOSTILE = ["", ".", "..", "/", "../../etc/passwd", "a\0b", "con", "\x1b[2J", "é" * 500, "-rf", "a b"]


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_leaves_the_folder(name: str) -> None:
    slug = file_slug(name, name)
    assert slug.isascii()
    assert not set(slug) & set("/\\\0\x1b :*?")
    assert not slug.startswith((".", "-"))
    assert len(slug) < 255


def test_it_can_be_read() -> None:
    assert file_slug("resnet50", "Samsung Galaxy S24", "default", "1").startswith(
        "resnet50-Samsung_Galaxy_S24-default-1-"
    )


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_different_names_make_different_files(one: list[str], other: list[str]) -> None:
    assert (file_slug(*one) == file_slug(*other)) == (one == other)
