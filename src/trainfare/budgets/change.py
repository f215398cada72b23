"""Changes: the last moment at which a training's time per unit of work became another."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence

BINS = 40
"""The series is looked at in at most so many stretches of equal work."""

LEAST = 3
"""Stretches on either side of a change."""

SHARE, TIMES_NOISE = 0.08, 5.0
"""A change is at least so much of the mean before it, and so many times the noise of one stretch."""


def last_change(points: Sequence[tuple[float, int]]) -> int:
    """The index of the point at which the last change happened, or 0 where there was none.

    The series is cut where that leaves the least absolute deviation from the two medians; the cut
    counts if the medians differ by more than noise. What comes after is looked at again, so that
    the last of several changes is found.

    >>> steady = [(float(i), 10 * i) for i in range(20)]
    >>> slower = steady + [(float(20 + i), 200 + 15 * i) for i in range(20)]
    >>> last_change(steady), last_change(slower) in range(18, 22)
    (0, True)
    """
    edges = _edges(points)
    rates = [
        (points[b][1] - points[a][1]) / (points[b][0] - points[a][0])
        for a, b in itertools.pairwise(edges)
    ]
    begin = 0
    while (found := _cut(rates[begin:])) is not None:
        begin += found
    return edges[begin]


def _edges(points: Sequence[tuple[float, int]]) -> list[int]:
    """Indexes of the points that bound stretches of about equal work."""
    if len(points) <= BINS:
        return list(range(len(points)))
    size = (points[-1][0] - points[0][0]) / BINS
    edges, due = [0], points[0][0] + size
    for index in range(1, len(points)):
        if points[index][0] >= due - 1e-9:
            edges.append(index)
            due = points[index][0] + size
    edges[-1] = len(points) - 1  # a rest is too short to stand alone
    return edges


def _cut(rates: Sequence[float]) -> int | None:
    """Where the rates before and after differ most surely, or None where they do not."""
    best: tuple[float, int] | None = None
    for place in range(LEAST, len(rates) - LEAST + 1):
        before, after = rates[:place], rates[place:]
        spread = _spread(before) + _spread(after)
        if best is None or spread < best[0]:
            best = spread, place
    if best is None:
        return None
    spread, place = best
    usual, now = statistics.median(rates[:place]), statistics.median(rates[place:])
    noise = spread / len(rates)
    is_real = abs(now - usual) > max(SHARE * usual, TIMES_NOISE * noise)
    return place if is_real else None


def _spread(rates: Sequence[float]) -> float:
    middle = statistics.median(rates)
    return sum(abs(one - middle) for one in rates)
