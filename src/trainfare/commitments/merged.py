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

from trainfare.commitments.demand import Demand
from trainfare.commitments.offer import Holding

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


def merge(demand: Demand, held: Sequence[Holding], groups: int) -> Merged:
    """The hours of *demand*, merged into at most *groups* by splitting the most unlike ones first.

    The group whose spend varies most is cut in two at the mean of the column that varies most.
    """
    hour = demand.first_hour + np.arange(demand.hours)
    spend = demand.spend_nano / 1e9
    amounts = np.zeros((demand.hours, len(held)))
    for number, one in enumerate(held):
        amounts[:, number] = np.where(
            (hour >= one.start) & (hour < one.end), one.amount_nano / 1e9, 0
        )
    everything = np.concatenate([spend, amounts], axis=1)
    heap = [_entry(everything, np.arange(demand.hours), 0)]
    number = 1
    while len(heap) < groups and heap[0][0] < 0:
        _, _, members, axis = heapq.heappop(heap)
        values = everything[members, axis]
        is_high = values > values.mean()
        for half in (members[is_high], members[~is_high]):
            heapq.heappush(heap, _entry(everything, half, number))
            number += 1
    members_of = [entry[2] for entry in heap]
    mean = np.array([everything[members].mean(axis=0) for members in members_of])
    columns = spend.shape[1]
    weight = np.array([float(len(members)) for members in members_of])
    return Merged(weight, mean[:, :columns], mean[:, columns:])


def _entry(
    everything: Floats, members: NDArray[np.intp], number: int
) -> tuple[float, int, NDArray[np.intp], int]:
    """(−spread, a tie-breaker, the hours, the column that varies most)."""
    part = everything[members]
    spread = ((part - part.mean(axis=0)) ** 2).sum(axis=0)
    axis = int(spread.argmax())
    total = float(spread.sum())
    is_one = total <= 1e-12 * (1 + float((part**2).sum()))
    return (0.0 if is_one else -total, number, members, axis)
