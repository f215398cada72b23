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
from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

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

Rule = Callable[["Replay", str, float, float], bool]
"""State, trial, progress and value → whether the trial is stopped now."""


@dataclass(slots=True)
class Replay:
    """What a rule has seen so far."""

    best: dict[str, float] = field(default_factory=dict)
    sums: dict[str, tuple[float, int]] = field(default_factory=dict)
    grid: dict[str, int] = field(default_factory=dict)
    """Trial → how many looks it had."""
    looks: dict[int, list[float]] = field(default_factory=dict)
    """Look → running averages of the trials that got there, sorted."""
    rungs: dict[int, list[float]] = field(default_factory=dict)
    passed: dict[str, int] = field(default_factory=dict)


def median_rule(seen: Replay, trial: str, progress: float, value: float) -> bool:
    """Stop what is worse than the median of the others' running averages."""
    total, count = seen.sums.get(trial, (0.0, 0))
    total, count = total + value, count + 1
    seen.sums[trial] = total, count
    look = min(GRID, int(progress * GRID + 1e-9))
    if look <= seen.grid.get(trial, 0):
        return False
    seen.grid[trial] = look
    others = seen.looks.setdefault(look, [])
    is_worse = (
        look >= WARM_UP
        and len(others) >= STARTUP
        and seen.best[trial] > others[(len(others) - 1) // 2]
    )
    insort(others, total / count)
    return is_worse


def asha_rule(seen: Replay, trial: str, progress: float, value: float) -> bool:
    """Stop at a rung what is not among the best 1/η of those that reached it."""
    passed = seen.passed.get(trial, 0)
    if passed == len(RUNGS) or progress < RUNGS[passed]:
        return False
    while passed < len(RUNGS) and progress >= RUNGS[passed]:
        passed += 1
    seen.passed[trial] = passed
    before = seen.rungs.setdefault(passed, [])
    is_worse = bool(before) and value > before[(len(before) - 1) // ETA]
    insort(before, value)
    return is_worse


RULES: Mapping[str, Rule] = {"median": median_rule, "asha": asha_rule}


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


def replay(rule: str, trials: Mapping[str, Sequence[Point]]) -> Outcome:
    """What *rule* would have stopped.

    Args:
        rule: one of :data:`RULES`.
        trials: trial → its points in order of time, less being better; each has at least one.
    """
    axes = {name: _progress(points) for name, points in trials.items()}
    longest = max((axis[-1] for axis in axes.values()), default=0.0) or 1.0
    events = sorted(
        (point.wall_ns, name, number)
        for name, points in trials.items()
        for number, point in enumerate(points)
    )
    seen, stopped = Replay(), {}
    decide = RULES[rule]
    for at_ns, name, number in events:
        points = trials[name]
        if name in stopped or number + 1 == len(points):
            continue  # nothing is saved at the last value
        value = points[number].value
        seen.best[name] = min(seen.best.get(name, math.inf), value)
        if decide(seen, name, axes[name][number] / longest, value):
            stopped[name] = at_ns
    bests = {name: best_of(points) for name, points in trials.items()}
    kept = {
        name: best_of([p for p in points if name not in stopped or p.wall_ns <= stopped[name]])
        for name, points in trials.items()
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
