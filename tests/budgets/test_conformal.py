"""Intervals hold as often as they say, on runs that took no part in them."""

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.budgets.conformal import band, ratios_alone, ratios_of_family
from trainfare.budgets.course import Pause, make_course
from trainfare.budgets.published import RATIOS, published_ratios
from trainfare.simulation.step_times import make_family

RATIO = st.floats(0.2, 5)


def test_few_runs_promise_no_more_than_they_can():
    assert band([1.1]).coverage == pytest.approx(1 / 2)
    assert band([1.1, 0.9, 1.2]).coverage == pytest.approx(3 / 4)
    assert band([1.0] * 9).coverage == pytest.approx(0.9)
    assert band([]) is None


def off_by_percent(count):
    """As many runs, off by 1 %, 2 % … upwards and downwards in turn, in no order."""
    whole = [1 + n / 100 for n in range(1, count + 1)]
    return [one if n % 2 else 1 / one for n, one in enumerate(whole)][::-1]


@pytest.mark.parametrize(
    ("count", "words", "percent", "coverage"),
    [
        (19, {}, 18, 0.9),  # 20 × 0.9 = 18
        (20, {}, 19, 19 / 21),  # 21 × 0.9 = 18.9
        (18, {}, 18, 18 / 19),  # 19 × 0.9 = 17.1
        (8, {}, 8, 8 / 9),  # too few for 9 × 0.9 = 8.1
        (19, {"wanted": 0.5}, 10, 0.5),
        (30, {"wanted": 0.8, "independent": 9}, 27, 0.8),  # the 8th of 9 is the 27th of 30
        (30, {"independent": 7}, 30, 7 / 8),
        (10, {"independent": 3, "wanted": 0.5}, 7, 0.5),  # the 2nd of 3 is the 7th of 10
    ],
)
def test_the_interval_ends_at_the_error_of_its_rank(count, words, percent, coverage):
    found = band(off_by_percent(count), **words)
    assert found.high == pytest.approx(1 + percent / 100, rel=1e-12)
    assert found.low == pytest.approx(1 / (1 + percent / 100), rel=1e-12)
    assert found.coverage == pytest.approx(coverage, rel=1e-12)


@given(st.lists(RATIO, min_size=1, max_size=40))
def test_the_order_of_runs_does_not_matter(ratios):
    assert band(ratios) == band(sorted(ratios))


@given(st.lists(RATIO, min_size=1, max_size=40))
def test_the_share_within_is_at_least_what_is_said(ratios):
    found = band(ratios)
    inside = sum(found.low * 0.999999 <= one <= found.high * 1.000001 for one in ratios)
    assert inside / (len(ratios) + 1) >= min(0.9, found.coverage) - 1e-9


@given(st.permutations([1.0, 1.0, 1.0, 1.02]))
def test_runs_that_were_forecast_exactly_leave_no_doubt(ratios):
    assert band([1.0] * 20).low == band([1.0] * 20).high == 1.0
    assert band(ratios).high == pytest.approx(1.02)


def by_hand(*times_ns, pauses=()):
    """Ten steps between two points, planned is what was done."""
    points = [(10 * n, at_ns) for n, at_ns in enumerate((0, *times_ns))]
    return make_course("steps", points, points[-1][0], pauses)


def test_a_run_alone_is_off_by_what_really_was_left_out_of_what_was_forecast():
    # At 20 of 40 steps: 60 ns a step, and three more pauses of 50 ns as at 10; 70 ns came at 30.
    run = by_hand(1000, 1600, 2500, 2900, pauses=[Pause(10, 50), Pause(30, 70)])
    assert ratios_alone([run, run], 0.5) == (pytest.approx(1370 / 1350),) * 2
    assert ratios_alone([run], 0.6) == ratios_alone([run], 0.5)  # it has no point between


def test_each_run_of_a_family_is_forecast_from_the_others():
    family = [by_hand(1000, 1600, 2500, 2900), by_hand(2000, 3200, 5000, 6600)]
    expected = pytest.approx(1300 / (3400 / 2)), pytest.approx(3400 / (1300 * 2))
    assert ratios_of_family(family, 0.5) == expected


def test_a_run_that_has_not_begun_or_is_done_says_nothing_even_if_a_pause_follows():
    ends = [Pause(40, 300)]
    family = [by_hand(1000, 1600, 2500, 2900, pauses=ends), by_hand(9, 18, 27, 36, pauses=ends)]
    assert ratios_alone(family, 0.1) == ratios_alone(family, 1.0) == ()
    assert ratios_of_family(family, 1.0) == ()


def test_where_no_time_was_left_or_none_was_forecast_nothing_can_be_compared():
    whole = by_hand(1000, 1600, 2500, 2900)
    stood_still = by_hand(1000, 1600, 2500, 2500)
    assert ratios_alone([stood_still], 0.95) == ()
    assert ratios_of_family([whole, stood_still], 0.95) == ()


def test_a_run_of_which_nobody_said_how_long_it_is_says_nothing():
    assert ratios_alone([make_course("steps", [(0, 0), (1, 5), (2, 9), (3, 14)], None)], 0.5) == ()


def test_the_least_time_that_there_is_can_be_compared():
    one_a_step = make_course("steps", [(n, n) for n in range(5)], 4)
    assert ratios_alone([one_a_step], 0.75) == (1.0,)


def course(run):
    pauses = [Pause(work, ns) for work, ns in run.pauses]
    return make_course("steps", run.points, run.points[-1][0], pauses)


def coverage(seed, level, *, alone):
    chance = random.Random(seed)
    families = [list(map(course, make_family(chance, 12))) for _ in range(40)]
    held = []
    for number, (now, *before) in enumerate(families):
        others = [one for i, (one, *_) in enumerate(families) if i != number]
        ratios = ratios_alone(others, level) if alone else ratios_of_family(before, level)
        own = ratios_alone([now], level) if alone else ratios_of_family([now, *before], level)[:1]
        found = band(ratios)
        held.append(found.low <= own[0] <= found.high)
    return statistics.fmean(held)


@pytest.mark.parametrize("alone", [True, False])
def test_nine_of_ten_simulated_runs_end_within_their_interval(alone):
    measured = statistics.fmean(coverage(seed, 0.25, alone=alone) for seed in (1, 2))
    assert 0.82 <= measured <= 0.98  # 80 runs: three standard errors about 0.9


def test_every_tabled_progress_answers_from_its_own_row():
    for level in RATIOS:
        assert published_ratios(level + 1e-9) == RATIOS[level]
    assert published_ratios(0.0) == RATIOS[min(RATIOS)]
    assert all(list(row) == sorted(row) and len(row) == 19 for row in RATIOS.values())
