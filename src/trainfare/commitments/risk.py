"""Risk: what a commitment may save or lose when demand is not what it was.

Hours are drawn again in blocks of a week, so that the rhythm of days and the length of trainings
stay; a level, drawn once a scenario, makes all of them larger or smaller.
What is paid in an hour depends on nothing outside it, so a scenario is a sum of hours.

Source: H. Künsch, "The jackknife and the bootstrap for general stationary observations" (1989), for
blocks; R. T. Rockafellar and S. Uryasev, "Optimization of conditional value-at-risk" (2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainfare.commitments.application import apply
from trainfare.commitments.demand import Demand
from trainfare.commitments.offer import Holding

BLOCK_HOURS = 168
SCENARIOS = 500
TAIL = 0.05
"""The worst share of scenarios, over which the conditional value at risk is the mean."""
LEVELS = 9
"""Levels of demand that are priced; a scenario takes the nearest."""


@dataclass(frozen=True, slots=True)
class Risk:
    """Savings over scenarios, each as a share of what on demand would cost."""

    mean: float
    low: float
    """Of a hundred scenarios, five save less."""
    high: float
    """Of a hundred scenarios, five save more."""
    tail: float
    """The mean of the worst five of a hundred: the conditional value at risk."""
    loss_probability: float


def assess(
    demand: Demand,
    bought: Sequence[Holding],
    held: Sequence[Holding] = (),
    *,
    spread: float = 0.3,
    seed: int = 0,
) -> Risk:
    """What *bought* saves beside *held* over scenarios of *demand*.

    Args:
        demand: the hours that scenarios are drawn from.
        bought: what may be bought.
        held: what is held already.
        spread: standard deviation of the logarithm of the level of demand; 0 keeps the level.
        seed: the same seed draws the same scenarios.

    Laws: buying nothing has no risk and no saving; the tail is at most the low, that at most the mean.
    """
    random = np.random.default_rng(seed)
    levels = np.exp(np.linspace(-2.5, 2.5, LEVELS) * spread) if spread > 0 else np.ones(1)
    savings, bases = zip(*(_hourly(demand, bought, held, level) for level in levels), strict=True)
    hours = demand.hours
    block = min(BLOCK_HOURS, hours)
    count = -(-hours // block)
    shares = np.empty(SCENARIOS)
    for number in range(SCENARIOS):
        starts = random.integers(0, hours - block + 1, count)
        drawn = (starts[:, None] + np.arange(block)).reshape(-1)
        level = random.normal() * spread
        at = int(np.abs(np.log(levels) - level).argmin())
        base = float(bases[at][drawn].sum())
        shares[number] = float(savings[at][drawn].sum()) / base if base > 0 else 0.0
    shares.sort()
    worst = max(1, int(SCENARIOS * TAIL))
    return Risk(
        mean=float(shares.mean()),
        low=float(np.quantile(shares, TAIL)),
        high=float(np.quantile(shares, 1 - TAIL)),
        tail=float(shares[:worst].mean()),
        loss_probability=float((shares < 0).mean()),
    )


def _hourly(
    demand: Demand, bought: Sequence[Holding], held: Sequence[Holding], level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is saved, and what is paid without buying, in each hour at a *level* of demand."""
    spend = np.rint(demand.spend_nano * level).astype(np.int64)
    scaled = Demand(demand.first_hour, demand.columns, spend, demand.currency)
    without, with_ = (
        (one.used_nano + one.unused_nano).sum(axis=1) + one.on_demand_nano.sum(axis=1)
        for one in (apply(scaled, held), apply(scaled, [*held, *bought]))
    )
    base = spend.sum(axis=1).astype(np.float64)
    return (without - with_).astype(np.float64), base


def stop_loss_premium(
    demand: Demand, bought: Sequence[Holding], *, month_hours: int = 730
) -> float:
    """The fair price a month, in units, of never paying more than on demand would have cost.

    The mean over every month of history, whenever it begins in a day, of what the commitment cost
    beyond on-demand. A quoted fee above it is the insurer's margin.
    """
    saved, _ = _hourly(demand, bought, (), 1.0)
    month = min(month_hours, demand.hours)
    sums = np.concatenate([[0.0], np.cumsum(saved)])
    monthly = (sums[month:] - sums[:-month])[::24]
    return float(np.maximum(0.0, -monthly).mean()) / 1e9 * (month_hours / month)
