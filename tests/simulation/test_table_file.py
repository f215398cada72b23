"""Tables: the same rows are the same bytes."""

import pytest

from simulation.worlds import rows_in
from trainfare.core.errors import BadInput
from trainfare.simulation.table_file import write_table

ROWS = [{"a": "1", "b": 'x;"y"'}, {"b": "two\nlines"}]


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet"])
def test_the_same_rows_are_the_same_bytes(form, tmp_path):
    one, two = (
        write_table(tmp_path / name / f"t.{form}", ["a", "b"], ROWS) for name in ("one", "two")
    )
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_text_survives_delimiters_quotes_and_line_breaks(delimiter, tmp_path):
    path = write_table(tmp_path / "t.csv", ["a", "b"], ROWS, delimiter=delimiter)
    assert rows_in(path, delimiter) == [{"a": "", **row} for row in ROWS]


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"t.xlsx ends in none of \.csv"):
        write_table(tmp_path / "t.xlsx", ["a"], [])
