"""Problems are collected, capped and told at once."""

import pyarrow as pa
import pytest

from trainfare.billing.problems import KEPT, Problems
from trainfare.core.errors import BadInput


def test_nothing_wrong_raises_nothing():
    problems = Problems()
    problems.raise_if_any()
    assert not problems
    assert problems.listed() == []


def test_each_row_is_told_with_its_number_column_and_value():
    problems = Problems()
    problems.add_rows(
        "a.csv",
        "is not a number",
        first_row=10,
        mask=pa.array([False, True, True]),
        column="BilledCost",
        values=pa.array(["1", "x", None]),
    )
    with pytest.raises(BadInput) as caught:
        problems.raise_if_any()
    assert str(caught.value).splitlines() == [
        "2 problems; nothing was stored",
        "  a.csv row 11, column BilledCost: 'x' is not a number",
        "  a.csv row 12, column BilledCost: is not a number",
    ]


def test_the_rest_is_counted():
    problems = Problems()
    mask = pa.array([True] * (KEPT + 5))
    problems.add_rows("a.csv", "is empty", first_row=1, mask=mask, column="c")
    problems.add_rows("a.csv", "is empty", first_row=1, mask=mask, column="d")
    assert problems.count == 2 * (KEPT + 5)
    assert len(problems.shown) == KEPT
    assert str(problems.listed()[-1]).endswith(f"and {KEPT + 10:,} more problems")


def test_a_time_beyond_the_calendar_is_told_as_its_number():
    problems = Problems()
    times = pa.array([2**62], pa.timestamp("s"))
    problems.add_rows(
        "bill.parquet", "is odd", first_row=1, mask=pa.array([True]), column="at", values=times
    )
    assert problems.shown[0].value == str(2**62)
