"""Grids: the one form of every table on a page, which is exported as it stands.

A cell has a text for people and an exact value for files. Money stands in files as its decimal text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainfare.core.money import Money
from trainfare.metering.receipt_text import safe_cell
from trainfare.reports.cell import Kind, Role, plain_value
from trainfare.reports.table_text import (
    PARTIAL,
    cell_text,
    places_of,
    reasons,
    shown_columns,
)
from trainfare.server.writing import money

if TYPE_CHECKING:
    from trainfare.reports.cell import Column as TableColumn
    from trainfare.reports.cell import Row
    from trainfare.reports.table import Table

UNKNOWN = "unknown"

NAME_MAX = 30
"""A longer name of a resource is shown by its beginning and its end."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a grid."""

    name: str
    title: str
    unit: str = ""
    is_right: bool = False
    what: str = ""
    """One sentence about it."""
    mark: str = ""
    """Which kind of money it holds: estimated, billed, effective …"""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a grid."""

    text: str
    value: str | int | None = None
    """What files hold; the text where it is left out of both."""
    href: str = ""
    why: str = ""
    """Why it is not known, or what it means."""
    tone: str = ""
    """A state, drawn as a badge: running, over, ok …"""
    sub: str = ""
    """A second, quieter line."""
    is_known: bool = True
    mark: str = ""
    """Which kind of money it or its row holds, where its column does not say so."""
    pieces: tuple[tuple[str, float, str], ...] = ()
    """A bar instead of the text: (tone, percent, what it is) from left to right."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a grid."""

    cells: tuple[Cell, ...]
    role: str = "group"
    key: str = ""
    """What the row is about, where a page does something with it."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as pages show it."""

    caption: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    shown: int = 200
    """A page shows so many lines; a file has all."""

    @property
    def visible(self) -> tuple[Line, ...]:
        """What a page shows: the first lines, and whatever is no group."""
        return tuple(
            line
            for place, line in enumerate(self.lines)
            if place < self.shown or line.role != "group"
        )


def text_cell(text: str | None, *, href: str = "") -> Cell:
    """A word, or a dash."""
    return Cell("–", None, is_known=False) if text is None else Cell(text, text, href=href)


def resource_cell(name: str, *, href: str = "") -> Cell:
    """A resource by the last word of its name, which providers write as long paths.

    >>> resource_cell("arn:aws:sagemaker:us-east-1:1:training-job/vision-7").text
    'vision-7'
    >>> resource_cell("5f0c0000-0000-4000-8000-00000000a001").text
    '5f0c0000-000…00000a001'
    """
    short = name.rstrip("/").rpartition("/")[2] or name
    if len(short) > NAME_MAX:
        short = f"{short[:12]}…{short[-9:]}"
    return Cell(short, name, href, why=name if short != name else "")


def money_cell(amount: Money | None, *, why: str = "", places: int | None = 2) -> Cell:
    """An amount, or *why* it is not known."""
    if amount is None:
        return Cell("–" if not why else UNKNOWN, None, why=why, is_known=False)
    return Cell(money(amount, places=places), amount.text(), why=why or amount.text())


def nano_cell(nano: int | None, currency: str, places: int | None = None) -> Cell:
    """An amount in whole nano-units; a dash where there is none."""
    return money_cell(None if nano is None else Money(nano, currency), places=places)


def grid_of(
    table: Table,
    *,
    links: Mapping[str, str] | None = None,
    caption: str = "",
    mark: str = "",
    shown: int = 200,
) -> Grid:
    """A report's table as a grid.

    Args:
        table: any.
        links: column → the beginning of an address that its value completes.
        caption: the table's own where it is left out.
        mark: the kind of money of columns that do not say theirs.
        shown: lines on a page.
    """
    columns = shown_columns(table)
    lines = [*table.lines, table.total]
    places = {
        one.name: places_of(one, [row.cells.get(one.name) for row in lines]) for one in columns
    }
    return Grid(
        caption or table.title,
        tuple(_column(one, table, mark) for one in columns),
        tuple(
            Line(
                tuple(
                    _cell(one, row, places[one.name], (links or {}).get(one.name))
                    for one in columns
                ),
                row.role.value,
            )
            for row in lines
        ),
        (*reasons(table), *table.notes),
        shown,
    )


def _column(one: TableColumn, table: Table, otherwise: str) -> Column:
    mark = ""
    if one.is_money:
        words = one.name.split("_")
        mark = next((word for word in ("estimated", "billed", "allocated") if word in words), "")
        if mark in ("", "allocated") and table.view:
            mark = table.view
        mark = mark or otherwise
    title = one.title[:1].upper() + one.title[1:]
    return Column(one.name, title, one.unit or "", one.kind is not Kind.TEXT, one.what, mark)


def _cell(column: TableColumn, row: Row, places: int, link: str | None) -> Cell:
    value = plain_value(row.cells.get(column.name))
    text = cell_text(column, row, places)
    amount = row.cells.get(column.name)
    if isinstance(amount, Money) and (column.kind is Kind.MONEY or places == 2):
        text = money(amount) + (PARTIAL if row.why(column.name) else "")
    href = f"{link}{value}" if link and value and row.role is Role.GROUP else ""
    return Cell(text, value, href, row.why(column.name) or "", is_known=value is not None)


def csv_of(grid: Grid) -> str:
    """The grid as CSV with a head of names; no cell begins a formula."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*(one.name for one in grid.columns), "line"])
    for line in grid.lines:
        cells = [_written(cell) for cell in line.cells]
        writer.writerow([*("" if c is None else safe_cell(str(c)) for c in cells), line.role])
    return file.getvalue()


def parquet_of(grid: Grid) -> bytes:
    """The grid as Parquet; every column is text, exact as the page's source."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Sequence[str | None]] = {}
    for place, one in enumerate(grid.columns):
        values = [_written(line.cells[place]) for line in grid.lines]
        columns[one.name] = [None if value is None else str(value) for value in values]
    columns["line"] = [line.role for line in grid.lines]
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, compression="zstd")
    return file.getvalue()


def _written(cell: Cell) -> str | int | None:
    return cell.value if cell.value is not None or not cell.is_known else cell.text
