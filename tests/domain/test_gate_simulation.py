"""The shipped rules on simulated farms, from fixed seeds: they neither cry wolf nor pass without proof."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from orchestrator.domain.decision import Decision

TRIALS = 2000


def shares(simulation: SimpleNamespace, world: str, change: float, **draw: Any) -> dict[Decision, float]:
    """Which share of the cells ends in each decision."""
    farms = simulation.tables.farms(simulation.worlds.WORLDS[world], TRIALS, change, **draw)
    found = np.concatenate([simulation.rules.by_history(farm) for farm in farms])
    return {decision: float((found == decision).mean()) for decision in Decision}


@pytest.mark.parametrize("world", ["quiet NPU", "typical"])
def test_an_unchanged_model_does_not_fail_and_a_slower_one_does(simulation: SimpleNamespace, world: str) -> None:
    assert shares(simulation, world, 0.0)[Decision.FAIL] <= 0.01
    slower = shares(simulation, world, 0.10)
    assert slower[Decision.FAIL] >= 0.95
    assert slower[Decision.PASS] <= 0.01


@pytest.mark.parametrize("world", ["hot", "days differ", "noisy CPU", "days drift"])
def test_on_no_farm_does_a_slower_model_pass(simulation: SimpleNamespace, world: str) -> None:
    assert shares(simulation, world, 0.10)[Decision.PASS] <= 0.01
    assert shares(simulation, world, 0.0)[Decision.FAIL] <= 0.05


@pytest.mark.parametrize("same_day", [True, False])
def test_a_gate_of_many_unchanged_cells_is_seldom_red(simulation: SimpleNamespace, same_day: bool) -> None:
    farms = list(simulation.tables.farms(simulation.worlds.WORLDS["typical"], 20_000, 0.0, same_day=same_day))
    for cells in (10, 50):
        fails = [
            simulation.rules.by_history(farm, independent=not same_day, cells=cells) == Decision.FAIL for farm in farms
        ]
        gates = np.concatenate(fails)[: 20_000 // cells * cells].reshape(-1, cells)
        assert gates.any(axis=-1).mean() <= 0.05, cells


def test_the_rules_of_others_do_worse_on_the_same_cells(simulation: SimpleNamespace) -> None:
    world = simulation.worlds.WORLDS["typical"]
    alarms, found = (
        {
            name: np.mean([rule(farm).mean() for farm in simulation.tables.farms(world, 1000, change)])
            for name, rule in simulation.rules.OTHERS.items()
        }
        for change in (0.0, 0.10)
    )
    for name in simulation.rules.OTHERS:
        assert alarms[name] > 0.10 or found[name] < 0.60, name


def test_control_sees_through_days_that_differ(simulation: SimpleNamespace) -> None:
    worlds, rules = simulation.worlds, simulation.rules
    world, random = worlds.WORLDS["days differ"], np.random.default_rng(1)
    pairs = worlds.draw(world, random, trials=1000, past=1, sessions=10, same_day=False)
    for change, least, decision in ((0.0, 0.95, Decision.PASS), (0.10, 0.99, Decision.FAIL)):
        farm = worlds.draw(world, random, trials=1000, past=1, change=change)
        assert (rules.by_control(farm, pairs) == decision).mean() >= least


def test_where_history_is_open_control_settles_most_and_errs_no_more(simulation: SimpleNamespace) -> None:
    worlds, rules, tables = simulation.worlds.WORLDS, simulation.rules, simulation.tables

    def ends(world: str, change: float, trials: int) -> dict[str, dict[Decision, float]]:
        """Which share of the cells ends in each decision, with the old model and without."""
        found: dict[str, list[Any]] = {"auto": [], "never": []}
        for portion, farm in enumerate(tables.farms(worlds[world], trials, change)):
            found["auto"].append(rules.by_auto(farm, tables.pairs_of(worlds[world], portion)))
            found["never"].append(rules.by_history(farm))
        return {
            name: {decision: float((np.concatenate(parts) == decision).mean()) for decision in Decision}
            for name, parts in found.items()
        }

    unchanged, slower = ends("typical", 0.0, TRIALS), ends("typical", 0.10, TRIALS)
    assert unchanged["auto"][Decision.FAIL] <= max(0.01, unchanged["never"][Decision.FAIL])
    assert unchanged["auto"][Decision.UNDECIDED] < 0.5 * unchanged["never"][Decision.UNDECIDED]
    assert slower["auto"][Decision.FAIL] >= max(0.98, slower["never"][Decision.FAIL])
    assert slower["auto"][Decision.PASS] <= 0.01
    assert ends("noisy CPU", 0.10, 1000)["auto"][Decision.PASS] <= 0.02
