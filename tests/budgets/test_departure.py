"""Departures of steady series: what is odd is told, what happens every night is not."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.budgets.departure import departures

series = st.lists(st.floats(0, 1e6), min_size=1, max_size=120)


@given(series)
def test_one_answer_for_each_value(values):
    assert len(departures(values, past=30, scale=7)) == len(values)


@given(series, st.floats(0, 1e6))
def test_no_answer_looks_ahead(values, later):
    assert departures([*values, later], past=30, scale=7)[:-1] == departures(
        values, past=30, scale=7
    )


@given(st.floats(0, 1e6), st.integers(1, 100))
def test_what_never_changes_never_departs(value, count):
    assert not any(departures([value] * count, past=30, scale=7))


@given(series, st.sampled_from([0.001, 1000.0, 1024.0]))
def test_the_currency_unit_does_not_matter(values, times):
    whole = [float(round(value)) for value in values]
    scaled = departures([value * 1024 for value in whole], past=30, scale=7)
    assert scaled == departures(whole, past=30, scale=7)


def test_a_cent_on_a_flat_bill_is_no_anomaly_and_a_doubling_is():
    flat = [500.0] * 60
    assert departures([*flat, 500.01], past=42, scale=7)[-1] is False
    assert departures([*flat, 1000.0], past=42, scale=7)[-1] is True


def test_a_job_of_every_night_is_usual_after_some_nights():
    chance = random.Random(7)
    hours = [(90.0 if hour % 24 == 2 else 10.0) + chance.gauss(0, 1) for hour in range(24 * 40)]
    found = departures(hours, past=24 * 7, scale=6)
    assert sum(found[24 * 20 :]) == 0
    at = 24 * 35 + 12
    assert departures([*hours[:at], 300.0, *hours[at + 1 :]], past=24 * 7, scale=6)[at] is True


def test_many_middling_values_in_a_row_are_as_odd_as_a_large_one():
    chance = random.Random(3)
    noisy = [abs(chance.gauss(0, 1)) * 10 * (chance.random() < 0.2) for _ in range(400)]
    middling = [*noisy, *[10.0] * 24]
    assert any(departures(middling, past=150, scale=12)[400:])
    assert not any(departures(middling, past=150, scale=1)[400:])


def test_noise_alone_is_seldom_told():
    chance = random.Random(1)
    values = [math.exp(chance.gauss(0, 0.5)) for _ in range(4000)]
    assert sum(departures(values, past=400, scale=12)) < 60


FLAT, SWINGING = [100.0] * 40, [90.0, 110.0] * 32
NOISY = [83.55, 100, 100, 116.45, 100, 100, 100, 83.55, 100, 100,
         116.45, 100, 100, 83.55, 100, 100, 100, 116.45, 100, 100] * 2  # fmt: skip
SKEW = [100, 120, 100, 100, 120] * 8


@pytest.mark.parametrize(
    ("usual", "inside", "outside"),
    [
        (FLAT, 103, 103.01),  # three times a hundredth of the median
        (FLAT, 97, 96.99),
        (SWINGING, 144.47, 144.49),  # three times 1.4826 × 10, the median of what they are off
        (NOISY, 129.99, 130.01),  # three times (116.45 − 83.55) / 3.29
        (NOISY, 70.01, 69.99),
        # Off the median by 20 = 3.29 spreads of 20 / 3.29, so often that only a tenth more is odd.
        (SKEW, 121.99, 122.01),
    ],
)
def test_the_usual_range_is_three_spreads_or_a_tenth_more_than_there_was(usual, inside, outside):
    assert departures([*usual, inside], past=20, scale=1)[-1] is False
    assert departures([*usual, outside], past=20, scale=1)[-1] is True


@pytest.mark.parametrize(("before", "is_told"), [(0, False), (7, False), (8, True), (9, True)])
def test_a_third_says_what_is_usual_and_another_third_how_odd_it_gets(before, is_told):
    assert departures([100.0] * before + [900.0], past=12, scale=1)[-1] is is_told


@pytest.mark.parametrize(("since", "is_told"), [(23, False), (24, True)])
def test_how_odd_it_gets_is_remembered_twice_as_long_as_what_is_usual(since, is_told):
    values = [*FLAT, 200.0, *[100.0] * since, 110.0]
    assert departures(values, past=12, scale=1)[-1] is is_told


@pytest.mark.parametrize(("jumps", "is_told"), [(1, True), (2, False)])
def test_of_more_than_two_hundred_values_the_oddest_is_an_exception(jumps, is_told):
    values = [*FLAT * 6, *[200.0, *FLAT] * jumps, *FLAT, 110.0]
    assert departures(values, past=150, scale=1)[-1] is is_told


@pytest.mark.parametrize(
    ("then", "is_out"), [([105.4], False), ([105.6], True), ([100, 105.6], False)]
)
def test_a_departure_lasts_until_its_score_is_under_half_of_the_limit(then, is_out):
    # The limit is 11 after a score of 10.
    assert departures([*FLAT, 110.0, *then], past=30, scale=1)[-1] is is_out


@pytest.mark.parametrize(("scale", "is_told"), [(1, False), (2, True)])
def test_the_mean_of_two_is_steadier_than_each_of_them(scale, is_told):
    # 130 is two spreads off; with the 110 before it is 120, and all means but the first were 100.
    assert departures([90.0, 110.0] * 6 + [130.0], past=12, scale=scale)[-1] is is_told


@pytest.mark.parametrize(("value", "is_told"), [(0.0, False), (0.01, True)])
def test_after_nothing_at_all_anything_is_odd(value, is_told):
    assert departures([0.0] * 40 + [value], past=12, scale=1)[-1] is is_told


@pytest.mark.parametrize(
    ("largest", "steady", "is_told"), [(9090, 1, True), (9091.91, 1, False), (9091.91, 0, False)]
)
def test_nothing_is_more_than_a_million_spreads_off(largest, steady, is_told):
    # 9090.91 is 909,091 hundredths: a tenth more is over a million.
    values = [*[1.0] * 20, largest, *[steady] * 20, 1e9]
    assert departures(values, past=12, scale=1)[-1] is is_told
