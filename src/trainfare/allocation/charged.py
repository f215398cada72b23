"""Charged: what resources were charged as a whole, to set beside what was estimated of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

from trainfare.allocation.database import files_sql, open_database
from trainfare.allocation.match import literal
from trainfare.allocation.pieces import bill_pieces
from trainfare.allocation.sql import statements
from trainfare.allocation.steps import IS_UNUSED_SQL
from trainfare.core.charge import Component

PROMOTIONS = ("PROMOTION", "FREE_TIER", "SUBSCRIPTION_BENEFIT", "RESELLER_MARGIN")
"""Types of credit within a charge that are no part of a price; others are discounts."""


@dataclass(frozen=True, slots=True)
class ChargedDay:
    """The usage of one resource and component on one UTC day, whoever used it; nano-units."""

    resource: str
    """As the bill writes it, in small letters."""
    component: Component
    currency: str
    day: date
    charges: int
    amounts: tuple[int | None, ...]
    """Per view, in the order of View; None where no charge has one."""
    asked_nano: int
    """At list prices; spot at what it was offered for; what was paid where the bill tells neither."""
    agreed_nano: int
    """After negotiated discounts, before commitments and credits."""
    credit_nano: int
    """Promotional credits within the effective amount; 0 or below."""
    quantity: Fraction | None
    """Of all charges together; None where their units differ or one has none."""
    unit: str | None
    """Of the quantity, in small letters."""
    is_spot: bool | None
    """None: some of it."""
    instance_type: str | None
    region: str | None
    provider: str | None
    paid_ns: int | None
    """For how long the machine was paid on this day; None for anything else, or where the bill
    says nothing of time."""


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the usage on a provider's bill reaches."""

    provider: str
    """As the bill names it."""
    account: str
    until_ns: int
    is_invoiced: bool
    """Whether all of it bears an invoice's number, which it gets when the period closes."""


def read_charged(
    files: Sequence[Path], resources: Iterable[str]
) -> tuple[list[ChargedDay], list[Reach]]:
    """What *resources* were charged on the bill in *files*, and how far that bill reaches.

    Corrections, and what was paid and not used, are not among them.

    Args:
        files: of the lake.
        resources: names as the bill writes them.

    Raises:
        BadInput: a file is not of the lake.
        OutsideFailed: a read failed.
    """
    if not files:
        return [], []
    wanted = sorted({name.lower() for name in resources})
    pieces = bill_pieces(files_sql(files), ()) | {
        "wanted": ", ".join(map(literal, wanted)),
        "is_unused": IS_UNUSED_SQL,
        "promotions": ", ".join(map(literal, PROMOTIONS)),
    }
    charged, reached = statements("charged", **pieces)
    with open_database() as database:
        days = database.execute(charged).fetchall() if wanted else []
        reaches = database.execute(reached).fetchall()
    return [_day(row) for row in days], [Reach(p, a, us * 1000, bool(i)) for p, a, us, i in reaches]


def _day(row: Sequence[object]) -> ChargedDay:
    (
        resource, component, currency, day, charges, billed, effective, listed, contracted, asked,
        agreed, credit, quantity, unit, is_spot, instance_type, region, provider, paid_us,
    ) = row  # fmt: skip
    assert isinstance(day, date)
    return ChargedDay(
        resource=str(resource),
        component=Component(str(component)),
        currency=str(currency),
        day=day,
        charges=_sum(charges),
        amounts=tuple(_whole(each) for each in (billed, effective, listed, contracted)),
        asked_nano=_sum(asked),
        agreed_nano=_sum(agreed),
        credit_nano=_sum(credit),
        quantity=None if quantity is None else Fraction(str(quantity)),
        unit=_text(unit),
        is_spot=None if is_spot is None else bool(is_spot),
        instance_type=_text(instance_type),
        region=_text(region),
        provider=_text(provider),
        paid_ns=None if paid_us is None else _sum(paid_us) * 1000,
    )


def _whole(value: object) -> int | None:
    return None if value is None else int(str(value))


def _sum(value: object) -> int:
    """A sum; 0 where nothing was there to sum."""
    return _whole(value) or 0


def _text(value: object) -> str | None:
    return None if value is None else str(value)
