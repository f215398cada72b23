"""Amounts: the decimals of a bill, exact, and their way to whole nano-units.

A column of decimals is held as whole nano-units and *limbs*: further groups of nine digits, each an
int64 column, so that 28 decimals of Azure add up exactly at the speed of integers. Nano-units are
reached by cumulative rounding in file order: row i gets ``R(Sᵢ) − R(Sᵢ₋₁)``, where S is the exact
running sum and ``R(x) = ⌊x + ½⌋``. The sum over a file is therefore within half a nano of the exact
sum, batch boundaries do not matter, and a value of at most nine places passes unchanged
(``R(x + n) = R(x) + n`` for whole n, which rounding half to even would break).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from trainfare.billing.arrow import pa, pc
from trainfare.core.errors import BadInput
from trainfare.core.money import BIGINT_MAX, NANO, decimal_of

_LIMB = 10**9
_PLAIN = r"^(?P<sign>-?)(?P<whole>[0-9]{1,9})(?:\.(?P<places>[0-9]*))?$"
_LARGEST = Fraction(BIGINT_MAX - 1, NANO)

TOO_LARGE = "is beyond 9.2 thousand million, more than one row can hold; check the unit"
"""What is wrong with an amount that nano-units in 64 bits cannot hold."""
NOT_A_NUMBER = (
    "is not a number; export plain decimals such as 1204.50, without thousands separators"
)
"""What is wrong with an amount of letters, separators or NaN."""


@dataclass(frozen=True, slots=True)
class Exact:
    """(n,) exact decimals: ``nano·10⁻⁹ + limbs[0]·10⁻¹⁸ + limbs[1]·10⁻²⁷ + …``.

    *nano* is null where the provider said nothing; limbs are 0 there. A limb has the sign of its
    value and may leave ±10⁹ after sums, which changes nothing.
    """

    nano: pa.Int64Array
    limbs: tuple[pa.Int64Array, ...] = ()

    @classmethod
    def zero(cls, rows: int) -> Exact:
        """(rows,) known zeros."""
        return cls(_zeros(rows))

    def plus(self, other: Exact) -> Exact:
        """The sum, row by row; null where either side is null.

        >>> Exact(pa.array([1, None])).plus(Exact(pa.array([2, 2]))).nano.to_pylist()
        [3, None]
        """
        try:
            nano = pc.add_checked(self.nano, other.nano)
        except pa.ArrowInvalid:
            raise BadInput(f"the sum of two amounts of one row {TOO_LARGE}") from None
        known = nano.is_valid()
        ours, theirs = _level(self, other)
        sums = (pc.add(a, b) for a, b in zip(ours, theirs, strict=True))
        return Exact(nano, tuple(pc.if_else(known, limb, 0) for limb in sums))

    def negative(self) -> Exact:
        """The same amounts with the other sign."""
        return Exact(pc.negate(self.nano), tuple(pc.negate(limb) for limb in self.limbs))

    def is_zero(self) -> pa.BooleanArray:
        """(n,) whether an amount is known and exactly 0.

        >>> Exact(pa.array([1, 1, None]), (pa.array([-(10**9), 0, 0]),)).is_zero().to_pylist()
        [True, False, False]
        """
        rest, carry = pa.repeat(pa.scalar(value=False), len(self.nano)), _zeros(len(self.nano))
        for limb in reversed(self.limbs):
            whole = pc.add(limb, carry)
            carry = _floor(whole, _LIMB)
            rest = pc.or_(rest, pc.not_equal(whole, pc.multiply(carry, _LIMB)))
        known = pc.fill_null(pc.equal(pc.add(self.nano, carry), 0), fill_value=False)
        return pc.and_not(known, rest)

    def is_nonzero(self) -> pa.BooleanArray:
        """(n,) whether an amount is known and not 0."""
        return pc.and_not(self.nano.is_valid(), self.is_zero())

    def or_zero(self) -> Exact:
        """The same amounts with 0 where the provider said nothing; only for parts of a sum."""
        return Exact(pc.fill_null(self.nano, 0), self.limbs)

    def where(self, mask: pa.BooleanArray, other: Exact) -> Exact:
        """These amounts where *mask* is true, those of *other* elsewhere."""
        ours, theirs = _level(self, other)
        return Exact(
            pc.if_else(mask, self.nano, other.nano),
            tuple(pc.if_else(mask, a, b) for a, b in zip(ours, theirs, strict=True)),
        )

    def take(self, rows: pa.Array) -> Exact:
        """The amounts at *rows*; null for a null row number."""
        return Exact(
            self.nano.take(rows), tuple(pc.fill_null(limb.take(rows), 0) for limb in self.limbs)
        )


def exact_of(values: pa.Array) -> tuple[Exact, pa.BooleanArray | None, str]:
    """Read a column of amounts, exactly.

    Args:
        values: (n,) text (plain or E notation), decimals, whole numbers, or floats, which are read
            by their shortest spelling (repr), as the provider's own tool would print them.

    Returns:
        The amounts; where they are wrong (None when all are right; such rows hold 0); and what is
        wrong with them.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        exact, bad, what = exact_of(values.dictionary)
        wrong = None if bad is None else bad.take(values.indices)
        if wrong is not None:  # of the words that rows have: the dictionary may hold others
            used = values.filter(pc.fill_null(wrong, fill_value=False))
            what = exact_of(used.dictionary_decode())[2]
        return exact.take(values.indices), wrong, what
    if pa.types.is_null(kind):
        return Exact(pa.nulls(len(values), pa.int64())), None, ""
    if pa.types.is_decimal128(kind) and (split := _of_decimals(values)) is not None:
        return split, None, ""
    if not pa.types.is_string(kind):
        values = values.cast(pa.string())
    codes = values.dictionary_encode()
    exact, bad, what = _of_texts(codes.dictionary)
    return (
        exact.take(codes.indices),
        None if bad is None else pc.fill_null(bad.take(codes.indices), fill_value=False),
        what,
    )


def _of_decimals(values: pa.Decimal128Array) -> Exact | None:
    """Split decimals into nano and up to two limbs; None where 64 bits cannot hold them whole."""
    scale = values.type.scale
    whole = pa.Array.from_buffers(
        pa.decimal128(38, 0), len(values), values.buffers(), offset=values.offset
    )
    try:
        digits = whole.cast(pa.int64())
        if scale <= 9:
            return Exact(pc.multiply_checked(digits, 10 ** (9 - scale)))
    except pa.ArrowInvalid:
        return None
    if scale > 27:
        return None
    nano, rest = _divided(digits, 10 ** (scale - 9))
    if scale <= 18:
        return Exact(nano, (pc.multiply(rest, 10 ** (18 - scale)),))
    first, second = _divided(rest, 10 ** (scale - 18))
    return Exact(nano, (first, pc.multiply(second, 10 ** (27 - scale))))


def _divided(values: pa.Int64Array, by: int) -> tuple[pa.Int64Array, pa.Int64Array]:
    """Quotient towards zero and remainder; the remainder of a null is 0."""
    quotient = pc.divide(values, by)
    return quotient, pc.fill_null(pc.subtract(values, pc.multiply(quotient, by)), 0)


def _of_texts(texts: pa.StringArray) -> tuple[Exact, pa.BooleanArray | None, str]:
    parts = pc.extract_regex(texts, _PLAIN)
    odd = pc.and_(parts.is_null(), texts.is_valid())
    bad, what = None, ""
    if pc.any(odd).as_py():
        texts, bad, what = _respell(texts, odd)
        parts = pc.extract_regex(texts, _PLAIN.replace("{1,9}", "{1,10}"))
    sign, whole, places = (parts.field(name) for name in ("sign", "whole", "places"))
    longest = pc.max(pc.utf8_length(places)).as_py() or 0
    groups = max(1, -(-longest // 9))
    padded = pc.ascii_rpad(places, 9 * groups, "0")
    head = pc.utf8_slice_codeunits(padded, 0, 9)
    nano = pc.binary_join_element_wise(sign, whole, head, "").cast(pa.int64())
    minus = pc.fill_null(pc.equal(sign, "-"), fill_value=False)
    limbs = []
    for group in range(1, groups):
        digits = pc.utf8_slice_codeunits(padded, 9 * group, 9 * group + 9).cast(pa.int64())
        limb = pc.fill_null(digits, 0)
        limbs.append(pc.if_else(minus, pc.negate(limb), limb))
    known = texts.is_valid()
    return Exact(pc.if_else(known, nano, None), tuple(limbs)), bad, what


def _respell(
    texts: pa.StringArray, odd: pa.BooleanArray
) -> tuple[pa.StringArray, pa.BooleanArray | None, str]:
    """Plain spellings for the *odd* distinct texts: spaces, signs, E notation; "0" for wrong ones."""
    plain, wrong, what = [], [], ""
    for text in texts.filter(odd).to_pylist():
        try:
            amount = decimal_of(text)
        except BadInput:
            amount, what = None, NOT_A_NUMBER
        if amount is not None and abs(amount) >= _LARGEST:
            amount, what = None, what or TOO_LARGE
        plain.append("0" if amount is None else digits_of(amount))
        wrong.append(amount is None)
    fixed = pc.replace_with_mask(texts, odd, pa.array(plain, pa.string()))
    if not any(wrong):
        return fixed, None, ""
    bad = pc.replace_with_mask(pc.and_(odd, pa.scalar(value=False)), odd, pa.array(wrong))
    return fixed, bad, what


def digits_of(amount: Fraction) -> str:
    """A terminating fraction as plain digits.

    >>> digits_of(Fraction(-1, 8))
    '-0.125'
    """
    places, scaled = 0, amount
    while scaled.denominator != 1:
        places, scaled = places + 1, scaled * 10
    digits = f"{abs(scaled.numerator):0{places + 1}d}"
    sign = "-" if amount < 0 else ""
    return f"{sign}{digits[: len(digits) - places]}.{digits[len(digits) - places :]}"


def _zeros(rows: int) -> pa.Int64Array:
    return pa.repeat(pa.scalar(0, pa.int64()), rows)


def _level(one: Exact, other: Exact) -> tuple[list[pa.Int64Array], list[pa.Int64Array]]:
    """The limbs of both, brought to the same number."""
    most = max(len(one.limbs), len(other.limbs))
    rows = len(one.nano)
    return (
        [*one.limbs, *(_zeros(rows) for _ in range(most - len(one.limbs)))],
        [*other.limbs, *(_zeros(rows) for _ in range(most - len(other.limbs)))],
    )


@dataclass(slots=True)
class Running:
    """The exact running sum of one cost column in one currency: ``digits · 10^-(9 + 9·limbs)``."""

    digits: int = 0
    limbs: int = 0

    @property
    def total(self) -> Fraction:
        """The exact sum so far, in units of the currency."""
        return Fraction(self.digits, 10 ** (9 + 9 * self.limbs))

    def round(self, exact: Exact) -> pa.Int64Array:
        """Bring the next rows of the file to nano-units and add them to the sum.

        Returns:
            (n,) nano-units, null where *exact* is null.
        """
        if len(exact.limbs) > self.limbs:
            self.digits *= _LIMB ** (len(exact.limbs) - self.limbs)
            self.limbs = len(exact.limbs)
        nano = exact.nano
        if exact.limbs:
            nano = pc.add_checked(nano, self._carried(exact.limbs))
        sums = [_sum(exact.nano), *(_sum(limb) for limb in exact.limbs)]
        for index, amount in enumerate(sums):
            self.digits += amount * _LIMB ** (self.limbs - index)
        return nano

    def _carried(self, limbs: tuple[pa.Int64Array, ...]) -> pa.Int64Array:
        """(n,) whole nano-units by which cumulative rounding changes each row."""
        rest = self.digits % _LIMB**self.limbs
        carry: Any = None
        for index in range(self.limbs - 1, -1, -1):
            start = rest // _LIMB ** (self.limbs - 1 - index) % _LIMB
            if index < len(limbs):
                running = pc.cumulative_sum(limbs[index], start=start)
            else:
                running = pa.repeat(pa.scalar(start, pa.int64()), len(limbs[0]))
            if carry is not None:
                running = pc.add(running, carry)
            if index == 0:
                running = pc.add(running, _LIMB // 2)
            carry = _floor(running, _LIMB)
        before = (rest // _LIMB ** (self.limbs - 1) + _LIMB // 2) // _LIMB
        shifted = pa.concat_arrays([pa.array([before], pa.int64()), carry[: len(carry) - 1]])
        return pc.subtract(carry, shifted)


def _floor(values: pa.Int64Array, by: int) -> pa.Int64Array:
    """Floor division; PyArrow's own division truncates towards zero."""
    quotient = pc.divide(values, by)
    lowest = pc.min(values).as_py()
    if lowest is None or lowest >= 0:
        return quotient
    below = pc.less(pc.subtract(values, pc.multiply(quotient, by)), 0)
    return pc.subtract(quotient, below.cast(pa.int64()))


def _sum(values: pa.Int64Array) -> int:
    """The exact sum; PyArrow's own sum of int64 wraps around silently."""
    high = pc.sum(pc.shift_right(values, 32)).as_py() or 0
    low = pc.sum(pc.bit_wise_and(values, 0xFFFFFFFF)).as_py() or 0
    return int(high) * 2**32 + int(low)


class Rounding:
    """The running sums of one file, by cost column and currency."""

    def __init__(self) -> None:
        self.running: dict[tuple[str, str], Running] = {}

    def round(self, view: str, exact: Exact, currency: pa.DictionaryArray) -> pa.Int64Array:
        """Bring one batch of the column *view* to nano-units, each currency by itself.

        Args:
            view: name of the cost column.
            exact: (n,) amounts in file order.
            currency: (n,) currency of each row.
        """
        used = pc.unique(currency.indices)
        if len(used) == 0:
            return exact.nano
        if len(used) == 1:
            return self._of(view, currency, used[0].as_py()).round(exact)
        nano = pa.nulls(len(exact.nano), pa.int64())
        for code in used:
            mask = pc.equal(pc.fill_null(currency.indices, -1), -1 if not code.is_valid else code)
            rows = pc.indices_nonzero(mask)
            part = self._of(view, currency, code.as_py())
            nano = pc.replace_with_mask(nano, mask, part.round(exact.take(rows)))
        return nano

    def _of(self, view: str, currency: pa.DictionaryArray, code: int | None) -> Running:
        name = "?" if code is None else currency.dictionary[code].as_py()
        return self.running.setdefault((name, view), Running())
