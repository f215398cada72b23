"""Streams of JSON: the same values as json.loads, wherever the chunks are cut; never half a value."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainfare.core.errors import OutsideFailed
from trainfare.prices import json_stream
from trainfare.prices.json_stream import JsonStream

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)
objects = st.dictionaries(st.text(max_size=6), values, max_size=6)


class Dripping(io.StringIO):
    """Gives at most *size* characters at a time."""

    def __init__(self, text, size):
        super().__init__(text)
        self.size = size

    def read(self, wanted=-1):
        return super().read(min(self.size, wanted) if wanted > 0 else self.size)


@settings(deadline=None)
@given(objects, st.integers(1, 7), st.sampled_from([None, 2]), st.booleans())
def test_members_are_what_json_says_wherever_chunks_are_cut(document, size, indent, as_ascii):
    text = json.dumps(document, indent=indent, ensure_ascii=as_ascii)
    stream = JsonStream(Dripping(text, size), "it")
    assert {key: stream.value() for key in stream.members()} == document


@settings(deadline=None)
@given(objects, st.integers(1, 7))
def test_values_left_alone_are_passed_over(document, size):
    stream = JsonStream(Dripping(json.dumps(document), size), "it")
    assert list(stream.members()) == list(document)


@settings(deadline=None)
@given(objects, st.data())
def test_a_text_cut_short_is_never_taken_for_whole(document, data):
    text = json.dumps({"first": document, "last": 1})
    cut = data.draw(st.integers(0, len(text) - 1))
    stream = JsonStream(Dripping(text[:cut], 5), "the list")
    with pytest.raises(OutsideFailed, match="the list is not whole JSON"):
        list(stream.members())


def test_inner_objects_can_be_walked_and_left():
    text = '{"products": {"a": {"x": [1, "}"]}, "b": 2}, "terms": {"OnDemand": {"a": 3}, "Reserved": {}}}'
    stream = JsonStream(Dripping(text, 3), "it")
    seen = [(section, list(stream.members())) for section in stream.members()]
    assert seen == [("products", ["a", "b"]), ("terms", ["OnDemand", "Reserved"])]


@pytest.mark.parametrize("text", ["", "  ", "[1]", '"x"', "<html>", '{"a" 1}', '{"a": }', "{1: 2}"])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(OutsideFailed):
        list(JsonStream(io.StringIO(text), "it").members())


def all_values(stream):
    return [stream.value() for _ in stream.members()]


def test_a_value_without_end_is_refused_before_it_fills_memory(monkeypatch):
    monkeypatch.setattr(json_stream, "VALUE_LIMIT", 1000)
    monkeypatch.setattr(json_stream, "CHUNK", 100)
    stream = JsonStream(io.StringIO('{"a": "' + "x" * 5000), "it")
    with pytest.raises(OutsideFailed, match="too large"):
        all_values(stream)


def test_a_text_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(json_stream, "TOTAL_LIMIT", 1000)
    monkeypatch.setattr(json_stream, "CHUNK", 100)
    text = "{" + ", ".join(f'"{number}": 1' for number in range(1000)) + "}"
    with pytest.raises(OutsideFailed, match="goes on beyond"):
        all_values(JsonStream(io.StringIO(text), "it"))


def test_nesting_beyond_reason_is_refused():
    stream = JsonStream(io.StringIO('{"a": ' + "[" * 100_000), "it")
    with pytest.raises(OutsideFailed):
        all_values(stream)
