"""Outlooks: live runs and past days, the larger of the two, day by day."""

from dataclasses import replace
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


TODAY = Interval(NOON // DAY * DAY, (NOON // DAY + 1) * DAY)
"""A Tuesday."""


def today(past):
    return look_ahead(TODAY, TODAY.start_ns, [], days(past), "USD")


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


def test_a_past_of_a_few_days_says_nothing_and_a_week_does():
    assert ahead([riding(10)], past=[100] * 6).rest == usd(100)
    assert ahead([riding(10)], past=[100] * 7).rest == usd(100 + 600)


def test_a_weekday_has_a_mean_of_its_own_once_it_was_there_twice():
    assert today([100] * 7 + [230] + [100] * 6).rest == usd(165)  # Tuesdays at 100 and 230
    assert today([100] * 6 + [230] + [100] * 6).rest == usd(110)  # one Tuesday: the mean of all


def test_days_of_more_than_four_weeks_ago_are_no_longer_usual():
    assert ahead(past=[1000] * 7 + [100] * 28).rest == usd(650)


def test_what_a_run_cost_since_it_was_last_seen_is_still_to_come():
    seen = Forecast(NOON - 2 * HOUR, usd(5), usd(10), remaining_ns=10 * HOUR)
    assert ahead([seen]).rest == usd(100)
    assert ahead([seen, riding(1)]).rest == usd(110)


@pytest.mark.parametrize("unknown", [{"remaining_ns": None}, {"price_per_hour": None}])
def test_a_run_whose_end_or_price_nobody_knows_adds_nothing(unknown):
    assert ahead([riding(10), replace(riding(10), **unknown)]).rest == usd(100)


def test_a_run_that_ended_today_costs_nothing_tomorrow():
    dear = riding(1, price="7200000")  # 2 nano-units a nanosecond
    assert ahead([dear], past=[24] * 28).rest == usd(7_200_000 + 6 * 24)
    assert ahead([dear], past=[0] * 28).rest == usd(7_200_000)


def test_a_steady_past_leaves_no_doubt():
    found = ahead(past=[100] * 56)
    assert (found.low, found.high) == (usd(650), usd(650))
    assert found.breach_probability(usd(649)) == 1.0
    assert found.breach_probability(usd(650)) == 0.0


def test_one_live_run_breaches_with_the_share_of_its_scenarios():
    ride = riding(10, ratios=(0.5, 0.9, 1.0, 1.1, 2.0))
    assert ahead([ride]).breach_probability(usd(105)) == pytest.approx(2 / 5)


def test_runs_that_nothing_is_known_to_be_off_end_as_forecast():
    found = ahead([riding(10)])
    assert (found.low, found.high, found.coverage) == (usd(100), usd(100), None)
    assert found.scenarios == (usd(100),)


def test_all_runs_end_early_in_the_low_bound_and_late_in_the_high_one():
    rides = [
        riding(10, ratios=(0.5, 0.9, 1.0, 1.1, 2.0)),
        riding(20, ratios=(0.8, 1.25)),
        riding(30),
    ]
    found = ahead(rides)
    assert (found.low, found.rest, found.high) == (usd(510), usd(600), usd(750))
    assert found.coverage == pytest.approx(2 / 3)  # the least of 5/6 and 2/3
    times = {10 * one + 20 * other for one in rides[0].ratios for other in rides[1].ratios}
    assert set(found.scenarios) == {usd(round(10 * one + 300)) for one in times}
    assert len(found.scenarios) == 200


def test_scenarios_are_drawn_from_the_same_seed_for_ever():
    rides = [riding(10, ratios=(0.5, 2.0)), riding(20, ratios=(0.8, 1.25))]
    found = ahead(rides)
    times = [found.scenarios.count(usd(each)) for each in (210, 300, 360, 450)]
    assert times == [54, 46, 50, 50]


def test_the_interval_of_days_is_what_stretches_as_long_were_off():
    # The eighth day was forecast at 100, the ninth at the mean of eight, 101.25.
    found = today([100] * 7 + [110, 80])
    rest = (700 + 110 + 80) / 9
    assert float(found.rest.nano) == pytest.approx(rest * 1e9)
    assert float(found.low.nano) == pytest.approx(rest * 80 / 101.25 * 1e9)
    assert float(found.high.nano) == pytest.approx(rest * 101.25 / 80 * 1e9)
    assert found.coverage == pytest.approx(2 / 3)


@pytest.mark.parametrize(("count", "is_sure"), [(8, False), (9, True)])
def test_two_stretches_of_the_past_are_needed_for_an_interval(count, is_sure):
    assert (today([100] * count).low is not None) == is_sure


@pytest.mark.parametrize(("count", "is_sure"), [(14, False), (15, True)])
def test_a_stretch_has_as_many_days_as_are_ahead(count, is_sure):
    # Three days ahead: of 15 past days 6 stretches follow a week, of which two do not overlap.
    window = Interval(TODAY.start_ns, TODAY.start_ns + 3 * DAY)
    found = look_ahead(window, window.start_ns, [], days([100] * count), "USD")
    assert (found.low is not None) == is_sure


def test_weekends_at_which_nothing_is_spent_leave_the_other_days_their_interval():
    found = ahead(past=[100, 100, 100, 100, 0, 0, 100] * 8)
    assert found.rest == usd(450)
    assert found.low < found.rest < found.high
    assert found.coverage == pytest.approx(6 / 7)  # 43 stretches of a week, six do not overlap


@pytest.mark.parametrize(
    ("past", "trials"),
    [
        ([100] * 13, 6),
        ([100] * 10 + [0] + [100] * 2, 5),  # nothing was spent on one of six
        ([0] * 9 + [100] * 4, 3),  # nothing was forecast of three
        (["0.000000001"] * 13, 6),
    ],
)
def test_a_day_counts_as_trial_where_something_was_forecast_and_spent(past, trials):
    assert today(past).coverage == pytest.approx(trials / (trials + 1))


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
