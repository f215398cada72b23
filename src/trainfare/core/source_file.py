"""Source files: text line by line and JSON item by item, in bounded memory, gzip or plain."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Container, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, cast

from trainfare.core.errors import BadInput, NotFound, OutsideFailed

LINE_MAX = 1 << 20
"""Longest line that is text; a file with a longer one is something else."""
ITEM_MAX = 256 << 20
"""Most characters of one JSON item that are held at a time."""

_CHUNK = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b"


def open_source(path: Path) -> BinaryIO:
    """Open *path* for reading, unpacked if it is gzip.

    Raises:
        NotFound: there is no such file.
        OutsideFailed: it cannot be read.
    """
    try:
        if path.is_dir():
            raise BadInput(f"{path} is a folder; name a file")
        with path.open("rb") as file:
            is_packed = file.read(2) == _GZIP_MAGIC
        return cast("BinaryIO", gzip.open(path, "rb")) if is_packed else path.open("rb")
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except OSError as error:
        raise OutsideFailed(f"{path} cannot be read: {error.strerror or error}") from None


def head(path: Path) -> str:
    """The first 64 KiB of a text file, for a look at what it is.

    Raises:
        BadInput: it is empty or not text.
    """
    with open_source(path) as file:
        try:
            raw = file.read(_CHUNK)
        except (OSError, EOFError, zlib.error) as error:
            raise BadInput(f"{path} is cut short or damaged ({error})") from None
    if b"\0" in raw:
        raise BadInput(f"{path} holds NUL bytes; it is not a text export")
    text = raw.decode("utf-8-sig", "replace")
    if not text.strip():
        raise BadInput(f"{path} is empty")
    return text


def is_json(text: str) -> bool:
    """Whether *text* begins as a JSON object or list (``{__name__=`` begins a Prometheus dump).

    >>> is_json(' {"jobs": ['), is_json('{__name__="up"} 1')
    (True, False)
    """
    begins = text.lstrip()
    return begins[:1] in ("{", "[") and not begins.startswith("{__name__=")


def text_lines(path: Path, *, errors: str = "strict") -> Iterator[str]:
    """The lines of a UTF-8 text file, without their line ends and without a byte-order mark.

    Args:
        path: plain or gzip.
        errors: what to do with bytes that are not UTF-8, as :meth:`bytes.decode` has it.

    Raises:
        BadInput: a line is longer than 1 MiB, is not UTF-8 or holds a NUL.
    """
    number = 0
    with open_source(path) as file:
        while raw := _line(file, path, number + 1):
            number += 1
            if number == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
            try:
                text = raw.decode("utf-8", errors)
            except UnicodeDecodeError as error:
                raise BadInput(
                    f"{path} line {number}: {error.object[error.start : error.start + 8]!r} is not "
                    "UTF-8 text; export it again as UTF-8"
                ) from None
            if "\0" in text:
                raise BadInput(f"{path} line {number} holds NUL bytes; it is not a text export")
            yield text.removesuffix("\n").removesuffix("\r")


def _line(file: BinaryIO, path: Path, number: int) -> bytes:
    try:
        raw = file.readline(LINE_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(
            f"{path} line {number}: the file is cut short or damaged ({error})"
        ) from None
    if len(raw) > LINE_MAX:
        raise BadInput(
            f"{path} line {number} is longer than {LINE_MAX} bytes; it is no text export"
        )
    return raw


def csv_rows(path: Path, delimiter: str = ",") -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file, numbered: the header is 0, data rows count from 1; blank ones left out.

    Raises:
        BadInput: it is not CSV text.
    """
    lines = (line + "\n" for line in text_lines(path))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number = -1
    try:
        for row in reader:
            if not any(row):
                continue
            number += 1
            yield number, row
    except csv.Error as error:
        raise BadInput(
            f"{path} line {reader.line_num} is not CSV ({error}); check its quotes"
        ) from None


def json_items(path: Path, lists: Container[str] = ()) -> Iterator[tuple[int, Any]]:
    """The items of a JSON file, one at a time and numbered from 1.

    Items are those of a top-level list; of the lists under the keys *lists* of a top-level object
    (also one level deeper, below a key of *lists*); the object itself where it has no such list;
    or one per line (JSON Lines). Numbers with a point are :class:`~decimal.Decimal`.

    Raises:
        BadInput: it is not JSON, or one item is larger than 256 Mi characters.
    """
    number = 0
    with open_source(path) as raw:
        scanner = _Scanner(io.TextIOWrapper(raw, encoding="utf-8-sig"), path)
        try:
            while scanner.peek():
                for item in _items(scanner, lists):
                    number += 1
                    yield number, item
        except UnicodeDecodeError:
            raise BadInput(f"{path} is not UTF-8 text; it is not JSON") from None
        except RecursionError:
            raise BadInput(f"{path} is nested too deeply to be an export") from None
        except (OSError, EOFError, zlib.error) as error:
            raise BadInput(f"{path} is cut short or damaged ({error})") from None
    if not number and not scanner.found_list:
        raise BadInput(f"{path} is empty")


def _items(scanner: _Scanner, lists: Container[str]) -> Iterator[Any]:
    """The items of the value that begins here."""
    first = scanner.peek()
    if first == "[":
        yield from _list(scanner)
        return
    if first != "{":
        yield scanner.value()
        return
    scanner.take("{")
    rest: dict[str, Any] = {}
    found = False
    while scanner.peek() != "}":
        key = scanner.value()
        if not isinstance(key, str):
            scanner.fail("a key in quotes is missing")
        scanner.take(":")
        if key in lists and scanner.peek() in "[{":
            found = True
            yield from _items(scanner, lists)
        else:
            rest[key] = scanner.value()
        if scanner.peek() != ",":
            break
        scanner.take(",")
    scanner.take("}")
    if not found:
        yield rest


def _list(scanner: _Scanner) -> Iterator[Any]:
    scanner.take("[")
    scanner.found_list = True
    while scanner.peek() != "]":
        yield scanner.value()
        if scanner.peek() != ",":
            break
        scanner.take(",")
    scanner.take("]")


def _no_constant(name: str) -> None:
    """Refuse NaN and Infinity, which JSON does not have."""
    raise json.JSONDecodeError(f"{name} is not a JSON number", "", 0)


class _Scanner:
    """A window that moves over JSON text; it grows only as large as one item."""

    def __init__(self, file: io.TextIOBase, path: Path) -> None:
        self._file = file
        self._path = path
        self._text = ""
        self._at = 0
        self._before = 0
        self._is_over = False
        self._decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)
        self.found_list = False

    def fail(self, what: str) -> NoReturn:
        """Refuse the file at this character."""
        raise BadInput(f"{self._path} character {self._before + self._at}: not JSON, {what}")

    def _more(self) -> bool:
        """Read on; the window doubles, so that one large item costs linear time."""
        if self._is_over:
            return False
        rest = self._text[self._at :]
        if len(rest) > ITEM_MAX:
            self.fail(f"or one item is larger than {ITEM_MAX} characters")
        chunk = self._file.read(max(_CHUNK, len(rest)))
        if not chunk:  # the window stays, so that what was found in it stays where it is
            self._is_over = True
            return False
        self._before += self._at
        self._text, self._at = rest + chunk, 0
        return True

    def peek(self) -> str:
        """The next character that is not white space, or nothing at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, char: str) -> None:
        """Step over *char*."""
        if self.peek() != char:
            self.fail(f"expected {char!r}, found {self.peek()!r}")
        self._at += 1

    def value(self) -> Any:
        """The whole value that begins here."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except ValueError as error:
                if self._more():
                    continue
                self.fail(getattr(error, "msg", str(error)))
            # A number at the very end of the window may go on in the next one.
            if end == len(self._text) and self._more():
                continue
            self._at = end
            return value
