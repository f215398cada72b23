"""The protobuf wire format: the fields of one message, without its schema.

Source: protobuf.dev/programming-guides/encoding. Groups (wire types 3 and 4) were never written by
the programs whose logs are read here and are refused.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from trainfare.core.errors import BadInput

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""

_VARINT_BYTES = 10
_ALL_BITS = 2**64 - 1
_FIXED = {FIXED64: struct.Struct("<Q"), FIXED32: struct.Struct("<I")}


def fields_of(message: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Number, wire type and raw value of every field, in order.

    A varint or fixed value is the unsigned number on the wire; :func:`to_float`, :func:`to_double`
    and :func:`to_signed` give it its meaning.

    Raises:
        BadInput: the bytes are no message.

    >>> list(fields_of(bytes([0x08, 0x96, 0x01, 0x12, 0x02, 0x68, 0x69])))
    [(1, 0, 150), (2, 2, b'hi')]
    """
    at = 0
    while at < len(message):
        key = message[at]
        if key < 0x80:  # the rule: fields below 16
            at += 1
        else:
            key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if not number:
            raise BadInput("a field has the number 0")
        if kind == VARINT:
            value, at = _varint(message, at)
            yield number, kind, value
        elif kind in _FIXED:
            form = _FIXED[kind]
            if at + form.size > len(message):
                raise BadInput("a field is longer than its message")
            yield number, kind, form.unpack_from(message, at)[0]
            at += form.size
        elif kind == BYTES:
            size, at = _varint(message, at)
            if size > len(message) - at:
                raise BadInput("a field is longer than its message")
            yield number, kind, message[at : at + size]
            at += size
        else:
            raise BadInput(f"a field has the wire type {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that begins at *at*, and where it ends."""
    value = 0
    for place, byte in enumerate(message[at : at + _VARINT_BYTES]):
        if byte < 0x80:
            return value | byte << 7 * place & _ALL_BITS, at + place + 1
        value |= (byte & 0x7F) << 7 * place
    if len(message) - at < _VARINT_BYTES:
        raise BadInput("a number is cut short")
    raise BadInput("a number has more than 10 bytes")


def to_signed(value: int) -> int:
    """A varint as an int64.

    >>> to_signed(2**64 - 1)
    -1
    """
    return value - 2**64 if value >= 2**63 else value


def to_double(value: int) -> float:
    """A fixed64 as a double.

    >>> to_double(0x3FF8000000000000)
    1.5
    """
    return float(struct.unpack("<d", struct.pack("<Q", value))[0])


def to_float(value: int) -> float:
    """A fixed32 as a float.

    >>> to_float(0x3FC00000)
    1.5
    """
    return float(struct.unpack("<f", struct.pack("<I", value))[0])
