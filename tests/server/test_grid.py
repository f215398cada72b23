"""Grids: what a page shows and what its file holds are the same, to the nano."""

import csv
import io
from dataclasses import replace

import pyarrow.parquet as pq

from trainfare.core.money import Money
from trainfare.reports.cell import Column as TableColumn
from trainfare.reports.cell import Kind, Role, Row
from trainfare.reports.table import Table
from trainfare.server.grid import (
    Column,
    Grid,
    Line,
    csv_of,
    grid_of,
    money_cell,
    parquet_of,
    resource_cell,
    text_cell,
)
from trainfare.server.writing import duration, mark, money

GRID = Grid(
    "Teams",
    (Column("team", "Team"), Column("effective", "Has", is_right=True)),
    (
        Line((text_cell("=nlp"), money_cell(Money(1_234_567_890_123)))),
        Line((text_cell("vision"), money_cell(None, why="no price"))),
        Line((text_cell("(idle)"), money_cell(Money(5))), "remainder"),
    ),
    shown=1,
)


def test_a_file_holds_exact_texts_of_every_line_and_no_formula():
    rows = list(csv.reader(io.StringIO(csv_of(GRID))))
    assert rows[0] == ["team", "effective", "line"]
    assert [row[1] for row in rows[1:]] == ["1234.567890123", "", "0.000000005"]
    assert not rows[1][0].startswith("=")
    table = pq.read_table(io.BytesIO(parquet_of(GRID))).to_pydict()
    assert table["effective"] == ["1234.567890123", None, "0.000000005"]
    assert table["line"] == ["group", "group", "remainder"]


def test_a_page_shows_the_first_lines_and_whatever_is_no_group():
    assert [line.cells[0].text for line in GRID.visible] == ["=nlp", "(idle)"]


def test_what_is_unknown_is_no_zero_and_less_than_a_cent_is_not_nothing():
    assert money(None) == "unknown"
    assert money_cell(None, why="no price").text == "unknown"
    assert money("0.000000005") != "$0.00"
    assert money("1234.5") == "$1,234.50"


def test_a_page_writes_small_amounts_of_a_table_as_it_writes_any():
    columns = (
        TableColumn("team", Kind.TEXT),
        TableColumn("own", Kind.MONEY, "USD"),
        TableColumn("given", Kind.MONEY, "USD"),
        TableColumn("per_step", Kind.RATE, "USD"),
    )
    cells = {"own": Money(-119_000_000), "given": Money(0), "per_step": Money(4_200)}
    rows = (
        Row({"team": "nlp", **cells}),
        Row({"team": "vision", **cells, "own": Money(4_200_000)}),
    )
    total = Row({"team": "all", **cells, "per_step": None}, Role.TOTAL)
    table = Table(title="t", by=("team",), columns=columns, rows=rows, total=total, currency="USD")
    shown = [[cell.text for cell in line.cells[1:3]] for line in grid_of(table).lines]
    assert shown == [["-$0.12", "$0.00"], ["$0.0042", "$0.00"], ["-$0.12", "$0.00"]]
    assert grid_of(table).lines[0].cells[3].text == "$0.000004200"
    of_runs = Row({"team": "nlp", **cells, "per_step": Money(169 * 10**9)})
    dear = [line.cells[3].text for line in grid_of(replace(table, rows=(*rows, of_runs))).lines]
    assert dear == ["$0.0000042", "$0.0000042", "$169.00", ""]


def test_every_kind_of_money_has_a_mark_that_leads_to_what_it_means():
    assert 'href="/words#estimated"' in mark("estimated")
    assert mark("nothing") == ""
    assert duration(None) == "–"
    assert duration(90.0) == duration(90 * 10**9)


def test_a_long_name_is_short_on_a_page_and_whole_in_its_title_and_in_files():
    long = "/subscriptions/5f0c0000/providers/microsoft.compute/disks/train-vm-001-disk"
    cell = resource_cell(long)
    assert (cell.text, cell.why, cell.value) == ("train-vm-001-disk", long, long)
    uuid = "5f0c0000-0000-4000-8000-00000000a001"
    assert resource_cell(uuid).text == "5f0c0000-000…00000a001"
    assert resource_cell(uuid).why == uuid
    assert resource_cell("i-1").why == ""
