"""The lake: canonical charges as Parquet, one folder per source, billing period and delivery.

``<lake>/<source>/<YYYY-MM>/<delivery>/part-00000.parquet``: zstd, row groups of about 128 thousand
rows, in file order. A delivery is written beside the lake's folders first and renamed into place
when it is whole and on disk, so a crash leaves nothing half-written under a final name. Which
delivery of a period is current is the ledger's word, not the folder's.
"""

from __future__ import annotations

import fcntl
import filecmp
import secrets
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from trainfare.billing.arrow import pa, parquet, pc
from trainfare.billing.bill import Bill
from trainfare.billing.canonical import SCHEMA
from trainfare.core.charge import View
from trainfare.core.disk import flush
from trainfare.core.errors import OutsideFailed

GROUP_ROWS = 122_880
"""Rows of one row group."""
PART_ROWS = 80 * GROUP_ROWS
"""Rows of one file; a bigger delivery goes on in the next part."""
_WAITING_MAX = 4 * GROUP_ROWS
_INCOMING = ".incoming"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One billing period of one bill, as it lies in the lake."""

    id: str
    source: str
    period: str
    format: str
    folder: str
    """Path within the lake."""
    rows: int
    repairs: int
    totals: dict[str, dict[str, int]]
    """Currency → view → nano-units; the sum of what lies in the folder."""
    files: tuple[str, ...]
    """Names of the source files of the whole bill."""
    accounts: tuple[tuple[str, str], ...]
    """(provider, billing account) pairs of the whole bill."""


@dataclass(slots=True)
class _Period:
    """The part files of one billing period, being written."""

    folder: Path
    waiting: list[pa.RecordBatch] = field(default_factory=list)
    waiting_rows: int = 0
    rows: int = 0
    repairs: int = 0
    totals: dict[str, dict[str, int]] = field(default_factory=dict)
    _writer: Any = None
    _part_rows: int = 0
    _parts: int = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take some rows; write them once a row group is full."""
        self.waiting.append(batch)
        self.waiting_rows += batch.num_rows
        self.rows += batch.num_rows
        self.repairs += batch.num_rows - batch.column("x_Repairs").null_count
        _add_totals(self.totals, batch)
        if self.waiting_rows >= GROUP_ROWS:
            self.write(self.waiting_rows - self.waiting_rows % GROUP_ROWS)

    def write(self, rows: int) -> None:
        """Write the first *rows* of what waits, in row groups that are full but for the last."""
        if not rows:
            return
        if self._writer is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._writer = parquet.ParquetWriter(
                self.folder / f"part-{self._parts:05d}.parquet",
                SCHEMA,
                compression="zstd",
                compression_level=1,
                use_dictionary=_DICTIONARY,
                write_statistics=_STATISTICS,
                store_schema=False,
            )
        table = pa.Table.from_batches(self.waiting, SCHEMA)
        if len(self.waiting) > 1:  # a row group keeps its dictionary only if there is just one
            table = table.unify_dictionaries()
        self._writer.write_table(table.slice(0, rows), row_group_size=GROUP_ROWS)
        self._part_rows += rows
        self.waiting, self.waiting_rows = table.slice(rows).to_batches(), self.waiting_rows - rows
        if self._part_rows >= PART_ROWS:
            self.close_part()

    def close_part(self) -> None:
        """End the part file that is open; the next rows begin another."""
        if self._writer is not None:
            self._writer.close()
            self._writer, self._part_rows, self._parts = None, 0, self._parts + 1


_TEXTS = [column.name for column in SCHEMA if pa.types.is_dictionary(column.type)]
_DICTIONARY = [*_TEXTS, *(column.name for column in SCHEMA if pa.types.is_timestamp(column.type))]
_STATISTICS = [column.name for column in SCHEMA if not pa.types.is_dictionary(column.type)]


def write_lake(bill: Bill, lake: Path) -> list[Delivery]:
    """Write every charge of *bill* under *lake*, whole or not at all.

    Returns:
        One delivery per billing period, in their order. A delivery already there is left as it is.

    Raises:
        BadInput: the bill has problems; the lake is as it was.
        OutsideFailed: the disk failed or is full.
    """
    try:
        with incoming(lake) as folder:
            periods: dict[str, _Period] = {}
            for batch in _ahead(bill.batches()):
                for name, part in _by_period(batch):
                    period = periods.setdefault(name, _Period(folder / name))
                    period.add(part)
                if sum(each.waiting_rows for each in periods.values()) > _WAITING_MAX:
                    fullest = max(periods.values(), key=lambda each: each.waiting_rows)
                    fullest.write(fullest.waiting_rows)
            for period in periods.values():
                period.write(period.waiting_rows)
                period.close_part()
            return [_settle(bill, lake, name, periods[name]) for name in sorted(periods)]
    except OSError as error:
        raise OutsideFailed(
            f"cannot write the lake at {lake}: {error}; free space or choose another folder"
        ) from None


def _ahead(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same batches, the next one read while the last is written."""
    with ThreadPoolExecutor(1, "trainfare-bill") as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def _by_period(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The rows of each billing period, by the month that it begins in (UTC); none without one."""
    starts = batch.column("BillingPeriodStart")
    distinct = pc.unique(starts)
    names = pc.strftime(distinct, "%Y-%m").to_pylist()
    known = sorted({each for each in names if each is not None})
    if len(known) == 1 and None not in names:
        yield known[0], batch
        return
    for name in known:
        chosen = pa.array(
            [start for start, each in zip(distinct, names, strict=True) if each == name]
        )
        yield name, batch.filter(pc.is_in(starts, chosen.cast(starts.type)))


def _add_totals(totals: dict[str, dict[str, int]], batch: pa.RecordBatch) -> None:
    currencies = batch.column("BillingCurrency")
    codes = pc.unique(currencies.indices).drop_null().to_pylist()
    for code in codes:
        mine = batch if len(codes) == 1 else batch.filter(pc.equal(currencies.indices, code))
        views = totals.setdefault(currencies.dictionary[code].as_py(), {})
        for view in View:
            column = mine.column(view.column)
            if column.null_count < len(column) or view.value in views:
                amount = pc.sum(column.cast(pa.decimal128(19, 0))).as_py() or 0
                views[view.value] = views.get(view.value, 0) + int(amount)


def _settle(bill: Bill, lake: Path, name: str, period: _Period) -> Delivery:
    """Move one finished period to its final name."""
    final = lake / bill.source / name / bill.delivery
    if not _is_whole(final, period):
        for part in period.folder.iterdir():
            flush(part)
        flush(period.folder)
        final.parent.mkdir(parents=True, exist_ok=True)
        try:
            if final.exists():  # damaged, and not the only one any more
                final.rename(period.folder.with_name(f"{name}-damaged"))
            period.folder.rename(final)
        except OSError:
            if not final.exists():  # another import of the same bill may have been faster
                raise
        for folder in (final.parent, final.parent.parent, lake):
            flush(folder)
    return Delivery(
        id=bill.delivery,
        source=bill.source,
        period=name,
        format=bill.format,
        folder=final.relative_to(lake).as_posix(),
        rows=period.rows,
        repairs=period.repairs,
        totals=period.totals,
        files=tuple(file.name for file in bill.files),
        accounts=tuple(sorted(bill.accounts)),
    )


def _is_whole(final: Path, period: _Period) -> bool:
    """Whether a delivery that is there holds what was just written, if under other names of files."""
    parts, written = (sorted(folder.glob("*.parquet")) for folder in (final, period.folder))
    if [part.name for part in parts] != [part.name for part in written]:
        return False
    if all(filecmp.cmp(*pair, shallow=False) for pair in zip(parts, written, strict=True)):
        return True
    rows, totals = 0, dict[str, dict[str, int]]()
    try:
        for part in parts:
            for batch in parquet.ParquetFile(part, read_dictionary=_TEXTS).iter_batches():
                rows += batch.num_rows
                _add_totals(totals, batch)
    except (OSError, ValueError, pa.ArrowException):
        return False
    return rows == period.rows and totals == period.totals


def count_repairs(parts: Sequence[Path]) -> dict[str, int]:
    """``column:what`` → the rows of one period of a delivery on which it was repaired."""
    found: dict[str, int] = {}
    for part in parts:
        for batch in parquet.ParquetFile(part).iter_batches(columns=["x_Repairs"]):
            for row in pc.value_counts(batch.column(0).drop_null()).to_pylist():
                for note in row["values"].split(";"):
                    found[note] = found.get(note, 0) + row["counts"]
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


@contextmanager
def incoming(lake: Path) -> Iterator[Path]:
    """A folder of our own to write in; what dead imports left behind is removed.

    The lock dies with its process, so a folder whose lock can be had belongs to nobody.
    """
    place = lake / _INCOMING
    place.mkdir(parents=True, exist_ok=True)
    for left in place.glob("*.lock"):
        with left.open("a") as lock:
            if _locked(lock):
                shutil.rmtree(left.with_suffix(""), ignore_errors=True)
                left.unlink(missing_ok=True)
    folder = place / secrets.token_hex(8)
    guard = folder.with_suffix(".lock")
    with guard.open("a") as lock:
        _locked(lock)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            guard.unlink(missing_ok=True)


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
