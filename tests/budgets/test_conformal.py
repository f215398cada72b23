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
