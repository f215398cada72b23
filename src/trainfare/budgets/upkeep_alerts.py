"""Alerts on what the numbers rest on: old prices, late bills, and bills that do not add up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trainfare.budgets.alert import Finding, Kind, Severity
from trainfare.core.money import Money
from trainfare.core.period import DAY, format_instant
from trainfare.core.price import Price

LATE_NS = 2 * DAY
"""A bill that is so long after the day on which it was expected is late: providers promise little."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """A bill that is not here, of one provider and billing period."""

    provider: str
    period: str
    expected_ns: int
    """When it could be expected."""
    runs: int
    """How many runs wait for it."""


@dataclass(frozen=True, slots=True)
class Unbalanced:
    """A billing period whose parts do not sum to its bill."""

    period: str
    view: str
    difference: Money


def find_stale_prices(prices: Iterable[Price]) -> Iterator[Finding]:
    """One finding for each price that is in use and so old that it is called stale."""
    for sku, price in sorted({one.sku: one for one in prices}.items()):
        if price.quality == "stale":
            sentence = (
                f"running machines are priced by {price.describe()}: trainfare prices refresh"
            )
            yield Finding(Kind.PRICE, sku, sentence)


def find_late_bills(awaited: Iterable[Awaited], at_ns: int) -> Iterator[Finding]:
    """One finding for each provider and billing period whose bill should have been here."""
    for one in awaited:
        if at_ns - one.expected_ns >= LATE_NS:
            runs = "1 run waits" if one.runs == 1 else f"{one.runs:,} runs wait"
            sentence = (
                f"expected on {format_instant(one.expected_ns)[:10]}, "
                f"{(at_ns - one.expected_ns) // DAY} days ago; {runs} for it"
            )
            yield Finding(Kind.BILL, f"{one.provider} {one.period}", sentence)


def find_unbalanced(unbalanced: Iterable[Unbalanced]) -> Iterator[Finding]:
    """One finding for each billing period and view that is not conserved: our own law is broken."""
    for one in unbalanced:
        sentence = (
            f"{one.difference.text()} {one.difference.currency} of the {one.view} bill are nowhere: "
            "trainfare verify"
        )
        yield Finding(
            Kind.CONSERVATION, f"{one.period} {one.view}", sentence, severity=Severity.CRITICAL
        )
