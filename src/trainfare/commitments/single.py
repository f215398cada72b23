"""The best amount of one offer, exactly: a sweep over the places where its cost bends.

The cost of an hour, as a function of the amount committed, is convex and piecewise linear: the
columns with the highest saving come first, and within column k one more unit committed saves
``price_k / rate_k`` on demand. Summed over hours it stays so, and the best amount is where the slope
passes zero. With one SKU of discount d this is the d-quantile of the hourly demand at committed
rates: commit what is used in at least the share 1 − d of the hours.

With a refund of the share b of what is not used, the slope past the end of an hour's use is
``1 − b`` instead of 1, and the quantile ``d / (d + (1 − d)(1 − b))``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainfare.commitments.application import apply, pairs_of, scaled
from trainfare.commitments.demand import Demand, exact_sum
from trainfare.commitments.offer import Holding, Offer


@dataclass(frozen=True, slots=True)
class Limits:
    """What a purchase must keep to."""

    most_nano: int | None = None
    """An hour, over all offers."""
    least_used: float = 0.0
    """Share of the commitment that history would have used."""
    cash_nano: int | None = None
    """At the purchase, over all offers: what is paid upfront."""

    def most_of(self, offer: Offer) -> int | None:
        """The most money an hour that *offer* alone may be bought for."""
        bounds = [] if self.most_nano is None else [self.most_nano]
        if self.cash_nano is not None and offer.upfront:
            bounds.append(int(self.cash_nano / offer.upfront_hours))
        return min(bounds, default=None)


NO_LIMITS = Limits()


def best_amount(demand: Demand, offer: Offer, *, limits: Limits = NO_LIMITS) -> int:
    """The amount an hour, in nano-units, that history would have made cheapest; 0 buys nothing.

    O(n log n) in the n cells of *demand*. Of equal ones it is the least amount.

    >>> from trainfare.commitments.demand import demand_of
    >>> rows = [(f"2026-01-01T0{hour}:00Z", "p5", str(hour % 2 + 1), "100") for hour in range(8)]
    >>> best_amount(demand_of(rows), Offer("aws_compute_savings_plan", "1y", {"p5": 60 * 10**9}))
    60000000000
    """
    pairs = pairs_of([Holding(offer, 0)], demand.columns)
    if not pairs or not demand.hours:
        return 0
    places = np.empty((demand.hours, len(pairs)), dtype=np.int64)
    for at, pair in enumerate(pairs):
        places[:, at] = scaled(demand.spend_nano[:, pair.column], pair.rate, pair.price, is_up=True)
    np.cumsum(places, axis=1, out=places)
    gains = np.array([pair.price / pair.rate for pair in pairs] + [offer.refund / 100])
    bends = np.broadcast_to(gains[:-1] - gains[1:], places.shape)
    order = np.argsort(places, axis=None)
    at_place = places.reshape(-1)[order]
    slope = demand.hours * (1 - gains[0]) + np.cumsum(bends.reshape(-1)[order])
    rising = np.flatnonzero(slope >= -1e-9 * demand.hours)
    best = int(at_place[rising[0]]) if rising.size else int(at_place[-1])
    return _allowed(demand, offer, best, limits)


def _allowed(demand: Demand, offer: Offer, best: int, limits: Limits) -> int:
    """The best amount that can be bought and keeps to *limits*; the cost is convex below it."""
    most = limits.most_of(offer)
    if most is not None:
        best = min(best, most)
    quantum = offer.quantum_nano
    low = best // quantum
    choices = [low] if most is not None and best == most else [low, low + 1]
    times = min(choices, key=lambda n: (paid(demand, [Holding(offer, n * quantum)]), n))
    if limits.least_used > 0:
        times = _used_enough(demand, offer, times, limits.least_used)
    return times * quantum


def _used_enough(demand: Demand, offer: Offer, most: int, least_used: float) -> int:
    """The largest number of quanta up to *most* whose use is at least the share *least_used*."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        applied = apply(demand, [Holding(offer, middle * offer.quantum_nano)])
        if exact_sum(applied.used_nano) >= least_used * applied.committed_nano:
            low = middle
        else:
            high = middle - 1
    return low


def paid(demand: Demand, holdings: Sequence[Holding]) -> int:
    """What *demand* costs with *holdings*, in nano-units, less what is refunded."""
    return apply(demand, holdings).total_nano
