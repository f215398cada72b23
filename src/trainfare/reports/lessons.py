"""Lessons: what an hour of each machine really cost on the bill, for the next estimate to use.

    learnt price of a SKU in a month = Σ effective cost / Σ paid hours, over its machines

over all their hours, used and idle, under a commitment or not; without promotional credits, which
end. Only whole machines teach, each by itself and in its own region, and only a closed month.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from trainfare.allocation.charged import ChargedDay
from trainfare.allocation.names import places
from trainfare.core.charge import Component, View
from trainfare.core.machine import Machine
from trainfare.core.money import NANO
from trainfare.core.period import HOUR
from trainfare.metering.receipt import Receipt
from trainfare.prices.learnt import LearntPrice
from trainfare.prices.listing import exact_decimal
from trainfare.prices.market import is_sold_whole
from trainfare.reports.reconcile import MonthBill

_EFFECTIVE = tuple(View).index(View.EFFECTIVE)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a bill teaches of one SKU in one month, or why it teaches nothing."""

    sku: str
    period: str
    price: LearntPrice | None
    machines: int
    hours: Fraction
    why_not: str = ""


def lessons_of(receipts: Sequence[Receipt], months: Iterable[MonthBill]) -> list[Lesson]:
    """Every lesson of the machines that metered runs used, by SKU and month."""
    machines = {s.machine.resource_id: s.machine for r in receipts for s in r.run.segments}
    found: list[Lesson] = []
    for month in months:
        known = places([*machines, *(day.resource for day in month.days)])
        by_place = {known[name.lower()]: machine for name, machine in machines.items()}
        days: dict[str, list[ChargedDay]] = defaultdict(list)
        for day in month.days:
            if day.component in (Component.COMPUTE, Component.DATA):
                days[known[day.resource]].append(day)
        taught = {place: by_place[place] for place in days if place in by_place}
        found.extend(_of_month(month, taught, days))
    return sorted(found, key=lambda lesson: (lesson.sku, lesson.period))


def _of_month(
    month: MonthBill, machines: Mapping[str, Machine], days: Mapping[str, Sequence[ChargedDay]]
) -> Iterable[Lesson]:
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    refused: dict[tuple[str, str], list[str]] = defaultdict(list)
    for place, machine in machines.items():
        option = "spot" if all(day.is_spot for day in days[place]) else "on_demand"
        words = (machine.provider, machine.region, machine.instance_type, option)
        sku = "/".join(word or "?" for word in words)
        why_not = _why_not(month, machine, days[place])
        if why_not:
            refused[sku, why_not].append(place)
        else:
            groups[sku, days[place][0].currency].append(place)
    for (sku, why_not), group in refused.items():
        yield Lesson(sku, str(month.period), None, len(group), Fraction(0), why_not)
    for (sku, currency), group in groups.items():
        yield _lesson(month, sku, currency, [day for place in group for day in days[place]])


def _why_not(month: MonthBill, machine: Machine, days: Sequence[ChargedDay]) -> str:
    """Why a machine teaches no price; empty where it does."""
    provider, region, name = machine.provider, machine.region, machine.instance_type
    if not (provider and region and name):
        return "its provider, region or type is unknown"
    if not month.is_closed(provider):
        return "the month is still open"
    if any(day.region and day.region.casefold() != region.casefold() for day in days):
        return f"the bill has it in another region than {region}"
    if any(day.instance_type and day.instance_type.casefold() != name.casefold() for day in days):
        return f"the bill has it as another type than {name}"
    if any(day.paid_ns is None for day in days) or not sum(day.paid_ns or 0 for day in days):
        return "the bill does not say for how long it was paid"
    if len({day.is_spot for day in days}) > 1 or days[0].is_spot is None:
        return "it was spot for a part of the month only"
    if len({day.currency for day in days}) > 1:
        return "it is billed in several currencies"
    if not is_sold_whole(provider, name, has_accelerators=bool(machine.accelerators)):
        return "its accelerators are sold beside it, each at a price of its own"
    if _paid(days) <= 0:
        return "it cost nothing"
    return ""


def _paid(days: Iterable[ChargedDay]) -> int:
    """Effective cost without promotional credits, in nano-units."""
    return sum((day.amounts[_EFFECTIVE] or 0) - day.credit_nano for day in days)


def _lesson(month: MonthBill, sku: str, currency: str, days: Sequence[ChargedDay]) -> Lesson:
    paid_ns = {(day.resource, day.day): day.paid_ns or 0 for day in days}
    hours = Fraction(sum(paid_ns.values()), HOUR)
    provider = sku.partition("/")[0]
    price = LearntPrice(
        sku=sku,
        amount=exact_decimal(Fraction(_paid(days), NANO) / hours),
        start=min(day.day for day in days),
        end=max(day.day for day in days) + timedelta(days=1),
        source=f"bill {provider} {month.period}",
        currency=currency,
    )
    return Lesson(sku, str(month.period), price, len({day.resource for day in days}), hours)
