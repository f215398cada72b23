"""A bound below which no plan can cost, from prices of what is committed, hour by hour.

The dual of the linear program asks for a price of each commitment in each hour: what one more unit of
it would save there. Any prices that are not negative and sum, for each offer, to no more than its
hours give a bound; good ones are read off a plan: nothing in an hour that leaves some of it unused,
else what would be paid on demand, or by a commitment that is served later, in its place.
Between the prices of slightly less and slightly more committed lie those that sum to the hours.

Source: weak duality; the prices are those of G. B. Dantzig's simplex, "Linear Programming and
Extensions" (1963), read off a greedy solution instead of computed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainfare.commitments.application import Pair, pairs_of
from trainfare.commitments.demand import Demand
from trainfare.commitments.merged import Floats, held_amounts
from trainfare.commitments.offer import Holding, Offer

NUDGE = 1e-6
"""Share of an amount by which it is moved to see what less and more of it would save."""
NOTHING = 1e-9


def price_bound(
    demand: Demand, offers: Sequence[Offer], held: Sequence[Holding], amounts: Floats
) -> float:
    """Units that no amounts of *offers* beside *held* go below, by prices read off *amounts*."""
    everything = [*held, *(Holding(offer, 0) for offer in offers)]
    pairs = pairs_of(everything, demand.columns)
    spend = np.ascontiguousarray(demand.spend_nano.T) / 1e9
    have = np.ascontiguousarray(held_amounts(demand, held).T)
    refund = np.array([one.offer.refund for one in everything]) / 100
    nudge = np.maximum(amounts * NUDGE, NUDGE)
    less, more = (
        _prices(pairs, spend, have, some, refund)
        for some in (np.maximum(amounts - nudge, 0.0), amounts + nudge)
    )
    prices = less
    for number in range(len(held), len(everything)):
        prices[number] = _mixed(less[number], more[number], float(refund[number]))
    saved = np.ones_like(spend)
    for pair in pairs:
        np.minimum(
            saved[pair.column], prices[pair.holding] * (pair.rate / pair.price),
            out=saved[pair.column],
        )  # fmt: skip
    kept = have - have * prices[: len(held)]
    return float((spend * saved).sum() + kept.sum())


def _prices(
    pairs: Sequence[Pair], spend: Floats, have: Floats, amounts: Floats, refund: Floats
) -> Floats:
    """(P, T) what one more unit of each commitment would save, at these amounts."""
    hours = spend.shape[1]
    left = np.concatenate([have, np.broadcast_to(amounts[:, None], (len(amounts), hours))])
    open_ = spend.copy()
    wants = []
    for pair in pairs:
        ratio = pair.rate / pair.price
        taken = np.minimum(open_[pair.column] * ratio, left[pair.holding])
        left[pair.holding] -= taken
        open_[pair.column] -= taken / ratio
        wants.append(open_[pair.column] > NOTHING)
    last = {pair.holding: at for at, pair in enumerate(pairs)}
    prices = np.repeat(refund[:, None], hours, axis=1)
    instead = np.ones_like(spend)  # what one more of each use would cost
    for holding in sorted(last, key=lambda one: -last[one]):
        mine = [(at, pair) for at, pair in enumerate(pairs) if pair.holding == holding]
        worth = np.zeros(hours)
        for at, pair in mine:
            gain = np.where(wants[at], instead[pair.column] * (pair.price / pair.rate), 0.0)
            np.maximum(worth, gain, out=worth)
        worth[left[holding] > NOTHING] = 0.0
        np.maximum(worth, refund[holding], out=prices[holding])
        for _, pair in mine:
            ratio = pair.rate / pair.price
            np.minimum(instead[pair.column], prices[holding] * ratio, out=instead[pair.column])
    return prices


def _mixed(less: Floats, more: Floats, refund: float) -> Floats:
    """Prices between the two that sum to the hours, or as near below as can be."""
    hours = len(less)
    high, low = float(less.sum()), float(more.sum())
    if high <= hours:
        return less
    if low <= hours:
        part = (hours - low) / (high - low) if high > low else 0.0
        return part * less + (1 - part) * more
    return refund + (more - refund) * ((1 - refund) * hours / (low - refund * hours))
