"""Amounts stay exact from the provider's text to whole nano-units."""

import random
from decimal import Decimal, localcontext
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.billing.amounts import NOT_A_NUMBER, TOO_LARGE, Exact, Rounding, Running, exact_of
from trainfare.core.errors import BadInput
from trainfare.core.money import NANO

decimals = st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=None).map(
    lambda number: format(number, "f")
)
scaled = st.builds(
    lambda digits, places: format(Decimal(digits).scaleb(-places), "f"),
    st.integers(-(10**15), 10**15),
    st.integers(7, 28),
)
spelt = st.one_of(scaled, scaled.map(lambda text: f"{Decimal(text):E}"), st.none())


def exact_sum(texts):
    with localcontext() as context:
        context.prec = 400
        return Fraction(sum((Decimal(text) for text in texts if text is not None), Decimal(0)))


def read(texts):
    exact, bad, _ = exact_of(pa.array(texts, pa.string()))
    assert bad is None
    return exact


def test_a_value_of_at_most_nine_places_passes_unchanged_after_any_other():
    """Rounding half to even would break this: the sum before decides which way a half goes."""
    running = Running()
    running.round(read(["0.0000000005"]))
    assert running.round(read(["0.000000001", "0.000000002", "-3.5"])).to_pylist() == [
        1,
        2,
        -3_500_000_000,
    ]


@given(st.lists(spelt, max_size=40))
def test_the_rounded_total_is_within_half_a_nano_of_the_exact_one(texts):
    running = Running()
    nano = running.round(read(texts)).to_pylist() if texts else []
    exact = exact_sum(texts)
    assert running.total == exact
    assert abs(sum(n for n in nano if n is not None) - exact * NANO) <= Fraction(1, 2)


@given(st.lists(spelt, min_size=1, max_size=40), st.integers(1, 7))
def test_where_batches_end_changes_no_row(texts, size):
    whole = Running().round(read(texts)).to_pylist()
    running, pieces = Running(), []
    for start in range(0, len(texts), size):
        pieces += running.round(read(texts[start : start + size])).to_pylist()
    assert pieces == whole


@given(st.lists(st.tuples(spelt, st.sampled_from(["USD", "EUR", None])), min_size=1, max_size=30))
def test_each_currency_is_rounded_by_itself(rows):
    texts = [text for text, _ in rows]
    currencies = pa.array([currency for _, currency in rows], pa.string()).dictionary_encode()
    nano = Rounding().round("billed", read(texts), currencies).to_pylist()
    for wanted in ("USD", "EUR", None):
        alone = [text for text, currency in rows if currency == wanted]
        if alone:
            expected = Running().round(read(alone)).to_pylist()
            got = [n for n, (_, currency) in zip(nano, rows, strict=True) if currency == wanted]
            assert got == expected


@given(st.lists(spelt, min_size=1, max_size=20))
def test_no_row_moves_by_a_whole_nano(texts):
    nano = Running().round(read(texts)).to_pylist()
    for text, amount in zip(texts, nano, strict=True):
        assert (text is None) == (amount is None)
        if text is not None:
            assert abs(amount - Fraction(text) * NANO) < 1


@pytest.mark.parametrize(
    "kind",
    [
        *(pa.decimal128(*size) for size in ((12, 2), (28, 10), (38, 18), (38, 27), (20, 9))),
        *(pa.decimal256(60, 28), pa.int64(), pa.int32()),
    ],
    ids=str,
)
def test_typed_numbers_add_up_as_their_text_does(kind):
    source = random.Random(7)
    scale = getattr(kind, "scale", 0)
    digits = [source.randint(-(10**8), 10**8) for _ in range(500)]
    values = [None if n % 11 == 0 else Decimal(n).scaleb(-scale) for n in digits]
    column = pa.array([None if v is None else (int(v) if scale == 0 else v) for v in values], kind)
    typed, bad, _ = exact_of(column[3:])  # a slice: its buffers begin elsewhere
    text = read([None if v is None else format(v, "f") for v in values[3:]])
    assert bad is None
    ours, theirs = Running(), Running()
    assert ours.round(typed).to_pylist() == theirs.round(text).to_pylist()
    assert ours.total == theirs.total


def test_floats_are_read_as_they_are_spelt():
    """A provider's Parquet double 0.1 is one tenth, not 0.1000000000000000055."""
    running = Running()
    running.round(exact_of(pa.array([0.1, 0.2, 1e-7, 123456.789, None]))[0])
    assert running.total == Fraction("123457.0890001")


def test_a_tiny_double_is_kept_exactly():
    running = Running()
    running.round(exact_of(pa.array([5e-324, -5e-324, 2.5]))[0])
    assert running.total == Fraction(5, 2)


@pytest.mark.parametrize(
    "text", ["1,204.50", "$5", "abc", "NaN", "inf", "1_000", "--1", "=1+1", "1e"]
)
def test_what_is_not_a_number_is_pointed_at(text):
    exact, bad, what = exact_of(pa.array(["1", text, None]))
    assert bad.to_pylist() == [False, True, False]
    assert exact.nano.to_pylist() == [NANO, 0, None]
    assert what == NOT_A_NUMBER


@pytest.mark.parametrize("text", ["9223372037", "1e10", "-1e30"])
def test_what_64_bits_cannot_hold_is_pointed_at(text):
    _, bad, what = exact_of(pa.array([text]))
    assert bad.to_pylist() == [True]
    assert what == TOO_LARGE


def test_too_large_decimals_and_doubles_are_pointed_at_too():
    huge = [
        pa.array([Decimal(10) ** 20], pa.decimal128(38, 2)),
        pa.array([1e22]),
        pa.array([2**62]),
    ]
    for column in [*huge, pa.array([float("nan")])]:
        assert exact_of(column)[1].to_pylist() == [True]


def test_the_largest_amount_passes():
    assert exact_of(pa.array(["9223372036.854775805"]))[0].nano.to_pylist() == [2**63 - 3]


def test_many_large_amounts_do_not_wrap_the_exact_total():
    running = Running()
    running.round(read(["9000000000"] * 5000))
    assert running.total == 5000 * 9_000_000_000


def test_odd_spellings_of_numbers_are_read():
    assert read([" 3 ", "+4", "-.5", "2.", "0001.5", "-0", "35.2E-7"]).nano.to_pylist() == [
        3 * NANO,
        4 * NANO,
        -NANO // 2,
        2 * NANO,
        3 * NANO // 2,
        0,
        3520,
    ]


@given(st.lists(st.tuples(scaled, scaled), min_size=1, max_size=10))
def test_sums_and_differences_of_columns_are_exact(pairs):
    ours, theirs = read([a for a, _ in pairs]), read([b for _, b in pairs])
    total = Running()
    total.round(ours.plus(theirs.negative()))
    assert total.total == exact_sum(a for a, _ in pairs) - exact_sum(b for _, b in pairs)


def test_a_sum_with_nothing_said_is_unknown_unless_asked():
    known, unknown = read(["1"]), read([None])
    assert known.plus(unknown).nano.to_pylist() == [None]
    assert known.plus(unknown.or_zero()).nano.to_pylist() == [NANO]


def test_where_chooses_row_by_row():
    mixed = read(["1", "2"]).where(pa.array([True, False]), read(["0.0000000001", "0.0000000002"]))
    total = Running()
    total.round(mixed)
    assert total.total == 1 + Fraction(2, 10**10)


def test_a_sum_beyond_64_bits_is_refused_not_wrapped():
    large = read(["9000000000"])
    with pytest.raises(BadInput, match="sum of two amounts of one row"):
        large.plus(large)


def test_zero_is_known():
    assert Exact.zero(2).nano.to_pylist() == [0, 0]


def test_what_is_wrong_is_said_of_the_words_that_rows_have():
    words, codes = pa.array(["", "9928086453.3", "1"]), pa.array([None, 1, 2], pa.int32())
    _, bad, what = exact_of(pa.DictionaryArray.from_arrays(codes, words))
    assert bad.to_pylist() == [None, True, False]
    assert what == TOO_LARGE
