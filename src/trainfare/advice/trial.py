"""Trials: runs with what they logged and paid, and the sweeps that they belong to.

A run's money of a month is divided over its time there by weight (its estimate, else time held), so
that "what it paid after an instant" sums over months to what its rest cost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from trainfare.core.money import Money
from trainfare.core.period import BillingPeriod, Interval
from trainfare.core.recommendation import Slot, run_slot
from trainfare.metering.metrics import Point


class Span(NamedTuple):
    """A stretch of a run's machine time and its weight in the run's money."""

    interval: Interval
    weight: int


_FINE = 2**64
"""Weights per nanosecond are whole numbers of this part, so that rounding is far below a nano-unit."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run as an experiment sees it."""

    run: str
    experiment: str
    """Its label ``experiment``, with its model and team; without one its owner."""
    labels: Mapping[str, str]
    interval: Interval
    ending: str
    """finished, failed, crashed, cancelled, stopped_by_budget or running."""
    spans: Sequence[Span]
    name: str | None = None
    error: str | None = None
    data: tuple[str, ...] | None = None
    """What it read, each with its size; None where it named nothing."""
    series: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    is_parent: bool = False
    """Whether another run began from its result."""
    results: frozenset[str] = frozenset()
    """Names of series that tell how well it did; a learning rate does not."""
    losses: frozenset[str] = frozenset()
    """Those of them of which less is better."""

    def paid_between(
        self, start_ns: int, end_ns: int, paid: Mapping[Slot, Money]
    ) -> Iterator[tuple[Slot, int]]:
        """What it paid for its machines between two instants: slot → nano-units."""
        window = Interval(start_ns, max(start_ns, end_ns))
        months: dict[str, tuple[int, int]] = {}
        for span in self.spans:
            for period, part in _months(span.interval):
                inside, whole = months.get(period, (0, 0))
                rate = span.weight * _FINE // span.interval.duration_ns
                months[period] = (
                    inside + rate * part.overlap_ns(window),
                    whole + rate * part.duration_ns,
                )
        for period, (inside, whole) in months.items():
            slot = run_slot(self.run, period)
            if whole and inside and slot in paid:
                yield slot, max(0, paid[slot].nano) * inside // whole


def _months(interval: Interval) -> Iterator[tuple[str, Interval]]:
    period = BillingPeriod.of(interval.start_ns)
    while period.interval.start_ns < interval.end_ns:
        part = interval.clip(period.interval)
        if part is not None:
            yield str(period), part
        period = period.next()


@dataclass(frozen=True, slots=True)
class Sweep:
    """Trials that answer one question, and the metric that they are compared by."""

    experiment: str
    metric: str
    is_lower_better: bool
    trials: Sequence[Trial]

    def points(self, trial: Trial) -> Sequence[Point]:
        """What *trial* logged of the metric, signed so that less is better; NaN is the worst."""
        logged = trial.series.get(self.metric, ())
        if self.is_lower_better and not any(math.isnan(one.value) for one in logged):
            return logged
        sign = 1 if self.is_lower_better else -1
        return [
            Point(one.wall_ns, one.step, math.inf if math.isnan(one.value) else sign * one.value)
            for one in logged
        ]
