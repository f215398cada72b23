"""Guards: what a newly fetched or imported price must pass before it is believed.

    guard                                      what happens
    0 or less, or a known placeholder          rejected
    per accelerator outside the family band    rejected
    over ±40 % from the last known price       quarantined until the user confirms it
    spot no lower than on demand               kept, flagged
    two other sources agree against it         kept, flagged

An accelerator's family band runs from half the lowest to twice the highest on-demand price per
accelerator that the shipped catalogue has from the same provider: a GCP H100 at 33.61/8 per hour
(which mixes in a reserved SKU) is outside, the true 88.49/8 inside. A spot price is held to the
last known one only while that is not stale itself: over months, spot prices do move by more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from trainfare.prices.age import quality_of
from trainfare.prices.listing import Listing

PLACEHOLDERS = frozenset({Decimal(700)})
"""Amounts that stood for "no price" in a published catalogue (TPU v6e in one of 2026)."""

JUMP = Decimal("0.40")
"""A change beyond this share of the last known price waits for a person."""

AGREEMENT = Decimal("0.005")
"""Two sources agree within this share (list prices of three sources did, in all 42 cases)."""

_CURRENCY = re.compile(r"[A-Z]{3}")

Band = tuple[Decimal, Decimal]


@dataclass(slots=True)
class Verdict:
    """What the guards let through, what waits, and what they refused, each with the reason."""

    accepted: list[Listing] = field(default_factory=list)
    flagged: list[tuple[Listing, str]] = field(default_factory=list)
    """Also among the accepted."""
    quarantined: list[tuple[Listing, str]] = field(default_factory=list)
    rejected: list[tuple[Listing, str]] = field(default_factory=list)


def is_placeholder(amount: Decimal) -> bool:
    """Whether *amount* is a known stand-in for "no price".

    >>> is_placeholder(Decimal("700.0"))
    True
    """
    return amount in PLACEHOLDERS


def jumps(old: Decimal, new: Decimal) -> bool:
    """Whether *new* is more than 40 % away from *old*; exactly 40 % is not.

    >>> jumps(Decimal("98.32"), Decimal("55.04")), jumps(Decimal(10), Decimal(14))
    (True, False)
    """
    return abs(new - old) > JUMP * old


def disagrees(amount: Decimal, others: Iterable[Decimal]) -> bool:
    """Whether two or more *others* agree with one another and not with *amount*.

    >>> disagrees(Decimal("84.4"), [Decimal("88.49"), Decimal("88.49")])
    True
    """
    known = list(others)
    if len(known) < 2:
        return False
    low, high = min(known), max(known)
    if high - low > AGREEMENT * high:
        return False
    return not low * (1 - AGREEMENT) <= amount <= high * (1 + AGREEMENT)


def band_of(prices: Iterable[Decimal]) -> Band | None:
    """Half the lowest to twice the highest of *prices* per accelerator; None where there are none.

    >>> band_of([Decimal(10), Decimal(12)])
    (Decimal('5'), Decimal('24'))
    """
    known = list(prices)
    return (min(known) / 2, max(known) * 2) if known else None


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What is known beforehand, for the guards to hold new prices against."""

    last_known: Callable[[Listing], Listing | None]
    """The price that the same SKU has now."""
    others: Callable[[Listing], list[Decimal]]
    """Prices of the same SKU from other sources."""
    pieces: Callable[[Listing], Decimal | None]
    """Accelerators that the listing's machine has; None where unknown or none."""
    band: Callable[[Listing], Band | None]
    """The family band of the listing's accelerator."""


def admit(listings: Iterable[Listing], witnesses: Witnesses, at_ns: int) -> Verdict:
    """Sort *listings* into accepted, quarantined and rejected; see the table above."""
    verdict = Verdict()
    fresh = list(listings)
    on_demand = {
        (item.region, item.name): item.amount for item in fresh if item.option == "on_demand"
    }
    for item in fresh:
        refusal = _refusal(item, witnesses)
        if refusal:
            verdict.rejected.append((item, refusal))
            continue
        last = witnesses.last_known(item)
        if last is not None and is_yardstick(last, at_ns) and jumps(last.amount, item.amount):
            change = (item.amount / last.amount - 1) * 100
            why = f"{last.amount} → {item.amount} ({change:+.1f} %) since {last.as_of}"
            verdict.quarantined.append((item, why))
            continue
        verdict.accepted.append(item)
        full = _full_price(item, on_demand, witnesses)
        if full is not None and item.amount >= full:
            verdict.flagged.append((item, f"spot {item.amount} is no lower than on demand {full}"))
        elif disagrees(item.amount, witnesses.others(item)):
            verdict.flagged.append((item, "two other sources agree on another price"))
    return verdict


def _full_price(
    item: Listing, on_demand: dict[tuple[str, str], Decimal], witnesses: Witnesses
) -> Decimal | None:
    """For a spot price, what the same machine costs on demand, as far as that is known."""
    if item.option != "spot":
        return None
    known = on_demand.get((item.region, item.name))
    last = witnesses.last_known(replace(item, option="on_demand")) if known is None else None
    return last.amount if last is not None else known


def is_yardstick(last: Listing, at_ns: int) -> bool:
    """Whether the last known price can say that a new one jumped: not a spot price that is stale."""
    return last.option != "spot" or quality_of("spot", last.as_of, at_ns) != "stale"


def _refusal(item: Listing, witnesses: Witnesses) -> str | None:
    """Why a price cannot be one, or None."""
    if "/" in item.name or not item.name.isprintable() or not item.name.strip():
        return f"{item.name!r} is no name that something is sold by"
    if not item.amount.is_finite() or item.amount <= 0:
        return f"{item.amount} is not above 0"
    if not _CURRENCY.fullmatch(item.currency):
        return f"currency {item.currency!r} is not three capital letters such as USD"
    if is_placeholder(item.amount):
        return f"{item.amount} is a known placeholder"
    pieces, band = witnesses.pieces(item), witnesses.band(item)
    if item.option != "on_demand" or item.currency != "USD" or not pieces or band is None:
        return None
    each = item.amount / pieces
    if not band[0] <= each <= band[1]:
        return (
            f"{each:.4f} per accelerator is outside {band[0]:.4f} to {band[1]:.4f}, "
            f"the band of {item.provider}; if it is right, use: trainfare prices set"
        )
    return None
