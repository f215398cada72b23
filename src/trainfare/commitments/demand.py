"""Demand: what would be paid on demand, hour by hour and SKU by SKU.

The matrix holds whole nano-units. A SKU whose on-demand price changed has a column for each price, so
that a column has one price, and the share of it that any rate makes out is one fraction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from trainfare.commitments.table_file import read_rows
from trainfare.core.errors import BadInput
from trainfare.core.money import NANO, decimal_of

Amounts = NDArray[np.int64]

COLUMNS = ("hour", "sku", "quantity", "on_demand_price")
HOURS_MAX = 100_000
"""Eleven years: a file with a wrong date would otherwise ask for all memory."""
CELL_MAX = 2**60
"""What an hour may cost, in nano-units: room for growth in a 64-bit count."""


@dataclass(frozen=True, slots=True)
class Column:
    """One SKU at one on-demand price, in nano-units for a unit and hour."""

    sku: str
    price_nano: int


@dataclass(frozen=True)
class Demand:
    """On-demand money of every hour: ``spend_nano[hour, column]``.

    Shapes: *spend_nano* is (T, K), T hours from *first_hour* (hours since the epoch) without a gap,
    K columns. An hour without use is 0: it was looked at, and nothing ran.
    """

    first_hour: int
    columns: tuple[Column, ...]
    spend_nano: Amounts
    currency: str = "USD"
    without_bill: tuple[str, ...] = ()
    """Months that are not known, for which other hours before or after them are left out."""

    @property
    def hours(self) -> int:
        """How many hours it spans."""
        return int(self.spend_nano.shape[0])

    @property
    def total_nano(self) -> int:
        """What all of it costs on demand."""
        return exact_sum(self.spend_nano)

    def window(self, start: int, end: int) -> Demand:
        """The hours from *start* up to *end*, counted from the first.

        >>> demand_of([("2026-01-01T00:00Z", "p5", "1", "98.32")]).window(0, 1).total_nano
        98320000000
        """
        return replace(
            self, first_hour=self.first_hour + start, spend_nano=self.spend_nano[start:end]
        )


def exact_sum(values: Amounts) -> int:
    """The sum of whole numbers that together may not fit in 64 bits.

    >>> exact_sum(np.array([2**62, 2**62, 2**62])) == 3 * 2**62
    True
    """
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())


def read_demand(lines: Iterable[str], name: str, currency: str = "USD") -> Demand:
    """Demand from the lines of a CSV with the columns hour, sku, quantity, on_demand_price.

    Raises:
        BadInput: a column or a value is wrong, with *name*, row and column.
    """
    rows = read_rows(lines, name, COLUMNS)
    return _demand(((at, [row[one] for one in COLUMNS]) for at, row in rows), name, currency)


def demand_of(rows: Iterable[Sequence[str]], name: str = "demand", currency: str = "USD") -> Demand:
    """Demand from rows of (hour, SKU, quantity, on-demand price); rows of one hour and SKU add up.

    Each row's money is rounded to the nearest nano once; no amount is made up for missing hours.

    Raises:
        BadInput: there is no row, or a value is wrong, with *name*, row and column.
    """
    return _demand(enumerate(rows, 2), name, currency)


def _demand(rows: Iterable[tuple[int, Sequence[str]]], name: str, currency: str) -> Demand:
    """Of rows with their line in the file."""
    cells: dict[tuple[int, Column], int] = {}
    prices: dict[str, int] = {}
    hours: dict[str, int] = {}
    for number, (at, sku, quantity_text, price_text) in rows:
        try:
            hour = hours.get(at)
            if hour is None:
                hour = hours[at] = _hour_of(at)
            price = prices.get(price_text)
            if price is None:
                price = prices[price_text] = _price_of(price_text)
            money = _money_of(quantity_text, price)
        except BadInput as error:
            raise BadInput(f"{name}: row {number}: {error}") from None
        if not sku.strip():
            raise BadInput(f"{name}: row {number}: column sku is empty; name what was used")
        key = (hour, Column(sku.strip(), price))
        cells[key] = cells.get(key, 0) + money
    if not cells:
        raise BadInput(f"{name}: no row of demand; there is nothing to plan for")
    first, last = min(hour for hour, _ in cells), max(hour for hour, _ in cells)
    if last - first >= HOURS_MAX:
        raise BadInput(
            f"{name}: from {hour_text(first)} to {hour_text(last)} are more than {HOURS_MAX} hours; "
            "check the column hour"
        )
    columns = tuple(sorted({column for _, column in cells}, key=lambda c: (c.sku, c.price_nano)))
    index = {column: at for at, column in enumerate(columns)}
    spend = np.zeros((last - first + 1, len(columns)), dtype=np.int64)
    for (hour, column), money in cells.items():
        if money >= CELL_MAX // len(columns):
            raise BadInput(f"{name}: {column.sku} at {hour_text(hour)} costs more than can be held")
        spend[hour - first, index[column]] = money
    return Demand(first, columns, spend, currency)


def _hour_of(text: str) -> int:
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadInput(f"column hour: {text!r} is no time; write 2026-10-01T00:00:00Z") from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    seconds = instant.timestamp()
    if seconds % 3600:
        raise BadInput(f"column hour: {text!r} is not the beginning of an hour in UTC")
    return int(seconds // 3600)


def hour_text(hour: int) -> str:
    """The beginning of an hour since the epoch.

    >>> hour_text(490_000)
    '2025-11-24T16:00:00Z'
    """
    return datetime.fromtimestamp(hour * 3600, UTC).strftime("%Y-%m-%dT%H:00:00Z")


def _price_of(text: str) -> int:
    try:
        price = decimal_of(text) * NANO
    except BadInput as error:
        raise BadInput(f"column on_demand_price: {error}") from None
    if price.denominator != 1 or not 0 < price < 10**9 * NANO:
        raise BadInput(f"column on_demand_price: {text!r}; write more than 0 with at most 9 places")
    return price.numerator


def _money_of(text: str, price_nano: int) -> int:
    try:
        quantity = decimal_of(text)
    except BadInput as error:
        raise BadInput(f"column quantity: {error}") from None
    if quantity < 0:
        raise BadInput(f"column quantity: {text!r} is below 0")
    return round(Fraction(quantity * price_nano))
