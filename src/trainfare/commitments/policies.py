"""Policies: what people do who have no plan, to be measured beside one.

Each takes offers one by one, the greatest discount first, and each on what is left on demand: as a
provider recommends, who looks at one kind at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from trainfare.commitments.application import apply, pairs_of, scaled
from trainfare.commitments.demand import Demand
from trainfare.commitments.offer import Holding, Offer
from trainfare.commitments.portfolio import useful
from trainfare.commitments.single import NO_LIMITS, best_amount

LOOK_BACKS = (7, 30, 60)
"""Days that providers recommend by."""

Policy = Callable[[Demand], Sequence[Holding]]
Amount = Callable[[Demand, Offer], int]


def policies(offers: Sequence[Offer]) -> dict[str, Policy]:
    """Nothing, the least and the mean of hourly demand, and the best for the last days."""
    some = useful(offers, NO_LIMITS)

    def last(days: int) -> Policy:
        def policy(known: Demand) -> list[Holding]:
            recent = known.window(max(0, known.hours - days * 24), known.hours)
            return _one_by_one(recent, some, best_amount)

        return policy

    return {
        "nothing": lambda _: [],
        "minimum": lambda known: _one_by_one(known, some, _level(np.min)),
        "mean": lambda known: _one_by_one(known, some, _level(np.mean)),
        **{f"last_{days}_days": last(days) for days in LOOK_BACKS},
    }


def _one_by_one(known: Demand, offers: Sequence[Offer], amount: Amount) -> list[Holding]:
    """Each offer in turn, the greatest discount first, on what those before it left on demand."""
    open_ = known
    bought: list[Holding] = []
    for offer in sorted(offers, key=lambda one: _least_ratio(one, known)):
        one = Holding(offer, amount(open_, offer))
        applied = apply(open_, [one])
        if not one.amount_nano or (bought and applied.total_nano >= open_.total_nano):
            continue
        bought.append(one)
        open_ = replace(open_, spend_nano=applied.on_demand_nano)
    return bought


def _least_ratio(offer: Offer, known: Demand) -> float:
    pairs = pairs_of([Holding(offer, 0)], known.columns)
    return min((pair.rate / pair.price for pair in pairs), default=1.0)


def _level(level: Callable[..., float]) -> Amount:
    """The least or the mean of the hourly demand at an offer's rates, in whole quanta."""

    def amount(open_: Demand, offer: Offer) -> int:
        needs = np.zeros(open_.hours, dtype=np.int64)
        for pair in pairs_of([Holding(offer, 0)], open_.columns):
            needs += scaled(open_.spend_nano[:, pair.column], pair.rate, pair.price, is_up=True)
        return int(level(needs)) // offer.quantum_nano * offer.quantum_nano

    return amount
