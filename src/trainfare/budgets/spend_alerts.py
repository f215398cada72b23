"""Alerts on billed spend: a component that left its range and why, and money that no run used.

What changed is told by its drivers, which sum to the change exactly. Per SKU, *before* scaled to the
length of *after*:

    price = Σ over SKUs of both: quantity after × (price after − price before)
    usage = Σ over SKUs of both: price before × (quantity after − quantity before)
    mix   = Σ over SKUs that are new: spend after − Σ over those that are gone: spend before

A price is looked at in every component. The whole of a component is looked at only where it is
steady: compute is bursty, and there the runs themselves are looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from trainfare.budgets.alert import Finding, Kind
from trainfare.budgets.departure import departures
from trainfare.core.charge import Component
from trainfare.core.money import Money
from trainfare.core.plain import percent

AFTER_DAYS, BEFORE_DAYS = 7, 28
"""The last week beside the four weeks before it."""

KNOWN_DAYS = 14
"""So many days before the last week must be known before a price is called dear."""

PRICE_SHARE = Fraction(1, 10)
"""A SKU that is a tenth dearer is told of …"""
PRICE_BAND = Fraction(2, 25)
"""… until it is less than this dearer."""

IMPACT_SHARE = Fraction(3, 200)
"""What is less than this part of a usual week's bill is not told."""

PAST_DAYS = 42
STEADY = (Component.STORAGE, Component.NETWORK, Component.OTHER)

NAMED = 20
"""So many unattributed resources are told of one by one."""


@dataclass(frozen=True, slots=True)
class DaySpend:
    """What one SKU was charged for on one day."""

    day: int
    """Days since 1970-01-01."""
    component: Component
    sku: str
    currency: str
    nano: int
    quantity: Fraction | None
    """None where the bill does not say."""


@dataclass(frozen=True, slots=True)
class Unowned:
    """What a resource was charged on one day, of which no run is known that used it."""

    day: int
    resource: str
    currency: str
    nano: int


@dataclass(frozen=True, slots=True)
class Drivers:
    """Why spend changed, in nano-units; the three sum to the change."""

    price: int
    usage: int
    mix: int

    @property
    def change(self) -> int:
        """All three together."""
        return self.price + self.usage + self.mix


def drivers_of(before: Iterable[DaySpend], after: Iterable[DaySpend], scale: Fraction) -> Drivers:
    """Why *after* is not *before* times *scale*; both of one component and currency.

    A SKU without quantities has no price, so its whole change counts as usage.
    """
    old, new = _by_sku(before), _by_sku(after)
    price = usage = mix = Fraction(0)
    for sku in old.keys() | new.keys():
        was, now = old.get(sku), new.get(sku)
        if was is None or now is None:
            mix += (now[0] if now else 0) - (was[0] * scale if was else 0)
        elif was[1] and now[1]:
            was_price = Fraction(was[0]) / was[1]
            price += now[0] - now[1] * was_price
            usage += was_price * (now[1] - was[1] * scale)
        else:
            usage += now[0] - was[0] * scale
    whole = round(price + usage + mix)
    return Drivers(round(price), whole - round(price) - round(mix), round(mix))


def _by_sku(days: Iterable[DaySpend]) -> dict[str, tuple[int, Fraction | None]]:
    sums: dict[str, tuple[int, Fraction | None]] = {}
    for one in days:
        nano, quantity = sums.get(one.sku, (0, Fraction(0)))
        if quantity is None or one.quantity is None:
            sums[one.sku] = nano + one.nano, None
        else:
            sums[one.sku] = nano + one.nano, quantity + one.quantity
    return sums


def find_spend_alerts(days: Sequence[DaySpend]) -> Iterator[Finding]:
    """What is to be told of the last whole week of a bill, per component and currency.

    Args:
        days: of all components; the latest day of all is taken for the last whole one.
    """
    if not days:
        return
    last = max(one.day for one in days)
    week = usual_weeks(days)
    groups: dict[tuple[Component, str], list[DaySpend]] = defaultdict(list)
    for one in days:
        groups[one.component, one.currency].append(one)
    for (component, currency), group in sorted(groups.items()):
        least = week[currency] * IMPACT_SHARE
        before, after = _split(group, last)
        if min(one.day for one in group) <= last - AFTER_DAYS - KNOWN_DAYS:
            yield from _prices(before, after, currency, least)
        if component in STEADY:
            yield from _departure(component, group, last, least)


def usual_weeks(days: Iterable[DaySpend]) -> dict[str, int]:
    """Currency → the mean bill of a week, over the last five."""
    known = list(days)
    last = max((one.day for one in known), default=0)
    sums: dict[str, int] = defaultdict(int)
    for one in known:
        if one.day > last - AFTER_DAYS - BEFORE_DAYS:
            sums[one.currency] += one.nano
    return {each: nano * AFTER_DAYS // (AFTER_DAYS + BEFORE_DAYS) for each, nano in sums.items()}


def _split(group: Sequence[DaySpend], last: int) -> tuple[list[DaySpend], list[DaySpend]]:
    """The four weeks before the last one, and the last one."""
    after = [one for one in group if one.day > last - AFTER_DAYS]
    since = last - AFTER_DAYS - BEFORE_DAYS
    return [one for one in group if since < one.day <= last - AFTER_DAYS], after


def _prices(
    before: Iterable[DaySpend], after: Iterable[DaySpend], currency: str, least: Fraction
) -> Iterator[Finding]:
    """SKUs of which the same costs more than it did in the four weeks before."""
    old = _by_sku(before)
    for sku, (nano, quantity) in sorted(_by_sku(after).items()):
        was_nano, was_quantity = old.get(sku, (0, None))
        if not quantity or not was_quantity or was_nano <= 0:
            continue
        same = Fraction(was_nano) / was_quantity * quantity
        more = (nano - same) / same
        if more >= PRICE_SHARE and nano - same >= least:
            extra = Money(round(nano - same), currency).display()
            sentence = (
                f"the last {AFTER_DAYS} days cost {extra} ({percent(more, 0)}) more than the same "
                f"would have in the {BEFORE_DAYS} days before"
            )
            yield Finding(Kind.SPEND, f"price of {sku}", sentence)
        elif more >= PRICE_BAND:
            yield Finding(Kind.SPEND, f"price of {sku}", "about a tenth dearer", level=0)


def _departure(
    component: Component, group: Sequence[DaySpend], last: int, least: Fraction
) -> Iterator[Finding]:
    """A steady component that left its range within the last week, and what drove it there."""
    found = departures(_daily(group, last), past=PAST_DAYS, scale=AFTER_DAYS)
    before, after = _split(group, last)
    why = drivers_of(before, after, Fraction(AFTER_DAYS, BEFORE_DAYS))
    if any(found[-AFTER_DAYS:]) and abs(why.change) >= least:
        currency = group[0].currency

        def said(nano: int) -> str:
            return f"{'+' if nano > 0 else ''}{Money(nano, currency).display()}"

        parts = {"price": why.price, "usage": why.usage, "new or gone": why.mix}
        driven = ", ".join(f"{name} {said(nano)}" for name, nano in parts.items() if nano)
        spent = Money(sum(one.nano for one in after), currency).display()
        sentence = f"{spent} in the last {AFTER_DAYS} days is unusual: {driven}"
        yield Finding(Kind.SPEND, f"{component} {currency}", sentence)


def _daily(group: Sequence[DaySpend], last: int) -> list[float]:
    """Sums of all days from the first to *last*; a day without a charge was free."""
    sums: dict[int, int] = defaultdict(int)
    for one in group:
        sums[one.day] += one.nano
    return [float(sums[day]) for day in range(min(sums), last + 1)]


def find_unattributed(
    unowned: Iterable[Unowned], last: int, week_nano: Mapping[str, int]
) -> Iterator[Finding]:
    """Resources that were billed in the last week and that no run is known to have used.

    Args:
        unowned: what nobody known owns, of any days.
        last: the last whole day of the bill.
        week_nano: currency → a usual week's bill; what is under 1.5 % of it is not told.
    """
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for one in unowned:
        if last - AFTER_DAYS < one.day <= last:
            sums[one.currency, one.resource] += one.nano
    large = [
        (nano, currency, resource)
        for (currency, resource), nano in sums.items()
        if nano > 0 and nano >= week_nano.get(currency, 0) * IMPACT_SHARE
    ]
    for nano, currency, resource in sorted(large, reverse=True)[:NAMED]:
        sentence = (
            f"{Money(nano, currency).display()} in {AFTER_DAYS} days, and no run is known that used it: "
            "trainfare explain"
        )
        yield Finding(Kind.UNATTRIBUTED, resource, sentence)
