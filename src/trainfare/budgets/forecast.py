"""Forecasts of the time that a training still needs: pure, from its course and those before it.

remaining = train time left + pauses left

train time left, first that can be had:
  profile        what earlier runs of the same configuration still needed here, at this run's speed
  since change   work left × mean since the time per unit of work changed
  last quarter   work left × mean of the last quarter of what is done, once half is done
  after warm-up  work left × mean without the first twentieth of what is done, at least one unit

pauses left = for each kind: how many more fit into the work left × their median length

"""

from __future__ import annotations

import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from trainfare.budgets.change import last_change
from trainfare.budgets.course import Course
from trainfare.core.forecast import Method

WARM_UP = 0.05
"""Share of what is done that is taken for warm-up, and at least one unit of work."""

LATE = 0.5
"""From this share of the planned work on, the last quarter speaks for the rest."""


@dataclass(frozen=True, slots=True)
class Projection:
    """What is left of a training."""

    remaining_ns: int
    method: Method


def project(course: Course, profiles: Sequence[Course] = ()) -> Projection | None:
    """What is left of *course*; None where its work is not known, or nothing of it was done yet.

    Args:
        course: of the run that goes on.
        profiles: whole courses of earlier runs of the same configuration, in the same unit.
    """
    planned = course.planned
    if not planned or (not profiles and len(course.points) < 2):
        return None
    left = max(0.0, planned - course.done)
    if profiles:
        after_ns = _speed(course, planned, profiles) * _left(profiles, course.done / planned)
        return Projection(_not_before(course, after_ns, course.paused_ns), Method.PROFILE)
    rate, method = rate_of(course)
    ahead_ns = _not_before(course, rate * left, 0)
    return Projection(ahead_ns + round(_pauses_left(course, left)), method)


def rate_of(course: Course) -> tuple[float, Method]:
    """Train nanoseconds per unit of work to be expected from here on, and where that comes from."""
    points = after_warm_up(course.points)
    changed = last_change(points)
    if changed:
        return mean_rate(points[changed:]), Method.SINCE_CHANGE
    if course.planned and course.done >= LATE * course.planned:
        return mean_rate(last_quarter(points)), Method.LAST_QUARTER
    return mean_rate(points), Method.AFTER_WARM_UP


def mean_rate(points: Sequence[tuple[float, int]]) -> float:
    """Nanoseconds per unit of work between the first and the last point."""
    (first, from_ns), (last, to_ns) = points[0], points[-1]
    return (to_ns - from_ns) / (last - first)


def after_warm_up(points: Sequence[tuple[float, int]]) -> Sequence[tuple[float, int]]:
    """The points without the first twentieth and the first unit, at least two.

    All of them, where not even one unit is done.

    >>> after_warm_up(((0.0, 0), (1.0, 90), (2.0, 100), (3.0, 110)))
    ((1.0, 90), (2.0, 100), (3.0, 110))
    """
    begun = points[0][0]
    warm = begun + max(1.0, WARM_UP * (points[-1][0] - begun))
    first = next((i for i, one in enumerate(points) if one[0] >= warm), 0)
    return points[min(first, len(points) - 2) :]


def last_quarter(points: Sequence[tuple[float, int]]) -> Sequence[tuple[float, int]]:
    """The points of the last quarter of the work done, at least two."""
    since = points[-1][0] - (points[-1][0] - points[0][0]) / 4
    first = next(i for i, one in enumerate(points) if one[0] >= since)
    return points[min(first, len(points) - 2) :]


def _speed(course: Course, planned: float, profiles: Sequence[Course]) -> float:
    """How much longer than its *profiles* this run takes for the same work, its warm-up left out.

    Warm-up (compilation, cold caches) differs from run to run and does not come back, so it may
    not scale what is left.
    """
    if len(course.points) < 2:
        return 1.0
    first, last = after_warm_up(course.points)[0][0], course.done
    own = course.whole_ns(last) - course.whole_ns(first)
    theirs = statistics.fmean(
        _whole_ns(one, last / planned) - _whole_ns(one, first / planned) for one in profiles
    )
    return own / theirs if theirs > 0 else 1.0


def _left(profiles: Sequence[Course], progress: float) -> float:
    """What the profiles still needed on average at *progress*, pauses and all."""
    return statistics.fmean(one.whole_ns(math.inf) - _whole_ns(one, progress) for one in profiles)


def _whole_ns(one: Course, progress: float) -> float:
    return one.whole_ns(one.work_at(progress))


def _not_before(course: Course, after_ns: float, paused_ns: int) -> int:
    """What is left from now on of *after_ns*, which counts from the last point."""
    since_ns = course.now_ns - (course.points[-1][1] if course.points else 0)
    return max(0, round(after_ns) - since_ns - paused_ns)


def _pauses_left(course: Course, left: float) -> float:
    """How long all pauses together will still take, kind by kind."""
    kinds: dict[str, dict[float, int]] = defaultdict(dict)
    for one in course.pauses:  # several of a kind at one place are one: an evaluation in parts
        lengths = kinds[one.kind]
        lengths[one.work] = lengths.get(one.work, 0) + one.ns
    total = 0.0
    for lengths in kinds.values():
        begun = course.points[0][0]
        places = [begun, *(work for work in lengths if work > begun)]
        gaps = [after - before for before, after in itertools.pairwise(places)]
        if not gaps:
            continue
        gap = statistics.median(gaps)
        ahead = int((course.done + left - places[-1]) / gap + 1e-6)
        total += ahead * statistics.median(lengths.values())
    return max(0.0, total - course.paused_ns)
