"""Budgets, their periods and thresholds."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.budget import (
    STOP_AT,
    Action,
    Budget,
    BudgetPeriod,
    Measure,
    Standing,
    State,
    Threshold,
    carried_limit,
    parse_threshold,
    period_window,
)
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import DAY, parse_instant
from trainfare.core.selection import select_runs

TEN = Money.parse("10")
instants = st.integers(0, parse_instant("2200-01-01T00:00:00Z"))


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("80%", Threshold(Fraction(4, 5))),
        ("100%:stop", STOP_AT),
        (
            "actual:99.5%:checkpoint",
            Threshold(Fraction(199, 200), Measure.ACTUAL, Action.CHECKPOINT),
        ),
        ("forecast:120%", Threshold(Fraction(6, 5), Measure.FORECAST)),
    ],
)
def test_thresholds_read_and_say_the_same(text, threshold):
    assert parse_threshold(text) == threshold
    assert parse_threshold(str(threshold)) == threshold


@pytest.mark.parametrize(
    "text", ["", "80", "%", "80%:explode", "1/0%", "forecast:90%:stop", "0%", "-5%", "a:b:c:d"]
)
def test_what_is_no_threshold_is_refused(text):
    with pytest.raises(BadInput, match=r"threshold|forecast"):
        parse_threshold(text)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("day", "2026-11-27", "2026-11-28"),
        ("week", "2026-11-23", "2026-11-30"),
        ("month", "2026-11-01", "2026-12-01"),
        ("quarter", "2026-10-01", "2027-01-01"),
    ],
)
def test_a_period_holds_its_instant(period, start, end):
    window = period_window(BudgetPeriod(period), parse_instant("2026-11-27T08:30:00Z"))
    assert window.start_ns == parse_instant(f"{start}T00:00:00Z")
    assert window.end_ns == parse_instant(f"{end}T00:00:00Z")


@given(st.sampled_from(BudgetPeriod), instants)
def test_periods_follow_each_other_without_a_gap(period, at_ns):
    window = period_window(period, at_ns)
    assert window.start_ns <= at_ns < window.end_ns
    if period not in (BudgetPeriod.RUN, BudgetPeriod.TOTAL):
        following = period_window(period, window.end_ns)
        assert following.start_ns == window.end_ns
        assert period_window(period, window.end_ns - 1) == window
        assert window.duration_ns % DAY == 0


@given(st.sampled_from(BudgetPeriod), instants, instants)
def test_nothing_counts_before_a_budget_starts(period, at_ns, starts_ns):
    window = period_window(period, at_ns, starts_ns)
    assert window.start_ns <= at_ns < window.end_ns
    if starts_ns <= at_ns:
        assert window.start_ns >= starts_ns


@given(st.lists(st.integers(0, 10**12)))
def test_what_is_spent_and_what_is_left_are_all_the_limits(spent):
    left = carried_limit(TEN, [Money(nano) for nano in spent])
    assert left.nano + sum(spent) == TEN.nano * (len(spent) + 1)


@pytest.mark.parametrize(
    ("spent", "forecast", "state", "reached"),
    [
        ("7.9", None, State.OK, 0),
        ("8", None, State.WARN, 1),
        ("1", "10.1", State.WARN, 0),
        ("10", None, State.OVER, 2),
        (None, None, State.UNKNOWN, 0),
    ],
)
def test_where_a_budget_stands(spent, forecast, state, reached):
    amounts = [None if text is None else Money.parse(text) for text in (spent, forecast)]
    standing = Standing(Budget("b", TEN), TEN, *amounts)
    assert standing.state is state
    assert len(standing.reached) == reached


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"limit": Money(0)}, "nothing to spend"),
        ({"grace_seconds": -1}, "in the past"),
        ({"is_carried_over": True}, "no next period"),
        ({"thresholds": (Threshold(Fraction(1), action=Action.CANCEL),)}, "--cancel-command"),
    ],
)
def test_a_budget_that_cannot_be_held_is_refused(fields, message):
    with pytest.raises(BadInput, match=message):
        Budget(**{"id": "b", "limit": TEN, **fields})


def test_a_budget_covers_the_runs_of_its_scope():
    budget = Budget("b", TEN, select_runs("team=nlp and not run=r-2"))
    assert budget.covers("r-1", {"team": "nlp"})
    assert not budget.covers("r-2", {"team": "nlp"})


@pytest.mark.parametrize(
    ("spent", "percent"), [("9.999", 99), ("10", 100), ("10.06", 100), ("10.1", 101), ("0", 0)]
)
def test_percent_is_rounded_down(spent, percent):
    budget = Budget("b", TEN)
    assert Standing(budget, TEN, Money.parse(spent)).percent_spent == percent
    assert Standing(budget, TEN, None).percent_spent is None
