"""For how long a machine was paid: what its bill says, else how long it lived, else the period."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.allocation.by_hand_capacity import (
    DAY_GRAIN,
    HOUR_GRAIN,
    NO_TIME,
    ODD_GRAIN,
    Capacities,
    grain_of,
)
from trainfare.core.period import Interval

HOUR = 3_600_000_000
DAY = 24 * HOUR
MINUTE = HOUR // 60
START = 20_000 * DAY
"""A midnight, as bills have them: microseconds since the epoch."""


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (7 * HOUR, HOUR, HOUR_GRAIN),
        (7 * HOUR, HOUR - 1, ODD_GRAIN),
        (7 * HOUR, HOUR + 1, ODD_GRAIN),
        (7 * HOUR + 1, HOUR, ODD_GRAIN),
        (7 * HOUR - 1, HOUR, ODD_GRAIN),
        (0, DAY, DAY_GRAIN),
        (0, DAY - 1, ODD_GRAIN),
        (0, DAY + HOUR, ODD_GRAIN),
        (HOUR, DAY, ODD_GRAIN),
        (1, DAY, ODD_GRAIN),
        (0, 2 * HOUR, ODD_GRAIN),
        (0, 1, ODD_GRAIN),
        (0, 0, NO_TIME),
        (0, -1, NO_TIME),
        (HOUR, -HOUR, NO_TIME),
    ],
)
def test_only_whole_hours_and_days_of_utc_have_their_grain(start, length, expected):
    assert grain_of(START + start, START + start + length) == expected


def test_finer_grains_come_first():
    assert sorted([NO_TIME, ODD_GRAIN, DAY_GRAIN, HOUR_GRAIN]) == [0, 1, 2, 3]
    assert HOUR_GRAIN < DAY_GRAIN < ODD_GRAIN < NO_TIME


def paid(*usage, place="i-0", start=0, end=HOUR, lives=()):
    """The paid minutes of *place* in a period; *usage* is of (start, end, SKU, paid time)."""
    rows = [("i-0", START + first, START + last, sku, time) for first, last, sku, time in usage]
    known = [
        (name, Interval(1000 * (START + first), 1000 * (START + last)))
        for name, first, last in lives
    ]
    return Capacities(rows, known).capacity_us(place, START + start, START + end) / MINUTE


def test_rows_of_one_sku_add_up_and_of_several_the_longest_counts():
    usage = [
        (0, HOUR, "a", 13 * MINUTE),
        (0, HOUR, "b", 29 * MINUTE),
        (0, HOUR, "a", 11 * MINUTE),
        (HOUR, 2 * HOUR, "a", 7 * MINUTE),
    ]
    assert paid(*usage) == 29
    assert paid(*usage, (0, HOUR, "a", 6 * MINUTE)) == 30
    assert paid(*usage, start=HOUR, end=2 * HOUR) == 7


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (HOUR, 60),
        (HOUR - MINUTE, 59),
        (HOUR + 1, 60),
        (8 * HOUR, 60),
        (MINUTE, 1),
        (0, 60),
        (-MINUTE, 60),
    ],
)
def test_a_time_that_no_machine_can_have_lived_tells_nothing(time, expected):
    assert paid((0, HOUR, "a", time)) == expected


def test_a_single_microsecond_is_a_time():
    assert Capacities([("i-0", 0, HOUR, "a", 1)], []).capacity_us("i-0", 0, HOUR) == 1


def test_of_several_skus_the_one_that_counts_machines_is_left_out():
    assert paid((0, HOUR, "gpu", 8 * HOUR), (0, HOUR, "core", 17 * MINUTE)) == 17
    assert paid((0, HOUR, "whole", HOUR), (0, HOUR, "core", 17 * MINUTE)) == 60


def test_one_machine_s_time_is_not_another_s():
    assert paid((0, HOUR, "a", 13 * MINUTE), place="i-1") == 60


def test_a_longer_charge_follows_the_hours_within_it():
    usage = [
        (0, HOUR, "a", 60 * MINUTE),
        (HOUR, 2 * HOUR, "a", 13 * MINUTE),
        (23 * HOUR, DAY, "a", 29 * MINUTE),
        (DAY, DAY + HOUR, "a", 17 * MINUTE),
    ]
    assert paid(*usage, end=DAY) == 60 + 13 + 29
    assert paid(*usage, end=2 * DAY) == 60 + 13 + 29 + 17
    assert paid(*usage, start=HOUR, end=DAY) == 13 + 29
    assert paid(*usage, start=3 * HOUR, end=5 * HOUR) == 120


def test_of_finer_charges_those_of_the_finest_grain_count():
    """A day that is told by hours, by its days and by odd windows was still paid for only once."""
    odd = (3 * HOUR, 5 * HOUR + MINUTE, "a", 91 * MINUTE)
    day = (0, DAY, "a", 601 * MINUTE)
    hour = (9 * HOUR, 10 * HOUR, "a", 37 * MINUTE)
    month = {"end": 31 * DAY}
    assert paid(odd, **month) == 91
    assert paid(odd, day, **month) == 601
    assert paid(odd, day, hour, **month) == 37


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (0, HOUR, 13),
        (0, HOUR + 1, 120),
        (HOUR, 2 * HOUR, 13),
        (HOUR - 1, 2 * HOUR - 1, 13),
        (HOUR + 1, 2 * HOUR + 1, 120),
        (-1, HOUR - 1, 120),
        (0, HOUR - 1, 13),
        (HOUR, HOUR, 120),
    ],
)
def test_finer_is_at_most_half_as_long_and_within_the_period(first, last, expected):
    assert paid((first, last, "a", 13 * MINUTE), end=2 * HOUR) == expected


def test_finer_charges_that_overlap_never_make_more_than_the_period():
    usage = [(offset, offset + HOUR // 2, "a", 25 * MINUTE) for offset in (0, 1, 2)]
    assert paid(*usage) == 60
    assert paid(*usage[:2]) == 50


def test_a_charge_of_no_length_is_no_finer_one():
    assert paid((HOUR, HOUR, "a", MINUTE), end=4 * HOUR) == 240


@pytest.mark.parametrize("length", [0, -MINUTE])
def test_a_charge_of_no_length_was_paid_for_no_time(length):
    assert paid((HOUR, HOUR + length, "a", MINUTE), start=HOUR, end=HOUR + length) == 0


def test_a_machine_without_hours_on_its_bill_was_paid_while_it_lived():
    lives = [("i-0", 3 * HOUR, 5 * HOUR), ("i-0", 7 * HOUR, 8 * HOUR), ("i-1", 0, DAY)]
    assert paid(end=DAY, lives=lives) == 180
    assert paid(start=4 * HOUR, end=7 * HOUR + 7 * MINUTE, lives=lives) == 60 + 7
    assert paid(start=8 * HOUR, end=10 * HOUR, lives=lives) == 120
    assert paid((0, HOUR, "a", 13 * MINUTE), end=HOUR, lives=lives) == 13


def test_lives_that_overlap_are_counted_once_in_any_order():
    lives = [("i-0", 5 * HOUR, 8 * HOUR), ("i-0", 3 * HOUR, 6 * HOUR), ("i-0", 4 * HOUR, 5 * HOUR)]
    assert paid(end=DAY, lives=lives) == 5 * 60
    assert paid(end=DAY, lives=lives[::-1]) == 5 * 60


hours = st.integers(0, 30)
stretches = st.tuples(hours, hours).map(lambda pair: tuple(sorted(pair)))


@given(st.lists(stretches, max_size=5), stretches)
def test_a_life_is_the_hours_that_some_stretch_of_it_covers(lives, period):
    start, end = period
    covered = {hour for first, last in lives for hour in range(first, last)} & {*range(start, end)}
    known = [("i-0", first * HOUR, last * HOUR) for first, last in lives]
    expected = (len(covered) or end - start) * 60
    assert paid(start=start * HOUR, end=end * HOUR, lives=known) == expected
