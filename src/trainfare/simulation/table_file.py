"""Table files: rows as CSV, CSV.gz or Parquet, the same bytes for the same rows."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput, MissingExtra
from trainfare.core.period import parse_instant

Row = Mapping[str, str]
"""Column → text; a column that is left out is empty."""

KINDS = ("text", "time", "double", "decimal", "map")
"""What a Parquet column can hold; empty text is null in each."""


def write_table(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Row],
    *,
    kinds: Mapping[str, str] | None = None,
    delimiter: str = ",",
) -> Path:
    """Write *rows* in the form that the name of *path* asks for.

    Args:
        path: ends in ``.csv``, ``.csv.gz`` or ``.parquet``; its folder is made.
        columns: names, in order.
        rows: in order; what is under no name of *columns* is left out.
        kinds: of Parquet columns, one of :data:`KINDS`; text where it is not said. A *map* is
            written as ``key=value`` lines in its text.
        delimiter: of CSV.

    Raises:
        BadInput: the name ends in something else.
        MissingExtra: Parquet is asked for, and pyarrow is not installed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(".parquet"):
        _write_parquet(path, columns, rows, kinds or {})
        return path
    if not path.name.endswith((".csv", ".csv.gz")):
        raise BadInput(f"{path.name} ends in none of .csv, .csv.gz and .parquet")
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    write_bytes(path, text.getvalue().encode())
    return path


def write_bytes(path: Path, content: bytes) -> Path:
    """Write *content*, packed where the name ends in ``.gz``; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(".gz"):
        content = gzip.compress(content, compresslevel=6, mtime=0)  # no clock in the bytes
    path.write_bytes(content)
    return path


def _write_parquet(
    path: Path, columns: Sequence[str], rows: Iterable[Row], kinds: Mapping[str, str]
) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtra("analytics", "write Parquet") from None
    types = {
        "text": pa.string(),
        "time": pa.timestamp("ms", tz="UTC"),
        "double": pa.float64(),
        "decimal": pa.decimal128(28, 9),
        "map": pa.map_(pa.string(), pa.string()),
    }
    listed = list(rows)
    arrays = []
    for name in columns:
        kind = kinds.get(name, "text")
        read = _READ[kind]
        values = [read(text) if (text := row.get(name, "")) else None for row in listed]
        arrays.append(pa.array(values, types[kind]))
    pq.write_table(pa.table(arrays, names=list(columns)), path, compression="zstd")


_READ: dict[str, Callable[[str], Any]] = {
    "text": str,
    "time": lambda text: parse_instant(text) // 10**6,
    "double": float,
    "decimal": Decimal,
    "map": lambda text: [tuple(line.partition("=")[::2]) for line in text.split("\n")],
}
