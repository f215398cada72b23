"""Sheets: any table of an answer as CSV or Parquet instead of JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from litestar import Response
from litestar.params import QueryParameter

from trainfare.metering.receipt_text import safe_cell

Form = Annotated[
    Literal["json", "csv", "parquet"],
    QueryParameter(name="format", description="json, csv or parquet"),
]

CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"


def as_form(
    form: str, name: str, document: Any, rows: Callable[[], Sequence[Mapping[str, Any]]]
) -> Response[Any]:
    """*document*, or its *rows* as a file called *name*."""
    if form == "json":
        return Response(document)
    made = rows()
    content = csv_of(made) if form == "csv" else parquet_of(made)
    return as_file(content, CSV if form == "csv" else PARQUET, f"{name}.{form}")


def as_file(content: bytes, kind: str, name: str) -> Response[Any]:
    """A file that a browser saves under *name*."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=kind, headers=headers)


def csv_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows under the names of all their keys; cells are safe in a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer.writerow(names)
    for row in rows:
        cells = [row.get(name) for name in names]
        writer.writerow([safe_cell(one) if isinstance(one, str) else one for one in cells])
    return file.getvalue().encode()


def parquet_of(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as Parquet; money stays text, so nothing is rounded."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: [row.get(name) for row in rows] for name in names}
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def flat(row: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """One level of keys, joined by dots; lists become text.

    >>> flat({"run": "r", "estimated": {"total": "1", "parts": [1, 2]}})
    {'run': 'r', 'estimated.total': '1', 'estimated.parts': '1 2'}
    """
    cells: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            cells |= flat(value, f"{prefix}{key}.")
        else:
            cells[prefix + key] = (
                " ".join(map(str, value)) if isinstance(value, list | tuple) else value
            )
    return cells
