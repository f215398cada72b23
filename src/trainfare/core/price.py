"""Prices: what one unit of a SKU costs, who says so and since when; and the state of having none.

A price is looked up in this order: override → learnt → refreshed → shipped → unknown. Unknown is
:class:`NoPrice`, with the reason; it is never 0 and never another region's price.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from trainfare.core.errors import BadInput
from trainfare.core.money import Money, decimal_of

if TYPE_CHECKING:
    from datetime import date

GIB = 2**30
"""Bytes in a "GB" on a cloud bill: AWS, Azure and Google all bill binary gigabytes."""
MONTH_HOURS = 730
"""Hours in a billed month of storage (365 × 24 / 12), the figure of the providers' calculators."""

_HOUR_NS = 3600 * 10**9

UNITS = {"h": _HOUR_NS, "gb_month": GIB * MONTH_HOURS * _HOUR_NS, "gb": GIB, "kwh": 3_600_000}
"""Base quanta in one priced unit: nanoseconds in an hour, byte-nanoseconds in a GB-month, bytes in
a GB, joules in a kWh. All whole numbers, so no rounding hides in a conversion."""

ORIGINS = ("stated", "override", "learnt", "refreshed", "shipped")
"""Where a price may come from, most trusted first; *stated* is ``--price`` on the command line."""


@dataclass(frozen=True, slots=True)
class Price:
    """*amount* of *currency* for one *unit* of *sku*, as *source* said on *as_of*."""

    sku: str
    """``provider/region/name/option``, as in ``aws/us-east-1/p5.48xlarge/on_demand``."""
    amount: Decimal
    unit: str
    currency: str = "USD"
    source: str = ""
    as_of: date | None = None
    origin: str = "stated"
    is_reference: bool = False
    """A published spot price: for orientation, not what this machine is charged."""
    quality: str = "fresh"
    """fresh, aging or stale, by age on the day of the look-up."""

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Decimal) or not self.amount.is_finite() or self.amount < 0:
            raise BadInput(
                f"the price of {self.sku} is {self.amount!r}, not a decimal of at least 0"
            )
        if self.unit not in UNITS:
            raise BadInput(
                f"the price of {self.sku} is per {self.unit!r}, not per {'|'.join(UNITS)}"
            )
        if self.origin not in ORIGINS:
            raise BadInput(f"the price of {self.sku} comes from {self.origin!r}, not {ORIGINS}")

    def of(self, quanta: int | Fraction) -> Money:
        """The cost of *quanta* base quanta of the unit (see :data:`UNITS`), to the nearest nano.

        >>> hourly = Price("x/y/z/on_demand", Decimal("3.6"), "h")
        >>> hourly.of(1_000_000_000).text()        # one second
        '0.001000000'
        """
        return Money.nearest(self.per_quantum * quanta, self.currency)

    @property
    def per_quantum(self) -> Fraction:
        """The exact price of one base quantum."""
        return Fraction(self.amount) / UNITS[self.unit]

    def describe(self) -> str:
        """Price, source and age in a few words: ``$3.60/h (shipped, 2026-07-20)``."""
        money = Money.nearest(Fraction(self.amount), self.currency).display()
        date_text = f", {self.as_of.isoformat()}" if self.as_of else ""
        age = "" if self.quality == "fresh" else f", {self.quality}"
        reference = ", reference only" if self.is_reference else ""
        origin = "learnt from bill" if self.origin == "learnt" else self.origin
        return f"{money}/{self.unit.replace('_', '-')} ({origin}{date_text}{age}{reference})"


@dataclass(frozen=True, slots=True)
class NoPrice:
    """No price is known for *sku*: *why*, and what would settle it."""

    sku: str
    why: str


def parse_hourly(text: str, currency: str = "USD") -> Price:
    """Read ``--price``: ``3.6``, ``3.6/h``, ``3.6USD/h`` or ``3.6 EUR/h``, for a whole machine.

    >>> parse_hourly("3.6EUR/h").currency
    'EUR'

    Raises:
        BadInput: not a number of at least 0, or a unit other than ``/h``.
    """
    body = text.strip()
    if body.endswith("/h"):
        body = body[:-2].rstrip()
    if len(body) > 3 and body[-3:].isalpha():
        body, currency = body[:-3].rstrip(), body[-3:].upper()
    try:
        exact = decimal_of(body)
    except BadInput:
        raise BadInput(
            f"price {text!r} is not an amount per hour; write 3.6, 3.6/h or 3.6USD/h"
        ) from None
    if exact < 0:
        raise BadInput(f"price {text!r} is below 0; write what the whole machine costs per hour")
    Money.zero(currency)
    return Price("stated", Decimal(body), "h", currency, source="stated by the user")
