"""Step times of made-up trainings: families of runs of one configuration, from a seed.

Each family has a plan of its own: so many steps, a time per step, noise with memory, an evaluation
now and then, and in a third of the families a schedule that changes the time per step. Each run of
it has a compilation, a speed and noise of its own.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

CHANGING = 1 / 3
"""Share of families whose time per step changes on the way."""

SPEED_SPREAD = 0.05
"""Standard deviation of a run's speed, in logarithms: machines and neighbours differ so much."""


@dataclass(frozen=True, slots=True)
class TimedRun:
    """When each step of one run was made."""

    points: tuple[tuple[float, int], ...]
    """Steps made and nanoseconds of training by then, from (0, 0) on; pauses are not in it."""
    pauses: tuple[tuple[float, int], ...]
    """Steps made when an evaluation began, and its nanoseconds."""


@dataclass(frozen=True, slots=True)
class _Plan:
    steps: int
    base_seconds: float
    noise: float
    turns: tuple[tuple[float, float], ...]
    """From this share of the steps on, a step takes so many times the base."""
    pause_every: int
    pause_seconds: float


def make_family(chance: random.Random, count: int) -> list[TimedRun]:
    """*count* runs of one configuration.

    >>> one, other = make_family(random.Random(1), 2)
    >>> len(one.points) == len(other.points), one.points == other.points
    (True, False)
    """
    steps = chance.choice((50, 100, 200, 400))
    base = 10 ** chance.uniform(-1, 2)
    turns = sorted((chance.uniform(0.05, 0.95), chance.uniform(0.5, 3)) for _ in range(3))
    plan = _Plan(
        steps=steps,
        base_seconds=base,
        noise=chance.uniform(0.002, 0.05),
        turns=tuple(turns) if chance.random() < CHANGING else (),
        pause_every=chance.choice((0, steps // 10)),
        pause_seconds=base * chance.uniform(1, 10),
    )
    return [_made_run(chance, plan) for _ in range(count)]


def _made_run(chance: random.Random, plan: _Plan) -> TimedRun:
    speed, drift = math.exp(chance.gauss(0, SPEED_SPREAD)), 0.0
    at = plan.base_seconds * speed * chance.uniform(0, 20)  # it compiles
    points, pauses = [(0.0, 0)], []
    for step in range(1, plan.steps + 1):
        drift = 0.9 * drift + chance.gauss(0, plan.noise)
        noise = math.exp(drift + chance.gauss(0, plan.noise))
        at += plan.base_seconds * speed * _factor(plan.turns, step / plan.steps) * noise
        points.append((float(step), round(at * 1e9)))
        if plan.pause_every and step % plan.pause_every == 0:
            seconds = plan.pause_seconds * speed * math.exp(chance.gauss(0, SPEED_SPREAD))
            pauses.append((float(step), round(seconds * 1e9)))
    return TimedRun(tuple(points), tuple(pauses))


def _factor(turns: Sequence[tuple[float, float]], progress: float) -> float:
    return next((size for since, size in reversed(turns) if since < progress), 1.0)
