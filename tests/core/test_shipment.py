"""Pieces of a spool: sent twice, cut anew or in another order, they add up to the file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.errors import BadInput
from trainfare.core.shipment import BATCH_BYTES, Piece, check_place, lengths_after, new_part

KEY = ("r-1", "s-1", "samples.bin")


def piece(start, data):
    return Piece(*KEY, start, data)


@pytest.mark.parametrize(
    "place",
    [
        ("r-1", "s-1", "events.jsonl", 0),
        ("@gpu-7", "S.1_x-", "samples.bin", 2**60),
        ("a" * 63, "a" * 128, "metrics.jsonl", 1),
        ("@" + "a" * 62, "0", "metrics.jsonl", 1),
    ],
)
def test_a_place_in_a_spool_passes(place):
    assert check_place(*place) is None


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (("R-1", "s-1", "events.jsonl", 0), "run id 'R-1' is not 1 to 63"),
        (("../x", "s-1", "events.jsonl", 0), "run id"),
        (("a" * 64, "s-1", "events.jsonl", 0), "run id"),
        (("@", "s-1", "events.jsonl", 0), "run id"),
        (("r-1", "..", "events.jsonl", 0), "segment id '..' is not 1 to 128"),
        (("r-1", "a/b", "events.jsonl", 0), "segment id"),
        (("r-1", "a" * 129, "events.jsonl", 0), "segment id"),
        (("r-1", "s-1", "other", 0), "'other' is no file of a spool; there are events.jsonl, "),
        (("r-1", "s-1", "events.jsonl", -1), "offset -1 is not from 0"),
        (("r-1", "s-1", "events.jsonl", 2**60 + 1), "offset"),
    ],
)
def test_any_other_place_is_refused(place, why):
    with pytest.raises(BadInput, match=why):
        check_place(*place)


def test_a_piece_adds_what_is_new_of_it():
    whole = piece(2, b"abc")
    assert whole.key == KEY
    assert new_part(whole, 2) is whole
    assert new_part(whole, 3) == piece(3, b"bc")
    assert new_part(whole, 4) == piece(4, b"c")
    assert new_part(whole, 5) is None
    assert new_part(whole, 1) is None


@given(
    st.binary(max_size=40), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=9)
)
def test_pieces_in_any_order_add_up_to_the_file(text, cuts):
    pieces = [
        piece(start, text[start : start + size]) for start, size in cuts if start <= len(text)
    ]
    pieces += [piece(at, text[at : at + 7]) for at in range(0, len(text), 7)]
    lengths = {}
    added = lengths_after(pieces, lengths)
    assert b"".join(bytes(one.data) for one in added) == text
    assert lengths.get(KEY, 0) == len(text)
    assert lengths_after(pieces, lengths) == []


def test_a_shipment_carries_at_most_a_mebibyte():
    assert BATCH_BYTES == 1_048_576
