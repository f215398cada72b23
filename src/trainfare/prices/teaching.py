"""Teaching: which prices that a bill teaches are believed, and what they replace.

A price more than 40 % away from the one that held until now waits until the user confirms it: it
may be a commitment's rate, or a mistake. A spot list price that is stale itself is no yardstick.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from trainfare.prices.age import instant_of
from trainfare.prices.guards import is_yardstick, jumps
from trainfare.prices.learnt import LearntPrice, add_learnt, read_learnt
from trainfare.prices.listing import Listing
from trainfare.prices.market import list_price

ALL = "all"
"""Instead of a SKU: confirm every price that waits."""


class Verdict(StrEnum):
    """What became of a price that a bill teaches."""

    LEARNT = "learnt"
    UNCHANGED = "unchanged"
    WAITING = "waiting"
    """It jumped, and nobody confirmed it."""


@dataclass(frozen=True, slots=True)
class Taught:
    """One price that a bill teaches."""

    price: LearntPrice
    verdict: Verdict
    replaces: Listing | None
    """What a look-up for the same days gave until now; None: nobody listed it."""

    @property
    def change(self) -> Decimal | None:
        """By how much it differs from what it replaces, as a part of that."""
        before = self.replaces
        if before is None or before.currency != self.price.currency or not before.amount:
            return None
        return self.price.amount / before.amount - 1


def teach(
    home: Path, prices: Iterable[LearntPrice], confirmed: Container[str] = ()
) -> list[Taught]:
    """Store what *prices* pass the guard, so that look-ups find them from now on.

    Args:
        home: whose prices.
        prices: from bills.
        confirmed: SKUs whose jumps are believed; :data:`ALL` for every one.
    """
    known = set(read_learnt(home))
    found = [_judged(home, price, known, confirmed) for price in prices]
    learnt = [one.price for one in found if one.verdict is Verdict.LEARNT]
    if learnt:
        add_learnt(home, learnt)
    return found


def _judged(
    home: Path, price: LearntPrice, known: Container[LearntPrice], confirmed: Container[str]
) -> Taught:
    provider, region, name, option = price.sku.split("/")
    at_ns = instant_of(price.start.isoformat())
    before = list_price(home, (provider, region), name, option, at_ns)
    if price in known:
        return Taught(price, Verdict.UNCHANGED, before)
    is_held = before is not None and before.currency == price.currency
    if is_held and before is not None and is_yardstick(before, at_ns):
        is_confirmed = price.sku in confirmed or ALL in confirmed
        if jumps(before.amount, price.amount) and not is_confirmed:
            return Taught(price, Verdict.WAITING, before)
    return Taught(price, Verdict.LEARNT, before)
