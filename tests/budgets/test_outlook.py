"""Outlooks: live runs and past days, the larger of the two, day by day."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.budgets.outlook import look_ahead
from trainfare.core.forecast import Forecast
from trainfare.core.money import Money
from trainfare.core.period import DAY, HOUR, BillingPeriod, Interval

NOVEMBER = BillingPeriod.parse("2026-11").interval
NOON = round(datetime(2026, 11, 24, 12, tzinfo=UTC).timestamp()) * 10**9
"""Six and a half days before the month ends."""


def usd(text):
    return Money.parse(str(text))


def riding(hours, *, price="10", ratios=()):
    return Forecast(NOON, usd(5), usd(price), remaining_ns=hours * HOUR, ratios=ratios)


def days(amounts):
    """Past days with these amounts, the last one yesterday."""
    today = NOON // DAY
    first = today - len(amounts)
    return [
        (Interval((first + n) * DAY, (first + n + 1) * DAY), usd(amount))
        for n, amount in enumerate(amounts)
    ]


def ahead(rides=(), past=(), window=NOVEMBER):
    return look_ahead(window, NOON, rides, days(past), "USD")


def test_live_runs_count_until_they_end():
    assert ahead([riding(10), riding(20)]).rest == usd(300)


def test_a_run_that_outlives_the_period_counts_until_its_end():
    assert ahead([riding(1000)]).rest == usd(10 * (6 * 24 + 12))


def test_the_days_that_are_left_cost_what_such_days_cost():
    assert ahead(past=[100] * 28).rest == usd(650)


def test_each_weekday_has_its_own_mean():
    # 2026-11-24 is a Tuesday: what is left has one weekend.
    week = [100, 100, 100, 100, 10, 10, 100]  # from a Tuesday on
    assert ahead(past=week * 4).rest == usd(4 * 100 + 2 * 10 + 50 + 0)


def test_a_live_run_is_part_of_its_days_and_not_beside_them():
    assert ahead([riding(12, price="1")], past=[100] * 28).rest == usd(650)
    assert ahead([riding(12, price="100")], past=[100] * 28).rest == usd(1200 + 600)


def test_a_past_of_a_few_days_says_nothing():
    assert ahead([riding(10)], past=[100] * 6).rest == usd(100)


def test_a_steady_past_leaves_no_doubt():
    found = ahead(past=[100] * 56)
    assert (found.low, found.high) == (usd(650), usd(650))
    assert found.breach_probability(usd(649)) == 1.0
    assert found.breach_probability(usd(650)) == 0.0


def test_one_live_run_breaches_with_the_share_of_its_scenarios():
    ride = riding(10, ratios=(0.5, 0.9, 1.0, 1.1, 2.0))
    assert ahead([ride]).breach_probability(usd(105)) == pytest.approx(2 / 5)


@given(st.lists(st.integers(0, 1000), min_size=35, max_size=56), st.integers(0, 5000))
def test_scenarios_are_the_same_each_time_and_in_order(amounts, left):
    once, again = ahead(past=amounts), ahead(past=amounts)
    assert once == again
    assert list(once.scenarios) == sorted(once.scenarios)
    if once.scenarios:
        assert once.low <= once.rest <= once.high
        assert 0 < once.coverage <= 0.91
        assert 0 <= once.breach_probability(usd(left)) <= 1


@given(st.lists(st.integers(0, 1000), min_size=7, max_size=56), st.integers(2, 9))
def test_in_a_smaller_unit_everything_is_as_many_times_larger(amounts, factor):
    once = ahead(past=amounts).rest
    many = ahead(past=[one * factor for one in amounts]).rest
    assert many.nano == pytest.approx(once.nano * factor, abs=factor * 8)


def test_without_a_period_that_ends_live_runs_are_all():
    endless = Interval(0, 2**63 - 1)
    assert ahead([riding(1000)], window=endless).rest == usd(10_000)


def test_stretches_that_overlap_promise_no_more_than_those_that_do_not():
    # Of 34 past days 27 are trials of one day, but only three do not overlap a week long.
    past = [100 + 10 * (number % 3) for number in range(34)]
    one_day = Interval(NOON // DAY * DAY, (NOON // DAY + 1) * DAY)
    week = Interval(one_day.start_ns, one_day.start_ns + 7 * DAY)
    by_window = {
        window: look_ahead(window, window.start_ns, [], days(past), "USD").coverage
        for window in (one_day, week)
    }
    assert by_window[one_day] == pytest.approx(26 / 28)
    assert by_window[week] == pytest.approx(3 / 4)
