"""Rows of a comparison: exact where both values are known, silent where one is not."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trainfare.flows.compare import Figure, Row

amounts = st.decimals(
    min_value=-(10**9), max_value=10**9, places=9, allow_nan=False, allow_infinity=False
)


def row(first, second, units=("USD", "USD")):
    figures = [
        None if value is None else Figure(value, unit)
        for value, unit in zip((first, second), units, strict=True)
    ]
    return Row("money", "total", tuple(figures))


@given(amounts, amounts)
def test_first_plus_difference_is_second(first, second):
    assert Fraction(first) + Fraction(row(first, second).difference) == Fraction(second)


@given(amounts, amounts)
def test_the_ratio_is_right_to_six_places(first, second):
    ratio = row(first, second).ratio
    if not first:
        assert ratio is None
    else:
        assert abs(Fraction(ratio) - Fraction(second) / Fraction(first)) <= Fraction(1, 2 * 10**6)


@given(amounts, st.sampled_from(["missing", "unknown", "nan", "other currency"]))
def test_nothing_is_set_against_what_is_not_known(value, why):
    other = {"missing": None, "nan": Decimal("nan")}.get(why, value)
    pair = row(value, other, ("USD", "EUR" if why == "other currency" else "USD"))
    if why == "unknown":
        pair = Row("money", "total", (Figure(value, "USD"), Figure(None, "USD")))
    assert (pair.difference, pair.ratio) == (None, None)


def test_a_text_has_all_digits_and_no_exponent():
    document = row(Decimal("0.000000001"), Decimal("1e9")).to_json()
    assert document["values"] == ["0.000000001", "1000000000"]
    assert document["difference"] == "999999999.999999999"
