"""Money: an integer count of nano-units (10⁻⁹) of one currency, and the splits that lose nothing.

Floats are refused at the door. Division exists only as :meth:`Money.split` (largest remainder) and
as :func:`cumulative_parts` (cumulative rounding, where the order is fixed). Rounding for people
happens once, in :meth:`Money.display`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from trainfare.core.errors import BadInput

NANO = 10**9
"""Nano-units in one unit of a currency."""

BIGINT_MAX = 2**63 - 1
"""The largest nano amount one row of a store holds: about 9.2 thousand million units."""

_CURRENCY = re.compile(r"[A-Z]{3}")
_seen: set[str] = set()
"""Currencies that were looked at already: millions of amounts are in a few."""
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩"}


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """*nano* nano-units of *currency* (three capital letters, ISO 4217).

    >>> Money.parse("0.25", "USD") + Money.parse("0.5", "USD")
    Money('0.750000000', 'USD')
    """

    nano: int
    currency: str = "USD"

    def __post_init__(self) -> None:
        if type(self.nano) is not int:
            raise BadInput(f"money is a whole count of nano-units, not {self.nano!r}")
        if self.currency not in _seen:
            if not _CURRENCY.fullmatch(self.currency):
                raise BadInput(
                    f"currency {self.currency!r} is not three capital letters such as USD (ISO 4217)"
                )
            _seen.add(self.currency)

    @classmethod
    def parse(cls, text: str, currency: str = "USD") -> Money:
        """Read a decimal *text* exactly; more than 9 places is an error, never a silent rounding.

        Raises:
            BadInput: not a plain number (thousands separators, letters, NaN), or finer than nano.
        """
        amount = decimal_of(text) * NANO
        if amount.denominator != 1:
            raise BadInput(
                f"{text!r} has more than 9 decimal places; round it by an explicit rule first"
            )
        return cls(amount.numerator, currency)

    @classmethod
    def nearest(cls, amount: Fraction | Decimal | int, currency: str = "USD") -> Money:
        """The amount nearest to an exact *amount* of units, ties to even: the one place that rounds.

        >>> Money.nearest(Fraction(1, 3)).nano
        333333333
        """
        if isinstance(amount, float):
            raise BadInput(f"money never comes from a float ({amount!r}); use a Decimal from text")
        return cls(round(Fraction(amount) * NANO), currency)

    @classmethod
    def zero(cls, currency: str = "USD") -> Money:
        """Nothing, in *currency*: a known zero, which is not the same as unknown."""
        return cls(0, currency)

    @classmethod
    def total(cls, amounts: Iterable[Money], currency: str = "USD") -> Money:
        """The exact sum of *amounts*, all of them in *currency* (zero when there are none)."""
        result = cls(0, currency)
        for amount in amounts:
            result = result + amount
        return result

    def __add__(self, other: Money) -> Money:
        return Money(self.nano + self._nano_of(other, "add"), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.nano - self._nano_of(other, "subtract"), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.nano, self.currency)

    def __mul__(self, times: int) -> Money:
        if type(times) is not int:
            raise BadInput(f"money is multiplied by whole numbers only, not {times!r}")
        return Money(self.nano * times, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.nano < self._nano_of(other, "compare")

    def __le__(self, other: Money) -> bool:
        return self.nano <= self._nano_of(other, "compare")

    def __bool__(self) -> bool:
        return self.nano != 0

    def __repr__(self) -> str:
        return f"Money({self.text()!r}, {self.currency!r})"

    def __str__(self) -> str:
        return self.display()

    def _nano_of(self, other: Money, verb: str) -> int:
        if not isinstance(other, Money):
            raise BadInput(f"cannot {verb} {other!r} and money; make it Money first")
        if other.currency != self.currency:
            raise BadInput(
                f"cannot {verb} {self.currency} and {other.currency}; convert with a dated rate first"
            )
        return other.nano

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Divide this amount in proportion to *weights*, losing nothing.

        The largest-remainder method: each part gets its floor, then the leftover quanta go one
        each to the largest remainders, ties to the earliest part. Deterministic for equal input.

        Args:
            weights: (n,) non-negative whole numbers, such as GPU-seconds per run; not all zero.

        Returns:
            (n,) amounts in the order of *weights*; their sum is exactly this amount.

        Raises:
            BadInput: no weight is positive, or one is negative or not whole.

        Source: Hamilton apportionment; M. Balinski and H. Young, "Fair Representation" (1982).

        >>> [part.nano for part in Money(100, "USD").split([1, 1, 1])]
        [34, 33, 33]
        """
        if any(type(weight) is not int or weight < 0 for weight in weights):
            raise BadInput(f"weights are whole numbers of at least 0, not {list(weights)!r}")
        whole = sum(weights)
        if whole == 0:
            raise BadInput("cannot split by weights that are all 0; name the remainder instead")
        sign = -1 if self.nano < 0 else 1
        floors, remainders = [], []
        for weight in weights:
            floor, remainder = divmod(abs(self.nano) * weight, whole)
            floors.append(floor)
            remainders.append(remainder)
        left = abs(self.nano) - sum(floors)
        for index in sorted(range(len(weights)), key=lambda i: (-remainders[i], i))[:left]:
            floors[index] += 1
        return [Money(sign * floor, self.currency) for floor in floors]

    def text(self) -> str:
        """The exact decimal with 9 places, as files and the API carry it: ``"0.012300000"``."""
        sign = "-" if self.nano < 0 else ""
        units, nanos = divmod(abs(self.nano), NANO)
        return f"{sign}{units}.{nanos:09d}"

    def display(self, places: int | None = None) -> str:
        """Rounded for people, half to even: two places, or more where the amount is under 1.

        >>> Money.parse("1234.567").display(), Money.parse("0.00042").display()
        ('$1,234.57', '$0.00042')
        """
        if places is None:
            places = _places_for(abs(self.nano))
        scaled = round(Fraction(abs(self.nano) * 10**places, NANO))
        units, rest = divmod(scaled, 10**places)
        number = f"{units:,}" + (f".{rest:0{places}d}" if places else "")
        sign = "-" if self.nano < 0 and scaled else ""
        mark = _SIGNS.get(self.currency)
        return f"{sign}{mark}{number}" if mark else f"{sign}{number} {self.currency}"


def _places_for(nano: int) -> int:
    """Two places from a cent up; below that, enough for two significant digits."""
    if nano == 0 or nano >= NANO // 10:
        return 2
    if nano >= NANO // 100:
        return 4
    return min(9, 11 - len(str(nano)))


def text_or_none(amount: Money | None) -> str | None:
    """The exact decimal of *amount*, as files and the API carry it; None where it is not known."""
    return None if amount is None else amount.text()


def decimal_of(text: str) -> Fraction:
    """Read a plain or E-notation decimal *text* exactly.

    >>> decimal_of("35.2E-7")
    Fraction(11, 3125000)

    Raises:
        BadInput: anything else: thousands separators, letters, NaN, infinity, or no text at all.
    """
    if not isinstance(text, str):
        raise BadInput(f"a number is read from text, not from {text!r} ({type(text).__name__})")
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    exponent = number.as_tuple().exponent
    is_plain = text.strip().isascii() and "_" not in text
    if not isinstance(exponent, int) or not is_plain or not -400 < exponent < 400:
        raise BadInput(f"{text!r} is not a number; write digits with a decimal point, as in 3.60")
    return Fraction(number)


def cumulative_parts(whole: int, weights: Iterable[int], capacity: int) -> list[int]:
    """Parts of *whole* for *weights* out of *capacity*, by cumulative rounding in the given order.

    Part i is ``floor(whole·cᵢ/capacity) − floor(whole·cᵢ₋₁/capacity)`` with ``cᵢ`` the running sum
    of weights. Parts of a fully used capacity therefore sum to *whole* exactly, and cutting one
    weight in two never changes the sum of its parts.

    Raises:
        BadInput: the weights exceed the capacity, or the capacity is not positive.

    >>> cumulative_parts(100, [1, 1, 1], 3), cumulative_parts(100, [1, 1], 4)
    ([33, 33, 34], [25, 25])
    """
    if capacity <= 0:
        raise BadInput(f"a capacity is above 0, not {capacity}")
    parts, used, before = [], 0, 0
    for weight in weights:
        used += weight
        if weight < 0 or used > capacity:
            raise BadInput(f"weights of {used} exceed the capacity of {capacity}")
        after = whole * used // capacity
        parts.append(after - before)
        before = after
    return parts
