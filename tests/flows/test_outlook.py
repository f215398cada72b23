"""Budgets are forecast from live runs and past days, and say how likely they break."""

from decimal import Decimal

import pytest

from cli.recordings import Recorder
from flows.rides import instant, ride
from metering.instruments import Clock
from trainfare.core.budget import Budget, BudgetPeriod, State, parse_threshold
from trainfare.core.money import Money
from trainfare.core.selection import select_runs
from trainfare.flows.budget import standings
from trainfare.metering import event as ev

NOON = instant(24, 12, "11")


@pytest.fixture
def live(tmp_path):
    """A run at $3.60 an hour that has made 60 of 200 steps in a minute."""
    made = Recorder(tmp_path, "r-live", labels={"team": "nlp"}, is_alive=True)
    made.meter.add_event(ev.PLAN, steps=200)
    made.stage("train")
    made.ride(60, steps=60)
    return made


A_MINUTE_ON = Clock().wall + 60 * 10**9


def stands(home, limit, *, at_ns=A_MINUTE_ON, **more):
    budget = Budget("b", Money.parse(limit), **more)
    found = standings(home, [budget], at_ns=at_ns)
    return found[0]


@pytest.mark.parametrize("period", [BudgetPeriod.RUN, BudgetPeriod.TOTAL])
def test_a_live_run_is_forecast_in_its_budget(tmp_path, live, period):
    found = stands(tmp_path, "1", period=period, scope=select_runs("team=nlp"))
    assert float(found.forecast.text()) == pytest.approx(0.2, rel=0.02)
    assert found.forecast_low <= found.forecast <= found.forecast_high
    assert found.breach_probability == 0.0
    assert found.state is State.OK


def test_a_forecast_over_the_limit_warns_and_reaches_its_threshold(tmp_path, live):
    marks = (parse_threshold("forecast:100%:notify"),)
    found = stands(tmp_path, "0.15", thresholds=marks)
    assert (found.state, found.reached) == (State.WARN, marks)
    assert found.breach_probability > 0.9


def test_a_live_run_without_a_known_end_is_named_and_not_guessed(tmp_path):
    made = Recorder(tmp_path, "r-live", is_alive=True)
    made.stage("train")
    made.ride(60, steps=60)
    found = stands(tmp_path, "1")
    assert (found.forecast, found.breach_probability) == (None, None)
    assert found.why == "1 live run has no known end or price"


def test_a_month_is_forecast_from_its_weekdays(tmp_path):
    for day in range(1, 24):
        ride(tmp_path, f"r-{day}", 8, 10, day=day, month="11")
    found = stands(tmp_path, "600", at_ns=NOON, period=BudgetPeriod.MONTH)
    assert Decimal(found.spent.text()) == 23 * 20
    # Half of the 24th and six whole days at $20.
    assert Decimal(found.forecast.text()) == 460 + 10 + 6 * 20
    assert found.state is State.OK


def test_a_month_with_a_past_of_three_days_is_not_forecast(tmp_path):
    for day in (21, 22, 23):
        ride(tmp_path, f"r-{day}", 8, 10, day=day, month="11")
    assert stands(tmp_path, "100", at_ns=NOON, period=BudgetPeriod.MONTH).forecast is None


def test_a_day_that_was_not_used_costs_nothing_and_counts(tmp_path):
    for day in range(1, 24, 2):
        ride(tmp_path, f"r-{day}", 8, 10, day=day, month="11")
    found = stands(tmp_path, "600", at_ns=NOON, period=BudgetPeriod.MONTH)
    assert found.forecast < found.spent + Money.parse("130")


def test_a_budget_that_nobody_uses_has_no_interval(tmp_path):
    ride(tmp_path, "r-1", 8, 10, day=1, month="10")
    found = stands(tmp_path, "600", at_ns=NOON, period=BudgetPeriod.MONTH)
    assert (found.forecast, found.breach_probability) == (found.spent, None)
