"""The limit of an overrun, learnt from how far finished runs were off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.budgets.overrun import (
    FALSE_PER_MONTH,
    LIMIT_LEAST,
    LIMIT_MOST,
    PAST_MIN,
    Past,
    overrun_limit,
)

OFF = (1.31, 1.62, 1.27, 1.44, 1.39, 1.58, 1.33, 1.70, 1.29, 1.47, 1.36, 1.65,
       1.42, 1.30, 1.53, 1.26, 1.49, 1.34, 1.60, 1.41, 1.28, 1.56, 1.38, 1.51)  # fmt: skip
"""Of 24 runs; the largest are 1.70, 1.65, 1.62, and the 13th from below is 1.42."""


@pytest.mark.parametrize(
    ("runs_per_month", "limit"),
    [
        (1, 1.42),  # every other run may be told of: rank 25 × 1/2 → 13
        (5, 1.65),  # one of ten: rank 25 × 9/10 → 23
        (10, 1.70),  # one of twenty: rank 25 × 19/20 → 24, the largest
        (30, 1.70 * 1.1),  # one of sixty: the past is too short, so its largest is stretched
        (1000, 1.70 * 1.1),
        (0.5, 1.26),  # all of them may be told of
        (0.1, 1.26),
    ],
)
def test_the_limit_is_the_ratio_that_half_a_run_a_month_exceeds(runs_per_month, limit):
    assert overrun_limit(Past(OFF, runs_per_month)) == pytest.approx(limit, rel=1e-12)


def test_runs_of_unknown_frequency_are_taken_for_rare():
    assert overrun_limit(Past(OFF)) == 1.26


def test_twenty_runs_are_a_past_and_nineteen_are_none():
    assert overrun_limit(Past(OFF[:20], 5)) == 1.65
    assert overrun_limit(Past(OFF[:19], 5)) == 2.0


@pytest.mark.parametrize(("largest", "limit"), [(1.8, 1.98), (1.9, 2.0), (1.1, 1.25)])
def test_the_limit_stays_between_a_quarter_over_and_twice(largest, limit):
    assert overrun_limit(Past((1.0,) * 23 + (largest,), 100)) == pytest.approx(limit)


@given(st.lists(st.floats(0.1, 3), min_size=20, max_size=60), st.floats(0, 50), st.floats(0, 50))
def test_the_more_runs_a_month_the_higher_the_limit(ratios, once, again):
    few, many = sorted((once, again))
    assert overrun_limit(Past(tuple(ratios), few)) <= overrun_limit(Past(tuple(ratios), many))


ratios = st.lists(st.floats(0.2, 9.0), max_size=400)


@given(ratios, st.floats(0, 500))
def test_the_limit_of_an_overrun_lets_few_of_the_past_through_and_is_never_over_twice(past, month):
    limit = overrun_limit(Past(tuple(past), month))
    assert LIMIT_LEAST <= limit <= LIMIT_MOST
    if len(past) < PAST_MIN:
        assert limit == LIMIT_MOST
    elif limit < LIMIT_MOST:
        over = sum(ratio > limit for ratio in past)
        assert over <= len(past) * FALSE_PER_MONTH / max(month, FALSE_PER_MONTH)


@given(ratios, st.randoms())
def test_the_limit_does_not_depend_on_the_order_of_the_past(past, chance):
    shuffled = list(past)
    chance.shuffle(shuffled)
    assert overrun_limit(Past(tuple(past), 50)) == overrun_limit(Past(tuple(shuffled), 50))
