"""Tables: what they promise of sums, units, missing cells and foreign words."""

import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.errors import NotConserved
from trainfare.core.money import Money
from trainfare.reports.cell import Column, Kind, Role, Row
from trainfare.reports.table import Table

COLUMNS = (
    Column("team", Kind.TEXT),
    Column("runs", Kind.COUNT),
    Column("allocated", Kind.MONEY, "USD", is_sum=True, what="Of the bill."),
    Column("per_epoch", Kind.RATE, "USD/epoch"),
    Column("share", Kind.SHARE),
)


def line(team, runs, nano, *, role=Role.GROUP, rate=None, name=None, whys=None):
    cells = {
        "team": team,
        "runs": runs,
        "allocated": None if nano is None else Money(nano),
        "per_epoch": None if rate is None else Money(rate),
        "share": Decimal("0.25"),
    }
    return Row(cells, role, whys or {}, name)


def make_table(*rows, idle=0, total=None, left_out=None, **more):
    parts = [row["allocated"].nano for row in rows if row["allocated"] is not None]
    whole = sum(parts) + idle + (left_out["allocated"].nano if left_out else 0)
    return Table(
        title="2026-10   effective cost in USD",
        by=("team",),
        columns=COLUMNS,
        rows=rows,
        remainders=(line("(idle)", None, idle, role=Role.REMAINDER, name="idle"),),
        left_out=left_out,
        total=line("bill", None, whole if total is None else total, role=Role.TOTAL),
        currency="USD",
        view="effective",
        periods=("2026-10",),
        **more,
    )


TWO = (
    line("nlp", 2, 1_500_000_000, rate=123_456),
    line("<b>vision</b>", 1, 5, whys={"per_epoch": "no epochs"}),
)


@given(st.lists(st.integers(-(10**20), 10**20)), st.integers(), st.integers(1, 9))
def test_a_table_that_does_not_add_up_cannot_be_made(parts, idle, error):
    rows = [line(f"t{n}", 1, nano) for n, nano in enumerate(parts)]
    table = make_table(*rows, idle=idle)
    assert sum(one["allocated"].nano for one in table.lines) == sum(parts) + idle
    with pytest.raises(NotConserved, match="allocated of the report by team"):
        make_table(*rows, idle=idle, total=sum(parts) + idle + error)


def test_rows_are_read_by_name_and_say_why_a_cell_is_unknown():
    table = make_table(*TWO)
    assert [row["team"] for row in table] == ["nlp", "<b>vision</b>"]
    assert len(table) == 2
    assert table.rows[1]["per_epoch"] is None
    assert table.rows[1].why("per_epoch") == "no epochs"
    assert table.column("per_epoch").unit == "USD/epoch"
    assert bool(make_table()) is True


def test_json_holds_exact_text_and_never_a_float():
    document = make_table(*TWO, idle=7, left_out=line("(left out)", 3, 9, role=Role.LEFT_OUT))
    told = document.to_json()
    assert told["rows"][0]["allocated"] == "1.500000000"
    assert told["rows"][1]["why"] == {"per_epoch": "no epochs"}
    assert told["remainders"]["idle"]["allocated"] == "0.000000007"
    assert told["left_out"]["runs"] == 3
    assert told["total"]["allocated"] == "1.500000021"
    assert "float" not in {type(cell).__name__ for row in told["rows"] for cell in row.values()}


def test_arrow_holds_exact_decimals_with_their_units_and_sums_to_the_bill():
    pytest.importorskip("pyarrow")
    frame = make_table(*TWO, idle=7).to_arrow()
    assert str(frame.schema.field("allocated").type) == "decimal128(38, 9)"
    assert frame.schema.field("allocated").metadata[b"unit"] == b"USD"
    assert frame.schema.field("per_epoch").metadata[b"kind"] == b"rate"
    assert frame.schema.metadata[b"view"] == b"effective"
    assert sum(frame["allocated"].to_pylist()) == Decimal("1.500000012")
    assert frame["per_epoch"].to_pylist() == [Decimal("0.000123456"), None, None]
    assert frame["why"].to_pylist() == [None, "per_epoch: no epochs", None]


def test_pandas_holds_decimals_and_units_beside_them():
    pytest.importorskip("pandas")
    frame = make_table(*TWO).to_pandas()
    assert frame["allocated"].sum() == Decimal("1.500000005")
    assert all(isinstance(cell, Decimal) for cell in frame["allocated"])
    assert frame.attrs["units"]["per_epoch"] == "USD/epoch"
    assert frame["runs"].isna().tolist() == [False, False, True]


def test_polars_holds_decimals():
    pl = pytest.importorskip("polars")
    frame = make_table(*TWO).to_polars()
    assert frame.schema["allocated"] == pl.Decimal(38, 9)
    assert frame["allocated"].sum() == Decimal("1.500000005")


def test_a_table_loads_no_data_frames_until_it_is_asked_for_one():
    code = (
        "import sys, trainfare.reports.table, trainfare.reports.table_text, "
        "trainfare.reports.table_html, trainfare.reports.table_frame\n"
        "print(sorted({'pandas', 'polars', 'pyarrow', 'duckdb', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_text_aligns_figures_names_units_and_shows_what_is_not_known():
    assert str(make_table(*TWO, idle=7)).splitlines() == [
        "2026-10   effective cost in USD",
        "",
        "team           runs  allocated   per epoch   share",
        "                           USD   USD/epoch",
        "nlp               2      $1.50  $0.0001235  25.0 %",
        "<b>vision</b>     1    < $0.01           –  25.0 %",
        "(idle)                 < $0.01              25.0 %",
        "──────────────────────────────────────────────────",
        "bill                     $1.50              25.0 %",
        "",
        "– per epoch: no epochs (1 of 2 rows)",
    ]


def test_columns_that_do_not_fit_go_on_below_under_the_same_keys():
    from trainfare.reports.table_text import table_text

    text = table_text(make_table(*TWO), width=40)
    assert max(map(len, text.splitlines())) <= 40
    assert text.count("nlp") == 2
    assert "per epoch" in text


def test_html_escapes_every_word_and_names_reasons_and_other_currencies():
    table = make_table(*TWO, notes=("<script>",), others=(make_table(),))
    page = table._repr_html_()
    assert "<b>vision" not in page
    assert "<script>" not in page
    assert "&lt;b&gt;vision" in page
    assert "title='no epochs'" in page
    assert "USD/epoch" in page
    assert page.count("<table") == 2


def test_many_rows_are_cut_on_screen_and_whole_in_data():
    table = make_table(*[line(f"team-{n}", 1, n) for n in range(300)])
    assert "… and 260 more rows." in str(table)
    assert "100 more rows" in table._repr_html_()
    assert len(table.to_json()["rows"]) == 300
