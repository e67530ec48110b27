"""A coroutine's result comes back untouched."""

import pytest

from orchestrator.cli.awaited import awaited


class Large:
    def __repr__(self) -> str:
        pytest.fail("nobody asked for it in words")


def test_a_result_is_never_described_in_words() -> None:
    large = Large()

    async def work() -> Large:
        return large

    assert awaited(work()) is large


def test_what_a_coroutine_raises_is_raised() -> None:
    async def work() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        awaited(work())
