"""TFRecord files: records framed by their length, each part checked by a masked CRC-32C.

    uint64 length, uint32 masked CRC of the length, the bytes, uint32 masked CRC of the bytes

Source: tensorflow.org/tutorials/load_data/tfrecord; CRC-32C: RFC 3720, appendix B.4.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainfare.core.errors import BadInput, OutsideFailed

HELD_MAX = 1 << 20
"""Records above 1 MiB are graphs, images or sounds, never scalars: they are passed over unread."""

_HEAD = struct.Struct("<QI")
_CRC = struct.Struct("<I")
_POLYNOMIAL = 0x82F63B78
_MASK_DELTA = 0xA282EAD8


def _make_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _make_table()


def crc32c(data: bytes) -> int:
    """The Castagnoli CRC of *data*.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc, table = 0xFFFF_FFFF, _TABLE
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFF_FFFF


def masked_crc(data: bytes) -> int:
    """The CRC as it stands in a file: turned and shifted, so that a CRC of CRCs is no trap."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFF_FFFF


@dataclass(slots=True)
class RecordFile:
    """A TFRecord file; going through it fills in what was noticed."""

    path: Path
    passed_over: int = 0
    """Records too large to hold a scalar."""
    is_cut_short: bool = False
    """Whether the last record is not whole: the writer still writes, or was killed."""

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        """Number (from 1) and bytes of each record, at most :data:`HELD_MAX` held at a time.

        Raises:
            BadInput: a checksum is wrong.
            OutsideFailed: the file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                number = 0
                while head := file.read(_HEAD.size):
                    number += 1
                    if len(head) < _HEAD.size:
                        self.is_cut_short = True
                        return
                    length, crc = _HEAD.unpack(head)
                    if crc != masked_crc(head[:8]):
                        self._refuse(number, "length")
                    if length + _CRC.size > size - file.tell():
                        self.is_cut_short = True
                        return
                    if length > HELD_MAX:
                        self.passed_over += 1
                        file.seek(length + _CRC.size, os.SEEK_CUR)
                        continue
                    data = file.read(length)
                    if file.read(_CRC.size) != _CRC.pack(masked_crc(data)):
                        self._refuse(number, "content")
                    yield number, data
        except OSError as error:
            raise OutsideFailed(f"{self.path} cannot be read: {error.strerror or error}") from None

    def _refuse(self, number: int, what: str) -> None:
        raise BadInput(
            f"{self.path} record {number}: the checksum of its {what} is wrong; "
            "the file is damaged or no event file, copy it again"
        )
