"""The demand of live runs: receipts of what goes on → hours that their forecasts still want."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from trainfare.commitments.demand import Column, Demand
from trainfare.core.price import UNITS, Price
from trainfare.core.stage import Status
from trainfare.flows.forecast import forecasts_of
from trainfare.metering.history import read_receipts
from trainfare.metering.receipt import Receipt

HOUR_NS = 3600 * 10**9
HOURS_MAX = 8760
"""A forecast beyond a year is no plan."""


@dataclass(frozen=True)
class LiveDemand:
    """What live runs still want, and how many of them nobody can tell it of."""

    demand: Demand | None
    """None where no live run says when it ends."""
    runs: int
    unknown: int
    """Live runs without an end, or on machines without an on-demand price."""


def live_demand(home: Path, currency: str = "USD", *, now_ns: int | None = None) -> LiveDemand:
    """What the live runs of *home* still need on demand, hour by hour, by their own forecasts.

    Spot machines are left out, as they are of demand: no commitment pays for them.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    receipts = [one for one in read_receipts(home) if one.run.status is Status.RUNNING]
    forecasts = forecasts_of(home, receipts)
    cells: dict[tuple[int, Column], Fraction] = defaultdict(Fraction)
    known = 0
    for receipt in receipts:
        forecast = forecasts.get(receipt.run.id)
        shares = _shares(receipt, currency)
        if forecast is None or forecast.remaining_ns is None or not shares:
            continue
        known += 1
        end_ns = min(now_ns + forecast.remaining_ns, now_ns + HOURS_MAX * HOUR_NS)
        for hour in range(now_ns // HOUR_NS, -(-end_ns // HOUR_NS)):
            part = min(end_ns, (hour + 1) * HOUR_NS) - max(now_ns, hour * HOUR_NS)
            for column, share in shares.items():
                cells[hour, column] += share * Fraction(part, HOUR_NS) * column.price_nano
    demand = _matrix(cells, currency) if cells else None
    return LiveDemand(demand, known, len(receipts) - known)


def _shares(receipt: Receipt, currency: str) -> dict[Column, Fraction]:
    """Machines of a live run by SKU and price, as the part of each that the run holds."""
    found: dict[Column, Fraction] = defaultdict(Fraction)
    for segment in receipt.run.attempts[-1].segments:
        if segment.status is not Status.RUNNING or not segment.prices:
            continue
        price = segment.prices[-1].price
        if not isinstance(price, Price) or price.currency != currency:
            continue
        sku, _, option = price.sku.rpartition("/")
        nano = round(price.per_quantum * UNITS["h"] * 10**9)
        if option == "on_demand" and nano > 0:
            found[Column(sku, nano)] += segment.share
    return found


def _matrix(cells: dict[tuple[int, Column], Fraction], currency: str) -> Demand:
    first, last = min(hour for hour, _ in cells), max(hour for hour, _ in cells)
    columns = tuple(sorted({one for _, one in cells}, key=lambda one: (one.sku, one.price_nano)))
    index = {column: at for at, column in enumerate(columns)}
    spend = np.zeros((last - first + 1, len(columns)), dtype=np.int64)
    for (hour, column), nano in cells.items():
        spend[hour - first, index[column]] = round(nano)
    return Demand(first, columns, spend, currency)
