"""Times of a bill reach UTC whatever their spelling, and repairs are told."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.billing.times import MONTH_FIRST, instants


def one(text, spelling=None):
    read = instants(pa.array([text]), spelling)
    return read.values.to_pylist()[0], [what for what, _ in read.repairs], read.bad


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment", "repairs"),
    [
        ("2026-10-01T00:00:00Z", utc(2026, 10, 1), []),
        ("2026-10-01T00:00:00.123456Z", utc(2026, 10, 1, 0, 0, 0, 123456), []),
        ("2026-10-01T02:00:00+02:00", utc(2026, 10, 1), []),
        ("2026-10-01 01:00:00+00:00", utc(2026, 10, 1, 1), []),
        ("2026-09-30T20:30:00-0330", utc(2026, 10, 1), []),
        ("2019-01-21 08:25:11.227 UTC", utc(2019, 1, 21, 8, 25, 11, 227000), []),
        ("2026-10-01T00:00Z", utc(2026, 10, 1), []),
        ("2026-12-31T23:59:60Z", utc(2027, 1, 1), []),
        ("2024-10-01 00:00:00", utc(2024, 10, 1), ["read-as-utc"]),
        ("2024-10-01T00:00:00", utc(2024, 10, 1), ["read-as-utc"]),
        ("2024-10-01", utc(2024, 10, 1), ["read-as-midnight-utc"]),
        (
            "2026-10-01T00:00:00.123456789Z",
            utc(2026, 10, 1, 0, 0, 0, 123456),
            ["cut-to-microseconds"],
        ),
    ],
)
def test_iso_spellings(text, moment, repairs):
    assert one(text) == (moment, repairs, None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("9/2/2023", utc(2023, 9, 2)),
        ("09/22/2023", utc(2023, 9, 22)),
        ("4/1/25", utc(2025, 4, 1)),
        ("9/2/2023 13:05", utc(2023, 9, 2, 13, 5)),
    ],
)
def test_slash_dates_are_month_first_only_when_asked(text, moment):
    assert one(text, MONTH_FIRST) == (moment, ["read-month-first"], None)
    assert one(text)[2].to_pylist() == [True]


def test_a_pattern_of_the_users_own_is_utc_unless_it_has_a_zone():
    assert one("03.10.2026", "%d.%m.%Y")[0] == utc(2026, 10, 3)
    assert one("03.10.2026 02:00 +0200", "%d.%m.%Y %H:%M %z")[0] == utc(2026, 10, 3)


@pytest.mark.parametrize(
    "text",
    ["2023-02-01T30:00:00Z", "2023-02-30", "13/13/2023", "yesterday", "2026-10-01T00:00:61Z", "1"],
)
def test_what_is_no_time_is_pointed_at(text):
    for spelling in (None, MONTH_FIRST, "%d.%m.%Y"):
        moment, _, bad = one(text, spelling)
        assert moment is None
        assert bad.to_pylist() == [True]


def test_absent_times_are_absent_not_wrong():
    read = instants(pa.array([None, "2026-10-01T00:00:00Z"]))
    assert read.values.to_pylist() == [None, utc(2026, 10, 1)]
    assert read.bad is None


@pytest.mark.parametrize(
    "kind",
    [
        pa.timestamp("s"),
        pa.timestamp("ms"),
        pa.timestamp("us", tz="UTC"),
        pa.timestamp("ns"),
        pa.timestamp("ms", tz="America/New_York"),
    ],
    ids=str,
)
def test_typed_timestamps_keep_their_instant(kind):
    moment = utc(2026, 10, 1, 12)
    assert instants(pa.array([moment, None], kind)).values.to_pylist() == [moment, None]


def test_dates_begin_at_midnight_utc():
    assert instants(pa.array([date(2026, 10, 1)])).values.to_pylist() == [utc(2026, 10, 1)]


def test_repairs_name_only_their_rows():
    read = instants(pa.array(["2026-10-01T00:00:00Z", "2026-10-01 00:00:00", None]))
    assert [(what, mask.to_pylist()) for what, mask in read.repairs] == [
        ("read-as-utc", [False, True, False])
    ]


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))
def test_what_python_writes_is_read_back(moment):
    assert one(moment.isoformat())[0] == moment


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+23:59",
        "1969-12-31T23:59:59Z",
        "2262-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-10-01T00:00:00+99:99",
        "2026-10-01T00:00:00+24:00",
        "2026-10-01T00:00:00-01:60",
    ],
)
def test_no_clock_shows_such_a_time(text):
    moment, _, bad = one(text)
    assert moment is None
    assert bad.to_pylist() == [True]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_typed_times_that_nanoseconds_cannot_count_are_wrong(unit):
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    end = 9_214_646_400 * ticks
    read = instants(pa.array([0, -1, end - 1, min(end, 2**63 - 1), 2**63 - 1], pa.timestamp(unit)))
    assert read.bad.to_pylist() == [False, True, False, True, True]
    assert [moment is None for moment in read.values.to_pylist()] == read.bad.to_pylist()


def test_a_date_of_another_age_is_wrong():
    assert instants(pa.array([2**31 - 1, 0], pa.date32())).bad.to_pylist() == [True, False]


def test_a_zone_that_is_no_text_changes_no_instant():
    batch = pa.record_batch({"at": pa.array([0, 10**6], pa.timestamp("us", "UTC"))})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    [damaged] = pa.ipc.open_stream(sink.getvalue().to_pybytes().replace(b"UTC", b"\x83TC"))
    assert instants(damaged.column(0)).values.cast("int64").to_pylist() == [0, 10**6]
