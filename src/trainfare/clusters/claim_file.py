"""Claim files: the generic CSV ``run,resource,start,end,share[,attempt][,label.KEY…]``.

For whatever has no reader of its own: a booking sheet, a spreadsheet of shared workstations,
another scheduler. Times are RFC 3339; an empty end is a run that goes on. A share is a decimal or a
fraction (``0.5``, ``1/3``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from trainfare.clusters.options import ReadOptions
from trainfare.clusters.record import ClaimRecord, Reading, make_reading
from trainfare.core.errors import BadInput
from trainfare.core.labels import check_run_id, make_labels
from trainfare.core.period import Interval, parse_instant
from trainfare.core.source_file import csv_rows
from trainfare.core.stage import Status
from trainfare.core.tally import Tally

KIND = "csv"

COLUMNS = ("run", "resource", "start", "end", "share")
"""Columns that a claim file must have, in any order."""

_LABEL = "label."


def is_claim_header(names: Iterable[str]) -> bool:
    """Whether *names* head a claim file.

    >>> is_claim_header(["run", "share", "resource", "start", "end", "label.team"])
    True
    """
    return set(names) >= set(COLUMNS)


def read_claim_file(path: Path, options: ReadOptions) -> Reading:
    """Claims of the generic CSV.

    Raises:
        BadRecords: with every problem found.
    """

    def parse(tally: Tally) -> Iterator[ClaimRecord]:
        return _records(path, tally, options)

    return make_reading(KIND, path.name, parse)


def _records(path: Path, tally: Tally, options: ReadOptions) -> Iterator[ClaimRecord]:
    rows = csv_rows(path)
    header = [name.strip() for name in next(rows, (0, []))[1]]
    if not _accept_header(header, tally):
        return
    for number, row in rows:
        if len(row) != len(header):
            tally.refuse(f"has {len(row)} fields, the header {len(header)}", number)
            continue
        record = _record(dict(zip(header, row, strict=True)), number, tally, options)
        if record is not None:
            yield record


def _accept_header(header: list[str], tally: Tally) -> bool:
    """Whether the columns are complete and all known."""
    before = tally.problem_count
    lacking = [name for name in COLUMNS if name not in header]
    if lacking:
        tally.refuse(
            f"has no column {', '.join(lacking)}; a claim file has "
            f"{','.join(COLUMNS)}[,attempt][,label.KEY]"
        )
    for name in dict.fromkeys(header):
        if header.count(name) > 1:
            tally.refuse("is there more than once", None, name)
        if name not in (*COLUMNS, "attempt") and not name.startswith(_LABEL):
            tally.refuse("is no column of a claim file; a label's column is label.KEY", None, name)
    return tally.problem_count == before


def _record(
    cells: Mapping[str, str], number: int, tally: Tally, options: ReadOptions
) -> ClaimRecord | None:
    before = tally.problem_count
    column = "run"
    try:
        run = check_run_id(cells["run"].strip())
        column = "start"
        start_ns = parse_instant(cells["start"])
        column = "end"
        is_open = not cells["end"].strip()
        end_ns = max(options.now_ns, start_ns) if is_open else parse_instant(cells["end"])
        interval = Interval(start_ns, end_ns)
        column = "share"
        share = parse_share(cells["share"])
        column = "attempt"
        attempt = _attempt(cells.get("attempt", ""))
        column = "label"
        labels = {k.removeprefix(_LABEL): v for k, v in cells.items() if k.startswith(_LABEL)}
        clean = make_labels({key: value or None for key, value in labels.items()})
    except BadInput as error:
        tally.refuse(str(error), number, column)
        return None
    resource_id = cells["resource"].strip()
    if not resource_id:
        tally.refuse("is empty; write what the bill calls the resource", number, "resource")
    if tally.problem_count > before:
        return None
    return ClaimRecord(
        run=run,
        attempt=attempt,
        resource_id=resource_id,
        interval=interval,
        share=share,
        labels=clean,
        source=KIND,
        source_row=number,
        status=Status.RUNNING if is_open else None,
    )


def parse_share(text: str) -> Fraction:
    """A share above 0 and at most 1, exact.

    >>> parse_share("0.125"), parse_share("1/3")
    (Fraction(1, 8), Fraction(1, 3))
    """
    try:
        share = Fraction(text.strip()) if len(text) <= 80 else None
    except (ValueError, ZeroDivisionError):
        share = None
    if share is None or not 0 < share <= 1:
        raise BadInput(f"{text[:40]!r} is not a share above 0 and at most 1, such as 0.5 or 1/3")
    return share


def _attempt(text: str) -> int:
    words = text.strip()
    if not words:
        return 1
    if not words.isascii() or not words.isdigit() or not 0 < int(words[:10]) < 10**9:
        raise BadInput(f"{words[:40]!r} is not an attempt, which count 1, 2, 3 …")
    return int(words)
