"""Merged hours: many hours as a few mean ones, so that a linear program over them stays small.

The least cost of an hour is jointly convex in its demand and in what is held, so the cost of the
mean of some hours is at most the mean of their costs (Jensen). The program over merged hours is
therefore a lower bound of the program over all hours, and certifies how far a plan is from the best.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainfare.commitments.application import pairs_of
from trainfare.commitments.demand import Demand
from trainfare.commitments.offer import Holding, Offer

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Merged:
    """G groups of hours, in units of money.

    Shapes: *weight* (G,), hours in each; *spend* (G, K), the mean demand; *held* (G, H), the mean
    amount held.
    """

    weight: Floats
    spend: Floats
    held: Floats


def merge(demand: Demand, held: Sequence[Holding], offers: Sequence[Offer], groups: int) -> Merged:
    """The hours of *demand*, merged into at most *groups* by splitting the most unlike ones first.

    Hours are alike where every commitment, held or offered, would be used alike: by what each needs
    to pay for all that it may, and by what is held. Two hours with other SKUs and the same needs may
    stand for one another, which keeps the bound tight with few groups however many SKUs there are.
    The group that varies most is cut in two at the mean of what varies most in it.
    """
    spend = demand.spend_nano / 1e9
    amounts = held_amounts(demand, held)
    everything = [*held, *(Holding(offer, 0) for offer in offers)]
    ratios = np.zeros((len(demand.columns), len(everything)))
    for pair in pairs_of(everything, demand.columns):
        ratios[pair.column, pair.holding] = pair.rate / pair.price
    traits = np.concatenate([spend @ ratios, amounts], axis=1)
    heap = [_entry(traits, np.arange(demand.hours), 0)]
    number = 1
    while len(heap) < groups and heap[0][0] < 0:
        _, _, members, axis = heapq.heappop(heap)
        values = traits[members, axis]
        is_high = values > values.mean()
        for half in (members[is_high], members[~is_high]):
            heapq.heappush(heap, _entry(traits, half, number))
            number += 1
    members_of = [entry[2] for entry in heap]
    weight = np.array([float(len(members)) for members in members_of])
    return Merged(
        weight,
        np.array([spend[members].mean(axis=0) for members in members_of]),
        np.array([amounts[members].mean(axis=0) for members in members_of]),
    )


def held_amounts(demand: Demand, held: Sequence[Holding]) -> Floats:
    """(T, H) units an hour of each holding, 0 in the hours in which it is not held."""
    hour = demand.first_hour + np.arange(demand.hours)
    amounts = np.zeros((demand.hours, len(held)))
    for number, one in enumerate(held):
        is_held = (hour >= one.start) & (hour < one.end)
        amounts[:, number] = np.where(is_held, one.amount_nano / 1e9, 0)
    return amounts


def _entry(
    traits: Floats, members: NDArray[np.intp], number: int
) -> tuple[float, int, NDArray[np.intp], int]:
    """(−spread, a tie-breaker, the hours, the trait that varies most)."""
    part = traits[members]
    spread = ((part - part.mean(axis=0)) ** 2).sum(axis=0)
    axis = int(spread.argmax())
    total = float(spread.sum())
    is_one = total <= 1e-12 * (1 + float((part**2).sum()))
    return (0.0 if is_one else -total, number, members, axis)
