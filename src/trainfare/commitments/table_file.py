"""Table files: the rows of a CSV, each by column and with its line, for demand and for rates."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence

from trainfare.core.errors import BadInput


def read_rows(
    lines: Iterable[str], name: str, needed: Sequence[str], optional: Sequence[str] = ()
) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row's last line in the file, and its cells by column; empty lines are left out.

    Raises:
        BadInput: a column is missing, not known or there twice, or a row has more or fewer cells.
    """
    reader = csv.reader(lines)
    header = [cell.strip().lower() for cell in next(reader, [])]
    missing = [column for column in needed if column not in header]
    if missing:
        raise BadInput(f"{name}: no column {', '.join(missing)}; it needs {', '.join(needed)}")
    for at, column in enumerate(header):
        if column not in (*needed, *optional):
            known = ", ".join((*needed, *optional))
            raise BadInput(f"{name}: row 1, column {column!r} is not known; known: {known}")
        if column in header[:at]:
            raise BadInput(f"{name}: row 1, column {column} is there twice; keep one")
    for row in reader:
        if row and len(row) != len(header):
            raise BadInput(
                f"{name}: row {reader.line_num} has {len(row)} of {len(header)} columns; "
                f"write {','.join(header)}"
            )
        if row:
            yield reader.line_num, dict(zip(header, row, strict=True))
