"""Reading the files of a bill in bounded memory: CSV, Parquet and JSON as chunks of rows."""

from __future__ import annotations

import csv as pycsv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from trainfare.billing.arrow import TEXT, csv, pa, parquet
from trainfare.billing.canonical import Chunk
from trainfare.billing.problems import KEPT, Problems
from trainfare.billing.source import SourceFile
from trainfare.billing.unpack import Unpacked, open_bytes, open_text
from trainfare.core.errors import BadInput

ROWS = 40_960
"""Rows of a Parquet chunk: a third of a row group of the lake, which bounds memory."""
BLOCK = 8 * 2**20
"""Bytes of a CSV chunk, and so the longest line there can be."""
_HEAD = 2**20
_DENSEST = 200  # rows per byte of a Parquet file; a bill whose rows are all alike has about 20


def header_of(file: SourceFile, delimiter: str = ",") -> list[str]:
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
        head = stream.read(_HEAD)
    return _header_of_text(head, file.name, delimiter)


def _header_of_text(head: bytes, name: str, delimiter: str) -> list[str]:
    if not head.strip():
        raise BadInput(f"{name} is empty")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInput(f"{name} is UTF-16; save it as UTF-8")
    if b"\0" in head:
        raise BadInput(f"{name} is binary, not CSV; is its name's ending right?")
    text = head.decode("utf-8-sig", errors="replace").lstrip("\r\n")
    try:
        columns = next(pycsv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except (pycsv.Error, StopIteration):
        columns = ["\ufffd"]
    if any("\ufffd" in column for column in columns):
        raise BadInput(f"{name} does not begin with a CSV header in UTF-8")
    return [column.strip() for column in columns]


def chunks_of(
    file: SourceFile,
    problems: Problems,
    delimiter: str = ",",
    wanted: Sequence[str] | None = None,
) -> Iterator[Chunk]:
    """The rows of a CSV or Parquet file, in order; what is unreadable goes to *problems*.

    CSV columns are all text (dictionary-encoded); Parquet columns keep their types.

    Args:
        file: where the rows are.
        problems: collects what cannot be read.
        delimiter: what stands between two values of a CSV.
        wanted: columns to read, for files with hundreds that nobody asks for; all when left out.

    Raises:
        BadInput: the file cannot be read any further.
    """
    columns = header_of(file, delimiter)
    if len(set(columns)) < len(columns):
        twice = sorted({column for column in columns if columns.count(column) > 1})
        raise BadInput(f"{file.name}: columns named twice in the header: {', '.join(twice)}")
    if file.form == "parquet":
        yield from _parquet_chunks(file, wanted)
    elif file.form == "csv":
        yield from _csv_chunks(file, columns, problems, delimiter, wanted)
    else:
        raise BadInput(f"{file.name} is JSON, which is not a form of this bill format")


def _csv_chunks(
    file: SourceFile,
    columns: list[str],
    problems: Problems,
    delimiter: str,
    wanted: Sequence[str] | None,
) -> Iterator[Chunk]:
    kept = set(columns if wanted is None else wanted) | {columns[-1]}  # where a lost quote shows
    spoilt: list[int] = []  # numbers of the rows that were left out, ascending

    newest: list[Any] = []  # of them, the one that is told when it is known whether it is the last

    def leave_out(row: Any) -> str:
        spoilt.append(row.number - 1)  # the header is number 1
        for before in newest:
            _tell_width(problems, file.name, before, is_cut_off=False)
        newest[:] = [row]
        return "skip"

    with open_text(file, BLOCK) as text:
        row, last = 1, None
        try:
            reader = csv.open_csv(
                text.stream,
                read_options=csv.ReadOptions(
                    column_names=columns, skip_rows=1, block_size=BLOCK, use_threads=False
                ),
                parse_options=csv.ParseOptions(
                    delimiter=delimiter, newlines_in_values=True, invalid_row_handler=leave_out
                ),
                convert_options=csv.ConvertOptions(
                    column_types=dict.fromkeys(columns, TEXT),
                    include_columns=[column for column in columns if column in kept],
                    strings_can_be_null=False,
                ),
            )
            for batch in reader:
                if not batch.num_rows:
                    continue
                for chunk in _between(file.name, row, batch, spoilt, text.share):
                    row = chunk.first_row + len(chunk)
                    yield chunk
                last = batch.slice(batch.num_rows - 1)
        except pa.ArrowInvalid as error:
            raise _told(file, error) from None
        except OSError as error:  # the gzip stream, or the disk
            raise _damaged(file, f"is damaged after row {row - 1:,}", error) from None
        for end in newest:
            _tell_width(problems, file.name, end, is_cut_off=text.is_unended and end.number > row)
        if last is not None and text.has_open_quote and _has_newline(last):
            problems.add(
                file.name,
                "has a quoted value that never ends; the file is cut off or a quote is missing",
                row=row - 1,
            )


def _tell_width(problems: Problems, name: str, row: Any, *, is_cut_off: bool) -> None:
    """Note a row with too few or too many values; one that ends the file without a line end has lost some."""
    found, wanted = row.actual_columns, row.expected_columns
    if is_cut_off and found < wanted:
        what = f"looks cut off after {found} of {wanted} values; fetch it again"
        problems.add(name, what, row=row.number - 1)
    else:
        what = f"has {found} values where the header has {wanted}"
        problems.add(name, what, row=row.number - 1, value=row.text)


def _between(
    name: str, first: int, batch: pa.RecordBatch, spoilt: list[int], share: float
) -> Iterator[Chunk]:
    """The rows of a batch, cut where rows were left out, so that every row keeps its number."""
    start, number = 0, first
    for gap in [gap for gap in spoilt if gap >= first][:KEPT]:
        good = gap - number
        if start + good > batch.num_rows:
            break
        if good > 0:
            yield Chunk(name, number, batch.slice(start, good), share)
        start, number = start + good, gap + 1
    if start < batch.num_rows:
        yield Chunk(name, number, batch.slice(start), share)


def _has_newline(row: pa.RecordBatch) -> bool:
    return any("\n" in (value or "") for value in row.to_pylist()[0].values())


def _told(file: SourceFile, error: Exception) -> BadInput:
    """PyArrow's error in our words."""
    text = str(error)
    if "straddling" in text or "too short" in text:
        return BadInput(
            f"{file.name} has a row of more than {BLOCK // 2**20} MiB; is it really a bill?"
        )
    return BadInput(f"{file.name} cannot be read: {text}")


def _open_parquet(file: SourceFile) -> Any:
    try:
        schema = parquet.ParquetFile(file.path, pre_buffer=False).schema
        leaves = (schema.column(index) for index in range(len(schema)))
        texts = [leaf.path for leaf in leaves if str(leaf.logical_type) == "String"]
        opened = parquet.ParquetFile(file.path, pre_buffer=False, read_dictionary=texts)
        opened.schema_arrow.names  # noqa: B018 (names that are no text show only when they are read)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(file, "is not a whole Parquet file", error) from None
    return opened


def _parquet_chunks(file: SourceFile, wanted: Sequence[str] | None) -> Iterator[Chunk]:
    opened, row = _open_parquet(file), 1
    rows = max(1, opened.metadata.num_rows)
    if rows > file.size * _DENSEST:
        raise BadInput(f"{file.name} claims {rows:,} rows in {file.size:,} bytes; is it a bill?")
    columns = None if wanted is None else list(wanted)
    try:
        # One row group at a time: PyArrow reads no dictionary inside a map across two of them.
        for group in range(opened.num_row_groups):
            for batch in opened.iter_batches(ROWS, row_groups=[group], columns=columns):
                batch.validate(full=True)  # damage may leave bytes that are no text, or no codes
                yield Chunk(file.name, row, batch, min(1.0, (row + batch.num_rows) / rows))
                row += batch.num_rows
                del batch  # the next one is read before this name would be taken again
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(file, f"is damaged after row {row - 1:,}", error) from None


def _damaged(file: SourceFile, what: str, error: Exception) -> BadInput:
    why = " ".join(str(error).split())[:200]
    return BadInput(f"{file.name} {what}: {why}; fetch it again")


def records_of(file: SourceFile) -> Iterator[tuple[int, dict[str, Any]]]:
    """Row number and record of a JSON file: lines, concatenated objects or one array.

    Numbers stay text, exactly as they are written.

    Raises:
        BadInput: it is not JSON, with the place where that shows.
    """
    with open_bytes(file) as stream:
        for row, value in enumerate(_values(stream, file.name), start=1):
            if not isinstance(value, dict):
                raise BadInput(f"{file.name} row {row}: is not a JSON object")
            yield row, value


def _values(stream: Unpacked, name: str) -> Iterator[Any]:
    """Every JSON value of a stream, or every element of the one array that it is."""
    decoder = json.JSONDecoder(parse_float=str, parse_int=str)
    reader = io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8-sig")
    text, at, ended, count = "", 0, False, 0
    while True:
        while at < len(text) and text[at] in " \t\r\n,[]":
            at += 1
        if at < len(text):
            begin = at
            try:
                value, at = decoder.raw_decode(text, at)
            except (ValueError, RecursionError):
                if ended or len(text) - at > BLOCK:
                    raise BadInput(
                        f"{name} is not JSON after record {count:,}: {text[at : at + 60]!r}"
                    ) from None
            else:
                count += 1
                if text.find("\\u", begin, at) >= 0 and not _is_text(value):
                    raise BadInput(
                        f"{name} row {count:,}: holds half of a character (\\ud800 … \\udfff "
                        "without the other half); export it again"
                    )
                yield value
                continue
        elif ended:
            return
        try:
            more = reader.read(_HEAD)
        except UnicodeDecodeError:
            raise BadInput(f"{name} is not UTF-8 after record {count:,}") from None
        text, at, ended = text[at:] + more, 0, not more


def _is_text(value: Any) -> bool:
    """Whether all texts of a JSON value can be written as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
