"""Staleness, at the exact boundary of each kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.errors import BadInput
from trainfare.prices.age import DAY, age_days, day_of, instant_of, quality_of

START = instant_of("2026-01-01")


@pytest.mark.parametrize(
    ("option", "aging", "stale"),
    [
        ("on_demand", 90 * DAY, 180 * DAY),
        ("capacity_block", 90 * DAY, 180 * DAY),
        ("commit_1y", 90 * DAY, None),
        ("commit_3y_savings_plan", 90 * DAY, None),
        ("spot", DAY, 7 * DAY),
        ("storage", 180 * DAY, None),
        ("network", 180 * DAY, None),
    ],
)
def test_a_price_turns_at_its_limit_to_the_nanosecond(option, aging, stale):
    def at(age):
        return quality_of(option, "2026-01-01", START + age)

    assert at(0) == at(aging - 1) == "fresh"
    assert at(aging) == "aging"
    if stale is None:
        assert at(4_000 * DAY) == "aging"
    else:
        assert at(stale - 1) == "aging"
        assert at(stale) == "stale"


def test_a_spot_price_ages_from_its_hour_not_from_its_day():
    noon = instant_of("2026-01-01T12:00:00Z")
    assert quality_of("spot", "2026-01-01T12:00:00Z", noon + DAY - 1) == "fresh"
    assert quality_of("spot", "2026-01-01T12:00:00Z", noon + DAY) == "aging"


def test_a_month_or_year_counts_from_its_first_day():
    assert instant_of("2026") == instant_of("2026-01") == instant_of("2026-01-01") == START


@given(st.integers(0, 4_000 * DAY), st.sampled_from(["on_demand", "spot", "commit_1y", "storage"]))
def test_age_is_a_distance_either_way(distance, option):
    before = quality_of(option, "2026-01-01", START - min(distance, START))
    after = quality_of(option, "2026-01-01", START + min(distance, START))
    assert before == after


@given(st.integers(0, 3 * 10**18))
def test_a_day_holds_its_own_instants(instant):
    assert day_of(instant_of(day_of(instant).isoformat())) == day_of(instant)
    assert age_days(day_of(instant).isoformat(), instant) == 0


@pytest.mark.parametrize("text", ["yesterday", "2026-13", "2026-02-30", "2026-1-1", ""])
def test_what_is_no_date_is_refused(text):
    with pytest.raises(BadInput):
        instant_of(text)
