"""Laws of money: parts sum to the whole, order does not matter, no float gets in."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.errors import BadInput
from trainfare.core.money import BIGINT_MAX, NANO, Money, cumulative_parts, decimal_of

amounts = st.integers(-(10**24), 10**24)
weights = st.lists(st.integers(0, 10**15), min_size=1, max_size=40).filter(any)


@given(amounts, weights)
def test_parts_of_a_split_sum_to_the_whole(nano, shares):
    parts = Money(nano).split(shares)
    assert sum(part.nano for part in parts) == nano


@given(amounts, weights)
def test_a_part_is_within_one_nano_of_its_exact_share(nano, shares):
    whole = sum(shares)
    for part, weight in zip(Money(nano).split(shares), shares, strict=True):
        assert abs(part.nano - Fraction(nano * weight, whole)) < 1


@given(amounts, weights)
def test_a_refund_splits_as_its_charge_with_the_sign_turned(nano, shares):
    charge, refund = Money(nano).split(shares), Money(-nano).split(shares)
    assert [part.nano for part in refund] == [-part.nano for part in charge]


@given(st.lists(amounts, max_size=20), st.randoms())
def test_the_order_of_a_sum_does_not_matter(nanos, random):
    shuffled = list(nanos)
    random.shuffle(shuffled)
    assert Money.total(map(Money, nanos)) == Money.total(map(Money, shuffled))


@given(amounts)
def test_text_and_back_is_the_same_amount(nano):
    assert Money.parse(Money(nano).text()).nano == nano


@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.data())
def test_cumulative_parts_of_a_full_capacity_sum_to_the_whole(whole, shares, data):
    capacity = max(1, sum(shares))
    parts = cumulative_parts(whole, shares, capacity)
    used = Fraction(whole * sum(shares), capacity)
    assert sum(parts) == used.numerator // used.denominator


@given(st.integers(0, 10**18), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_cutting_a_weight_in_two_changes_no_sum(whole, first, second, rest):
    capacity = first + second + rest
    cut = cumulative_parts(whole, [first, second], capacity)
    uncut = cumulative_parts(whole, [first + second], capacity)
    assert sum(cut) == sum(uncut)


@pytest.mark.parametrize("float_like", [0.1, 1.0, float("nan"), True])
def test_no_float_gets_in(float_like):
    with pytest.raises(BadInput, match="nano-units"):
        Money(float_like)
    if not isinstance(float_like, bool):
        with pytest.raises(BadInput, match="never comes from a float"):
            Money.nearest(float_like)
    with pytest.raises(BadInput, match="whole numbers only"):
        Money(5) * float_like


def test_currencies_never_mix():
    dollar, euro = Money(1, "USD"), Money(1, "EUR")
    for act in (lambda: dollar + euro, lambda: dollar - euro, lambda: dollar < euro):
        with pytest.raises(BadInput, match="USD and EUR; convert with a dated rate first"):
            act()


@pytest.mark.parametrize(
    "text", ["1,204.50", "", "abc", "NaN", "inf", "1_000", "$5", "1e999999", "١٢"]
)
def test_what_is_not_a_number_is_refused(text):
    with pytest.raises(BadInput, match="is not a number"):
        decimal_of(text)


def test_finer_than_nano_is_never_rounded_silently():
    with pytest.raises(BadInput, match="more than 9 decimal places"):
        Money.parse("0.0000000001")


def test_nearest_rounds_half_to_even():
    half = Fraction(1, 2 * NANO)
    assert Money.nearest(half).nano == 0
    assert Money.nearest(3 * half).nano == 2
    assert Money.nearest(Decimal("1.5")).nano == 3 * NANO // 2


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (0, "$0.00"),
        (12 * NANO + 5 * 10**6, "$12.00"),
        (-3 * NANO // 2, "-$1.50"),
        (1234567 * NANO, "$1,234,567.00"),
        (12_345_678, "$0.0123"),
        (5, "$0.000000005"),
        (99, "$0.000000099"),
    ],
)
def test_people_see_enough_places_to_tell_small_amounts(nano, shown):
    assert Money(nano).display() == shown


def test_a_currency_without_a_sign_is_named():
    assert Money(NANO, "CHF").display() == "1.00 CHF"
    with pytest.raises(BadInput, match="ISO 4217"):
        Money(1, "usd")


def test_weights_that_are_all_zero_cannot_divide():
    with pytest.raises(BadInput, match="all 0"):
        Money(100).split([0, 0])
    with pytest.raises(BadInput, match="at least 0"):
        Money(100).split([1, -1])
    with pytest.raises(BadInput, match="exceed the capacity"):
        cumulative_parts(100, [2, 2], 3)
    with pytest.raises(BadInput, match="above 0"):
        cumulative_parts(100, [], 0)


def test_a_refund_is_its_charge_turned_and_both_are_nothing():
    assert -Money(5, "EUR") == Money(-5, "EUR")
    assert Money(5) + -Money(5) == Money.zero()


def test_money_is_in_order_and_nothing_is_less_than_itself():
    assert Money(1) < Money(2)
    assert not Money(2) < Money(2)
    assert Money(2) <= Money(2)
    assert not Money(3) <= Money(2)


def test_a_plain_number_is_not_money():
    with pytest.raises(BadInput, match=r"cannot add 1 and money; make it Money first"):
        Money(1) + 1
    with pytest.raises(BadInput, match=r"is read from text, not from 3\.6 \(float\)"):
        decimal_of(3.6)


def test_exponents_have_bounds():
    assert decimal_of("1e399") == 10**399
    for text in ("1e400", "1e-400"):
        with pytest.raises(BadInput, match="is not a number"):
            decimal_of(text)


def test_a_row_of_a_store_holds_what_64_bits_do():
    assert BIGINT_MAX == 9_223_372_036_854_775_807


def test_nothing_has_no_sign():
    assert Money(0).text() == "0.000000000"
    assert Money(-1).display(2) == "$0.00"
    assert Money(0).split([1, 2]) == [Money(0), Money(0)]


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (NANO // 10, "$0.10"),
        (NANO // 10 - 5 * 10**6, "$0.0950"),
        (NANO // 100, "$0.0100"),
        (NANO // 100 - 10**6, "$0.0090"),
        (NANO // 1000, "$0.0010"),
    ],
)
def test_places_grow_where_the_amount_falls_below_a_cent(nano, shown):
    assert Money(nano).display() == shown
