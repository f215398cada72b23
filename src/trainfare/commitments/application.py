"""The application of commitments: who pays for what in every hour, in whole nano-units.

Kinds are applied in their provider's order. Within a kind all that is held is one pool: of all
pairs of a holding and a column, the one with the highest saving against on-demand is served first,
of equal ones that with the lowest rate, until the hour's amount or its use is exhausted.

Source: AWS, "How Savings Plans apply to your usage" (order, pooling, ties); Azure and Google apply
reservations before plans, and plans by saving.

Laws, held by tests: in each hour, used + unused is what is held; covered + on-demand is the demand;
nothing is covered twice; without holdings all is on demand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainfare.commitments.demand import Amounts, Column, Demand, exact_sum
from trainfare.commitments.offer import Holding


@dataclass(frozen=True)
class Applied:
    """What each of H holdings did in each of T hours, in nano-units.

    Shapes: *used_nano*, *unused_nano*, *covered_nano* are (T, H); *on_demand_nano* is (T, K).
    """

    used_nano: Amounts
    unused_nano: Amounts
    covered_nano: Amounts
    """On-demand money of what each holding paid for."""
    on_demand_nano: Amounts
    """What is left to be paid on demand."""
    refund_nano: Amounts
    """(T,) what comes back of what is not used, rounded down for each hour and holding."""

    @property
    def committed_nano(self) -> int:
        """What is paid for what is held, used or not."""
        return exact_sum(self.used_nano) + exact_sum(self.unused_nano)

    @property
    def total_nano(self) -> int:
        """What is paid in all, less what comes back."""
        return self.committed_nano + exact_sum(self.on_demand_nano) - exact_sum(self.refund_nano)


@dataclass(frozen=True, slots=True)
class Pair:
    """Holding *holding* may pay for column *column* at *rate*/*price* of its on-demand money."""

    holding: int
    column: int
    rate: int
    price: int


def pairs_of(holdings: Sequence[Holding], columns: Sequence[Column]) -> list[Pair]:
    """All eligible pairs in the order in which they are served.

    >>> from trainfare.commitments.offer import Offer
    >>> plan = Holding(Offer("aws_compute_savings_plan", "1y", {"a": 60, "b": 50}), 10)
    >>> [pair.column for pair in pairs_of([plan], [Column("a", 100), Column("b", 100)])]
    [1, 0]
    """
    found = []
    for number, holding in enumerate(holdings):
        rates = holding.offer.rates
        for at, column in enumerate(columns):
            rate = rates.get(column.sku)
            if rate is not None and rate < column.price_nano:
                found.append(Pair(number, at, rate, column.price_nano))
    found.sort(
        key=lambda p: (
            holdings[p.holding].offer.rank,
            p.rate / p.price,  # decides nearly always, and never against the exact one
            Fraction(p.rate, p.price),
            p.rate,
            p.holding,
            p.column,
        )
    )
    return found


def apply(demand: Demand, holdings: Sequence[Holding]) -> Applied:
    """Apply *holdings* to *demand*.

    A rate that is not below the on-demand price is never used: the provider takes the lower one.
    Where an amount covers a part of a column, the covered on-demand money is rounded down.

    >>> from trainfare.commitments.demand import demand_of
    >>> from trainfare.commitments.offer import Offer
    >>> plan = Holding(Offer("aws_compute_savings_plan", "1y", {"p5": 60 * 10**9}), 30 * 10**9)
    >>> apply(demand_of([("2026-01-01T00:00Z", "p5", "1", "100")]), [plan]).total_nano
    80000000000
    """
    hour = demand.first_hour + np.arange(demand.hours, dtype=np.int64)
    left = np.zeros((demand.hours, len(holdings)), dtype=np.int64, order="F")
    for number, holding in enumerate(holdings):
        is_held = (hour >= holding.start) & (hour < holding.end)
        left[is_held, number] = holding.amount_nano
    held = left.copy()
    on_demand = demand.spend_nano.astype(np.int64, order="F", copy=True)
    covered = np.zeros_like(left)
    serve(pairs_of(holdings, demand.columns), left, on_demand, covered)
    refund = np.zeros(demand.hours, dtype=np.int64)
    for number, holding in enumerate(holdings):
        if holding.offer.refund:
            refund += scaled(left[:, number], holding.offer.refund, 100)
    return Applied(held - left, left, covered, on_demand, refund)


def serve(
    pairs: Sequence[Pair], left: NDArray[Any], on_demand: NDArray[Any], covered: NDArray[Any]
) -> None:
    """Let *pairs* in their order use up *left* (T, H) and *on_demand* (T, K), in place.

    Arrays of whole numbers are served exactly; arrays of floats as a planner's estimate.
    """
    for pair in pairs:
        amount, open_ = left[:, pair.holding], on_demand[:, pair.column]
        need = scaled(open_, pair.rate, pair.price, is_up=True)
        taken = np.minimum(need, amount)
        paid_for = np.where(
            taken == need, open_, np.minimum(open_, scaled(taken, pair.price, pair.rate))
        )
        left[:, pair.holding] = amount - taken
        on_demand[:, pair.column] = open_ - paid_for
        covered[:, pair.holding] += paid_for


def scaled(values: NDArray[Any], times: int, per: int, *, is_up: bool = False) -> NDArray[Any]:
    """``values · times / per``, of whole numbers rounded down (or up) without overflow.

    >>> scaled(np.array([10**15, 7]), 2, 3).tolist(), scaled(np.array([7]), 2, 3, is_up=True).tolist()
    ([666666666666666, 4], [5])
    """
    if values.dtype.kind == "f":
        return np.asarray(values * (times / per))
    common = gcd(times, per)
    times, per = times // common, per // common
    if times * per >= 2**62:
        exact = [-(-int(v) * times // per) if is_up else int(v) * times // per for v in values]
        return np.array(exact, dtype=np.int64)
    whole, rest = np.divmod(values, per)
    part = rest * times
    return np.asarray(whole * times + (-(-part // per) if is_up else part // per))
