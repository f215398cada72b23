"""Lines: a row of the table behind drill-down, as what one owner gets of one charge."""

import pytest

from trainfare.allocation.line import Line, line_of
from trainfare.core.charge import Remainder

PLACE = ("part.parquet", 3, "bill.csv", 4, "i-0", "EUR", 101, 207)


@pytest.mark.parametrize(
    ("run", "told", "remainder"),
    [("a", None, None), (None, "idle", Remainder.IDLE), (None, "shared", Remainder.SHARED)],
)
def test_a_row_is_read_field_by_field_and_its_amounts_view_by_view(run, told, remainder):
    row = (*PLACE, run, told, "attached", "team=nlp", False, "old", 5, 11, 29, None, -31, 37)
    assert line_of(row) == Line(
        file="part.parquet",
        row=3,
        source_file="bill.csv",
        source_row=4,
        resource="i-0",
        currency="EUR",
        start_us=101,
        end_us=207,
        run=run,
        remainder=remainder,
        method="attached",
        label="team=nlp",
        is_pooled=False,
        tag_run="old",
        low=5,
        high=11,
        amounts=(29, None, -31, 37),
    )
    assert line_of(row).remainder is remainder
