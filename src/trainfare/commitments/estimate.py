"""Estimates: what amounts would cost under the provider's order, in floats, fast enough to search.

The same order as :func:`~trainfare.commitments.application.apply`, on every hour, column by column in
contiguous memory. Estimates choose; whatever is said of money is counted by ``apply`` in whole nano-units.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainfare.commitments.application import pairs_of
from trainfare.commitments.demand import Demand
from trainfare.commitments.merged import Floats, held_amounts
from trainfare.commitments.offer import Holding, Offer


class Estimator:
    """Estimates of the cost of *demand* beside what is *held*, for amounts of *offers*."""

    def __init__(
        self, demand: Demand, offers: Sequence[Offer], held: Sequence[Holding] = ()
    ) -> None:
        self.hours = demand.hours
        self._spend = np.ascontiguousarray(demand.spend_nano.T) / 1e9
        self._held = np.ascontiguousarray(held_amounts(demand, held).T)
        self._columns = [
            (pair.holding, pair.column, pair.rate / pair.price)
            for pair in pairs_of([*held, *(Holding(offer, 0) for offer in offers)], demand.columns)
        ]
        refunds = [one.offer.refund for one in held] + [one.refund for one in offers]
        self._refund = np.array(refunds) / 100
        self._open = np.empty_like(self._spend)
        self._taken = np.empty(demand.hours)

    def paid(self, amounts: Floats) -> float:
        """Units paid over all hours, for what is held too, with *amounts* (one per offer) an hour."""
        return float(self.hourly(amounts).sum())

    def hourly(self, amounts: Floats, level: float = 1.0) -> Floats:
        """Units paid in each hour, with demand times *level*."""
        held = len(self._held)
        left = np.empty((held + len(amounts), self.hours))
        left[:held] = self._held
        left[held:] = amounts[:, None]
        open_, taken = self._open, self._taken
        np.multiply(self._spend, level, out=open_)
        for holding, column, ratio in self._columns:
            if holding >= held and amounts[holding - held] <= 0:
                continue
            np.multiply(open_[column], ratio, out=taken)
            np.minimum(taken, left[holding], out=taken)
            left[holding] -= taken
            np.multiply(taken, 1 / ratio, out=taken)
            open_[column] -= taken
        paid: Floats = open_.sum(axis=0) + self._held.sum(axis=0) + float(amounts.sum())
        for number in np.flatnonzero(self._refund):
            paid -= self._refund[number] * left[number]
        return paid
