"""Tables: the one form in which every report answers, with its remainders and its total.

    Σ rows + Σ remainders + left out = total        for every column that ``is_sum``, as whole nanos

A cell is a text, a count, a ``Decimal``, :class:`~trainfare.core.money.Money`, or None with the
reason why it is not known. A table that does not add up cannot be made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from trainfare.core.errors import NotConserved
from trainfare.core.money import NANO, Money
from trainfare.reports.cell import Column, Row, Value

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Table:
    """A report in one currency; print it, show it in a notebook, or take it as a data frame."""

    title: str
    by: tuple[str, ...]
    """The columns that name a row, first of all."""
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: Row
    currency: str
    remainders: tuple[Row, ...] = ()
    """Money that no row owns; each is named in the first column, in brackets."""
    left_out: Row | None = None
    """What a filter keeps out of the rows; None where there is no filter."""
    view: str | None = None
    """Which cost column of the bill; None where there is no bill."""
    periods: tuple[str, ...] = ()
    """Billing periods in it; empty where there is no bill."""
    notes: tuple[str, ...] = ()
    """What a reader must know: what is not in it, what is unknown and why."""
    others: tuple[Table, ...] = ()
    """The same report in other currencies, which are never added to this one."""

    def __post_init__(self) -> None:
        for column in self.columns:
            whole = self.total.cells.get(column.name)
            if not column.is_sum or whole is None:
                continue
            parts = sum(_size(line[column.name]) for line in self.lines)
            if parts != _size(whole):
                raise NotConserved(
                    f"column {column.name} of the report by {', '.join(self.by)} sums to {parts}, "
                    f"not to its total of {_size(whole)}; please report this"
                )

    @property
    def lines(self) -> tuple[Row, ...]:
        """Everything that sums to the total: rows, remainders, what a filter left out."""
        last = () if self.left_out is None else (self.left_out,)
        return (*self.rows, *self.remainders, *last)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __bool__(self) -> bool:
        return True

    def column(self, name: str) -> Column:
        """The column called *name*.

        Raises:
            KeyError: there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def __str__(self) -> str:
        from trainfare.reports.table_text import table_text

        return table_text(self)

    def _repr_html_(self) -> str:
        from trainfare.reports.table_html import table_html

        return table_html(self)

    def to_json(self) -> dict[str, Any]:
        """Columns with units, and every line with exact decimal texts."""
        return {
            "title": self.title,
            "by": list(self.by),
            "view": self.view,
            "periods": list(self.periods),
            "currency": self.currency,
            "columns": [
                {"name": one.name, "kind": one.kind.value, "unit": one.unit, "what": one.what}
                for one in self.columns
            ],
            "rows": [row.to_json() for row in self.rows],
            "remainders": {row.name: row.to_json() for row in self.remainders},
            "left_out": None if self.left_out is None else self.left_out.to_json(),
            "total": self.total.to_json(),
            "notes": list(self.notes),
        }

    def to_pandas(self) -> pd.DataFrame:
        """All lines but the total as a pandas data frame; money as exact ``Decimal`` objects.

        Units stand in ``frame.attrs["units"]``.

        Raises:
            BadInput: pandas is not installed.
        """
        from trainfare.reports.table_frame import to_pandas

        return to_pandas(self)

    def to_polars(self) -> pl.DataFrame:
        """All lines but the total as a Polars data frame; money as ``Decimal(38, 9)``.

        Raises:
            BadInput: Polars is not installed.
        """
        from trainfare.reports.table_frame import to_polars

        return to_polars(self)

    def to_arrow(self) -> pa.Table:
        """All lines but the total as an Arrow table; money as ``decimal128(38, 9)``.

        Units and kinds stand in the metadata of the fields.

        Raises:
            MissingExtra: pyarrow is not installed.
        """
        from trainfare.reports.table_frame import to_arrow

        return to_arrow(self)


def _size(value: Value) -> int:
    """A summable cell as a whole number: money in nano-units, a decimal in billionths."""
    if value is None or isinstance(value, str):
        return 0
    if isinstance(value, Money):
        return value.nano
    return int(value * NANO) if isinstance(value, Decimal) else value
