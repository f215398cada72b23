"""Waste is planted where it can be, is written down, and changes nothing of what was paid."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.worlds import SIZES
from trainfare.simulation.schedule import Ending, Habit
from trainfare.simulation.waste import ERROR, LEAST_NS
from trainfare.simulation.world import make_world


@pytest.fixture(scope="module")
def world():
    return make_world(7, runs=200, days=5, teams=3, waste=0.01)


def test_every_habit_is_planted_as_often_as_asked(world):
    habits = [one.habit for one in world.waste]
    assert {habit: habits.count(habit) for habit in Habit} == dict.fromkeys(Habit, 2)
    assert {one.run: one.habit for one in world.waste} == {
        run.id: run.habit for run in world.runs if run.habit
    }


def test_what_is_made_twice_is_of_one_team_and_later(world):
    runs = {run.id: run for run in world.runs}
    for one in world.waste:
        if one.habit not in (Habit.DUPLICATE, Habit.FAILED_AGAIN):
            continue
        run = runs[one.run]
        (other,) = [each for name, each in runs.items() if name in one.detail.split()]
        assert other.attempts[0].interval.end_ns <= run.attempts[0].interval.start_ns
        assert run.labels == other.labels
        if one.habit is Habit.FAILED_AGAIN:
            assert (run.error, other.error) == (ERROR, ERROR)
            assert run.attempts[0].ending is other.attempts[0].ending is Ending.FAILED
        else:
            assert {"config_hash", "data", "seed"} <= dict(run.labels).keys()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**9), sizes=st.fixed_dictionaries(SIZES))
def test_waste_costs_what_was_paid_anyway(seed, sizes):
    honest, wasteful = make_world(seed, **sizes), make_world(seed, waste=0.2, **sizes)
    assert wasteful.truth(is_detailed=True) == honest.truth(is_detailed=True)
    spans = {run.id: [one.interval for one in run.attempts] for run in honest.runs}
    assert {run.id: [one.interval for one in run.attempts] for run in wasteful.runs} == spans
    for one in wasteful.waste:
        (span,) = spans[one.run]
        assert span.duration_ns >= LEAST_NS
        assert span.overlap_ns(wasteful.bill) == span.duration_ns
