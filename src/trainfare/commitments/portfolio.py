"""A portfolio: several offers together, by a linear program, priced as the provider will apply it.

1. A linear program over merged hours finds amounts, and a cost that no portfolio can go below.
2. The provider does not apply commitments as the program would: it serves in a fixed order. So the
   amounts are priced by :func:`~trainfare.commitments.application.apply`, and improved one by one.
3. What is left between the two costs is the gap, said with every plan.

Buying nothing, and each offer alone, are always among the candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trainfare.commitments.application import apply, pairs_of
from trainfare.commitments.demand import Demand, exact_sum
from trainfare.commitments.estimate import Estimator
from trainfare.commitments.kinds import term_hours
from trainfare.commitments.merged import Floats, merge
from trainfare.commitments.offer import Holding, Offer
from trainfare.commitments.program import solve_program
from trainfare.commitments.single import NO_LIMITS, Limits, best_amount, paid

CELLS = 20_000
"""Merged hours times eligible pairs of the program: a tenth of a second of work."""
GROUPS = (60, 800)
"""Fewest and most merged hours: with few SKUs so many are as good as all."""
LEAST_GAIN = 0.001
"""Share of the saving below which a purchase is not worth making."""
CLOSE = 1e-7
"""Estimates that are nearer than this share of the cost are told apart by counting exactly."""
STEPS = (0.25, 0.1, 0.03, 0.01)
"""Shares by which an amount is moved when a portfolio is improved."""


@dataclass(frozen=True)
class Portfolio:
    """What to hold beside what is held, what it costs over the demand, and the bound below it."""

    holdings: tuple[Holding, ...]
    cost_nano: int
    """With everything held, over the hours of the demand."""
    without_nano: int
    """With what is held already, and nothing bought."""
    bound_nano: int
    """No portfolio of these offers costs less."""

    @property
    def saving_nano(self) -> int:
        """What buying saves over the hours of the demand."""
        return self.without_nano - self.cost_nano

    @property
    def gap(self) -> float:
        """How far the cost may be above the least possible one, as a share of that."""
        return max(0.0, self.cost_nano / self.bound_nano - 1) if self.bound_nano > 0 else 0.0


def best_portfolio(
    demand: Demand,
    offers: Sequence[Offer],
    held: Sequence[Holding] = (),
    *,
    limits: Limits = NO_LIMITS,
    cells: int = CELLS,
) -> Portfolio:
    """The portfolio of *offers* that history would have made cheapest, beside what is *held*.

    >>> from trainfare.commitments.demand import demand_of
    >>> demand = demand_of([("2026-01-01T00:00Z", "p5", "2", "100")])
    >>> best_portfolio(demand, [Offer("aws_compute_savings_plan", "1y", {"p5": 60 * 10**9})]).cost_nano
    120000000000
    """
    pairs = pairs_of([*held, *(Holding(offer, 0) for offer in offers)], demand.columns)
    groups = min(max(cells // max(1, len(pairs)), GROUPS[0]), GROUPS[1])
    amounts, bound = solve_program(
        demand, offers, held, merge(demand, held, offers, groups), limits
    )
    starts = [amounts, np.zeros(len(offers))]
    open_ = replace(demand, spend_nano=apply(demand, held).on_demand_nano) if held else demand
    for number, offer in enumerate(offers):
        alone = np.zeros(len(offers))
        alone[number] = best_amount(open_, offer, limits=limits) / 1e9
        starts.append(alone)
    estimator = Estimator(demand, offers, held)
    starts.sort(key=estimator.paid)
    better = [improved(estimator.paid, start, offers, limits) for start in starts[:2]]
    best = _cheapest(demand, offers, held, [*better, *starts], estimator, limits)
    with_it = paid(demand, [*held, *best])
    return Portfolio(best, with_it, paid(demand, held), min(with_it, int(bound * 1e9)))


def _cheapest(
    demand: Demand,
    offers: Sequence[Offer],
    held: Sequence[Holding],
    choices: Sequence[Floats],
    estimator: Estimator,
    limits: Limits,
) -> tuple[Holding, ...]:
    """Of *choices* as they can be bought, the allowed one that costs least; what is close is counted."""
    found = {one: estimator.paid(amounts_of(one, offers)) for one in
             (bought_of(offers, some) for some in choices)
             if keeps(demand, held, one, limits)}  # fmt: skip
    least = min(found.values())
    close = [one for one, estimate in found.items() if estimate <= least + abs(least) * CLOSE]
    best = min(close, key=lambda some: (paid(demand, [*held, *some]), len(some)))
    return _few(best, offers, estimator)


def _few(
    holdings: tuple[Holding, ...], offers: Sequence[Offer], estimator: Estimator
) -> tuple[Holding, ...]:
    """*holdings* without those that save next to nothing beside the others, the smallest first."""
    with_all = estimator.paid(amounts_of(holdings, offers))
    worth = LEAST_GAIN * (estimator.paid(np.zeros(len(offers))) - with_all)
    for one in sorted(holdings, key=lambda some: some.amount_nano):
        rest = tuple(other for other in holdings if other is not one)
        without = estimator.paid(amounts_of(rest, offers))
        if rest and without - with_all < worth:
            holdings, with_all = rest, without
    return holdings


def amounts_of(holdings: Sequence[Holding], offers: Sequence[Offer]) -> Floats:
    """Units an hour of each of *offers* in *holdings*."""
    found = np.zeros(len(offers))
    for one in holdings:
        found[offers.index(one.offer)] += one.amount_nano / 1e9
    return found


def upfront_nano(holdings: Sequence[Holding]) -> int:
    """What is paid at the purchase of *holdings*."""
    return sum(
        one.amount_nano * term_hours(one.offer.term) * one.offer.upfront // 100 for one in holdings
    )


def bought_of(offers: Sequence[Offer], amounts: Floats) -> tuple[Holding, ...]:
    """Amounts as they can be bought: whole quanta, and nothing where it is none."""
    bought = []
    for offer, amount in zip(offers, amounts, strict=True):
        quanta = round(amount * 1e9 / offer.quantum_nano)
        if quanta > 0:
            bought.append(Holding(offer, quanta * offer.quantum_nano))
    return tuple(bought)


def keeps(
    demand: Demand, held: Sequence[Holding], bought: Sequence[Holding], limits: Limits
) -> bool:
    """Whether *bought* keeps to *limits*."""
    if not bought:
        return True
    if limits.most_nano is not None and sum(one.amount_nano for one in bought) > limits.most_nano:
        return False
    if limits.cash_nano is not None and upfront_nano(bought) > limits.cash_nano:
        return False
    if limits.least_used <= 0:
        return True
    applied = apply(demand, [*held, *bought])
    used = exact_sum(applied.used_nano[:, len(held) :])
    return used >= limits.least_used * demand.hours * sum(one.amount_nano for one in bought)


def improved(
    value: Callable[[Floats], float], start: Floats, offers: Sequence[Offer], limits: Limits
) -> Floats:
    """*start* with single amounts moved up and down, and moved between offers, while *value* falls."""
    best, least = start, value(start)
    scale = max(float(start.max(initial=0.0)), 1e-3)
    for step in STEPS:
        is_better = True
        while is_better:
            is_better = False
            for moved in _neighbours(best, step * scale, offers):
                if not _fits(moved, offers, limits):
                    continue
                found = value(moved)
                if found < least - abs(least) * CLOSE:
                    best, least, is_better = moved, found, True
                    break
    return best


def _fits(amounts: Floats, offers: Sequence[Offer], limits: Limits) -> bool:
    if limits.most_nano is not None and amounts.sum() > limits.most_nano / 1e9:
        return False
    upfront = np.array([offer.upfront_hours for offer in offers])
    return limits.cash_nano is None or bool(amounts @ upfront <= limits.cash_nano / 1e9)


def _neighbours(amounts: Floats, step: float, offers: Sequence[Offer]) -> list[Floats]:
    found = []
    size = len(amounts)
    quanta = np.array([offer.quantum_nano / 1e9 for offer in offers])
    is_count = np.array([offer.is_count for offer in offers], dtype=bool)
    steps = np.where(is_count, np.maximum(1, np.round(step / quanta)) * quanta, step)
    for one in range(size):
        for change in (steps[one], -steps[one]):
            moved = amounts.copy()
            moved[one] = max(0.0, moved[one] + change)
            found.append(moved)
            for other in range(size):
                if other != one and change < 0 and amounts[one] > 0:
                    swapped = moved.copy()
                    swapped[other] += steps[other]
                    found.append(swapped)
    return found
