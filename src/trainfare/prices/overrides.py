"""Overrides: the user's own word on a price, which comes before every list and every bill.

File: ``<home>/prices/overrides.json``. An override aims at one of

    host         a machine by resource id or hostname; ``*`` is every machine nobody is known to sell
    sku          ``provider/region/name/option`` exactly (also storage and network)
    instance     an instance type
    accelerator  a model; the amount is per accelerator and hour
    provider     everything of a provider; a discount only

and says one of: a plain amount; a discount in percent off the list price; what an own machine costs
(:class:`OwnMachine`). It holds on the days [*start*, *end*). Where several hold, the more exact aim
wins in the order above, then the later start, then the one set last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput, NotFound
from trainfare.core.money import Money, decimal_of
from trainfare.core.price import UNITS
from trainfare.prices.json_file import locked, read_json, write_json
from trainfare.prices.listing import Listing, exact_decimal

AIMS = ("host", "sku", "instance", "accelerator", "provider")
"""What an override may aim at, the most exact first."""

YEAR_HOURS = 365 * 24
"""Hours in a year of a machine's life, the figure that providers divide reservations by."""


@dataclass(frozen=True, slots=True)
class OwnMachine:
    """What a machine (or an accelerator) that one owns costs, to be spread over its hours.

    >>> own = OwnMachine(capex=Decimal(262800), years=Decimal(5), watts=Decimal(6500),
    ...                  pue=Decimal("1.4"), tariff=Decimal("0.20"), opex=Decimal("1.50"))
    >>> own.per_hour()                  # 262800/(5·8760) + 6.5·1.4·0.20 + 1.50
    Fraction(233, 25)
    """

    capex: Decimal
    """Paid once."""
    years: Decimal
    """How long it serves."""
    watts: Decimal = Decimal(0)
    """Drawn on average while it serves."""
    pue: Decimal = Decimal(1)
    """Power of the whole building per power of the machines, at least 1."""
    tariff: Decimal = Decimal(0)
    """Price of a kilowatt-hour."""
    opex: Decimal = Decimal(0)
    """Everything else per hour: hands, space, support."""

    def __post_init__(self) -> None:
        amounts = (self.capex, self.watts, self.tariff, self.opex)
        if any(not amount.is_finite() or amount < 0 for amount in amounts) or self.capex == 0:
            raise BadInput("an own machine has a capex above 0; watts, tariff and opex from 0 up")
        if not self.years.is_finite() or self.years <= 0:
            raise BadInput(f"an own machine serves more than 0 years, not {self.years}")
        if not self.pue.is_finite() or self.pue < 1:
            raise BadInput(f"a PUE is at least 1, not {self.pue}")

    def per_hour(self) -> Fraction:
        """Return capex / (years × 8,760) + watts / 1,000 × PUE × tariff + opex, exactly."""
        capital = Fraction(self.capex) / (Fraction(self.years) * YEAR_HOURS)
        power = Fraction(self.watts) / 1000 * Fraction(self.pue) * Fraction(self.tariff)
        return capital + power + Fraction(self.opex)


@dataclass(frozen=True, slots=True)
class Override:
    """One price, discount or own machine that the user stated; see the module for the words."""

    aim: str
    name: str
    amount: Decimal | None = None
    discount_pct: Decimal | None = None
    own: OwnMachine | None = None
    unit: str = "h"
    currency: str = "USD"
    provider: str | None = None
    region: str | None = None
    option: str | None = None
    """None is any option; an instance override is for ``on_demand`` unless it says otherwise."""
    start: date | None = None
    """The first day it holds; None is from ever."""
    end: date | None = None
    """The first day it holds no longer; None is for ever."""
    set_on: date | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.aim not in AIMS or not self.name:
            raise BadInput(f"an override aims at {'|'.join(AIMS)}, not {self.aim!r} {self.name!r}")
        said = [self.amount is not None, self.discount_pct is not None, self.own is not None]
        if sum(said) != 1:
            raise BadInput(f"the override of {self.name} says one of amount, discount, own machine")
        if self.aim == "provider" and self.discount_pct is None:
            raise BadInput(f"an override of all of {self.name} is a discount, not an amount")
        if self.aim == "host" and self.discount_pct is not None:
            raise BadInput(f"host {self.name} has no list price to take a discount from")
        if self.amount is not None and not (self.amount.is_finite() and self.amount > 0):
            raise BadInput(f"the price of {self.name} is {self.amount}; state an amount above 0")
        if self.discount_pct is not None and not (
            self.discount_pct.is_finite() and 0 < self.discount_pct < 100
        ):
            raise BadInput(f"a discount is above 0 and below 100 %, not {self.discount_pct}")
        if self.unit not in UNITS or (self.unit != "h" and self.aim != "sku"):
            raise BadInput(f"{self.name} per {self.unit!r}: only a sku has a unit other than h")
        if self.aim == "sku" and (self.name.count("/") != 3 or not all(self.name.split("/"))):
            raise BadInput(f"sku {self.name!r} is not provider/region/name/option")
        if self.start and self.end and self.end <= self.start:
            raise BadInput(f"the override of {self.name} ends {self.end}, not after {self.start}")
        Money.zero(self.currency)

    def holds_on(self, day: date) -> bool:
        """Whether it is valid on *day*."""
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)

    def fits(self, provider: str | None, region: str | None, option: str | None) -> bool:
        """Whether its conditions leave a machine of *provider*, *region* and *option* in."""
        pairs = ((self.provider, provider), (self.region, region), (self.option, option))
        return all(mine is None or mine == theirs for mine, theirs in pairs)

    @property
    def hourly(self) -> Fraction:
        """The amount per unit, or what the own machine costs per hour; not for discounts."""
        if self.own is not None:
            return self.own.per_hour()
        assert self.amount is not None
        return Fraction(self.amount)

    def describe(self) -> str:
        """The override in a few words, as a price's source."""
        days = ""
        if self.start:
            days += f" from {self.start}"
        if self.end:
            days += f" until {self.end}"
        what = "your price"
        if self.discount_pct is not None:
            what = f"your discount of {self.discount_pct} %"
        elif self.own is not None:
            what = f"your own machine over {self.own.years} years"
        return f"{what} for {self.aim} {self.name}{days}"


def read_overrides(home: Path) -> list[Override]:
    """All overrides in the order they were set.

    Raises:
        BadInput: the file is damaged; a price that the user stated is never silently dropped.
    """
    path = _path(home)
    document = read_json(path)
    if document is None:
        return []
    try:
        return [_override(row) for row in document["overrides"]]
    except (KeyError, TypeError, ValueError, AttributeError, BadInput) as error:
        raise BadInput(f"{path} is damaged ({type(error).__name__}: {error}); repair it") from None


def set_override(home: Path, new: Override) -> bool:
    """Add an override; one with the same aim, conditions and start is replaced.

    Returns:
        Whether one was replaced.
    """
    path = _path(home)
    with locked(path):
        before = read_overrides(home)
        kept = [old for old in before if _identity(old) != _identity(new)]
        rows = [_row(item) for item in [*kept, new]]
        write_json(path, {"version": 1, "overrides": rows})
    return len(kept) < len(before)


def unset_override(home: Path, aim: str, name: str) -> int:
    """Remove every override of one aim and name; how many there were.

    Raises:
        NotFound: there is none.
    """
    path = _path(home)
    with locked(path):
        before = read_overrides(home)
        kept = [old for old in before if (old.aim, old.name) != (aim, name)]
        if len(kept) == len(before):
            names = ", ".join(f"{old.aim} {old.name}" for old in before[:5]) or "none"
            raise NotFound(f"no override for {aim} {name}; set are: {names}")
        write_json(path, {"version": 1, "overrides": [_row(item) for item in kept]})
    return len(before) - len(kept)


def best_override(candidates: Iterable[Override], day: date) -> Override | None:
    """The one that wins on *day*: most exact aim, then latest start, then last set."""
    valid = [item for item in candidates if item.holds_on(day)]
    if not valid:
        return None
    ranked = enumerate(valid)
    return max(ranked, key=lambda pair: (*_rank(pair[1]), pair[0]))[1]


def discounted(listing: Listing, override: Override) -> Listing:
    """*listing* less the discount, with its own date and source kept.

    >>> full = Listing("aws", "r", "t", "on_demand", Decimal("55.04"), "2026-07-20")
    >>> off = Override("provider", "aws", discount_pct=Decimal("12.5"))
    >>> discounted(full, off).amount
    Decimal('48.16')
    """
    assert override.discount_pct is not None
    rest = Fraction(100 - override.discount_pct) / 100
    return replace(
        listing,
        amount=exact_decimal(Fraction(listing.amount) * rest),
        high=None if listing.high is None else exact_decimal(Fraction(listing.high) * rest),
        zones={z: exact_decimal(Fraction(p) * rest) for z, p in listing.zones.items()},
        origin="override",
        source=f"{override.describe()}, off {listing.amount} ({listing.source})",
    )


def _rank(item: Override) -> tuple[int, int, date]:
    """Exactness of the aim, then of the conditions, then the start."""
    conditions = sum(word is not None for word in (item.provider, item.region, item.option))
    starred = item.name == "*"
    return -AIMS.index(item.aim) - starred * len(AIMS), conditions, item.start or date.min


def _identity(item: Override) -> tuple[object, ...]:
    return item.aim, item.name, item.provider, item.region, item.option, item.start


def _path(home: Path) -> Path:
    return home / "prices" / "overrides.json"


_PLAIN = ("aim", "name", "unit", "currency", "provider", "region", "option", "note")
_NUMBERS = ("amount", "discount_pct")
_DAYS = ("start", "end", "set_on")
_OWN = ("capex", "years", "watts", "pue", "tariff", "opex")


def _row(item: Override) -> dict[str, Any]:
    row: dict[str, Any] = {key: getattr(item, key) for key in _PLAIN if getattr(item, key)}
    for key in (*_NUMBERS, *_DAYS):
        if getattr(item, key) is not None:
            row[key] = str(getattr(item, key))
    if item.own is not None:
        row["own"] = {key: str(getattr(item.own, key)) for key in _OWN}
    return row


def _override(row: dict[str, Any]) -> Override:
    unknown = row.keys() - {*_PLAIN, *_NUMBERS, *_DAYS, "own"}
    if unknown:
        raise BadInput(f"unknown key {min(unknown)!r}")
    values: dict[str, Any] = {key: row[key] for key in _PLAIN if key in row}
    values |= {key: _decimal(row[key]) for key in _NUMBERS if key in row}
    values |= {key: date.fromisoformat(row[key]) for key in _DAYS if key in row}
    if "own" in row:
        values["own"] = OwnMachine(**{key: _decimal(row["own"][key]) for key in row["own"]})
    return Override(**values)


def _decimal(value: Any) -> Decimal:
    """A decimal from text, or from the number that a hand edit wrote without quotes."""
    text = str(value)
    decimal_of(text)
    return Decimal(text)
