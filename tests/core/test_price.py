"""Prices: exact per quantum, and unknown is never 0."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.errors import BadInput
from trainfare.core.period import HOUR
from trainfare.core.price import GIB, MONTH_HOURS, Price, parse_hourly


@given(st.decimals(0, 10**6, places=6), st.integers(0, 10**18))
def test_a_price_is_within_half_a_nano_of_exact(amount, quanta):
    price = Price("s", amount, "h")
    exact = Fraction(amount) * quanta / HOUR * 10**9
    assert abs(price.of(quanta).nano - exact) <= Fraction(1, 2)


def test_a_terabyte_for_a_month_at_the_list_price():
    price = Price("aws/us-east-1/s3/standard", Decimal("0.023"), "gb_month")
    assert price.of(1024 * GIB * MONTH_HOURS * HOUR).text() == "23.552000000"


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("3.6", "3.6", "USD"),
        ("3.6/h", "3.6", "USD"),
        ("3.6USD/h", "3.6", "USD"),
        ("3.6 EUR/h", "3.6", "EUR"),
        ("0", "0", "USD"),
        ("98.32usd", "98.32", "USD"),
        ("5EUR", "5", "EUR"),
        ("12.50", "12.50", "USD"),
        ("5 /h", "5", "USD"),
    ],
)
def test_every_form_of_a_stated_price(text, amount, currency):
    price = parse_hourly(text)
    assert (price.amount, price.currency, price.unit) == (Decimal(amount), currency, "h")


@pytest.mark.parametrize("text", ["", "free", "-1", "3.6/d", "3,6", "3.6 dollars/h", "nan"])
def test_any_other_form_is_refused(text):
    with pytest.raises(BadInput):
        parse_hourly(text)


def test_a_stated_price_is_never_below_nothing_nor_in_what_is_no_currency():
    with pytest.raises(BadInput, match="price '-1/h' is below 0"):
        parse_hourly("-1/h")
    with pytest.raises(BadInput, match="ÄÖÜ"):
        parse_hourly("3.6äöü/h")


def test_a_price_says_what_it_is_where_it_is_from_and_how_old():
    price = Price(
        "s", Decimal("55.04"), "h", as_of=date(2026, 7, 20), origin="shipped", quality="aging"
    )
    assert price.describe() == "$55.04/h (shipped, 2026-07-20, aging)"
    assert Price("s", Decimal(2), "gb_month", origin="learnt").describe() == (
        "$2.00/gb-month (learnt from bill)"
    )
    spot = Price("s", Decimal(2), "h", origin="override", is_reference=True)
    assert spot.describe() == "$2.00/h (override, reference only)"
    assert Price("s", Decimal(2), "h").describe() == "$2.00/h (stated)"


@pytest.mark.parametrize("amount", [Decimal(-1), Decimal("NaN"), 3.6])
def test_a_price_is_a_decimal_of_at_least_nothing(amount):
    with pytest.raises(BadInput, match="not a decimal of at least 0"):
        Price("s", amount, "h")


def test_units_and_origins_are_named():
    with pytest.raises(BadInput, match="per 'week'"):
        Price("s", Decimal(1), "week")
    with pytest.raises(BadInput, match="comes from 'guess'"):
        Price("s", Decimal(1), "h", origin="guess")


@pytest.mark.parametrize(
    ("unit", "quanta"),
    [
        ("h", 3_600_000_000_000),  # nanoseconds
        ("gb", 1_073_741_824),  # bytes
        ("gb_month", 1_073_741_824 * 730 * 3_600_000_000_000),  # byte-nanoseconds
        ("kwh", 3_600_000),  # joules
    ],
)
def test_a_whole_unit_costs_exactly_its_price(unit, quanta):
    price = Price("s", Decimal("0.123456789"), unit)
    assert price.of(quanta).text() == "0.123456789"
    assert price.per_quantum * quanta == Fraction(123456789, 10**9)


def test_a_stated_price_is_in_the_currency_it_names_else_in_the_default():
    assert parse_hourly("3", "EUR").currency == "EUR"
    assert parse_hourly("3 chf", "EUR").currency == "CHF"
    assert not parse_hourly("3").is_reference
