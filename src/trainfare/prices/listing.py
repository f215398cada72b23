"""Listings: one price that somebody publishes, with its place, its date and its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction

from trainfare.core.price import Price
from trainfare.prices.age import day_of, instant_of, is_known_to_the_day, quality_of

ANY_REGION = "*"
"""The region of a price that its seller states for all regions alike."""


@dataclass(frozen=True, slots=True)
class Listing:
    """*provider* sells *name* in *region* by *option* for *amount* per *unit*, says *source*.

    *name* is an instance type (``p5.48xlarge``), or an accelerator where the seller prices each
    accelerator by itself (``tpu-v5p``, ``T4``).
    """

    provider: str
    region: str
    name: str
    option: str
    """on_demand, spot, commit_1y, commit_3y, commit_1y_savings_plan, capacity_block …"""
    amount: Decimal
    as_of: str
    """Year, month, day or instant; see :func:`trainfare.prices.age.instant_of`."""
    source: str = ""
    origin: str = "shipped"
    high: Decimal | None = None
    """For spot: the price in the dearest zone, *amount* being the cheapest."""
    zones: Mapping[str, Decimal] = field(default_factory=dict)
    """For spot: zone → price, where the source knows it."""
    currency: str = "USD"
    unit: str = "h"
    code: str = ""
    """The provider's own code of the SKU, where a feed gave it."""
    confidence: str = ""
    """list_api, vendor_repo, third_party or inferred."""

    @property
    def sku(self) -> str:
        """``provider/region/name/option``, as in ``aws/us-east-1/p5.48xlarge/on_demand``."""
        return f"{self.provider}/{self.region}/{self.name}/{self.option}"

    @property
    def is_reference(self) -> bool:
        """Whether this is for orientation only: spot prices age too fast to be shipped as fact."""
        return self.option == "spot" and self.origin == "shipped"

    def in_zone(self, zone: str | None) -> Decimal:
        """The price in *zone*, or the lowest where that zone's price is not known."""
        return self.zones.get(zone, self.amount) if zone else self.amount

    def price(self, at_ns: int, *, zone: str | None = None, said: str = "") -> Price:
        """This listing as a price used at an instant.

        Args:
            at_ns: When it is used; decides its quality.
            zone: The machine's zone, for spot prices that differ by zone.
            said: What the reader must know beside the source, as in "on demand assumed".
        """
        words = [self.source]
        if not is_known_to_the_day(self.as_of):
            words.append(f"of {self.as_of}, day not stated")
        if self.option == "spot" and self.high is not None and zone not in self.zones:
            words.append(f"lowest zone; the dearest is {self.high}")
        if said:
            words.append(said)
        return Price(
            sku=self.sku,
            amount=self.in_zone(zone),
            unit=self.unit,
            currency=self.currency,
            source="; ".join(word for word in words if word),
            as_of=day_of(instant_of(self.as_of)),
            origin=self.origin,
            is_reference=self.is_reference,
            quality=quality_of(self.option, self.as_of, at_ns),
        )


def exact_decimal(amount: Fraction) -> Decimal:
    """*amount* as a decimal of 28 significant digits, half to even: exact where it terminates.

    A year of a price rounded so differs from the true one by less than 10⁻¹⁸ of a unit.

    >>> exact_decimal(Fraction(3478, 8760))
    Decimal('0.3970319634703196347031963470')
    """
    with localcontext() as context:
        context.prec = 28
        return Decimal(amount.numerator) / Decimal(amount.denominator)
