"""What a forecast of a run says: money follows time at the present price, and unknown stays unknown."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.forecast import LONGEST_NS, Forecast, Method
from trainfare.core.money import Money
from trainfare.core.period import HOUR, SECOND

NOW = 1_790_000_000 * SECOND
AHEAD = Forecast(
    NOW,
    Money.parse("10"),
    Money.parse("2"),
    unit="steps",
    work_done=100.0,
    work_planned=400.0,
    remaining_ns=3 * HOUR,
    ratios=(0.5, 1.0, 1.0, 2.0),
    low_ns=2 * HOUR,
    high_ns=6 * HOUR,
    coverage=0.90004,
    method=Method.PROFILE,
    runs=7,
)
SPENT_ALONE = replace(AHEAD, remaining_ns=None, low_ns=None, high_ns=None, ratios=(), why="no plan")


def test_the_total_is_what_is_spent_and_what_the_rest_costs():
    assert (AHEAD.total, AHEAD.low, AHEAD.high) == tuple(map(Money.parse, ("16", "14", "22")))
    assert AHEAD.ends_at_ns == NOW + 3 * HOUR


def test_without_work_price_or_money_there_is_no_total():
    assert (SPENT_ALONE.total, SPENT_ALONE.ends_at_ns) == (None, None)
    for missing in ({"spent": None}, {"price_per_hour": None}):
        assert replace(AHEAD, **missing).total is None
        assert replace(AHEAD, **missing).until(Money.parse("20")) is None


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 100 * HOUR))
def test_more_time_costs_its_price_to_the_nano(spent, price, remaining_ns):
    found = replace(AHEAD, spent=Money(spent), price_per_hour=Money(price)).after(remaining_ns)
    assert abs(found.nano - spent - Fraction(price * remaining_ns, HOUR)) <= Fraction(1, 2)


@given(st.integers(0, 10**12), st.integers(1, 10**12), st.integers(0, 10**12))
def test_a_limit_is_reached_when_it_is_said_to_be(spent, price, limit):
    one = replace(AHEAD, spent=Money(spent), price_per_hour=Money(price))
    until = one.until(Money(limit))
    if spent >= limit:
        assert until == 0
    elif until is None:
        assert (limit - spent) * HOUR // price >= LONGEST_NS
    else:
        assert one.after(until) <= Money(limit)
        assert price * (until + 1) > (limit - spent) * HOUR


def test_a_limit_may_never_be_reached():
    free = replace(AHEAD, price_per_hour=Money.zero())
    assert free.until(Money.parse("11")) is None
    assert free.until(Money.parse("10")) == 0
    assert AHEAD.until(Money.parse("20", "EUR")) is None
    assert AHEAD.until(Money.parse("12")) == HOUR
    slow = replace(AHEAD, spent=Money(0), price_per_hour=Money(1))
    assert slow.until(Money(LONGEST_NS // HOUR)) is None
    assert slow.until(Money(LONGEST_NS // HOUR - 1)) == LONGEST_NS - HOUR


@pytest.mark.parametrize(
    ("limit", "share"), [("12.99", 1.0), ("13", 0.75), ("16", 0.25), ("21.99", 0.25), ("22", 0.0)]
)
def test_a_breach_is_as_likely_as_the_scenarios_beyond_the_limit(limit, share):
    assert AHEAD.breach_probability(Money.parse(limit)) == share


def test_without_scenarios_the_total_itself_is_the_only_one():
    alone = replace(AHEAD, ratios=())
    assert [alone.breach_probability(Money.parse(text)) for text in ("15", "16")] == [1.0, 0.0]
    assert AHEAD.breach_probability(Money.parse("1", "EUR")) is None
    assert SPENT_ALONE.breach_probability(Money.parse("1")) is None


def test_its_budget_says_when_it_is_used_up():
    assert AHEAD.budget_used_up_ns is None
    assert AHEAD.to_json()["budget"] is None
    held = replace(AHEAD, budget_id="each", budget_limit=Money.parse("13"))
    assert held.budget_used_up_ns == NOW + HOUR + HOUR // 2
    assert held.to_json()["budget"] == {
        "id": "each",
        "limit": "13.000000000",
        "used_up_at": "2026-09-21T15:43:20Z",
        "breach_probability": 0.75,
    }
    never = replace(held, price_per_hour=Money.zero())
    assert never.budget_used_up_ns is None
    assert never.to_json()["budget"]["used_up_at"] is None


def test_the_receipt_has_every_figure_or_null():
    told = AHEAD.to_json()
    assert (
        told.items()
        >= {
            "total": "16.000000000",
            "low": "14.000000000",
            "high": "22.000000000",
            "coverage": 0.9,
            "method": "profile",
            "ends_at": "2026-09-21T17:13:20Z",
            "remaining_seconds": 10800.0,
            "remaining_seconds_low": 7200.0,
            "remaining_seconds_high": 21600.0,
            "work_done": 100.0,
            "runs": 7,
            "price_per_hour": "2.000000000",
            "why": None,
            "calibrated_on": None,
        }.items()
    )
    nothing = Forecast(NOW, None, None, why="no plan").to_json()
    assert {key for key, value in nothing.items() if value is not None} == {"runs", "why"}
