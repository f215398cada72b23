"""Unpacking the files of a bill without trusting them: gzip and zip within bounds."""

from __future__ import annotations

import codecs
import gzip
import io
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from trainfare.billing.arrow import pa
from trainfare.billing.source import SourceFile
from trainfare.core.errors import BadInput

RATIO = 250
"""A packed file that grows more than this many times is refused, once it passed 256 MiB."""
UNPACKED_MAX = 512 * 2**30
"""The most bytes that one packed file may unpack to."""
_FREE = 256 * 2**20
_BLOCK = 2**20


class Unpacked(io.RawIOBase):
    """The unpacked bytes of one file; more than its packed size explains is refused."""

    def __init__(self, inner: Any, file: SourceFile) -> None:
        """Read *inner*, what *file* unpacks to."""
        self._inner, self._name, self._read = inner, file.name, 0
        self._limit = min(UNPACKED_MAX, max(_FREE, file.size * RATIO)) if file.packing else 2**63

    def readable(self) -> bool:
        """Yes: it is read from start to end, once."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill *buffer* as far as the file goes."""
        try:
            block = self._inner.read(len(buffer))
        except (EOFError, zlib.error, zipfile.BadZipFile, OSError) as error:
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
def open_bytes(file: SourceFile) -> Iterator[Unpacked]:
    """The unpacked bytes of *file*, bounded against bombs.

    Raises:
        BadInput: while reading, when the file is damaged or unpacks to far too much.
    """
    with file.path.open("rb") as raw:
        if file.packing == "gzip":
            with gzip.open(raw) as packed:
                yield Unpacked(packed, file)
        elif file.packing == "zip":
            with _only_member(raw, file.name) as member:
                yield Unpacked(member, file)
        else:
            yield Unpacked(raw, file)


@dataclass(frozen=True, slots=True)
class Text:
    """A text file that was checked whole, open for PyArrow to read by itself.

    PyArrow reads ahead in threads of its own. They must not call back into Python, which crashes
    when the program ends meanwhile; so the checks are a pass of their own, made before.
    """

    stream: Any
    """The unpacked text."""
    has_open_quote: bool
    """Whether it holds an odd number of quotes."""
    is_unended: bool
    """Whether its last line has no end."""
    _raw: Any
    _size: int

    @property
    def share(self) -> float:
        """How much of the packed file was read, 0 to 1."""
        return self._raw.tell() / self._size if self._size else 1.0


@contextmanager
def open_text(file: SourceFile, longest: int) -> Iterator[Text]:
    """The unpacked text of *file*, in UTF-8 and with no line longer than *longest* bytes.

    Raises:
        BadInput: it is not such a text, is damaged, or unpacks to far too much.
    """
    with ExitStack() as stack:
        copy, path = None, file.path
        if file.packing == "zip":  # PyArrow reads no zip
            copy = stack.enter_context(tempfile.NamedTemporaryFile(prefix="trainfare-bill-"))
            path = Path(copy.name)
        has_open_quote, is_unended = _check_text(file, longest, copy)
        raw = pa.OSFile(str(path))
        stack.callback(raw.close)
        stream = pa.CompressedInputStream(raw, "gzip") if file.packing == "gzip" else raw
        yield Text(stream, has_open_quote, is_unended, raw, path.stat().st_size)


def _check_text(file: SourceFile, longest: int, copy: Any) -> tuple[bool, bool]:
    """Read all of it once, into *copy* if there is one.

    Returns:
        Whether its quotes are odd in number, and whether its last line has no end.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, quotes, since = 0, 0, 0
    with open_bytes(file) as stream:
        while True:
            block = stream.read(_BLOCK) or b""
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                line = lines + block[: error.start].count(b"\n") + 1
                raise BadInput(
                    f"{file.name} line {line:,}: holds bytes that are not UTF-8; export it as UTF-8"
                ) from None
            if not block:
                if copy is not None:
                    copy.flush()
                return quotes % 2 == 1, since > 0
            end = block.rfind(b"\n")
            since = since + len(block) if end < 0 else len(block) - end - 1
            if since > longest:
                raise BadInput(
                    f"{file.name} line {lines + 1:,}: has no end within {longest // 2**20} MiB; "
                    "is it really a bill?"
                )
            lines, quotes = lines + block.count(b"\n"), quotes + block.count(b'"')
            if copy is not None:
                copy.write(block)


@contextmanager
def _only_member(raw: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    try:
        with zipfile.ZipFile(raw) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            if len(members) != 1:
                raise BadInput(f"{name} holds {len(members)} files; a zipped bill holds one CSV")
            with archive.open(members[0]) as member:
                yield member
    except (zipfile.BadZipFile, RuntimeError) as error:
        raise BadInput(f"{name} is not a readable zip: {error}; fetch it again") from None
