"""Intervals whose coverage is known: by how much earlier forecasts were off, at the same progress.

    ratio    = remaining time as it was ÷ remaining time as it was forecast, one per earlier run
    score    = |ln ratio|
    interval = forecast ÷ e^q … forecast × e^q, where q is the ⌈(n + 1) × wanted⌉-th smallest score
    coverage = that rank ÷ (n + 1); with fewer runs than the wanted share needs, the largest score
               and its honest n ÷ (n + 1)

Source: V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World" (2005), split
conformal prediction; the runs must be exchangeable, so they are of one family where there are some.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trainfare.budgets.course import Course
from trainfare.budgets.forecast import project

WANTED = 0.9
"""Share of runs that an interval should cover."""


@dataclass(frozen=True, slots=True)
class Band:
    """Factors of the remaining time, and the share of runs between them."""

    low: float
    high: float
    coverage: float


def band(
    ratios: Sequence[float], wanted: float = WANTED, *, independent: int | None = None
) -> Band | None:
    """The interval that *ratios* give; None without any.

    Args:
        ratios: one per earlier forecast, none of them 0.
        wanted: share that should be covered.
        independent: how many of them do not overlap, all by default: as many promise a coverage.

    >>> band([1.0, 0.98, 1.05]).coverage
    0.75
    """
    if not ratios:
        return None
    scores = sorted(abs(math.log(one)) for one in ratios)
    trials = len(scores) if independent is None else independent
    rank = min(trials, math.ceil((trials + 1) * wanted - 1e-9))
    widest = scores[math.ceil(rank * len(scores) / trials) - 1]
    return Band(math.exp(-widest), math.exp(widest), rank / (trials + 1))


def ratios_of_family(family: Sequence[Course], progress: float) -> tuple[float, ...]:
    """How far off each run of one configuration would have been, forecast from the others."""
    found = [
        _ratio(one, progress, [other for other in family if other is not one]) for one in family
    ]
    return tuple(one for one in found if one is not None)


def ratios_alone(courses: Sequence[Course], progress: float) -> tuple[float, ...]:
    """How far off each run would have been, forecast from nothing but itself."""
    found = [_ratio(one, progress, ()) for one in courses]
    return tuple(one for one in found if one is not None)


def _ratio(course: Course, progress: float, profiles: Sequence[Course]) -> float | None:
    then = course.cut(course.work_at(progress))
    if then.done >= course.work_at(1.0):
        return None
    found = project(then, profiles)
    left = course.whole_ns(math.inf) - course.whole_ns(then.done)
    return left / found.remaining_ns if found and found.remaining_ns > 0 and left > 0 else None
