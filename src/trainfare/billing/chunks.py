"""Reading the files of a bill in bounded memory: CSV, Parquet and JSON as chunks of rows."""

from __future__ import annotations

import csv as pycsv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from trainfare.billing.arrow import TEXT, csv, pa, parquet
from trainfare.billing.canonical import Chunk
from trainfare.billing.problems import Problems
from trainfare.billing.source import SourceFile
from trainfare.core.errors import BadInput

ROWS = 122_880
"""Rows of a Parquet chunk: DuckDB's row group."""
BLOCK = 16 * 2**20
"""Bytes of a CSV chunk, and so the longest line there can be."""
RATIO = 250
"""A compressed file that grows more than this many times is refused, once it passed 256 MiB."""
UNPACKED_MAX = 512 * 2**30
"""The most bytes that one compressed file may unpack to."""
_FREE = 256 * 2**20


class _Bounded(io.RawIOBase):
    """A stream that refuses to unpack more than its packed size explains."""

    def __init__(self, inner: IO[bytes] | gzip.GzipFile, packed: int, name: str) -> None:
        self._inner, self._name, self._read = inner, name, 0
        self._limit = min(UNPACKED_MAX, max(_FREE, packed * RATIO))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            block = self._inner.read(len(buffer))
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, OSError) as error:
            raise BadInput(f"{self._name} is cut off or damaged: {error}; fetch it again") from None
        self._read += len(block)
        if self._read > self._limit:
            raise BadInput(
                f"{self._name} unpacks to more than {self._limit:,} bytes, over {RATIO} times its "
                "size; unpack it yourself if it is really a bill"
            )
        buffer[: len(block)] = block
        return len(block)


@contextmanager
def open_bytes(file: SourceFile) -> Iterator[IO[bytes]]:
    """The unpacked bytes of *file*, bounded against decompression bombs."""
    with file.path.open("rb") as raw:
        if file.packing == "gzip":
            with gzip.open(raw) as packed:
                yield io.BufferedReader(_Bounded(packed, file.size, file.name), 2**20)
        elif file.packing == "zip":
            with _only_member(raw, file.name) as packed:
                yield io.BufferedReader(_Bounded(packed, file.size, file.name), 2**20)
        else:
            yield raw


@contextmanager
def _only_member(raw: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    try:
        with zipfile.ZipFile(raw) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            if len(members) != 1:
                raise BadInput(f"{name} holds {len(members)} files; a zipped bill holds one CSV")
            with archive.open(members[0]) as member:
                yield member
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise BadInput(f"{name} is not a readable zip: {error}; fetch it again") from None


def header_of(file: SourceFile) -> list[str]:
    """The names of the columns, in order; the keys of the first record of a JSON file.

    Raises:
        BadInput: the file is empty, binary or cut off.
    """
    if file.form == "parquet":
        return [str(name) for name in _open_parquet(file).schema_arrow.names]
    if file.form == "json":
        first = next(records_of(file), None)
        if first is None:
            raise BadInput(f"{file.name} holds no record")
        return list(first[1])
    with open_bytes(file) as stream:
        head = stream.read(2**20)
    return _header_of_text(head, file.name)


def _header_of_text(head: bytes, name: str) -> list[str]:
    if not head.strip():
        raise BadInput(f"{name} is empty")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInput(f"{name} is UTF-16; save it as UTF-8")
    if b"\0" in head:
        raise BadInput(f"{name} is binary, not CSV; is its name's ending right?")
    line = head.removeprefix(b"\xef\xbb\xbf")
    try:
        text = line.decode("utf-8", errors="strict" if len(head) < 2**20 else "ignore")
        columns = next(pycsv.reader(io.StringIO(text, newline="")))
    except (UnicodeDecodeError, pycsv.Error, StopIteration):
        raise BadInput(f"{name} does not begin with a CSV header in UTF-8") from None
    return [column.strip() for column in columns]


def chunks_of(file: SourceFile, problems: Problems) -> Iterator[Chunk]:
    """The rows of a CSV or Parquet file, in order; what is unreadable goes to *problems*.

    CSV columns are all text (dictionary-encoded); Parquet columns keep their types.
    """
    if file.form == "parquet":
        yield from _parquet_chunks(file)
    else:
        yield from _csv_chunks(file, problems)


def _csv_chunks(file: SourceFile, problems: Problems) -> Iterator[Chunk]:
    columns = header_of(file)
    if len(set(columns)) < len(columns):
        twice = sorted({column for column in columns if columns.count(column) > 1})
        raise BadInput(f"{file.name}: columns named twice in the header: {', '.join(twice)}")

    def spoilt(row: Any) -> str:
        what = (
            f"has {row.actual_columns} values where the header has {row.expected_columns} columns"
        )
        problems.add(
            file.name,
            what,
            row=None if row.number is None else row.number - 1,
            value=row.text,
        )
        return "skip"

    with open_bytes(file) as stream:
        try:
            reader = csv.open_csv(
                stream,
                read_options=csv.ReadOptions(
                    column_names=columns, skip_rows=1, block_size=BLOCK, use_threads=False
                ),
                parse_options=csv.ParseOptions(newlines_in_values=True, invalid_row_handler=spoilt),
                convert_options=csv.ConvertOptions(
                    column_types=dict.fromkeys(columns, TEXT),
                    strings_can_be_null=False,
                    check_utf8=True,
                ),
            )
            row = 1
            for batch in reader:
                if batch.num_rows:
                    yield Chunk(file.name, row, batch)
                row += batch.num_rows
        except pa.ArrowInvalid as error:
            raise _told(file, error) from None


def _told(file: SourceFile, error: Exception) -> BadInput:
    """PyArrow's error in our words."""
    text = str(error)
    if "straddling" in text or "block" in text.lower():
        return BadInput(
            f"{file.name} has a line of more than {BLOCK // 2**20} MiB; is it really a bill?"
        )
    if "UTF8" in text or "UTF-8" in text:
        return BadInput(f"{file.name} is not UTF-8: {text}; export it as UTF-8")
    return BadInput(f"{file.name} cannot be read: {text}")


def _open_parquet(file: SourceFile) -> Any:
    try:
        plain = parquet.ParquetFile(file.path, pre_buffer=False)
        texts = [
            field.name
            for field in plain.schema_arrow
            if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ]
        return parquet.ParquetFile(file.path, pre_buffer=False, read_dictionary=texts)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(
            f"{file.name} is not a whole Parquet file: {error}; fetch it again"
        ) from None


def _parquet_chunks(file: SourceFile) -> Iterator[Chunk]:
    row = 1
    try:
        for batch in _open_parquet(file).iter_batches(batch_size=ROWS):
            if batch.num_rows:
                yield Chunk(file.name, row, batch)
            row += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(
            f"{file.name} is damaged after row {row - 1:,}: {error}; fetch it again"
        ) from None


def records_of(file: SourceFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Row number and record of a JSON file: lines, concatenated objects or one array.

    Numbers stay text, exactly as they are written.

    Raises:
        BadInput: it is not JSON, with the byte where that shows.
    """
    decoder = json.JSONDecoder(parse_float=str, parse_int=str)
    row = 0
    with open_bytes(file) as stream:
        for text in _values(stream, decoder, file.name):
            if not isinstance(text, dict):
                raise BadInput(f"{file.name}: record {row + 1} is not an object")
            row += 1
            yield row, text


def _values(stream: IO[bytes], decoder: json.JSONDecoder, name: str) -> Iterator[Any]:
    """Every JSON value of a stream, or of the array that it is."""
    reader = io.TextIOWrapper(stream, encoding="utf-8-sig")
    waiting, passed, ended = "", 0, False
    while True:
        waiting = waiting.lstrip(" \t\r\n,[]") if True else waiting
        if waiting:
            try:
                value, end = decoder.raw_decode(waiting)
            except ValueError:
                if ended or len(waiting) > BLOCK:
                    raise BadInput(
                        f"{name} is not JSON near character {passed:,}: {waiting[:60]!r}"
                    ) from None
            else:
                yield value
                waiting, passed = waiting[end:], passed + end
                continue
        elif ended:
            return
        try:
            more = reader.read(2**20)
        except UnicodeDecodeError:
            raise BadInput(f"{name} is not UTF-8") from None
        ended = not more
        waiting += more
