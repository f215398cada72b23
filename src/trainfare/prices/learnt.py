"""Learnt prices: what bills really charged per hour of a SKU, kept for the next estimate.

File: ``<home>/prices/learnt.json``. A learnt price covers the days it was billed for; a look-up
takes the one that covers its day, else the nearest in time, the later one on a tie.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput
from trainfare.core.money import decimal_of
from trainfare.core.price import UNITS
from trainfare.prices.json_file import locked, read_json, write_json
from trainfare.prices.listing import Listing


@dataclass(frozen=True, slots=True)
class LearntPrice:
    """*amount* of *currency* per *unit* of a SKU, as billed for the days [*start*, *end*)."""

    sku: str
    """``provider/region/name/option``."""
    amount: Decimal
    start: date
    end: date
    source: str
    """Which bill said so: ``bill aws 2026-10``."""
    currency: str = "USD"
    unit: str = "h"

    def __post_init__(self) -> None:
        if self.sku.count("/") != 3 or not all(self.sku.split("/")):
            raise BadInput(f"sku {self.sku!r} is not provider/region/name/option")
        if not self.amount.is_finite() or self.amount <= 0 or self.unit not in UNITS:
            raise BadInput(
                f"learnt price {self.amount} per {self.unit} of {self.sku} is not an amount above "
                f"0 per {'|'.join(UNITS)}; a SKU that cost nothing teaches no price"
            )
        if self.end <= self.start:
            raise BadInput(f"learnt price of {self.sku} ends {self.end}, not after {self.start}")


def add_learnt(home: Path, prices: Iterable[LearntPrice]) -> int:
    """Store *prices*; one of the same SKU, days and currency replaces the old one.

    Returns:
        How many are stored now.
    """
    path = _path(home)
    with locked(path):
        kept = {_key(price): price for price in read_learnt(home)}
        kept.update({_key(price): price for price in prices})
        rows = [_row(kept[key]) for key in sorted(kept)]
        write_json(path, {"version": 1, "learnt": rows})
    return len(rows)


def read_learnt(home: Path) -> list[LearntPrice]:
    """All learnt prices, by SKU and day.

    Raises:
        BadInput: the file is damaged.
    """
    document = read_json(_path(home))
    if document is None:
        return []
    try:
        return [_price(row) for row in document["learnt"]]
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(
            f"{_path(home)} is damaged ({type(error).__name__}: {error}); move it away"
        ) from None


def find_learnt(home: Path, sku: str, day: date) -> Listing | None:
    """What *sku* was last known to be billed at, for use on *day*; None if never billed."""
    mine = [price for price in read_learnt(home) if price.sku == sku]
    if not mine:
        return None
    best = min(mine, key=lambda price: (_distance(price, day), -price.end.toordinal()))
    provider, region, name, option = sku.split("/")
    last = date.fromordinal(best.end.toordinal() - 1).isoformat()
    return Listing(
        provider=provider,
        region=region,
        name=name,
        option=option,
        amount=best.amount,
        as_of=last,
        source=f"learnt from {best.source}: effective rate of {best.start} to {last}",
        origin="learnt",
        currency=best.currency,
        unit=best.unit,
        confidence="billed",
    )


def _distance(price: LearntPrice, day: date) -> int:
    """Days between *day* and the stretch that *price* was billed for; 0 within it."""
    if day < price.start:
        return (price.start - day).days
    return max(0, (day - price.end).days + 1)


def _path(home: Path) -> Path:
    return home / "prices" / "learnt.json"


def _key(price: LearntPrice) -> tuple[str, str, str, str]:
    return price.sku, price.start.isoformat(), price.end.isoformat(), price.currency


def _row(price: LearntPrice) -> dict[str, Any]:
    return {
        "sku": price.sku,
        "amount": str(price.amount),
        "currency": price.currency,
        "unit": price.unit,
        "start": price.start.isoformat(),
        "end": price.end.isoformat(),
        "source": price.source,
    }


def _price(row: dict[str, Any]) -> LearntPrice:
    decimal_of(row["amount"])
    return LearntPrice(
        sku=row["sku"],
        amount=Decimal(row["amount"]),
        start=date.fromisoformat(row["start"]),
        end=date.fromisoformat(row["end"]),
        source=row["source"],
        currency=row["currency"],
        unit=row["unit"],
    )
