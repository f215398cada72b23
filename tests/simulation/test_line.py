"""Lines divide exactly, and days are the sums of their hours."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from simulation.worlds import nano, world_of
from trainfare.core.charge import Remainder, View
from trainfare.simulation.line import (
    DAY,
    Ownership,
    Provider,
    by_day,
    decimal_text,
    left_to,
    owned_by,
    quantity_text,
)
from trainfare.simulation.truth import truth

NANO = st.integers(-(10**15), 10**15)


@given(NANO, st.lists(st.integers(0, 10**9), max_size=5), st.integers(1, 10**9))
def test_parts_sum_to_the_whole(amount, weights, idle):
    runs = tuple((f"r-{number}", weight) for number, weight in enumerate(weights))
    owners = Ownership(runs, sum(weights) + idle)
    assert sum(part.nano for part in owners.divided(amount)) == amount


@given(NANO)
def test_what_is_taken_back_is_divided_as_what_was_charged(amount):
    owners = Ownership((("a", 3), ("b", 4)), 11)
    there, back = owners.divided(amount), owners.divided(-amount)
    assert [part.nano for part in back] == [-part.nano for part in there]


def test_one_owner_has_all_of_it():
    assert [(p.run, p.nano) for p in owned_by("a").divided(7)] == [("a", 7)]
    (part,) = left_to(Remainder.SHARED).divided(7)
    assert (part.run, part.remainder, part.nano) == (None, Remainder.SHARED, 7)


def test_days_change_no_owner_and_no_total():
    """A bill by the day tells less, but the truth behind it is the same to the nano."""
    hourly = [line for line in world_of().lines if line.product.provider is Provider.AWS]
    short = [line for line in hourly if line.interval.duration_ns <= DAY]
    daily = by_day(short)
    assert len(daily) < len(short) / 5
    assert truth(daily) == truth(short)
    for view in View:
        assert sum(line.nano(view) for line in daily) == sum(line.nano(view) for line in short)
    assert sum(line.quantity for line in daily) == sum(line.quantity for line in short)
    assert all(line.interval.start_ns % DAY == 0 for line in daily)


@given(NANO)
def test_amounts_survive_their_text(amount):
    assert nano(decimal_text(amount)) == amount


@given(st.fractions(0, 10**6, max_denominator=3600))
def test_quantities_are_true_to_ten_places(quantity):
    assert abs(Fraction(quantity_text(quantity)) - quantity) <= Fraction(1, 2 * 10**10)
