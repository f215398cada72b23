"""Early stopping is replayed with what was known at the time, against a slow and plain oracle."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.advice.early_stop import (
    ETA,
    GRID,
    PATIENCE,
    RULES,
    RUNGS,
    STARTUP,
    WARM_UP,
    best_of,
    plateau,
    replay,
)
from trainfare.metering.metrics import Point


def curve(values, *, start=0, every=1):
    return [Point(start + n * every, n + 1, value) for n, value in enumerate(values)]


@st.composite
def sweeps(draw):
    length = draw(st.integers(1, 40))
    return {
        f"t{n}": curve(
            draw(st.lists(st.integers(0, 9), min_size=1, max_size=length)),
            start=draw(st.integers(0, 30)),
        )
        for n in range(draw(st.integers(1, 12)))
    }


def in_order(trials):
    return sorted((p.wall_ns, t, n) for t, points in trials.items() for n, p in enumerate(points))


def slow_median(trials):
    longest = max(points[-1].step for points in trials.values())
    stopped, told = {}, {}
    looks = {}
    for at, name, number in in_order(trials):
        points = trials[name]
        if name in stopped or number + 1 == len(points):
            continue
        values = [p.value for p in points[: number + 1]]
        look = min(GRID, int(points[number].step / longest * GRID + 1e-9))
        if look <= told.get(name, 0):
            continue
        told[name] = look
        others = sorted(looks.setdefault(look, []))
        if look >= WARM_UP and len(others) >= STARTUP:
            lower_median = others[(len(others) - 1) // 2]
            if min(values) > lower_median:
                stopped[name] = at
        looks[look].append(sum(values) / len(values))
    return stopped


def slow_asha(trials):
    longest = max(points[-1].step for points in trials.values())
    stopped, rungs = {}, {rung: [] for rung in RUNGS}
    for at, name, number in in_order(trials):
        points = trials[name]
        if name in stopped or number + 1 == len(points):
            continue
        before = points[number - 1].step / longest if number else 0
        here = [r for r in RUNGS if before < r <= points[number].step / longest]
        if not here:
            continue
        reached, value = max(here), points[number].value
        ranked = sorted(rungs[reached])
        if ranked and value > ranked[(len(ranked) - 1) // ETA]:
            stopped[name] = at
        rungs[reached].append(value)
    return stopped


@given(sweeps())
def test_the_median_rule_is_that_of_the_slow_oracle(trials):
    assert replay("median", trials).stopped == slow_median(trials)


@given(sweeps())
def test_asha_is_that_of_the_slow_oracle(trials):
    assert replay("asha", trials).stopped == slow_asha(trials)


@given(sweeps(), st.sampled_from(sorted(RULES)))
def test_what_happens_later_changes_nothing_that_was_stopped_before(trials, rule):
    """A rule knows only what came before: cutting the future off leaves earlier stops alone."""
    stopped = replay(rule, trials).stopped
    for at in sorted(stopped.values()):
        until = {name: [p for p in points if p.wall_ns <= at] for name, points in trials.items()}
        longest = max(points[-1].step for points in trials.values())
        # One trial that is as long as before keeps the axis, and is past every look of the others.
        known = {name: points for name, points in until.items() if points}
        known["axis"] = [Point(at + 1, longest, 0.0)]
        again = replay(rule, known).stopped
        early = {name: when for name, when in stopped.items() if when < at}
        assert early.items() <= again.items()


@given(sweeps(), st.sampled_from(sorted(RULES)))
def test_whether_the_best_is_kept_is_told_truly(trials, rule):
    found = replay(rule, trials)
    kept = min(
        best_of([p for p in points if p.wall_ns <= found.stopped.get(name, math.inf)])
        for name, points in trials.items()
    )
    assert found.is_best_kept == (kept <= min(map(best_of, trials.values())))
    assert found.winners_killed <= found.winners


@pytest.mark.parametrize("rule", sorted(RULES))
def test_equal_trials_are_never_stopped(rule):
    same = {f"t{n}": curve([5.0 - k / 10 for k in range(40)]) for n in range(20)}
    assert replay(rule, same).stopped == {}


def test_a_slow_starter_that_wins_is_told_as_killed():
    """Trial 9 begins worst and ends best; both rules stop it, and say so."""
    trials = {f"t{n}": curve([3.0 + n / 10] * 40) for n in range(9)}
    trials["late"] = curve([9.0] * 39 + [0.0], start=1)
    for rule in RULES:
        found = replay(rule, trials)
        assert "late" in found.stopped
        assert not found.is_best_kept
        assert found.winners_killed == 1


def test_patience_ends_a_plateau_and_a_new_best_begins_it_again():
    assert plateau(curve([1.0] * PATIENCE)) is None
    assert plateau(curve([1.0] * (PATIENCE + 1))) == PATIENCE
    assert plateau(curve([2.0, *[2.0] * 9, 1.0, *[1.0] * 10])) == 20
    assert plateau(curve([float(-n) for n in range(100)])) is None
