"""Reading a price sheet: its rows, what is wrong with them by row and column, and what was passed over."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from trainfare.core.charge import Problem
from trainfare.core.errors import BadInput, TrainfareError
from trainfare.core.money import Money, decimal_of
from trainfare.prices.age import instant_of
from trainfare.prices.listing import Listing
from trainfare.prices.refreshed import is_place_word

PROBLEM_LIMIT = 1_000
"""Problems beyond which a sheet is not read on; it is some other file."""


class BadSheet(BadInput):
    """A price sheet has problems; all of them are in :attr:`problems`, and nothing was stored."""

    def __init__(self, path: Path, problems: list[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more problems)" if len(problems) > 1 else ""
        super().__init__(f"{first}{more}; nothing of {path.name} was stored")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the user says about a file beside its rows."""

    path: Path
    form: str
    """csv, skypilot, karpenter or focus-pricesheet."""
    provider: str | None = None
    as_of: str | None = None
    """For sheets that do not state their date."""


@dataclass(slots=True)
class Reading:
    """A sheet as it is read: listings with their rows, problems, and rows that were passed over."""

    sheet: Sheet
    rows: dict[str, int] = field(default_factory=dict)
    """SKU → the row it was first read from."""
    listings: dict[str, Listing] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    rows_seen: int = 0

    def complain(self, row: int | None, column: str | None, value: str | None, what: str) -> None:
        """Note a problem; a sheet with too many is not read on."""
        self.problems.append(Problem(self.sheet.path.name, row, column, value, what))
        if len(self.problems) >= PROBLEM_LIMIT:
            raise BadSheet(self.sheet.path, self.problems)

    def add(self, row: int, item: Listing, column: str) -> None:
        """Keep a listing; a second, different price of the same SKU is a problem."""
        for name, word in (("provider", item.provider), ("region", item.region)):
            if not is_place_word(word):
                what = f"is no {name}: lower-case letters, digits, '-' and '_', as in us-east-1"
                self.complain(row, name, word, what)
                return
        known = self.listings.get(item.sku)
        if known is not None and known.amount != item.amount:
            what = f"differs from {known.amount} of {item.sku} in row {self.rows[item.sku]}"
            self.complain(row, column, str(item.amount), what)
        self.rows.setdefault(item.sku, row)
        self.listings[item.sku] = item


def rows(reading: Reading, text: str, *needed: tuple[str, ...]) -> Iterator[tuple[int, Any]]:
    """The rows of a CSV by number; each of *needed* is a column, or columns of which one must be there."""
    table = csv.DictReader(io.StringIO(text, newline=""), restkey="", restval="")
    try:
        columns = set(table.fieldnames or ())
    except csv.Error as error:
        raise BadInput(f"{reading.sheet.path} is not a CSV: {error}") from None
    for choice in needed:
        if not columns & set(choice):
            raise BadInput(
                f"{reading.sheet.path} has no column {' or '.join(choice)}; "
                f"it has {', '.join(sorted(columns)[:8])}"
            )
    try:
        for number, row in enumerate(table, start=1):
            reading.rows_seen += 1
            if row.pop("", None):
                reading.complain(number, None, None, "has more cells than the header has columns")
                continue
            yield number, {key: (value or "").strip() for key, value in row.items()}
    except csv.Error as error:
        reading.complain(reading.rows_seen + 1, None, None, f"is not CSV: {error}")


def amount_in(reading: Reading, row: int, column: str, text: str) -> Decimal | None:
    """The decimal in a cell, or None with a problem noted."""
    try:
        decimal_of(text)
    except TrainfareError:
        what = "is not a number; write digits with a decimal point, as in 3.60"
        reading.complain(row, column, text, what)
        return None
    return Decimal(f"{Decimal(text).normalize():f}")


def are_filled(reading: Reading, row: int, cells: dict[str, str], *columns: str) -> bool:
    """Whether all of *columns* are filled; each that is not is a problem."""
    empty = [column for column in columns if not cells.get(column)]
    for column in empty:
        reading.complain(row, column, "", "is empty")
    return not empty


def region_of(region: str) -> str:
    """A region as Trainfare writes it."""
    return region.strip().lower()


def listing_of(reading: Reading, words: tuple[str, str, str, str], amount: Decimal) -> Listing:
    """A listing of *words* (provider, region, name, option), dated and sourced by its sheet."""
    provider, region, name, option = words
    return Listing(
        provider=provider,
        region=region,
        name=name,
        option=option,
        amount=amount,
        as_of=reading.sheet.as_of or "",
        source=f"price sheet {reading.sheet.path.name}",
        origin="refreshed",
    )


def stated_date(reading: Reading) -> str:
    """The date that the user gave for a sheet that states none."""
    if reading.sheet.as_of is None:
        raise BadInput(f"{reading.sheet.path.name} does not say of when it is; give --as-of DATE")
    return reading.sheet.as_of


def is_date(reading: Reading, row: int, text: str) -> bool:
    """Whether a cell is a date; a problem is noted if not."""
    try:
        instant_of(text)
    except TrainfareError as error:
        reading.complain(row, "as_of", text, str(error))
        return False
    return True


def is_currency(reading: Reading, row: int, text: str) -> bool:
    """Whether a cell is a currency; a problem is noted if not."""
    try:
        Money.zero(text)
    except TrainfareError:
        reading.complain(row, "currency", text, "is not three capital letters such as USD")
        return False
    return True
