"""Quantities of time are read alike in Python and SQL; what is no time is nothing."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.allocation.quantity import DAY_US, HOUR_US, PAID_US_SQL, UNITS, paid_us


@pytest.mark.parametrize(
    ("quantity", "unit", "expected"),
    [
        ("1", "Hours", HOUR_US),
        ("0.3333333333", "Hrs", 1_200_000_000),
        ("1200", "seconds", 1_200_000_000),
        ("35.2E-7", "Hours", 12_672),
        ("8", "GPU-Hours", 8 * HOUR_US),
        ("0.5", "Days", DAY_US // 2),
        ("-0.25", "Hour", -HOUR_US // 4),
        ("0", "Hours", 0),
        ("1", "Day", 86_400_000_000),
        ("7", "mins", 420_000_000),
        ("3", "vCPU-Seconds", 3_000_000),
        ("0.25", "node hours", 900_000_000),
        ("2562047788.015215", "Hours", 2**63 - 2048),
    ],
)
def test_time_is_whole_microseconds(quantity, unit, expected):
    assert paid_us(quantity, unit) == expected


@pytest.mark.parametrize(
    ("quantity", "unit"),
    [
        *(("1", unit) for unit in ("GB", "GB-Hours", "Hours/Month", None)),
        *((text, "Hours") for text in (None, "", "many", "NaN", "Infinity", "1e300")),
        ("9223372036854.775", "seconds"),
    ],
)
def test_what_is_no_known_time_is_none_and_not_zero(quantity, unit):
    assert paid_us(quantity, unit) is None


@pytest.fixture(scope="module")
def database():
    connection = duckdb.connect()
    yield connection
    connection.close()


numbers = st.one_of(
    st.decimals(-(10**9), 10**9, allow_nan=False, places=12).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["", "x", "1e16", "0.0000000000005", "-1E-3", ".5", "5.", "1E+2"]),
)


@given(numbers, st.sampled_from([*UNITS, "HOURS", "GB", ""]))
def test_sql_reads_the_same_time(database, quantity, unit):
    row = database.execute(
        f'SELECT {PAID_US_SQL} FROM (SELECT ? AS "ConsumedQuantity", ? AS "ConsumedUnit")',
        [quantity, unit],
    ).fetchone()
    assert row == (paid_us(quantity, unit),)
