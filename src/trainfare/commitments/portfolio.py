"""A portfolio: several offers together, by a linear program, priced as the provider will apply it.

1. A linear program over merged hours finds amounts, and a cost that no portfolio can go below.
2. The provider does not apply commitments as the program would: it serves in a fixed order. So the
   amounts are priced by :func:`~trainfare.commitments.application.apply`, and improved one by one.
3. A second bound is read off the plan itself, from what more of it would save in each hour.
4. What is left between the cost and the higher bound is the gap, said with every plan.

Buying nothing, and each offer alone, are always among the candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trainfare.commitments.application import apply, pairs_of
from trainfare.commitments.bound import price_bound
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
    offers = useful(offers, limits)
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
    needs = needs_of(demand, offers)
    better = [improved(estimator.paid, start, offers, limits, needs) for start in starts[:2]]
    best = _cheapest(demand, offers, held, [*better, *starts], estimator, limits)
    with_it = paid(demand, [*held, *best])
    if cells >= CELLS:  # smaller programs propose amounts, and nobody asks for their gap
        bound = max(bound, price_bound(demand, offers, held, amounts_of(best, offers)))
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
    value: Callable[[Floats], float],
    start: Floats,
    offers: Sequence[Offer],
    limits: Limits,
    needs: Floats,
) -> Floats:
    """*start* with single amounts moved up and down, and moved between offers, while *value* falls.

    Moves are shares of *needs*, what each offer would use in a mean hour; machines move whole.
    """
    best, least = start, value(start)
    moves = _moves(offers)
    for share in STEPS:
        steps = _steps(needs * share, offers)
        is_better = True
        while is_better:
            is_better = False
            for less, more in moves:
                moved = _moved(best, steps, less, more)
                if moved is None or not _fits(moved, offers, limits):
                    continue
                found = value(moved)
                if found < least - abs(least) * CLOSE:
                    best, least, is_better = moved, found, True
    return best


def _moves(offers: Sequence[Offer]) -> list[tuple[int | None, int | None]]:
    """(Offer with less, offer with more): each alone, and between two that may pay for the same."""
    count = range(len(offers))
    between: list[tuple[int | None, int | None]] = [
        (less, more)
        for less in count
        for more in count
        if less != more and offers[less].rates.keys() & offers[more].rates.keys()
    ]
    return [(None, one) for one in count] + [(one, None) for one in count] + between


def _steps(sizes: Floats, offers: Sequence[Offer]) -> Floats:
    quanta = np.array([offer.quantum_nano / 1e9 for offer in offers])
    is_count = np.array([offer.is_count for offer in offers], dtype=bool)
    return np.where(is_count, np.maximum(1, np.round(sizes / quanta)) * quanta, sizes)


def _moved(amounts: Floats, steps: Floats, less: int | None, more: int | None) -> Floats | None:
    """*amounts* after a move; None where there is nothing to take away."""
    moved = amounts.copy()
    if less is not None:
        if amounts[less] <= 0:
            return None
        moved[less] = max(0.0, amounts[less] - steps[less])
    if more is not None:
        moved[more] += steps[more]
    return moved


def needs_of(demand: Demand, offers: Sequence[Offer]) -> Floats:
    """Units that each offer would need in a mean hour to pay for all that it may."""
    mean = demand.spend_nano.mean(axis=0) / 1e9
    needs = np.zeros(len(offers))
    for pair in pairs_of([Holding(offer, 0) for offer in offers], demand.columns):
        needs[pair.holding] += mean[pair.column] * pair.rate / pair.price
    return needs


def useful(offers: Sequence[Offer], limits: Limits) -> list[Offer]:
    """*offers* without those that another of the same place and size of steps beats in every way."""
    kept: list[Offer] = []
    for one in sorted(offers, key=lambda some: sum(some.rates.values()) / len(some.rates)):
        if not any(_beats(other, one, limits) for other in kept):
            kept.append(one)
    return [one for one in offers if any(one is other for other in kept)]


def _beats(better: Offer, one: Offer, limits: Limits) -> bool:
    if (better.rank, better.is_count) != (one.rank, one.is_count):
        return False
    if better.is_count and better.rates.keys() != one.rates.keys():
        return False
    if limits.cash_nano is not None and better.upfront_hours > one.upfront_hours:
        return False
    is_cheaper = all(better.rates.get(sku, rate + 1) <= rate for sku, rate in one.rates.items())
    return is_cheaper and better.refund >= one.refund


def _fits(amounts: Floats, offers: Sequence[Offer], limits: Limits) -> bool:
    if limits.most_nano is not None and amounts.sum() > limits.most_nano / 1e9:
        return False
    if limits.cash_nano is None:
        return True
    upfront = np.array([offer.upfront_hours for offer in offers])
    return bool(amounts @ upfront <= limits.cash_nano / 1e9)
