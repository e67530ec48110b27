"""How the axes of a plan become cells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.cell import Cell, CellPattern, expand_cells

MODELS, SELECTED, VARIANTS = ["small", "big-a", "big-b"], ["Pixel 8", "Pixel 3"], ["cpu", "gpu"]
KNOWN = [*SELECTED, "iPhone 15"]


def cells(**more: list[CellPattern]) -> tuple[Cell, ...]:
    """The cells of the axes above."""
    return expand_cells(MODELS, SELECTED, VARIANTS, known_devices=KNOWN, **more)


def test_all_combinations_come_once_with_models_outermost() -> None:
    found = cells()
    assert len(found) == len(set(found)) == 12
    assert found[:3] == (
        Cell(model="small", device="Pixel 8", variant="cpu"),
        Cell(model="small", device="Pixel 8", variant="gpu"),
        Cell(model="small", device="Pixel 3", variant="cpu"),
    )


def test_excluded_cells_are_left_out_by_all_three_globs_together() -> None:
    left_out = set(cells()) - set(cells(exclude=[CellPattern(model="BIG*", device="Pixel 3*", variant="gpu")]))
    assert left_out == {Cell(model=model, device="Pixel 3", variant="gpu") for model in ("big-a", "big-b")}


def test_included_cells_may_be_on_devices_that_no_selector_picked() -> None:
    found = cells(include=[CellPattern(model="small", device="iPhone*", variant="cpu")])
    assert found[12:] == (Cell(model="small", device="iPhone 15", variant="cpu"),)


def test_what_is_both_excluded_and_included_is_included() -> None:
    found = cells(exclude=[CellPattern()], include=[CellPattern(model="small", device="Pixel 8", variant="cpu")])
    assert found == (Cell(model="small", device="Pixel 8", variant="cpu"),)


def test_a_variant_is_named_only_where_there_is_a_choice() -> None:
    assert str(Cell(model="m", device="d")) == "m on d"
    assert str(Cell(model="m", device="d", variant="gpu")) == "m on d (gpu)"


globs = st.sampled_from(["*", "a", "A*", "b?", "[ab]*", "zzz"])
patterns = st.lists(st.builds(CellPattern, model=globs, device=globs, variant=globs), max_size=3)
names = st.lists(st.sampled_from(["a", "ab", "b", "b1", "c"]), min_size=1, max_size=4, unique=True)


@given(models=names, devices=names, more=names, variants=names, include=patterns, exclude=patterns)
def test_a_cell_is_there_if_it_is_included_or_selected_and_not_excluded(
    models: list[str],
    devices: list[str],
    more: list[str],
    variants: list[str],
    include: list[CellPattern],
    exclude: list[CellPattern],
) -> None:
    known = list(dict.fromkeys(devices + more))
    found = expand_cells(models, devices, variants, known_devices=known, include=include, exclude=exclude)
    assert len(found) == len(set(found))
    for cell in (Cell(model=m, device=d, variant=v) for m in models for d in known for v in variants):
        included = any(pattern.matches(cell) for pattern in include)
        excluded = any(pattern.matches(cell) for pattern in exclude)
        assert (cell in found) is (included or (cell.device in devices and not excluded))


@pytest.mark.parametrize("odd", ["[", "a[", "(a|b)", "\\", "^$"])
def test_signs_that_are_no_globs_mean_themselves(odd: str) -> None:
    assert CellPattern(model=odd).matches(Cell(model=odd, device="d"))
    assert not CellPattern(model=odd).matches(Cell(model="other", device="d"))
