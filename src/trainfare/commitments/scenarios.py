"""Scenarios: demand as it may come, drawn from history, and what amounts would save in each.

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

from trainfare.commitments.demand import Demand
from trainfare.commitments.estimate import Estimator
from trainfare.commitments.merged import Floats
from trainfare.commitments.offer import Holding, Offer
from trainfare.commitments.portfolio import amounts_of, bought_of, improved, keeps, needs_of
from trainfare.commitments.single import NO_LIMITS, Limits
from trainfare.core.errors import BadInput

BLOCK_HOURS = 168
SCENARIOS = 500
TAIL = 0.05
"""The worst share of scenarios, over which the conditional value at risk is the mean."""
LEVELS = 9
"""Levels of demand that are priced; a scenario takes the nearest."""
SPREAD = 0.3
"""Standard deviation of the logarithm of the level of demand."""


@dataclass(frozen=True)
class Draws:
    """S scenarios of B blocks: where each block begins, and the level of each scenario."""

    starts: NDArray[np.intp]
    level: NDArray[np.intp]
    levels: Floats
    block: int

    def sums(self, hourly: Sequence[Floats]) -> Floats:
        """(S,) sums of what there is in each hour, given at each level."""
        found = np.empty(len(self.starts))
        for at, values in enumerate(hourly):
            until = np.concatenate([[0.0], np.cumsum(values)])
            mine = self.starts[self.level == at]
            found[self.level == at] = (until[mine + self.block] - until[mine]).sum(axis=1)
        return found


def draw(hours: int, *, spread: float = SPREAD, seed: int = 0) -> Draws:
    """Draw :data:`SCENARIOS` scenarios of some *hours*; the same seed draws the same."""
    random = np.random.default_rng(seed)
    levels = np.exp(np.linspace(-2.5, 2.5, LEVELS) * spread) if spread > 0 else np.ones(1)
    block = min(BLOCK_HOURS, hours)
    starts = random.integers(0, hours - block + 1, (SCENARIOS, -(-hours // block)))
    wanted = random.normal(size=SCENARIOS) * spread
    level = np.abs(np.log(levels)[None, :] - wanted[:, None]).argmin(axis=1)
    return Draws(starts, level, levels, block)


class Scenarios:
    """What amounts of *offers* save beside what is *held*, over drawn scenarios of *demand*."""

    def __init__(
        self,
        demand: Demand,
        offers: Sequence[Offer],
        held: Sequence[Holding] = (),
        *,
        spread: float = SPREAD,
        seed: int = 0,
    ) -> None:
        self._draws = draw(demand.hours, spread=spread, seed=seed)
        self._estimator = Estimator(demand, offers, held)
        use = demand.spend_nano.sum(axis=1) / 1e9
        self.on_demand = self._draws.sums([use * level for level in self._draws.levels])
        """(S,) units that each scenario would cost on demand."""
        self._without = self._hourly(np.zeros(len(offers)))

    def savings(self, amounts: Floats) -> Floats:
        """(S,) units that *amounts* save in each scenario; below 0 where they lose."""
        with_it = self._hourly(amounts)
        return self._draws.sums(
            [without - one for without, one in zip(self._without, with_it, strict=True)]
        )

    def _hourly(self, amounts: Floats) -> list[Floats]:
        return [self._estimator.hourly(amounts, level) for level in self._draws.levels]


def tail_of(values: Floats) -> float:
    """The mean of the worst five of a hundred: the conditional value at risk.

    >>> tail_of(np.arange(100.0))
    2.0
    """
    return float(np.sort(values)[: max(1, int(len(values) * TAIL))].mean())


@dataclass(frozen=True, slots=True)
class Aim:
    """What a plan is best at over scenarios: the tail, or the mean where the tail may lose so much."""

    lost_most: float | None = None
    """Share of on-demand that the worst five of a hundred may lose; None makes the tail the aim."""

    def value(self, scenarios: Scenarios, amounts: Floats) -> float:
        """What is to be made small; infinite where more may be lost than allowed."""
        savings = scenarios.savings(amounts)
        tail = tail_of(savings)
        if self.lost_most is None:
            return -tail
        is_kept = tail >= -self.lost_most * float(scenarios.on_demand.mean()) - 1e-9
        return -float(savings.mean()) if is_kept else np.inf


def parse_aim(text: str) -> Aim | None:
    """What ``--risk`` says: ``expected`` (None), ``tail``, or the per cent that the tail may lose.

    >>> parse_aim("expected"), parse_aim("tail"), parse_aim("2%")
    (None, Aim(lost_most=None), Aim(lost_most=0.02))

    Raises:
        BadInput: it is none of these.
    """
    if text == "expected":
        return None
    if text == "tail":
        return Aim()
    number = text.strip().removesuffix("%")
    if not number.replace(".", "", 1).isdecimal() or not 0 <= float(number) <= 100:
        raise BadInput(f"a risk of {text!r}: write expected, tail, or a per cent from 0 to 100")
    return Aim(float(number) / 100)


def aimed_portfolio(
    demand: Demand,
    offers: Sequence[Offer],
    held: Sequence[Holding],
    start: Sequence[Holding],
    aim: Aim,
    limits: Limits = NO_LIMITS,
) -> tuple[Holding, ...]:
    """The portfolio that *aim* likes best, searched from shares of *start*, nothing among them."""
    scenarios = Scenarios(demand, offers, held)
    whole = amounts_of(start, offers)
    starts = [whole * share for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    best = min(starts, key=lambda some: aim.value(scenarios, some))
    found = improved(
        lambda some: aim.value(scenarios, some), best, offers, limits, needs_of(demand, offers)
    )
    choices = [bought_of(offers, found), bought_of(offers, best), ()]
    choices = [one for one in choices if keeps(demand, held, one, limits)]
    return min(choices, key=lambda some: aim.value(scenarios, amounts_of(some, offers)))
