"""Spans: when every run of a home went on, and how far each was read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from trainfare.core.period import SECOND
from trainfare.metering.receipt import Receipt

FAR_NS = 2**63 - 1
"""The end of what goes on."""

SLACK_NS = 2 * SECOND
"""So much wider than it is the span of a run is taken."""


class Reach(NamedTuple):
    """What the record of a run told when it was read: from when to when, for how long, and where."""

    began_ns: int
    ended_ns: int
    held_ns: int | None
    """Its time in attempts; None where nobody remembers."""
    places: frozenset[str] = frozenset()
    """Resources; empty where nobody remembers."""

    def since(self, old: Reach | None) -> tuple[int, int]:
        """The stretch of time of which this tells more than *old*, or less; an empty one if none.

        >>> Reach(0, 9, 9).since(Reach(0, 5, 5)), Reach(0, 9, 9).since(Reach(0, 9, 5))
        ((5, 9), (0, 9))
        """
        if old is None:
            return self.began_ns, self.ended_ns
        ends = sorted((self.ended_ns, old.ended_ns))
        is_longer = old.held_ns is None or self.held_ns == (
            old.held_ns + self.ended_ns - old.ended_ns
        )
        if self.began_ns == old.began_ns and is_longer:
            return ends[0], ends[1]
        return min(self.began_ns, old.began_ns), ends[1]

    def meets(self, other: Reach, began_ns: int, ended_ns: int) -> bool:
        """Whether it may have shared a resource with *other* between two instants."""
        is_then = self.began_ns < ended_ns and began_ns < self.ended_ns
        return is_then and (not self.places or not self.places.isdisjoint(other.places))


def reach_of(receipt: Receipt) -> Reach:
    """How far the record that a receipt was made from goes."""
    whole = receipt.run.interval
    return Reach(
        whole.start_ns,
        whole.end_ns,
        receipt.duration_ns,
        frozenset(one.machine.resource_id for one in receipt.run.segments),
    )


class Spans:
    """When every run began and ended; which went on at the same time is found by bisection."""

    def __init__(self, spans: Mapping[str, tuple[int, int]]) -> None:
        self.spans = spans
        ordered = sorted((began, run) for run, (began, _) in spans.items())
        self._runs = [run for _, run in ordered]
        self._starts = [began for began, _ in ordered]
        self._latest_ends = list(accumulate((spans[run][1] for run in self._runs), max))

    def of(self, run: str) -> tuple[int, int]:
        """Begin and end of a run; all of time where it is not known."""
        return self.spans.get(run, (0, FAR_NS))

    def changed(self, spans: Mapping[str, tuple[int, int]], gone: Sequence[str]) -> Spans:
        """The same with these set and those left out."""
        if not spans and not gone:
            return self
        left_out = set(gone)
        return Spans(
            {run: one for run, one in {**self.spans, **spans}.items() if run not in left_out}
        )

    def beside(self, began: int, ended: int) -> list[str]:
        """Runs that went on within that time."""
        first = bisect_left(self._latest_ends, began + 1)
        last = bisect_left(self._starts, ended)
        return [run for run in self._runs[first:last] if self.spans[run][1] > began]


def wide(began: int, ended: int | None) -> tuple[int, int]:
    """A span, a little wider than it is: small corrections move nothing, and hide no neighbour."""
    return began - SLACK_NS, FAR_NS if ended is None else ended + SLACK_NS


def is_near(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two spans begin and end within the slack of each other."""
    return all(abs(a - b) <= SLACK_NS for a, b in zip(one, other, strict=True))
