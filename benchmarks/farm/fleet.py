"""The devices of the simulated cloud: how many, how long their jobs take, and how their latencies scatter."""

import zlib
from dataclasses import dataclass

import numpy as np
from gate_worlds import POOL, WORLDS, Logs, own_noise, with_iterations

from farm.models import Traits

ITERATIONS = 50
LATENCY_MS = (5.0, 50.0)  # of the reference model, from the fastest device to the slowest
WITHOUT_MEMORY = tuple(name for name, world in WORLDS.items() if not world.memory)  # here every night is drawn anew


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a cloud is started with.

    Seconds are of a device's time; `time_scale` times as many pass by the clock. `run_s` is the range of what a job
    of the reference model runs, from the fastest device to the slowest; a single job differs by `run_spread` (a
    standard deviation of the logarithm). `queue_s` passes before a job is there for its device, `prepare_s` before it
    runs, `publish_s` from its end until its results can be fetched; an IOS device is STOPPING for `stopping_s` more.
    Every `ios_every`th device is one (0: none). `world` is one of WITHOUT_MEMORY.
    """

    devices: int = 10
    run_s: tuple[float, float] = (20.0, 60.0)
    run_spread: float = 0.05
    queue_s: float = 1.0
    prepare_s: float = 2.0
    publish_s: float = 0.5
    stopping_s: float = 5.0
    ios_every: int = 5
    time_scale: float = 1.0
    world: str = "typical"
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class Device:
    """One device: its name, its platform, and how slow it is, from 0 (the fastest) to 1."""

    name: str
    platform: str
    slowness: float


def fleet(terms: Terms) -> tuple[Device, ...]:
    """The devices, the same for the same seed."""
    slowness = np.random.default_rng([terms.seed, 0]).random(terms.devices)
    return tuple(
        Device(
            name=f"simulated-{number:04d}",
            platform="IOS" if terms.ios_every and number % terms.ios_every == 0 else "ANDROID",
            slowness=float(place),
        )
        for number, place in enumerate(slowness, 1)
    )


@dataclass(frozen=True, kw_only=True)
class Course:
    """What one job will be like: how long it runs, in a device's seconds, and what each iteration takes."""

    run_s: float
    latencies_ms: Logs


def course(terms: Terms, device: Device, traits: Traits, *, night: int, number: int) -> Course:
    """The fate of a device's job, the night's `number`th (from 1) of that model: whatever else runs changes nothing."""
    world = WORLDS[terms.world]
    dice = _dice(terms, device, traits, night, number)
    units = _dice(terms, device, traits).standard_normal(POOL)
    day = _dice(terms, device, traits, night).standard_normal() * world.day
    job = day + units[dice.integers(POOL)] * world.device + own_noise(world, dice, (1,))
    base = np.log(_between(LATENCY_MS, device.slowness) * traits.slower)
    run_s = _between(terms.run_s, device.slowness) * traits.run * np.exp(dice.standard_normal() * terms.run_spread)
    return Course(run_s=float(run_s), latencies_ms=np.exp(base + with_iterations(world, dice, job, ITERATIONS)[0]))


def _dice(terms: Terms, device: Device, traits: Traits, *which: int) -> np.random.Generator:
    return np.random.default_rng(
        [terms.seed, *(zlib.crc32(name.encode()) for name in (device.name, traits.role)), *which]
    )


def _between(low_high: tuple[float, float], place: float) -> float:
    """The value at a place from 0 to 1 of a range, by ratios."""
    low, high = low_high
    return float(low * (high / low) ** place)
