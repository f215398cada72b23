"""Departures of steady series: what is odd is told, what happens every night is not."""

import math
import random

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
