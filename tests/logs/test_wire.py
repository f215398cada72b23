"""The protobuf wire format: what a real encoder writes is read, and any other bytes are refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboardX.proto.summary_pb2 import HistogramProto, Summary

from logs.samples import refusal
from trainfare.core.errors import BadInput
from trainfare.logs.wire import BYTES, FIXED32, FIXED64, fields_of, to_double, to_float, to_signed


@given(st.text(), st.floats(width=32, allow_nan=False))
def test_a_real_message_gives_its_fields(tag, value):
    message = Summary.Value(tag=tag, simple_value=value).SerializeToString()
    fields = {number: (kind, raw) for number, kind, raw in fields_of(message)}
    assert fields.get(1, (BYTES, b""))[1].decode() == tag
    assert to_float(fields[2][1]) == value
    assert fields[2][0] == FIXED32


@given(st.floats(allow_nan=False), st.lists(st.floats(allow_nan=False), max_size=5))
def test_doubles_alone_and_packed_come_back(least, limits):
    message = HistogramProto(min=least, bucket_limit=limits).SerializeToString()
    found = {number: raw for number, _, raw in fields_of(message)}
    assert to_double(found.get(1, 0)) == least
    assert list(struct.unpack(f"<{len(limits)}d", found.get(6, b""))) == limits


@given(st.integers(-(2**63), 2**63 - 1))
def test_signed_numbers_come_back(number):
    raw, written = number & (2**64 - 1), b""
    while raw >= 0x80:
        written += bytes([raw & 0x7F | 0x80])
        raw >>= 7
    ((_, _, value),) = fields_of(b"\x08" + written + bytes([raw]))
    assert to_signed(value) == number


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"\x08", "a number is cut short"),
        (b"\x08" + b"\xff" * 10 + b"\x01", "more than 10 bytes"),
        (b"\x00\x01", "a field has the number 0"),
        (b"\x0b", "wire type 3"),
        (b"\x09\x00", "longer than its message"),
        (b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "longer than its message"),
    ],
)
def test_broken_messages_are_refused_in_words(message, words):
    with pytest.raises(BadInput, match=words):
        list(fields_of(message))


@given(st.binary(max_size=200))
def test_any_bytes_are_fields_or_refused(message):
    if refusal(lambda: list(fields_of(message))) is None:
        sizes = [len(raw) for _, kind, raw in fields_of(message) if kind == BYTES]
        assert sum(sizes) <= len(message)
        assert all(kind in (0, FIXED64, BYTES, FIXED32) for _, kind, _ in fields_of(message))
