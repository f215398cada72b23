"""Unpacking the files of a bill without trusting them: gzip and zip within bounds."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from trainfare.billing.source import SourceFile
from trainfare.core.errors import BadInput

RATIO = 250
"""A packed file that grows more than this many times is refused, once it passed 256 MiB."""
UNPACKED_MAX = 512 * 2**30
"""The most bytes that one packed file may unpack to."""
_FREE = 256 * 2**20


class Unpacked(io.RawIOBase):
    """The unpacked bytes of one file, counted; more than its packed size explains is refused."""

    def __init__(self, inner: Any, raw: IO[bytes], file: SourceFile) -> None:
        """Read *inner*, what *raw* unpacks to."""
        self._inner, self._raw, self._name, self._packed = inner, raw, file.name, file.size
        bound = min(UNPACKED_MAX, max(_FREE, file.size * RATIO))
        self._limit = bound if file.packing else 2**63
        self._read = 0
        self._quotes = 0

    @property
    def has_open_quote(self) -> bool:
        """Whether an odd number of quotes was read so far."""
        return self._quotes % 2 == 1

    @property
    def share(self) -> float:
        """How much of the packed file was read, 0 to 1."""
        return self._raw.tell() / self._packed if self._packed else 1.0

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
        self._quotes += block.count(b'"')
        if self._read > self._limit:
            raise BadInput(
                f"{self._name} unpacks to more than {self._limit:,} bytes, over {RATIO} times its "
                "size; unpack it yourself if it is really a bill"
            )
        buffer[: len(block)] = block
        return len(block)


@contextmanager
def open_bytes(file: SourceFile) -> Iterator[Unpacked]:
    """The unpacked bytes of *file* as an :class:`Unpacked`, bounded against bombs.

    Raises:
        BadInput: while reading, when the file is damaged or unpacks to far too much.
    """
    with file.path.open("rb") as raw:
        if file.packing == "gzip":
            with gzip.open(raw) as packed:
                yield Unpacked(packed, raw, file)
        elif file.packing == "zip":
            with _only_member(raw, file.name) as member:
                yield Unpacked(member, raw, file)
        else:
            yield Unpacked(raw, raw, file)


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
