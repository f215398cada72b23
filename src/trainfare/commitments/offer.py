"""Offers: what a provider sells ahead, by the rules of its kind, at dated rates.

A commitment is an amount of money for every hour of its term. In an hour it pays for use at its own
rates, as far as it goes; what is left of it in that hour is lost, but for the share that is refunded.
A reservation of *n* machines is the same thing with an amount of *n* times its rate, so that one
engine prices both. Sizes of a family that share a reservation are its rates, in proportion to size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from trainfare.commitments.kinds import kind_of, term_hours
from trainfare.core.errors import BadInput
from trainfare.core.money import NANO

AMOUNT_MAX = 10**8 * NANO
"""The most that is held of one offer, an hour."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A commitment one can buy: the rates, by SKU, that an hour's amount is used up at.

    A SKU without a rate is not eligible. Nobody else's list decides that, since eligibility of new
    machines changes from month to month.
    """

    kind: str
    term: str
    rates: Mapping[str, int] = field(hash=False)
    """Nano-units of money for one unit of the SKU for an hour."""
    source: str = ""
    as_of: date | None = None
    upfront: int = 0
    """Per cent of the term's price that is paid at the purchase."""
    refund: int = 0
    """Per cent of what is not used that comes back: a buy-back, an insurer's or a resale."""
    group: str = ""
    """What tells it from others of its kind: an instance family, a region, a contract."""
    order: int | None = None
    """Its place in the order of application, where it is not its kind's."""
    by_machine: bool | None = None
    """Whether it is bought as whole machines, where that is not its kind's rule."""

    def __post_init__(self) -> None:
        if not self.kind:
            raise BadInput("a commitment has a kind; write one, such as aws_compute_savings_plan")
        term_hours(self.term)
        if not self.rates:
            raise BadInput(
                f"{self.kind} {self.term} has no rate; name at least one SKU and its rate"
            )
        if self.is_count and len(self.rates) != 1 and not self.group:
            raise BadInput(
                f"{self.kind} {self.term} is bought per machine, so it has one SKU only, or a group "
                "whose sizes share it"
            )
        for sku, rate in self.rates.items():
            if type(rate) is not int or not 0 < rate < 10**9 * NANO:
                raise BadInput(
                    f"the rate of {sku} under {self.kind} is {rate!r}; write more than 0"
                )
        if not 0 <= self.upfront <= 100:
            raise BadInput(f"upfront is {self.upfront} per cent; write 0 to 100")
        if not 0 <= self.refund <= 100:
            raise BadInput(f"refund is {self.refund} per cent; write 0 to 100")

    @property
    def is_count(self) -> bool:
        """Whether it is bought as a whole number of machines."""
        return kind_of(self.kind).is_count if self.by_machine is None else self.by_machine

    @property
    def rank(self) -> int:
        """Its place in the provider's order."""
        return kind_of(self.kind).rank if self.order is None else self.order

    @property
    def name(self) -> str:
        """``kind term``, with its group, or with the SKU where it is for one.

        >>> Offer("azure_reservation", "1y", {"ND96": 5 * 10**9}).name
        'azure_reservation 1y ND96'
        """
        only = next(iter(self.rates)) if len(self.rates) == 1 else ""
        return " ".join(word for word in (self.kind, self.term, self.group or only) if word)

    @property
    def quantum_nano(self) -> int:
        """The least amount an hour that can be bought: a machine's rate, or a thousandth of a unit.

        Of sizes that share a reservation it is the rate of the smallest.

        Source: AWS sells plans in steps of 0.001 USD an hour; the other providers in finer ones.
        """
        return min(self.rates.values()) if self.is_count else NANO // 1000

    @property
    def upfront_hours(self) -> float:
        """Hours of an amount that are paid at the purchase."""
        return term_hours(self.term) * self.upfront / 100


@dataclass(frozen=True, slots=True)
class Holding:
    """An offer that is held: *amount_nano* an hour in the hours from *start* up to *end*."""

    offer: Offer
    amount_nano: int
    start: int = 0
    """The first hour since the epoch."""
    end: int = 2**40
    """The first hour after it."""

    def __post_init__(self) -> None:
        if type(self.amount_nano) is not int or not 0 <= self.amount_nano <= AMOUNT_MAX:
            raise BadInput(
                f"{self.offer.name}: an amount an hour is from 0 to {AMOUNT_MAX // NANO:,}"
            )
        if self.end <= self.start:
            raise BadInput(f"{self.offer.name}: it ends before it begins")
