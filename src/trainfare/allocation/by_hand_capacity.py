"""Capacity by hand: for how long a resource was paid for in a charge period, in plain Python.

In this order: what the resource's own usage says for that period (ConsumedQuantity in a unit of
time, per SKU, the longest that is no longer than the period); else, for a resource whose usage is
told in other units only, how much of the period it is known to have lived; else what its finer
charges within the period say, those at most half as long (a monthly discount on an hourly
instance); else the period.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from trainfare.allocation.quantity import DAY_US, HOUR_US
from trainfare.core.period import Interval

HOUR_GRAIN, DAY_GRAIN, ODD_GRAIN, NO_TIME = 0, 1, 2, 3
"""A full UTC hour, a full UTC day, any other stretch, and none at all."""


def grain_of(start_us: int, end_us: int) -> int:
    """Which grain a charge period has.

    >>> grain_of(0, HOUR_US), grain_of(HOUR_US, HOUR_US + DAY_US)
    (0, 2)
    """
    length = end_us - start_us
    if length <= 0:
        return NO_TIME
    if length == HOUR_US and start_us % HOUR_US == 0:
        return HOUR_GRAIN
    return DAY_GRAIN if length == DAY_US and start_us % DAY_US == 0 else ODD_GRAIN


class Capacities:
    """How long each place was paid for, period by period."""

    def __init__(
        self,
        usage: Iterable[tuple[str, int, int, str, int]],
        lives: Iterable[tuple[str, Interval]],
    ) -> None:
        """Take what is known.

        Args:
            usage: place, start and end of the period (µs), SKU and paid time (µs) of usage.
            lives: places and when they existed.
        """
        sums: dict[tuple[str, int, int], dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for place, start, end, sku, paid in usage:
            sums[place, start, end][sku] += paid
        self.paid: dict[str, dict[tuple[int, int], int]] = defaultdict(dict)
        for (place, start, end), skus in sums.items():
            telling = [paid for paid in skus.values() if 0 < paid <= end - start]
            self.paid[place][start, end] = max(telling, default=max(0, end - start))
        self.lives: dict[str, list[Interval]] = defaultdict(list)
        for place, interval in lives:
            self.lives[place].append(interval)

    def capacity_us(self, place: str, start: int, end: int) -> int:
        """For how many microseconds of [*start*, *end*) the place was paid."""
        if place in self.paid:
            own = self.paid[place].get((start, end))
            return own if own is not None else self._finer(place, start, end) or end - start
        return self._lived(place, start, end) or end - start

    def _finer(self, place: str, start: int, end: int) -> int:
        """The paid time of finer charges within the period: hours, else days, else others."""
        sums: dict[int, int] = defaultdict(int)
        for (inner_start, inner_end), paid in self.paid[place].items():
            length = inner_end - inner_start
            if start <= inner_start and inner_end <= end and 2 * length <= end - start:
                sums[grain_of(inner_start, inner_end)] += paid
        return min(sums[min(sums)], end - start) if sums else 0

    def _lived(self, place: str, start: int, end: int) -> int:
        """How much of the period the place is known to have lived."""
        lived, covered = 0, start
        for interval in sorted(self.lives[place]):
            begin = max(covered, interval.start_ns // 1000)
            stop = min(end, interval.end_ns // 1000)
            lived += max(0, stop - begin)
            covered = max(covered, stop)
        return lived
