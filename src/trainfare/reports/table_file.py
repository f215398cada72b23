"""Tables as files: one Parquet file of all currencies, with units in its metadata."""

from __future__ import annotations

import io
from collections.abc import Sequence

from trainfare.core.errors import MissingExtra
from trainfare.reports.table import Table


def parquet_of(tables: Sequence[Table]) -> bytes:
    """Every line of *tables* as Parquet: their columns, then ``line``, ``currency`` and ``view``.

    Money is ``decimal128(38, 9)``; kinds, units and meanings stand in the metadata of the fields. The
    unit of money is that of the row's ``currency`` where tables differ. ``line`` says what a row is:
    group, remainder or left_out; all of them sum to the bill.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtra("analytics", "write Parquet") from None

    made = []
    for table in tables:
        lines = table.to_arrow()
        told = {
            "line": [line.role.value for line in table.lines],
            "currency": [table.currency] * len(table.lines),
            "view": [table.view] * len(table.lines),
        }
        for name, values in told.items():
            lines = lines.append_column(name, pa.array(values, pa.string()))
        made.append(lines)
    units = {table.currency for table in tables}
    schema = made[0].schema
    if len(units) > 1:
        for place, column in enumerate(tables[0].columns):
            if column.is_money and column.unit:
                unit = column.unit.replace(tables[0].currency, "currency")
                field = schema.field(place)
                words = {**(field.metadata or {}), b"unit": unit.encode()}
                schema = schema.set(place, field.with_metadata(words))
    about = {**(schema.metadata or {}), b"currency": ",".join(sorted(units)).encode()}
    schema = schema.with_metadata(about)
    whole = pa.concat_tables([one.cast(schema) for one in made])
    file = io.BytesIO()
    pq.write_table(whole, file, compression="zstd")
    return file.getvalue()
