"""Tables as data frames: Arrow, pandas and Polars, each loaded when it is asked for."""

from __future__ import annotations

from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from trainfare.core.errors import BadInput, MissingExtra
from trainfare.core.money import Money
from trainfare.reports.cell import Column, Kind, Row, Value

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from trainfare.reports.table import Table

WHY = "why"
"""The last column: why cells of the line are unknown, or what is not in them."""

_WHY = Column(WHY, Kind.TEXT)

PRECISION, SCALE = 38, 9
"""Decimals of money: whole nano-units, and room for any sum of them."""


def to_arrow(table: Table) -> pa.Table:
    """The lines of *table* with their units as metadata of the fields."""
    _need("pyarrow", "analytics")
    import pyarrow as pa

    fields = [
        pa.field(one.name, _arrow_type(pa, one), metadata=_words(one)) for one in table.columns
    ]
    about = {
        "title": table.title,
        "currency": table.currency,
        "view": table.view or "",
        "periods": ",".join(table.periods),
    }
    fields.append(pa.field(WHY, pa.string()))
    arrays = [pa.array(_cells(table, f.name), f.type) for f in fields]
    return pa.table(arrays, schema=pa.schema(fields, metadata=about))


def to_pandas(table: Table) -> pd.DataFrame:
    """The lines of *table*; ``attrs`` hold units, kinds, currency and view."""
    _need("pandas")
    import pandas as pd

    data = {one.name: _series(pd, table, one) for one in (*table.columns, _WHY)}
    frame = pd.DataFrame(data)
    frame.attrs.update(
        title=table.title,
        currency=table.currency,
        view=table.view,
        units={one.name: one.unit for one in table.columns},
        kinds={one.name: one.kind.value for one in table.columns},
    )
    return frame


def to_polars(table: Table) -> pl.DataFrame:
    """The lines of *table*; Polars keeps no units, so they stand in ``table.columns`` alone."""
    _need("polars")
    import polars as pl

    kinds = {Kind.TEXT: pl.String, Kind.COUNT: pl.Int64}
    exact = pl.Decimal(PRECISION, SCALE)
    return pl.DataFrame(
        {one.name: _cells(table, one.name) for one in (*table.columns, _WHY)},
        schema={one.name: kinds.get(one.kind, exact) for one in (*table.columns, _WHY)},
    )


def _series(pd: Any, table: Table, column: Column) -> Any:
    types = {Kind.TEXT: "string", Kind.COUNT: "Int64"}
    return pd.Series(_cells(table, column.name), dtype=types.get(column.kind, "object"))


def _arrow_type(pa: Any, column: Column) -> Any:
    if column.kind is Kind.TEXT:
        return pa.string()
    return pa.int64() if column.kind is Kind.COUNT else pa.decimal128(PRECISION, SCALE)


def _words(column: Column) -> dict[str, str]:
    words = {"kind": column.kind.value, "unit": column.unit or "", "what": column.what}
    return {name: text for name, text in words.items() if text}


def _cells(table: Table, name: str) -> list[str | int | Decimal | None]:
    if name == WHY:
        return [_reasons(line) for line in table.lines]
    return [_cell(line.cells.get(name)) for line in table.lines]


def _reasons(line: Row) -> str | None:
    """Why cells of a line are unknown, or what is not in them."""
    return "; ".join(f"{name}: {why}" for name, why in line.whys.items()) or None


def _cell(value: Value) -> str | int | Decimal | None:
    return Decimal(value.nano).scaleb(-SCALE) if isinstance(value, Money) else value


def _need(package: str, extra: str | None = None) -> None:
    if find_spec(package) is not None:
        return
    purpose = f"take a report as {package} data"
    if extra:
        raise MissingExtra(extra, purpose)
    raise BadInput(f"to {purpose}, install it: pip install {package}")
