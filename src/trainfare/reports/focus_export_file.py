"""FOCUS files: rows of an export written as CSV or Parquet, whole or not at all.

CSV is RFC 4180 with line feeds; a text cell that a spreadsheet would take for a formula gets an
apostrophe before it, which an import of our own export takes away again. Parquet has money as
``decimal128(38, 9)``, other decimals as they need, and units in the metadata of the fields.
"""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from trainfare.billing.arrow import pa, parquet, pc
from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.reports.focus_export import PLACES
from trainfare.reports.focus_export_columns import FocusColumn, Kind, focus_columns

FORMULA = r"^[=+\-@\t\r]"
"""What a spreadsheet takes for the beginning of a formula."""

_DIGITS = 38
_INSTANT = pa.timestamp("us", "UTC")


def write_csv(batches: Iterable[pa.RecordBatch], version: str, file: IO[str]) -> int:
    """Write rows of FOCUS *version* as CSV text; returns how many."""
    writer = csv.writer(file, lineterminator="\n")
    columns = focus_columns(version)
    writer.writerow([column.name for column in columns])
    rows = 0
    for batch in batches:
        texts = [_cells(batch.column(column.name), column) for column in columns]
        writer.writerows(zip(*texts, strict=True))
        rows += batch.num_rows
    return rows


def _cells(values: pa.Array, column: FocusColumn) -> Any:
    if column.kind is Kind.TIME:
        return _instants(values).to_pylist()
    if column.kind is Kind.MONEY:
        return [None if amount is None else f"{amount:f}" for amount in values.to_pylist()]
    if column.kind is Kind.DECIMAL:
        return values.to_pylist()
    is_formula = pc.match_substring_regex(values, FORMULA)
    if pc.any(is_formula).as_py():
        guarded = pc.binary_join_element_wise("'", values, "")
        values = pc.if_else(is_formula, guarded, values)
    return values.to_pylist()


def _instants(values: pa.Array) -> pa.Array:
    """Times as FOCUS writes them; with a fraction only where the bill has one."""
    with contextlib.suppress(pa.ArrowInvalid):
        values = values.cast(pa.timestamp("s", "UTC"))
    return pc.strftime(values, "%Y-%m-%dT%H:%M:%SZ")


def write_parquet(
    batches: Iterable[pa.RecordBatch],
    version: str,
    path: Path,
    *,
    empty: Mapping[str, int],
    places: int,
    about: Mapping[str, str],
) -> int:
    """Write rows of FOCUS *version* to *path* as Parquet; returns how many.

    Args:
        batches: from :func:`~trainfare.reports.focus_export.focus_batch`.
        version: a FOCUS version.
        path: where to write; what is there is replaced.
        empty: column that FOCUS wants filled → in how many charges it is not; it is nullable then.
        places: decimal places of quantities and prices.
        about: facts for the metadata of the file.

    Raises:
        BadInput: a quantity or price does not fit 38 digits.
        OutsideFailed: the disk failed.
    """
    schema = parquet_schema(version, empty=empty, places=places, about=about)
    rows = 0
    try:
        with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(_typed(batch, schema))
                rows += batch.num_rows
    except OSError as error:
        raise OutsideFailed(f"cannot write {path}: {error.strerror or error}") from None
    return rows


def parquet_schema(
    version: str, *, empty: Mapping[str, int], places: int, about: Mapping[str, str]
) -> pa.Schema:
    """The schema of a Parquet file: FOCUS's types and nullability, our units and notes."""
    kinds = {
        Kind.TEXT: pa.string(),
        Kind.JSON: pa.string(),
        Kind.TIME: _INSTANT,
        Kind.MONEY: pa.decimal128(_DIGITS, 9),
        Kind.DECIMAL: pa.decimal128(_DIGITS, max(places, PLACES)),
    }
    fields = []
    for column in focus_columns(version):
        words = {"kind": column.kind.value, "unit": column.unit or ""}
        fields.append(
            pa.field(
                column.name,
                kinds[column.kind],
                nullable=column.is_nullable or empty.get(column.name, 0) > 0,
                metadata={name: text for name, text in words.items() if text},
            )
        )
    return pa.schema(fields, metadata={"focus_version": version, **about})


def _typed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    arrays = []
    for field in schema:
        values = batch.column(field.name)
        try:
            arrays.append(values.cast(field.type))
        except pa.ArrowInvalid as error:
            raise BadInput(
                f"column {field.name} has a number that does not fit {field.type} ({error}); "
                "export as CSV"
            ) from None
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
