"""The in-process database that allocates: opened with limits, its failures told in our words."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from trainfare.allocation.match import literal
from trainfare.core.errors import BadInput, MissingExtra, OutsideFailed

MEMORY_LIMIT = "240MB"
"""What the database may hold in memory before it goes on in files; the process takes up to 200 MB
more."""

LARGER_LIMITS = ("512MB", "1GB", "2GB", "4GB")
"""What is tried after it, one after the other, where some step cannot go on in files."""


class OutOfMemory(OutsideFailed):
    """A step needs more memory than it may hold."""


_SPILL = ".spill-"
_YOUNG_SECONDS = 60
"""A folder this young may be without its lock yet."""


def duckdb() -> Any:
    """The duckdb package.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import duckdb as package
    except ImportError:
        raise MissingExtra("analytics", "allocate bills") from None
    return package


@contextmanager
def open_database(
    spill: Path | None = None, memory_limit: str = MEMORY_LIMIT, threads: int | None = None
) -> Iterator[Any]:
    """A fresh in-memory database that spills to a folder under *spill* (None: does not spill).

    Raises:
        BadInput: an amount is too large for the ledger, or an option is not understood.
        OutsideFailed: memory or disk ran out, or a file cannot be read.
    """
    package = duckdb()
    settings = {"preserve_insertion_order": "false", "memory_limit": memory_limit}
    settings["temp_directory"] = str(spill) if spill is not None else ""
    if threads is not None:
        settings["threads"] = str(threads)
    try:
        connection = package.connect(":memory:", config=settings)
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()
    except package.OutOfMemoryException as error:
        raise OutOfMemory(
            f"memory or temporary disk ran out at memory_limit={memory_limit} "
            f"({_first_line(error)}); raise the limit or free disk space"
        ) from None
    except (package.OutOfRangeException, package.ConversionException) as error:
        raise BadInput(
            "an amount, or what charges of one kind sum to in a day, is beyond ±9.2 thousand million "
            f"units of its currency ({_first_line(error)}); check the amounts and their unit"
        ) from None
    except package.IOException as error:
        raise OutsideFailed(
            f"cannot read or write a file ({_first_line(error)}); check that it exists, is a whole "
            "Parquet file, and that the disk has room"
        ) from None
    except package.InvalidInputException as error:
        raise BadInput(
            f"not files of the lake, or damaged ({_first_line(error)}); import the bill again"
        ) from None
    except package.Error as error:
        if type(error) is not package.Error:  # a mistake of ours
            raise
        raise OutsideFailed(
            f"a file is damaged ({_first_line(error)}); import the bill again"
        ) from None


@contextmanager
def spill_folder(place: Path | None) -> Iterator[Path]:
    """A folder of our own in *place* (None: the system's) to spill to, gone afterwards.

    What killed allocations left there is removed: a lock ends with its process, so a folder whose
    lock can be had belongs to nobody.
    """
    for left in place.glob(f"{_SPILL}*") if place is not None else ():
        with suppress(OSError), _locked(left):
            if abs(time.time() - left.stat().st_mtime) > _YOUNG_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(prefix=_SPILL, dir=place, ignore_cleanup_errors=True) as folder,
        _locked(Path(folder)),
    ):
        yield Path(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder.

    Raises:
        OSError: another process holds it, or the folder is gone.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:200]


def files_sql(
    paths: Sequence[Path], *, are_numbered: bool = False, has_row_numbers: bool = False
) -> str:
    """``read_parquet([...])`` over *paths*.

    *are_numbered* adds filename and file_row_number, *has_row_numbers* only the latter.

    Names are taken as they are: a ``*`` or ``[`` in one is no pattern.
    """
    names = ", ".join(literal(_plain(path)) for path in paths)
    more = ", filename = true" if are_numbered else ""
    if are_numbered or has_row_numbers:
        more += ", file_row_number = true"
    return f"read_parquet([{names}], hive_partitioning = false{more})"


def _plain(path: Path) -> str:
    """*path* with the signs of patterns as one-sign classes, so that they stand for themselves."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))
