"""Early stopping replayed on a sweep that has ended: what a rule would have stopped, and when.

Values arrive in the order in which they were logged; what a stopped trial logged afterwards is not
known to the rule. Less is better. Progress is the step over the largest step of the sweep.

Median rule: a trial is stopped when its best value is strictly worse than the median of the running
averages of the others up to the same progress. ASHA: on reaching a rung a trial is stopped when it
is worse than the best 1/η of those that reached the rung before it.

Source: Golovin et al., "Google Vizier" (2017), section 3.2.2, for the median rule; Li et al., "A
System for Massively Parallel Hyperparameter Tuning" (2020) for ASHA, in the stopping form of Ray
Tune's ``AsyncHyperBandScheduler``.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from trainfare.metering.metrics import Point

STARTUP = 5
"""The median of fewer others stops nobody: Optuna's ``n_startup_trials``."""

GRID = 20
"""The median rule looks so many times over a sweep's length …"""

WARM_UP = 2
"""… and not at the first of them: a tenth of the length."""

ETA = 4
"""ASHA keeps the best quarter of each rung: the default of Ray Tune and of Optuna."""

RUNGS = (ETA**-3, ETA**-2, ETA**-1)
"""Where ASHA looks, as parts of the longest trial."""

TOP = 0.1
"""The best tenth of the trials are winners, the best one always."""


class Check(NamedTuple):
    """A moment at which a rule looks at a trial."""

    wall_ns: int
    trial: str
    mark: int
    """The look or the rung that was reached."""
    judged: float
    """What is compared with what others recorded there."""
    recorded: float


Checks = Callable[[str, Sequence[Point], Sequence[float], float], Iterator[Check]]
"""Trial, points, their progress and the longest → when a rule looks at it, in order of time."""


def _median_checks(
    trial: str, points: Sequence[Point], axis: Sequence[float], longest: float
) -> Iterator[Check]:
    """The best value against the others' running averages, twenty times over a sweep's length."""
    values = [point.value for point in points]
    sums = list(itertools.accumulate(values))
    bests = list(itertools.accumulate(values, min))
    number, look = -1, 0
    while look < GRID:
        wanted = look + 1
        number = bisect_left(axis, wanted, key=lambda step: int(step / longest * GRID + 1e-9))
        if number >= len(points) - 1:  # nothing is saved at the last value
            return
        look = min(GRID, int(axis[number] / longest * GRID + 1e-9))
        average = sums[number] / (number + 1)
        yield Check(points[number].wall_ns, trial, look, bests[number], average)


def _asha_checks(
    trial: str, points: Sequence[Point], axis: Sequence[float], longest: float
) -> Iterator[Check]:
    """The value at a rung against the others' values there."""
    before = -1
    reached = [bisect_left(axis, rung, key=lambda step: step / longest) for rung in RUNGS]
    for mark, number in reversed(list(enumerate(reached, 1))):
        if number != before and number < len(points) - 1:
            value = points[number].value
            yield Check(points[number].wall_ns, trial, mark, value, value)
        before = number


def _is_below_median(mark: int, judged: float, others: Sequence[float]) -> bool:
    is_ready = mark >= WARM_UP and len(others) >= STARTUP
    return is_ready and judged > others[(len(others) - 1) // 2]


def _is_below_best(_mark: int, judged: float, others: Sequence[float]) -> bool:
    return bool(others) and judged > others[(len(others) - 1) // ETA]


RULES: Mapping[str, tuple[Checks, Callable[[int, float, Sequence[float]], bool]]] = {
    "median": (_median_checks, _is_below_median),
    "asha": (_asha_checks, _is_below_best),
}
"""Name → when a rule looks, and whether what it sees is stopped."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rule would have done to a sweep."""

    rule: str
    stopped: Mapping[str, int]
    """Trial → when it would have been stopped."""
    is_best_kept: bool
    """Whether the best value of the sweep would still have been reached."""
    winners: int
    """How many trials are in the best tenth …"""
    winners_killed: int
    """… and how many of them would have been stopped before their best value."""


def replay(
    rule: str, trials: Mapping[str, Sequence[Point]], spared: frozenset[str] = frozenset()
) -> Outcome:
    """What *rule* would have stopped.

    Args:
        rule: one of :data:`RULES`.
        trials: trial → its points in order of time, less being better; each has at least one.
        spared: trials that are seen and never stopped.
    """
    axes = {name: _progress(points) for name, points in trials.items()}
    longest = max((axis[-1] for axis in axes.values()), default=0.0) or 1.0
    checks, is_worse = RULES[rule]
    moments = sorted(
        check
        for name, points in trials.items()
        for check in checks(name, points, axes[name], longest)
    )
    stopped: dict[str, int] = {}
    seen: dict[int, list[float]] = defaultdict(list)
    for check in moments:
        if check.trial not in stopped:
            if check.trial not in spared and is_worse(check.mark, check.judged, seen[check.mark]):
                stopped[check.trial] = check.wall_ns
            insort(seen[check.mark], check.recorded)
    bests = {name: best_of(points) for name, points in trials.items()}
    kept = bests | {
        name: best_of([p for p in trials[name] if p.wall_ns <= at_ns])
        for name, at_ns in stopped.items()
    }
    winners = sorted(trials, key=lambda name: (bests[name], name))
    winners = winners[: max(1, math.ceil(len(winners) * TOP))]
    return Outcome(
        rule,
        stopped,
        is_best_kept=min(kept.values(), default=math.inf) <= min(bests.values(), default=math.inf),
        winners=len(winners),
        winners_killed=sum(kept[name] > bests[name] for name in winners),
    )


def best_of(points: Sequence[Point]) -> float:
    """The least value."""
    return min((point.value for point in points), default=math.inf)


def _progress(points: Sequence[Point]) -> list[float]:
    """Steps where they only grow, else the number of the value: a restart counts anew."""
    steps = [float(point.step) for point in points]
    if steps[-1] > 0 and all(a < b for a, b in itertools.pairwise(steps)):
        return steps
    return [float(number) for number in range(1, len(points) + 1)]


PATIENCE = 10
"""Values without a new best before the plateau rule stops a run. Keras and Lightning stop after 0
and 3 where nobody says otherwise; ten is careful."""


def plateau(points: Sequence[Point], patience: int = PATIENCE) -> int | None:
    """When a run has logged *patience* values without a new best; None where it never does.

    >>> plateau([Point(n, n, 1.0) for n in range(20)])
    10
    """
    best, since = math.inf, 0
    for point in points:
        if point.value < best:
            best, since = point.value, 0
        else:
            since += 1
        if since >= patience:
            return point.wall_ns
    return None
