"""Laws of Slurm's times: durations read back, and a doubled hour is settled or refused."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.clusters.slurm_time import SlurmClock, parse_elapsed, settle
from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND, parse_instant


def seconds(text):
    return parse_instant(text) // SECOND


def slurm_duration(total):
    """As sacct prints a duration."""
    days, rest = divmod(total, 86400)
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock


@given(st.integers(1, 10**8))
def test_elapsed_reads_back(total):
    assert parse_elapsed(slurm_duration(total)) == total


def test_elapsed_without_an_answer_is_unknown_not_zero():
    assert [parse_elapsed(text) for text in ("", "Unknown", "INVALID")] == [None] * 3
    assert parse_elapsed("00:00:00") == 0


@pytest.mark.parametrize("text", ["1-2", "12:61", "12:00:75", "soon", "1-00:00", "-5:00"])
def test_elapsed_that_is_none_is_refused(text):
    with pytest.raises(BadInput, match="HH:MM:SS"):
        parse_elapsed(text)


@given(st.integers(0, 4 * 10**9))
def test_utc_times_read_back(instant):
    text = (datetime(1970, 1, 1) + timedelta(seconds=instant)).isoformat()
    assert SlurmClock().instants(text) == (instant,)


@given(
    st.integers(946_684_800, 2_000_000_000), st.sampled_from(["Europe/Berlin", "America/New_York"])
)
def test_a_local_time_always_may_mean_the_instant_it_was_printed_for(instant, zone):
    text = datetime.fromtimestamp(instant, ZoneInfo(zone)).replace(tzinfo=None).isoformat()
    assert instant in SlurmClock(zone).instants(text)


def test_epoch_seconds_and_offsets_mean_one_instant_in_any_zone():
    clock = SlurmClock("Europe/Berlin")
    assert clock.instants("1790000000") == (1790000000,)
    assert clock.instants("2026-10-25T02:30:00+0100") == (seconds("2026-10-25T01:30:00Z"),)


@pytest.mark.parametrize("text", ["Unknown", "None", ""])
def test_a_time_that_never_came_is_none(text):
    assert SlurmClock().instants(text) == ()


def test_the_doubled_hour_has_two_meanings_and_the_skipped_one_none():
    clock = SlurmClock("Europe/Berlin")
    assert clock.instants("2026-10-25T02:30:00") == (
        seconds("2026-10-25T00:30:00Z"),
        seconds("2026-10-25T01:30:00Z"),
    )
    with pytest.raises(BadInput, match="whose clocks skipped it"):
        clock.instants("2026-03-29T02:30:00")


def test_the_elapsed_time_settles_a_start_in_the_doubled_hour():
    clock = SlurmClock("Europe/Berlin")
    starts, ends = clock.instants("2026-10-25T02:30:00"), clock.instants("2026-10-25T04:30:00")
    assert settle(starts, ends, 3 * 3600)[0] == parse_instant("2026-10-25T00:30:00Z")
    assert settle(starts, ends, 2 * 3600)[0] == parse_instant("2026-10-25T01:30:00Z")


def test_a_job_within_the_doubled_hour_is_refused_not_guessed():
    clock = SlurmClock("Europe/Berlin")
    starts, ends = clock.instants("2026-10-25T02:10:00"), clock.instants("2026-10-25T02:40:00")
    with pytest.raises(BadInput, match="export with TZ=UTC"):
        settle(starts, ends, 30 * 60)
    assert settle(starts, ends, 90 * 60)[0] == parse_instant("2026-10-25T00:10:00Z")


def test_an_end_before_the_start_points_at_the_zone():
    with pytest.raises(BadInput, match="check the time zone"):
        settle((100,), (50,), None)


def test_an_unknown_zone_is_refused_by_name():
    with pytest.raises(BadInput, match=r"Mars/Olympus.*Europe/Berlin"):
        SlurmClock("Mars/Olympus")
