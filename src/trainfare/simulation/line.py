"""Lines: what the bills of a simulated month charge, each with who truly owns it.

A line is one row of a bill before any format: what was sold, where, when, how much, at which four
amounts (nano-units), and the :class:`Ownership` that says whose it really is. Emitters turn lines
into the files of a provider and never look at the ownership;
:mod:`trainfare.simulation.truth` adds it up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction

from trainfare.core.charge import Component, Remainder, View
from trainfare.core.money import NANO, cumulative_parts
from trainfare.core.period import HOUR, BillingPeriod, Interval

DAY = 24 * HOUR
"""Nanoseconds in a day."""


class Provider(StrEnum):
    """Who sends a bill."""

    AWS = "aws"
    AZURE = "azure"
    GCP = "gcp"
    RENTED = "rented"
    """A small GPU cloud that knows no standard format."""


@dataclass(frozen=True, slots=True)
class Biller:
    """A provider's account and words, the same on every line of its bills."""

    name: str
    account: str
    issuer: str
    currency: str


BILLERS = {
    Provider.AWS: Biller("AWS", "111122223333", "Amazon Web Services, Inc.", "USD"),
    Provider.AZURE: Biller(
        "Microsoft", "/providers/Microsoft.Billing/billingAccounts/8600001", "Microsoft", "USD"
    ),
    Provider.GCP: Biller("Google Cloud", "01AB2C-3D4E5F-6A7B8C", "Google Cloud", "USD"),
    Provider.RENTED: Biller("Fjord GPU", "acme", "Fjord GPU AS", "EUR"),
}
"""The simulated company's account with each provider; the rented GPUs are paid in euros."""


class Kind(StrEnum):
    """What a line is."""

    USAGE = "usage"
    UNUSED = "unused"
    """A commitment's time that nobody used."""
    PURCHASE = "purchase"
    """A commitment paid for; its effective cost stands on the lines that use it."""
    UPFRONT = "upfront"
    """A purchase paid once; other purchases recur."""
    FEE = "fee"
    """A fee for a service, such as support."""
    TAX = "tax"
    CREDIT = "credit"
    REFUND = "refund"
    CORRECTION = "correction"
    """A late correction: charged in this bill for usage of an earlier one."""


@dataclass(frozen=True, slots=True)
class Product:
    """What is sold, in the words that the formats need."""

    provider: Provider
    component: Component
    service: str
    """FOCUS ServiceName; AWS product name, Azure MeterCategory, GCP service."""
    category: str
    """FOCUS ServiceCategory."""
    code: str
    """AWS product code, Azure consumed service, GCP service id."""
    meter: str
    """AWS usage type, Azure meter name, GCP SKU description."""
    sku: str
    unit: str
    """Of the quantity: Hours, GB-Mo, GB, seconds …"""
    operation: str = ""
    """AWS operation, Azure meter sub-category."""
    machine: str = ""
    """Instance type, where a machine is sold."""
    is_spot: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Which resource a line is about, and where it is."""

    account: str
    region: str
    resource_id: str = ""
    """As the bill writes it; empty where a line names none."""
    name: str = ""
    kind: str = ""
    """FOCUS ResourceType: instance, volume …"""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Commitment:
    """A discount bought ahead."""

    id: str
    name: str
    kind: str
    """Savings Plan, Reserved Instance, Reservation."""
    category: str
    """FOCUS: Spend or Usage."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one owner has of an amount: a run, or a remainder."""

    run: str | None
    remainder: Remainder | None
    nano: int


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns how much of a line: runs by weight out of *capacity*, and *rest* for what is left."""

    runs: tuple[tuple[str, int], ...]
    capacity: int
    rest: Remainder = Remainder.IDLE

    def divided(self, nano: int) -> list[Part]:
        """*nano* by owner, exactly; negative amounts mirror positive ones.

        >>> [part.nano for part in Ownership((("a", 1), ("b", 1)), 3).divided(-100)]
        [-33, -33, -34]
        """
        sign = -1 if nano < 0 else 1
        shares = cumulative_parts(abs(nano), (weight for _, weight in self.runs), self.capacity)
        parts = [
            Part(run, None, sign * share) for (run, _), share in zip(self.runs, shares, strict=True)
        ]
        if sum(weight for _, weight in self.runs) < self.capacity:
            parts.append(Part(None, self.rest, nano - sign * sum(shares)))
        return parts


def owned_by(run: str) -> Ownership:
    """All of it is *run*'s."""
    return Ownership(((run, 1),), 1)


def left_to(remainder: Remainder) -> Ownership:
    """No run owns any of it."""
    return Ownership((), 1, remainder)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a bill, and who truly owns it."""

    product: Product
    place: Place
    kind: Kind
    period: BillingPeriod
    """Of the bill; a correction is billed later than it was used."""
    interval: Interval
    quantity: Fraction
    """In units of the product."""
    billed_nano: int
    effective_nano: int
    list_nano: int
    contracted_nano: int
    ownership: Ownership
    tags: tuple[tuple[str, str], ...] = ()
    commitment: Commitment | None = None

    def nano(self, view: View) -> int:
        """The amount in one view."""
        match view:
            case View.BILLED:
                return self.billed_nano
            case View.EFFECTIVE:
                return self.effective_nano
            case View.LIST:
                return self.list_nano
            case View.CONTRACTED:
                return self.contracted_nano


def by_day(lines: Iterable[Line]) -> list[Line]:
    """*lines* at the grain of days: those of one day that differ in nothing else become one.

    A day's owners have the sums of what they had, to the nano, in the effective view.
    """
    groups: dict[object, list[Line]] = defaultdict(list)
    for line in lines:
        day = line.interval.start_ns // DAY
        groups[
            day, line.product, line.place, line.kind, line.tags, line.commitment,
            line.ownership.rest, line.period,
        ].append(line)  # fmt: skip
    return [_day_of(group) for group in groups.values()]


def _day_of(group: list[Line]) -> Line:
    """One line for all of a day."""
    first = group[0]
    start_ns = first.interval.start_ns // DAY * DAY
    end_ns = max(start_ns + DAY, *(line.interval.end_ns for line in group))
    return replace(
        first,
        interval=Interval(start_ns, end_ns),
        quantity=sum((line.quantity for line in group), Fraction(0)),
        billed_nano=sum(line.billed_nano for line in group),
        effective_nano=sum(line.effective_nano for line in group),
        list_nano=sum(line.list_nano for line in group),
        contracted_nano=sum(line.contracted_nano for line in group),
        ownership=_joined(group),
    )


def _joined(group: list[Line]) -> Ownership:
    """Owners weighted by their money: the effective cost, or the list price where that is 0."""
    first = group[0].ownership
    is_one_owner = len(first.divided(1)) == 1
    if is_one_owner and all(line.ownership == first for line in group):
        return first
    view = View.EFFECTIVE if any(line.effective_nano for line in group) else View.LIST
    weights: dict[str, int] = defaultdict(int)
    for line in group:
        for part in line.ownership.divided(abs(line.nano(view))):
            if part.run is not None:
                weights[part.run] += part.nano
    whole = sum(abs(line.nano(view)) for line in group)
    runs = tuple((run, weight) for run, weight in sorted(weights.items()) if weight)
    return Ownership(runs, max(1, whole), first.rest)


def decimal_text(nano: int) -> str:
    """Nano-units as the shortest plain decimal.

    >>> decimal_text(-1_500_000_000), decimal_text(3), decimal_text(0)
    ('-1.5', '0.000000003', '0')
    """
    units, rest = divmod(abs(nano), NANO)
    sign = "-" if nano < 0 else ""
    return f"{sign}{units}.{rest:09d}".rstrip("0").rstrip(".")


def quantity_text(quantity: Fraction) -> str:
    """A quantity as a plain decimal of at most 10 places, as bills write hours.

    >>> quantity_text(Fraction(1, 3)), quantity_text(Fraction(24))
    ('0.3333333333', '24')
    """
    scaled = round(quantity * 10**10)
    units, rest = divmod(abs(scaled), 10**10)
    sign = "-" if scaled < 0 else ""
    return f"{sign}{units}.{rest:010d}".rstrip("0").rstrip(".")
