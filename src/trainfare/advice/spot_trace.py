"""Spot traces: when spot machines could be had and what they cost, tick by tick, as somebody saw it.

Two forms are read: availability as SkyPilot's collectors write it, ``{"metadata": {"gap_seconds":
195}, "data": [1, 1, 0, …]}``, and what ``aws ec2 describe-spot-price-history`` prints.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from trainfare.core.errors import BadInput
from trainfare.core.money import decimal_of
from trainfare.core.period import HOUR, SECOND, parse_instant

PRICE_GAP_NS = 300 * SECOND
"""Price histories tell of changes; they are looked at every five minutes."""

TICKS_MAX = 2_000_000
"""Nineteen years of five minutes: more is no trace."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One place over a stretch of time."""

    name: str
    gap_ns: int
    available: tuple[bool, ...]
    """Whether a machine could be had in each tick."""
    prices: tuple[Fraction, ...] | None = None
    """Per machine-hour in each tick; None where only availability was seen."""

    def __post_init__(self) -> None:
        if self.gap_ns <= 0 or not self.available:
            raise BadInput(f"{self.name}: a trace has ticks, and time between them")

    @property
    def hours(self) -> float:
        """How long it is."""
        return len(self.available) * self.gap_ns / HOUR

    @property
    def available_hours(self) -> float:
        """How long a machine could be had."""
        return sum(self.available) * self.gap_ns / HOUR

    @property
    def tells_losses(self) -> bool:
        """Whether it was seen when machines could be had; prices say nothing of that."""
        return self.prices is None

    @property
    def losses(self) -> int:
        """How often a machine that was there was gone in the next tick."""
        pairs = zip(self.available, self.available[1:], strict=False)
        return sum(now and not then for now, then in pairs)


def read_trace(name: str, text: str, zone: str | None = None) -> Trace:
    """The trace in *text*.

    Args:
        name: of the file, for complaints.
        text: JSON in one of the two forms.
        zone: of a price history of several; the cheapest in each tick where that is None.

    Raises:
        BadInput: it is neither form, or damaged.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadInput(f"{name} is no JSON: {error}") from None
    if isinstance(document, dict) and "SpotPriceHistory" in document:
        return _price_trace(name, document["SpotPriceHistory"], zone)
    return _availability_trace(name, document)


def _availability_trace(name: str, document: Any) -> Trace:
    try:
        gap, data = document["metadata"]["gap_seconds"], document["data"]
        counts = [int(value) for value in data]
        gap_ns = round(float(gap) * SECOND)
    except (KeyError, TypeError, ValueError):
        raise BadInput(
            f"{name} is no trace: it has neither metadata.gap_seconds and data, nor SpotPriceHistory"
        ) from None
    return Trace(name, gap_ns, tuple(count > 0 for count in counts))


def _price_trace(name: str, rows: Any, zone: str | None) -> Trace:
    changes: dict[str, list[tuple[int, Fraction]]] = defaultdict(list)
    try:
        for row in rows:
            at_ns = parse_instant(row["Timestamp"])
            changes[row["AvailabilityZone"]].append((at_ns, decimal_of(row["SpotPrice"])))
    except (KeyError, TypeError) as error:
        raise BadInput(f"{name}: a row of SpotPriceHistory lacks {error}") from None
    chosen = [sorted(found) for place, found in changes.items() if zone in (None, place)]
    if not chosen:
        raise BadInput(f"{name} has no prices of zone {zone}; it has {', '.join(sorted(changes))}")
    start = max(found[0][0] for found in chosen)
    end = max(found[-1][0] for found in chosen)
    ticks = (end - start) // PRICE_GAP_NS + 1
    if ticks > TICKS_MAX:
        raise BadInput(f"{name} spans {ticks * PRICE_GAP_NS / HOUR:,.0f} h, which is no trace")
    series = [_at_ticks(found, start, ticks) for found in chosen]
    lowest = tuple(min(each) for each in zip(*series, strict=True))
    return Trace(name, PRICE_GAP_NS, (True,) * ticks, lowest)


def _at_ticks(changes: Sequence[tuple[int, Fraction]], start: int, ticks: int) -> list[Fraction]:
    """The price in force at each tick."""
    prices, place = [], 0
    for tick in range(ticks):
        at_ns = start + tick * PRICE_GAP_NS
        while place + 1 < len(changes) and changes[place + 1][0] <= at_ns:
            place += 1
        prices.append(changes[place][1])
    return prices


def watched(traces: Iterable[Trace]) -> tuple[int, float]:
    """Losses, and the hours in which a machine could be had, of those *traces* that tell."""
    telling = [trace for trace in traces if trace.tells_losses]
    return (
        sum(trace.losses for trace in telling),
        sum(trace.available_hours for trace in telling),
    )
