"""Tables as one HTML element without scripts, for a notebook, a mail or a page; light and dark."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainfare.reports.cell import Column, Kind, Role, Row
from trainfare.reports.table_text import cell_text, places_of, reasons, shown_columns

if TYPE_CHECKING:
    from trainfare.reports.table import Table

ROWS_SHOWN = 200
"""So many rows are shown; a data frame has all."""

NOWRAP = 40
"""A key of at most so many characters stays in one line."""

_BOX = (
    "font:13px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif;color:inherit;"
    "overflow-x:auto;max-width:100%"
)
_TABLE = "border-collapse:collapse;font-variant-numeric:tabular-nums;background:none;margin:0"
_PAD = "padding:.3rem .9rem .3rem 0;background:none;border:0"
_ROLES = {
    Role.GROUP: "",
    Role.REMAINDER: "opacity:.65;font-style:italic",
    Role.LEFT_OUT: "opacity:.65;font-style:italic",
    Role.TOTAL: "font-weight:700;border-top:2px solid #8888",
}


def table_html(table: Table) -> str:
    """The table with its title, notes and other currencies; every text is escaped."""
    return "".join(_one(each) for each in (table, *table.others))


def _one(table: Table) -> str:
    shown = [*table.rows[:ROWS_SHOWN], *table.remainders]
    shown += [] if table.left_out is None else [table.left_out]
    shown.append(table.total)
    columns = shown_columns(table)
    places = {c.name: places_of(c, [row.cells.get(c.name) for row in shown]) for c in columns}
    head = "".join(map(_heading, columns))
    body = "".join(_row(columns, row, places) for row in shown)
    notes = [*reasons(table), *table.notes]
    if len(table.rows) > ROWS_SHOWN:
        notes.insert(0, f"{len(table.rows) - ROWS_SHOWN:,} more rows are in to_pandas().")
    listed = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    after = f"<ul style='margin:.6rem 0 1.4rem;padding:0;list-style:none;opacity:.8;font-size:12px'>{listed}</ul>"
    return (
        f"<div style=\"{_BOX}\"><div style='font-weight:600;margin:.2rem 0 .5rem'>"
        f"{html.escape(table.title)}</div><table style='{_TABLE}'><thead>"
        f"<tr style='border-bottom:1px solid #8888;background:none'>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>{after if notes else ''}</div>"
    )


def _heading(column: Column) -> str:
    unit = f"<br><span style='opacity:.6'>{html.escape(column.unit)}</span>" if column.unit else ""
    title = f" title='{html.escape(column.what)}'" if column.what else ""
    return (
        f"<th scope='col'{title} style='{_PAD};text-align:{_side(column)};vertical-align:bottom;"
        f"font-weight:600'>{html.escape(column.title)}{unit}</th>"
    )


def _row(columns: Sequence[Column], row: Row, places: dict[str, int]) -> str:
    cells = "".join(_cell(column, row, places[column.name]) for column in columns)
    line = "border-top:1px solid #8883;background:none"
    return f"<tr style='{line};{_ROLES[row.role]}'>{cells}</tr>"


def _cell(column: Column, row: Row, places: int) -> str:
    text = html.escape(cell_text(column, row, places))
    why = row.why(column.name)
    title = f" title='{html.escape(why)}'" if why else ""
    wrap = "" if column.kind is Kind.TEXT and len(text) > NOWRAP else ";white-space:nowrap"
    return f"<td{title} style='{_PAD};text-align:{_side(column)}{wrap}'>{text}</td>"


def _side(column: Column) -> str:
    return "left" if column.kind is Kind.TEXT else "right"
