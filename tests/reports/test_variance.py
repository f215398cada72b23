"""Variance: causes sum to the difference, and each cause alone is found as itself."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.money import Money
from trainfare.reports.variance import (
    Cause,
    Charged,
    Metered,
    credited,
    explain,
    median_error,
    settle,
    total,
    unmetered,
)

NANO = 10**9
AMOUNTS = st.integers(-(10**15), 10**15)
EXACT = st.fractions(0, 10**14, max_denominator=3600)
QUANTITIES = st.fractions(0, 10_000, max_denominator=3600)

METERED = st.builds(Metered, EXACT, QUANTITIES, QUANTITIES)
CHARGED = st.builds(
    Charged, EXACT, AMOUNTS, EXACT.map(lambda n: -n), st.none() | QUANTITIES, st.integers(1, 90)
)
PAIRS = st.tuples(st.none() | METERED, st.none() | CHARGED)


@given(st.lists(PAIRS, max_size=6), st.lists(AMOUNTS, max_size=3), st.lists(AMOUNTS, max_size=3))
def test_causes_sum_to_billed_less_estimated(pairs, others, credits):
    """Whatever the quantities, no nano-unit is left unexplained, and little of it by rounding."""
    estimated = Money(round(sum((m.nano for m, _ in pairs if m), Fraction(0))))
    billed = Money(sum(c.effective_nano for _, c in pairs if c) + sum(others) + sum(credits))
    items = [explain(m, c) for m, c in pairs]
    items += [unmetered(n) for n in others] + [credited(n) for n in credits]
    found = settle("r", estimated, billed, items)
    assert list(found.causes) == list(Cause)
    assert Money.total(found.causes.values()) == found.variance
    charges = sum(c.charges for _, c in pairs if c)
    assert abs(found.causes[Cause.ROUNDING].nano) <= 5 * charges + len(Cause)


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), max_size=5))
def test_a_total_has_the_sums_of_every_column(amounts):
    rows = [settle(str(n), Money(e), Money(b), []) for n, (e, b) in enumerate(amounts)]
    found = total("all", rows, "USD")
    assert found.variance == Money.total(row.variance for row in rows)
    assert Money.total(found.causes.values()) == found.variance


HOURS = st.fractions(Fraction(1, 100), 500, max_denominator=3600)
RATES = st.integers(NANO // 100, 100 * NANO)


def alone(metered, charged):
    """The one cause of a difference, and its size."""
    found = explain(metered, charged)
    assert len(found) == 1, found
    return next(iter(found.items()))


@given(HOURS, RATES)
def test_the_same_time_at_the_same_rate_has_no_cause(hours, rate):
    assert explain(Metered(rate * hours, hours, hours), bill(rate, hours)) == {}


def bill(rate, hours, *, discount=0, credit=0):
    """A bill of *hours* at *rate* nano an hour, less whole nano-units of discount and credit."""
    asked = rate * hours
    effective = round(asked) - discount - credit
    return Charged(asked, effective, Fraction(-credit), hours, 2)


@given(HOURS, RATES, st.sampled_from([Fraction(1, 2), Fraction(9, 10), Fraction(2)]))
def test_another_price_alone_is_found_as_price(hours, rate, times):
    cause, nano = alone(Metered(rate * times * hours, hours, hours), bill(rate, hours))
    assert (cause, nano) == (Cause.PRICE, rate * hours * (1 - times))


@given(HOURS, RATES, HOURS)
def test_more_paid_time_alone_is_found_as_duration(hours, rate, more):
    cause, nano = alone(Metered(rate * hours, hours, hours), bill(rate, hours + more))
    assert (cause, nano) == (Cause.DURATION, rate * more)


@given(HOURS, RATES)
def test_a_smaller_part_alone_is_found_as_quantity(hours, rate):
    """Another run that the estimate did not know of held half of the machine all the time."""
    cause, nano = alone(Metered(rate * hours, hours, hours / 2), bill(rate, hours / 2))
    assert (cause, nano) == (Cause.QUANTITY, -rate * hours / 2)


@given(HOURS, RATES)
def test_a_machine_on_one_side_alone_is_found_as_quantity(hours, rate):
    cause, nano = alone(Metered(rate * hours, hours, hours), None)
    assert (cause, nano) == (Cause.QUANTITY, -rate * hours)
    cause, nano = alone(None, bill(rate, hours))
    assert (cause, nano) == (Cause.QUANTITY, rate * hours)


@given(HOURS, RATES, st.integers(10, 10**9))
def test_discounts_and_credits_are_told_apart(hours, rate, off):
    metered = Metered(rate * hours, hours, hours)
    cause, nano = alone(metered, bill(rate, hours, discount=off))
    assert (cause, round(nano)) == (
        Cause.COMMITMENT,
        round(-off + round(rate * hours) - rate * hours),
    )
    found = explain(metered, bill(rate, hours, credit=off))
    assert set(found) == {Cause.CREDIT}


def test_without_a_quantity_on_the_bill_the_price_takes_the_difference():
    metered = Metered(Fraction(100 * NANO), Fraction(2), Fraction(2))
    charged = Charged(Fraction(120 * NANO), 120 * NANO, Fraction(0), None, 1)
    assert alone(metered, charged) == (Cause.PRICE, 20 * NANO)


@pytest.mark.parametrize(
    ("amounts", "expected"), [([], None), ([(0, 0)], None), ([(5, 10)], "1/2")]
)
def test_the_median_error_is_of_runs_that_were_billed_something(amounts, expected):
    rows = [settle("r", Money(e), Money(b), []) for e, b in amounts]
    found = median_error(rows)
    assert (None if found is None else str(found)) == expected
