"""Tables as plain text: keys to the left, figures to the right, remainders and the total below.

Columns that do not fit beside each other go on in a second block under the same keys.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from trainfare.core.money import NANO, Money
from trainfare.core.plain import cut_apart, percent, plain
from trainfare.reports.cell import NOT_IN_IT, Column, Kind, Role, Row, Value

if TYPE_CHECKING:
    from trainfare.reports.table import Table

WIDTH = 80
ROWS_SHOWN = 40
"""So many rows are printed; a data frame or JSON has all."""

KEY_WIDTH = 28
"""A key is cut to so many columns in its middle where there is no room for more."""

KEY_LEAST = 12
"""It is not cut to fewer, however many keys there are."""

HEAD_WIDTH = 10
"""A heading breaks between words where it is wider than this and than its cells."""

REASONS_SHOWN = 8
"""So many lines of reasons are printed."""

UNKNOWN, PARTIAL = "–", "*"
"""What stands for an unknown cell, and after a cell that lacks some of its runs."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text, and what it is, for those who print in colour."""

    role: Role | None
    """None for headings and rules."""
    text: str


def table_text(table: Table, *, width: int = WIDTH, rows_shown: int = ROWS_SHOWN) -> str:
    """The whole table with its title, notes and other currencies."""
    parts = [
        "\n".join(line.text for line in table_lines(one, width=width, rows_shown=rows_shown))
        for one in (table, *table.others)
    ]
    return "\n\n".join(parts)


def table_lines(table: Table, *, width: int = WIDTH, rows_shown: int = ROWS_SHOWN) -> list[Line]:
    """The lines of one currency, at most *width* columns wide where its columns allow."""
    lines = [Line(None, one) for one in textwrap.wrap(table.title, width)]
    lines.append(Line(None, ""))
    shown = [*table.rows[:rows_shown], *table.remainders]
    shown += [] if table.left_out is None else [table.left_out]
    shown.append(table.total)
    for number, block in enumerate(_blocks(table, shown, width)):
        lines += [Line(None, "")] * bool(number)
        lines += _block_lines(block, shown)
    if len(table.rows) > rows_shown:
        more = len(table.rows) - rows_shown
        lines += [Line(None, f"… and {more:,} more row{'s' * (more > 1)}.")]
    told = reasons(table)
    lines += [Line(None, "")] * bool(told)
    for why in told:
        wrapped = textwrap.wrap(why, width, subsequent_indent="  ", break_on_hyphens=False)
        lines += [Line(None, one) for one in wrapped]
    for note in table.notes:
        wrapped = textwrap.wrap(note, width, break_on_hyphens=False)
        lines += [Line(None, ""), *(Line(None, one) for one in wrapped)]
    return lines


def shown_columns(table: Table) -> list[Column]:
    """All columns but those of which nothing is known; :func:`reasons` names these."""
    return [
        column
        for column in table.columns
        if column.name in table.by or any(row.cells[column.name] is not None for row in table.lines)
    ]


def reasons(table: Table) -> list[str]:
    """Why cells are unknown or not whole: a line per reason, with its columns and rows."""
    shown = {column.name for column in shown_columns(table)}
    found: dict[tuple[str, str, int, bool], list[str]] = {}
    for column in table.columns:
        if column.kind in (Kind.TEXT, Kind.SHARE):
            continue
        counts: Counter[tuple[str, str]] = Counter()
        for row in table.rows:
            why = row.why(column.name)
            if row.cells[column.name] is None:
                counts[UNKNOWN, why or "unknown"] += 1
            elif why:
                counts[PARTIAL, why.rpartition(NOT_IN_IT)[2]] += 1
        for (mark, why), count in counts.items():
            key = (mark, why, count, column.name in shown)
            found.setdefault(key, []).append(column.title)
    lines = [
        f"{mark} {', '.join(titles)}{'' if is_shown else ' (no column)'}: {_told(mark, why)}"
        + _share_of(count, len(table.rows))
        for (mark, why, count, is_shown), titles in found.items()
    ]
    more = len(lines) - REASONS_SHOWN
    return lines if more <= 0 else [*lines[:REASONS_SHOWN], f"… and {more} more reasons."]


def _told(mark: str, why: str) -> str:
    return why if mark == UNKNOWN else f"not whole: {why}"


def _share_of(count: int, rows: int) -> str:
    return "" if count == rows else f" ({count:,} of {rows:,} rows)"


@dataclass(frozen=True, slots=True)
class _Cells:
    """One column as text: its headings, and a cell per row."""

    is_right: bool
    title: str
    unit: str
    texts: tuple[str, ...]

    @property
    def width(self) -> int:
        return max(map(len, (*self.head, self.unit, *self.texts)))

    def cut(self, limit: int) -> _Cells:
        """The same with long cells cut, so that no two read the same."""
        if max(map(len, self.texts), default=0) <= limit:
            return self
        cuts = cut_apart(self.texts, limit)
        return replace(self, texts=tuple(cuts[text] for text in self.texts))

    @property
    def head(self) -> list[str]:
        """The title in lines that are hardly wider than the cells."""
        room = max(HEAD_WIDTH, len(self.unit), *map(len, self.texts))
        return textwrap.wrap(self.title, room, break_long_words=False) or [""]


def _blocks(table: Table, shown: Sequence[Row], width: int) -> Iterator[list[_Cells]]:
    """Columns that fit beside each other, after the keys, which every block repeats."""
    columns = [_cells(column, shown) for column in shown_columns(table)]
    names = [column.name for column in shown_columns(table)]
    is_key = [name in table.by for name in names]
    columns = _cut_to(columns, is_key, width)
    keys = [one for one, is_one in zip(columns, is_key, strict=True) if is_one]
    figures = [one for one, is_one in zip(columns, is_key, strict=True) if not is_one]
    block, used = list(keys), sum(one.width + 2 for one in keys)
    for one in figures:
        if len(block) > len(keys) and used + one.width > width:
            yield block
            block, used = list(keys), sum(key.width + 2 for key in keys)
        block.append(one)
        used += one.width + 2
    yield block


def _cut_to(columns: Sequence[_Cells], is_key: Sequence[bool], width: int) -> list[_Cells]:
    """Names cut as far as *width* needs it: all columns beside each other, or keys and one of the others."""

    def fits(limit: int, *, is_whole: bool) -> bool:
        sizes = [one.width if one.is_right else min(one.width, limit) for one in columns]
        keys = sum(size + 2 for size, is_one in zip(sizes, is_key, strict=True) if is_one)
        rest = [size for size, is_one in zip(sizes, is_key, strict=True) if not is_one]
        block = sum(size + 2 for size in rest) - 2 if is_whole else max(rest, default=-2)
        return keys + block <= width

    longest = max((one.width for one in columns if not one.is_right), default=0)
    wide = [limit for limit in range(longest, KEY_WIDTH, -1) if fits(limit, is_whole=True)]
    narrow = [limit for limit in range(KEY_WIDTH, KEY_LEAST, -1) if fits(limit, is_whole=False)]
    limit = [*wide, *narrow, KEY_LEAST][0]
    return [one if one.is_right else one.cut(limit) for one in columns]


def _cells(column: Column, shown: Sequence[Row]) -> _Cells:
    places = places_of(column, [row.cells.get(column.name) for row in shown])
    texts = [cell_text(column, row, places) for row in shown]
    if column.kind is not Kind.TEXT and any(text.endswith(PARTIAL) for text in texts):
        texts = [text if text.endswith(PARTIAL) else f"{text} " for text in texts]
    return _Cells(column.kind is not Kind.TEXT, column.title, column.unit or "", tuple(texts))


def _block_lines(block: Sequence[_Cells], shown: Sequence[Row]) -> Iterator[Line]:
    height = max(len(one.head) for one in block)
    for number in range(height):
        heads = [[""] * (height - len(one.head)) + one.head for one in block]
        yield Line(None, _joined(block, [head[number] for head in heads]))
    if any(one.unit for one in block):
        yield Line(None, _joined(block, [one.unit for one in block]))
    figures = [one for one in block if one.is_right]
    for number, row in enumerate(shown):
        is_empty = not any(one.texts[number].strip() for one in figures)
        if is_empty and figures and row.role is not Role.GROUP:
            continue  # what has nothing to say in this block
        if row.role is Role.TOTAL:
            yield Line(None, "─" * (sum(one.width + 2 for one in block) - 2))
        yield Line(row.role, _joined(block, [one.texts[number] for one in block]))


def _joined(block: Sequence[_Cells], cells: Sequence[str]) -> str:
    return "  ".join(
        cell.rjust(one.width) if one.is_right else cell.ljust(one.width)
        for one, cell in zip(block, cells, strict=True)
    ).rstrip()


def places_of(column: Column, values: Sequence[Value]) -> int:
    """Decimal places that a column is shown with: the same for all its cells.

    Money: two from a unit up (a rate: from a hundred); below, four digits of the largest amount.
    """
    if column.kind is Kind.NUMBER:
        most = max((abs(value) for value in values if isinstance(value, Decimal)), default=0)
        return 1 if most >= 100 else 2 if most >= 10 else 4
    sizes = [abs(value.nano) for value in values if isinstance(value, Money)]
    largest = max(sizes, default=0)
    least = NANO if column.kind is Kind.MONEY else 100 * NANO
    if largest >= least or largest == 0:
        return 2
    return min(9, max(4, 13 - len(str(largest))))


def cell_text(column: Column, row: Row, places: int) -> str:
    """A cell as people read it; what is not known is a dash, what a line cannot have is blank.

    >>> cell_text(Column("share", Kind.SHARE), Row({"share": Decimal("0.125")}), 2)
    '12.5 %'
    """
    value = row.cells.get(column.name)
    if value is None:
        is_blank = column.kind is Kind.TEXT or (
            row.role is not Role.GROUP and not row.why(column.name)
        )
        return "" if is_blank else UNKNOWN
    if isinstance(value, str):
        return plain(value)
    return _figure(column, value, places) + (PARTIAL if row.why(column.name) else "")


def _figure(column: Column, value: Money | Decimal | int, places: int) -> str:
    if isinstance(value, Money):
        return _money_text(value, places)
    if isinstance(value, Decimal):
        return percent(value) if column.kind is Kind.SHARE else f"{value:,.{places}f}"
    return f"{value:,}"


def _money_text(amount: Money, places: int) -> str:
    """What is smaller than the last place says so: it is not nothing."""
    if amount and abs(amount.nano) * 2 < 10 ** (9 - places):
        return f"< {Money(10 ** (9 - places), amount.currency).display(places)}"
    return amount.display(places)
