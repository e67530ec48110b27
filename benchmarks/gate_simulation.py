"""How often the gate's rules are right, beside the rules of others: the tables of docs/gates.md, from fixed seeds.

The rules are those that are shipped; the farms are those of gate_worlds.py. Needs scipy for the others' rules.

    python benchmarks/gate_simulation.py [--trials 4000]
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from gate_rules import OTHERS, by_auto, by_control, by_history
from gate_worlds import WORLDS, Farm, World, draw

from orchestrator.domain.changepoint import change_points
from orchestrator.domain.decision import Decision

SEED = 20260131
CHANGES = (0.0, 0.05, 0.10, 0.20)
AT_ONCE = 500
TOLERANCES = (0.05, 0.10, 0.15)
GATE_SIZES = (1, 5, 10, 20, 50)
NIGHTS, CHANGE_NIGHT, FIRST_LOOK, SAME_NIGHTS = 90, 60, 20, 5


def main() -> None:
    """Prints all tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=4000, help="Cells of each world and change (default 4000).")
    trials = parser.parse_args().trials
    _print_rules(trials)
    _print_worlds(trials)
    _print_auto(trials)
    _print_tolerances(trials)
    _print_gates(trials * 10)
    _print_nights(max(20, trials // 20))


def farms(world: World, trials: int, change: float, *, same_day: bool = True, purpose: int = 0) -> Iterator[Farm]:
    """Trials of a world in portions that fit into memory, the same for every rule."""
    for portion in range(-(-trials // AT_ONCE)):
        random = np.random.default_rng([SEED, purpose, round(change * 100), portion])
        yield draw(world, random, trials=AT_ONCE, change=change, same_day=same_day)


def _rate(world: World, trials: int, change: float, rule: Callable[[Farm], np.ndarray], same_day: bool = True) -> float:
    return float(np.mean([rule(farm).mean() for farm in farms(world, trials, change, same_day=same_day)]))


def _print_rules(trials: int) -> None:
    world = WORLDS["typical"]
    rules = [(name, rule, True) for name, rule in OTHERS.items()]
    rules += [(f"**bench**, sessions of {days}", _fails, days == "one day") for days in ("one day", "different days")]
    rows = [
        [name, *(_percent(_rate(world, trials, change, rule, same_day)) for change in CHANGES)]
        for name, rule, same_day in rules
    ]
    _table("Gates that fail on the typical device, %", ["rule", "unchanged", "+5 %", "+10 %", "+20 %"], rows)


def _fails(farm: Farm) -> np.ndarray:
    return np.asarray(by_history(farm) == Decision.FAIL)


def _print_worlds(trials: int) -> None:
    rows = [
        [name, *(_three(world, trials, change, _history) for change in CHANGES), *_control(world, trials)]
        for name, world in WORLDS.items()
    ]
    heads = ["farm", "unchanged", "+5 %", "+10 %", "+20 %", "CONTROL: unchanged", "CONTROL: +10 %"]
    _table("bench: fail / pass / inconclusive, % of cells, sessions of one day", heads, rows)


def _history(farm: Farm, _: int) -> np.ndarray:
    return by_history(farm)


def _control(world: World, trials: int) -> Iterator[str]:
    for change in (0.0, 0.10):
        yield _three(world, trials, change, lambda farm, portion: by_control(farm, pairs_of(world, portion)))


def pairs_of(world: World, portion: int) -> Farm:
    """Ten sessions of a model beside itself for each trial of that portion, as `bench calibrate` takes them."""
    random = np.random.default_rng([SEED, 1, portion])
    return draw(world, random, trials=AT_ONCE, past=1, sessions=10, iterations=25, same_day=False)


def _print_auto(trials: int) -> None:
    rows = [
        [name, *(_three(world, trials, change, partial(_auto, world)) for change in CHANGES)]
        for name, world in WORLDS.items()
    ]
    heads = ["farm", "unchanged", "+5 %", "+10 %", "+20 %"]
    _table("`control: auto`: fail / pass / inconclusive, % of cells, sessions of one day", heads, rows)


def _auto(world: World, farm: Farm, portion: int) -> np.ndarray:
    return by_auto(farm, pairs_of(world, portion))


def _three(world: World, trials: int, change: float, judge: Callable[[Farm, int], np.ndarray]) -> str:
    found = np.concatenate([judge(farm, index) for index, farm in enumerate(farms(world, trials, change))])
    shares = [(found == decision).mean() for decision in (Decision.FAIL, Decision.PASS, Decision.UNDECIDED)]
    return " / ".join(map(_percent, shares))


def _print_tolerances(trials: int) -> None:
    rows = []
    for name in ("quiet NPU", "typical", "days differ", "noisy CPU"):
        row = [name]
        for tolerance in TOLERANCES:

            def judge(farm: Farm, _: int, tolerance: float = tolerance) -> np.ndarray:
                return by_history(farm, tolerance=tolerance)

            row += [_three(WORLDS[name], trials, change, judge) for change in (0.0, 2 * tolerance)]
        rows.append(row)
    heads = [f"{tolerance:.0%}, {what}" for tolerance in TOLERANCES for what in ("unchanged", "slower by twice that")]
    _table("What a tolerance costs: fail / pass / inconclusive, %", ["farm", *heads], rows)


def _print_gates(trials: int) -> None:
    """Cells of one gate are independent here, so the chance of any is that of one, many times."""
    world = WORLDS["typical"]
    rows = []
    for cells in GATE_SIZES:
        row = [str(cells)]
        for same_day in (True, False):

            def fails(farm: Farm, cells: int = cells, same_day: bool = same_day) -> np.ndarray:
                return by_history(farm, independent=not same_day, cells=cells) == Decision.FAIL

            alarms, found = (
                _rate(world, count, change, fails, same_day) for count, change in ((trials, 0.0), (trials // 10, 0.10))
            )
            row += [_percent(1 - (1 - alarms) ** cells), _percent(found)]
        rows.append(row)
    heads = [
        "cells",
        "one day: red, nothing changed",
        "+10 % found",
        "different days: red, nothing changed",
        "+10 % found",
    ]
    _table("Gates of many cells, typical device, %", heads, rows)


def _print_nights(series: int) -> None:
    rows = []
    for name in ("quiet NPU", "typical", "noisy CPU"):
        quiet = [_looks(WORLDS[name], index, 0.0) for index in range(series * 2)]
        alarms = sum(map(len, quiet)) / len(quiet) * 365 / (NIGHTS - FIRST_LOOK)
        rows.append([name, f"{alarms:.2f}", *(_found_after(WORLDS[name], series, change) for change in CHANGES[1:])])
    heads = ["farm", "false alarms per series and year", "+5 %", "+10 %", "+20 %"]
    _table("Change points in nightlies of three jobs: found within 30 nights, % (median nights)", heads, rows)


def _found_after(world: World, series: int, change: float) -> str:
    looks = (_looks(world, index, change) for index in range(series))
    delays = [min(nights) for alarms in looks if (nights := [seen for at, seen in alarms if at >= CHANGE_NIGHT - 3])]
    return f"{_percent(len(delays) / series)} ({np.median(delays) - CHANGE_NIGHT:.0f})" if delays else "0"


def _looks(world: World, index: int, change: float) -> list[tuple[int, int]]:
    """(night of the change, night it was seen) of each alarm for the worse, looking every second night."""
    farm = draw(world, np.random.default_rng([SEED, 2, index]), trials=1, past=NIGHTS, sessions=1, iterations=30)
    series = np.median(farm.past[0], axis=-1).min(axis=-1)
    series[CHANGE_NIGHT:] += np.log1p(change)
    alarms: list[tuple[int, int]] = []
    for night in range(FIRST_LOOK if change == 0 else CHANGE_NIGHT + 1, NIGHTS + 1, 2):
        for point in change_points(series[:night].tolist(), float(np.log1p(0.05))):
            if point.step > 0 and all(abs(point.index - at) > SAME_NIGHTS for at, _ in alarms):
                alarms.append((point.index, night))
    return alarms


def _percent(share: float) -> str:
    return f"{100 * share:.1f}" if 0 < share < 0.0995 else f"{100 * share:.0f}"


def _table(title: str, heads: list[str], rows: list[list[str]]) -> None:
    print(f"\n### {title}\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
