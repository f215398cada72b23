"""Courses: how much work a training had done after how long, with its pauses apart.

Two clocks: *train* time stands still in pauses (evaluations, checkpoints), *whole* time does not.
Both begin with the training itself; the setup before it is spent already and repeats itself no more.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import itemgetter

MOST_POINTS = 400
"""A longer series is thinned to so many points; the first and the last stay."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch in which the training did something else than its work."""

    work: float
    """What was done when it began."""
    ns: int
    kind: str = "eval"


@dataclass(frozen=True, slots=True)
class Course:
    """Work done by time."""

    unit: str
    """What the work is counted in: steps, epochs …"""
    points: tuple[tuple[float, int], ...]
    """Work done and train nanoseconds by then, both rising."""
    planned: float | None
    """All the work there is, with what was or will be done again; None where nobody said."""
    pauses: tuple[Pause, ...]
    """Those that have ended, in order."""
    now_ns: int
    """Train time by now, at least that of the last point."""
    paused_ns: int
    """How long the present pause has lasted, 0 outside pauses."""

    @property
    def done(self) -> float:
        """Work done by the last point."""
        return self.points[-1][0] if self.points else 0.0

    @property
    def progress(self) -> float | None:
        """Share of the planned work that is done."""
        return None if not self.planned else min(1.0, self.done / self.planned)

    def work_at(self, progress: float) -> float:
        """Work done at a share of the plan; 0 where nobody said how much there is."""
        return progress * (self.planned or 0.0)

    def whole_ns(self, work: float) -> float:
        """Time until *work* was done, between two points in proportion, with the pauses before."""
        return _between(self.points, work) + sum(one.ns for one in self.pauses if one.work < work)

    def cut(self, work: float) -> Course:
        """The course as it was when *work* was done, at a point that it really has."""
        last = bisect_right(self.points, work, key=itemgetter(0))
        points = self.points[:last]
        done, now_ns = points[-1] if points else (0.0, 0)
        pauses = tuple(one for one in self.pauses if one.work < done)
        return replace(self, points=points, pauses=pauses, now_ns=now_ns, paused_ns=0)


def make_course(
    unit: str,
    points: Sequence[tuple[float, int]],
    planned: float | None,
    pauses: Sequence[Pause] = (),
    *,
    now_ns: int = 0,
    paused_ns: int = 0,
) -> Course:
    """A course of rising *points*; points at which work or time stood still are left out.

    >>> make_course("steps", [(0, 0), (10, 5), (10, 6), (20, 10)], 40).points
    ((0.0, 0), (10.0, 5), (20.0, 10))
    """
    rising: list[tuple[float, int]] = []
    for work, at_ns in points:
        if not rising or (work > rising[-1][0] and at_ns > rising[-1][1]):
            rising.append((float(work), at_ns))
    latest = rising[-1][1] if rising else 0
    kept = _thinned(rising)
    return Course(unit, kept, planned, tuple(pauses), max(now_ns, latest), paused_ns)


def _thinned(points: list[tuple[float, int]]) -> tuple[tuple[float, int], ...]:
    if len(points) <= MOST_POINTS:
        return tuple(points)
    last = len(points) - 1
    return tuple(points[place * last // (MOST_POINTS - 1)] for place in range(MOST_POINTS))


def _between(points: Sequence[tuple[float, int]], work: float) -> float:
    """The line through *points* at *work*, held at both ends."""
    if not points:
        return 0.0
    place = bisect_left(points, work, key=itemgetter(0))
    if place == 0:
        return float(points[0][1])
    if place == len(points):
        return float(points[-1][1])
    (before, from_ns), (after, to_ns) = points[place - 1], points[place]
    return from_ns + (to_ns - from_ns) * (work - before) / (after - before)
