"""Laws of time: UTC, half-open, exact to the nanosecond."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.errors import BadInput
from trainfare.core.period import (
    FIRST_NS,
    HOUR,
    LAST_NS,
    BillingPeriod,
    Interval,
    format_instant,
    name_periods,
    parse_instant,
)

instants = st.integers(0, 4 * 10**18)


@given(instants)
def test_format_and_parse_are_inverse(instant):
    assert parse_instant(format_instant(instant)) == instant


@given(instants, st.integers(-14 * 60, 14 * 60))
def test_a_zone_never_changes_the_instant(instant, minutes):
    whole = instant // 10**9 * 10**9
    local = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=whole // 10**9, minutes=minutes)
    sign = "+" if minutes >= 0 else "-"
    zone = f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    assert parse_instant(local.strftime("%Y-%m-%dT%H:%M:%S") + zone) == whole


@given(instants, st.integers(0, 40 * HOUR))
def test_hours_cover_an_interval_without_gap_or_overlap(start, length):
    whole = Interval(start, start + length)
    hours = list(whole.cut(HOUR))
    assert sum(hour.duration_ns for hour in hours) == length
    assert all(a.end_ns == b.start_ns for a, b in zip(hours, hours[1:], strict=False))
    assert all(hour.start_ns // HOUR == (hour.end_ns - 1) // HOUR for hour in hours)


@given(instants, instants, instants, instants)
def test_overlap_is_symmetric_and_equals_the_clipped_part(a, b, c, d):
    first, second = Interval(*sorted((a, b))), Interval(*sorted((c, d)))
    overlap = first.overlap_ns(second)
    assert overlap == second.overlap_ns(first)
    clipped = first.clip(second)
    assert overlap == (clipped.duration_ns if clipped else 0)


def test_touching_intervals_share_nothing():
    assert Interval(0, 5).overlap_ns(Interval(5, 9)) == 0
    assert Interval(0, 5).clip(Interval(5, 9)) is None


@given(st.integers(1970, 2200), st.integers(1, 12))
def test_months_follow_one_another(year, month):
    period = BillingPeriod(year, month)
    assert period.interval.end_ns == period.next().interval.start_ns
    assert BillingPeriod.of(period.interval.start_ns) == period
    assert BillingPeriod.of(period.interval.end_ns - 1) == period
    assert BillingPeriod.parse(str(period)) == period


@pytest.mark.parametrize(
    "text",
    ["2026-10-01", "2026-10-01T00:00:00", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "x", ""],
)
def test_a_time_without_zone_or_sense_is_refused(text):
    with pytest.raises(BadInput):
        parse_instant(text)


@pytest.mark.parametrize("year", ["0001", "1699", "2261", "9999"])
def test_a_time_that_64_bits_of_nanoseconds_hardly_hold_is_refused(year):
    with pytest.raises(BadInput, match="too far away; write a time from 1700 to 2260"):
        parse_instant(f"{year}-12-31T23:59:59Z")


def test_the_first_and_last_time_that_is_read():
    assert parse_instant("1700-01-01T00:00:00Z") == FIRST_NS
    assert parse_instant("2260-12-31T23:59:59.999999999Z") == LAST_NS - 1
    with pytest.raises(BadInput, match="too far away"):
        parse_instant("2261-01-01T00:00:00Z")


def test_a_leap_second_is_the_next_minute():
    assert parse_instant("2016-12-31T23:59:60Z") == parse_instant("2017-01-01T00:00:00Z")
    with pytest.raises(BadInput, match="second must be in"):
        parse_instant("2016-12-31T23:59:61Z")


def test_an_interval_never_ends_before_it_starts():
    with pytest.raises(BadInput, match="before its start"):
        Interval(5, 4)


@pytest.mark.parametrize("text", ["2026-13", "2026-1", "26-10", "2026-10-01", ""])
def test_a_period_is_a_calendar_month(text):
    with pytest.raises(BadInput, match="is not a billing period"):
        BillingPeriod.parse(text)


@pytest.mark.parametrize(
    ("instant_ns", "shown"),
    [
        (0, "00"),
        (10**6, "00.001"),
        (120 * 10**6, "00.120"),
        (10**6 + 1, "00.001000001"),
        (10**5, "00.000100000"),
    ],
)
def test_a_time_has_milliseconds_where_they_say_all_and_nanoseconds_elsewhere(instant_ns, shown):
    assert format_instant(instant_ns) == f"1970-01-01T00:00:{shown}Z"


def test_periods_in_a_title_are_three_or_a_range():
    three = ["2026-09", "2026-10", "2026-08"]
    assert name_periods(three) == "2026-09, 2026-10, 2026-08"
    assert name_periods([*three, "2026-07"]) == "2026-07 to 2026-10 (4 periods)"


def test_intervals_that_only_touch_share_nothing():
    first, second = Interval(0, 5), Interval(5, 9)
    assert (first.overlap_ns(second), first.clip(second)) == (0, None)
    assert first.clip(Interval(4, 9)) == Interval(4, 5)
