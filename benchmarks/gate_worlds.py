"""Device farms that do not exist, with known noise and a known change: what the gate's rules are tried on.

A job's latency is a product, so its logarithm is a sum: the change that a rule should find, what a session's jobs share
(the day), the device of the pool that a job lands on, the job's own draw, a slow state that some jobs run in from
beginning to end, and within the job iterations that depend on each other, spikes, a cold first one and, in some jobs,
heat that builds up. All standard deviations are of logarithms: 0.02 is about 2 %.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Logs = NDArray[np.float64]
Random = np.random.Generator

POOL = 8  # devices of a model that jobs land on at random
_DEPENDENCE = 0.3  # of an iteration on the one before
_SPIKES, _SPIKE = 0.02, (1.3, 2.5)
_COLD = 0.3
_HEAT_BEGINS, _HEAT_GROWS = (0.2, 0.8), 0.2


@dataclass(frozen=True, kw_only=True)
class World:
    """A farm. `slow` and `heat` are the ranges of what slow and heated jobs lose (or, below 0, win), as fractions.

    `tails` are the degrees of freedom of a job's own draw (infinite: a normal distribution); `memory` is how much a
    day is like the day before.
    """

    day: float
    device: float
    job: float
    slow_jobs: float
    within: float
    heated_jobs: float
    slow: tuple[float, float] = (0.10, 0.40)
    heat: tuple[float, float] = (0.10, 0.40)
    tails: float = math.inf
    memory: float = 0.0


WORLDS = {
    "quiet NPU": World(
        day=0.003, device=0.003, job=0.005, slow_jobs=0.05, slow=(0.10, 0.25), within=0.02, heated_jobs=0.01
    ),
    "typical": World(day=0.015, device=0.015, job=0.020, slow_jobs=0.05, within=0.04, heated_jobs=0.05),
    "hot": World(day=0.015, device=0.015, job=0.020, slow_jobs=0.10, within=0.04, heated_jobs=0.40),
    "days differ": World(day=0.030, device=0.010, job=0.010, slow_jobs=0.05, within=0.04, heated_jobs=0.05),
    "noisy CPU": World(
        day=0.020, device=0.030, job=0.030, slow_jobs=0.33, slow=(0.30, 0.80), within=0.08, heated_jobs=0.10
    ),
    "some jobs boosted": World(
        day=0.015, device=0.0, job=0.020, slow_jobs=0.10, slow=(-0.15, -0.10), within=0.04, heated_jobs=0.05
    ),
    "heavy tails": World(day=0.015, device=0.0, job=0.030, slow_jobs=0.0, within=0.04, heated_jobs=0.05, tails=3.0),
    "days drift": World(day=0.025, device=0.0, job=0.020, slow_jobs=0.0, within=0.04, heated_jobs=0.05, memory=0.8),
}


@dataclass(frozen=True, kw_only=True)
class Farm:
    """Iterations in logs of many independent trials: past (trials, sessions, jobs, iterations), now, and control.

    The control ran beside the new sessions: the same day and the same device.
    """

    past: Logs
    now: Logs
    control: Logs


def draw(
    world: World,
    random: Random,
    *,
    trials: int,
    change: float = 0.0,
    past: int = 20,
    sessions: int = 3,
    jobs: int = 3,
    iterations: int = 50,
    same_day: bool = True,
) -> Farm:
    """Trials of a cell whose latest sessions are slower by `change`; all of them of one day if `same_day`."""
    devices = random.standard_normal((trials, POOL)) * world.device
    days = _days(world, random, trials, past + (1 if same_day else sessions))
    own = own_noise(world, random, (trials, past, jobs))
    before = days[:, :past, None] + _device_of(devices, random, past, jobs) + own
    place = days[:, past:, None] + _device_of(devices, random, sessions, jobs)
    shape = (trials, sessions, jobs)
    now, control = (place + own_noise(world, random, shape) for _ in range(2))
    return Farm(
        past=with_iterations(world, random, before, iterations),
        now=with_iterations(world, random, now + math.log1p(change), iterations),
        control=with_iterations(world, random, control, iterations),
    )


def _days(world: World, random: Random, trials: int, count: int) -> Logs:
    days = random.standard_normal((trials, count))
    for index in range(1, count if world.memory else 0):
        days[:, index] = world.memory * days[:, index - 1] + math.sqrt(1 - world.memory**2) * days[:, index]
    return days * world.day


def _device_of(devices: Logs, random: Random, sessions: int, jobs: int) -> Logs:
    chosen = random.integers(0, POOL, (len(devices), sessions * jobs))
    return np.take_along_axis(devices, chosen, axis=1).reshape(len(devices), sessions, jobs)


def own_noise(world: World, random: Random, shape: tuple[int, ...]) -> Logs:
    """What is a job's own: its draw, and the slow state that some jobs are in."""
    normal = math.isinf(world.tails)
    own = (random.standard_normal(shape) if normal else random.standard_t(world.tails, shape)) * world.job
    return own + (random.random(shape) < world.slow_jobs) * np.log1p(random.uniform(*world.slow, shape))


def with_iterations(world: World, random: Random, jobs: Logs, count: int) -> Logs:
    """The iterations of each job, as one more axis."""
    found = random.standard_normal((*jobs.shape, count))
    for index in range(1, count):
        found[..., index] *= math.sqrt(1 - _DEPENDENCE**2)
        found[..., index] += _DEPENDENCE * found[..., index - 1]
    found *= world.within
    spikes = random.random(found.shape) < _SPIKES
    found[spikes] += np.log(random.uniform(*_SPIKE, int(spikes.sum())))
    found[..., 0] += _COLD
    heated = random.random(jobs.shape) < world.heated_jobs
    begin = random.uniform(*_HEAT_BEGINS, int(heated.sum())) * count
    gain = np.log1p(random.uniform(*world.heat, int(heated.sum())))
    ramp = np.clip((np.arange(count) - begin[:, None]) / (_HEAT_GROWS * count), 0, 1)
    found[heated] += gain[:, None] * ramp
    return found + jobs[..., None]
