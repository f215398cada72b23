"""Reconciliation: per run and in total what was estimated, what was billed, and why they differ.

A run is compared only where its bill has arrived; what is missing is named with the day on which it
can be expected, and is never taken for 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fractions import Fraction

from trainfare.allocation.charged import ChargedDay, Reach
from trainfare.allocation.names import places
from trainfare.billing.lateness import closes_ns, expected_ns, provider_of
from trainfare.core.charge import View
from trainfare.core.claim import Claim, holdings, merge_claims
from trainfare.core.money import Money
from trainfare.core.period import HOUR, BillingPeriod, Interval
from trainfare.core.run import LOCAL_RESOURCE
from trainfare.metering.receipt import Receipt
from trainfare.reports.two_books import Books, Item, estimated_in, items_of
from trainfare.reports.variance import Variance, settle, total
from trainfare.store.results import RunPart

_EFFECTIVE = tuple(View).index(View.EFFECTIVE)


class Standing(StrEnum):
    """How far the bill of a run is."""

    RECONCILED = "reconciled"
    OPEN_PERIOD = "open_period"
    """Billed, in a billing period that is still open: it may change."""
    AWAITING_BILL = "awaiting_bill"
    """Some of its time is on no bill that is here."""


@dataclass(frozen=True, slots=True)
class MonthBill:
    """The bills of one billing period, allocated."""

    period: BillingPeriod
    since_ns: int
    """When this allocation became the current one."""
    sums: Mapping[tuple[str, str], int]
    """(run, currency) → effective nano-units, of every run that got something."""
    parts: Mapping[str, Sequence[RunPart]]
    """Run → what it got, of the runs that were metered."""
    days: Sequence[ChargedDay]
    """What the resources of metered runs were charged as a whole."""
    reaches: Sequence[Reach]
    """Needed only while the month is open."""
    imported_ns: Mapping[str, int]
    """Provider → when the bill that is current was brought here."""

    def is_closed(self, provider: str) -> bool:
        """Whether the bill of *provider* came when the period had closed, or is an invoice."""
        came_ns = self.imported_ns.get(provider, max(self.imported_ns.values(), default=0))
        own = [reach for reach in self.reaches if provider_of(reach.provider) == provider]
        is_invoiced = bool(own) and all(reach.is_invoiced for reach in own)
        return is_invoiced or came_ns >= closes_ns(provider, self.period)

    def reach_ns(self, provider: str | None) -> int | None:
        """Until when the bill of *provider* has usage (of all, with None); None without a bill."""
        found = [
            reach.until_ns
            for reach in self.reaches
            if provider is None or provider_of(reach.provider) == provider
        ]
        return max(found, default=None)


@dataclass(frozen=True, slots=True)
class Missing:
    """Time on a resource that is on no bill which is here."""

    resource: str
    provider: str | None
    """None: nobody is known to bill it."""
    period: BillingPeriod
    reach_ns: int | None
    """How far the bill that is here reaches; None where there is none."""
    is_unnamed: bool
    """The bill is here whole and names nothing that the run used: is its account's bill missing?"""
    expected_ns: int | None
    """When it can be expected; None where nobody is known to bill it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run."""

    run: str
    name: str | None
    status: Standing
    estimated: Money | None
    """None where it was not metered here, or some of its time has no price."""
    billed: Money | None
    """None while some of it is awaited."""
    billed_so_far: Money | None
    """What has arrived while the rest is awaited; None where nothing has."""
    variance: Variance | None
    """None where one of the two amounts is unknown, or their currencies differ."""
    items: tuple[Item, ...]
    missing: tuple[Missing, ...]
    is_metered: bool
    also_billed: tuple[Money, ...] = ()
    """Amounts in other currencies, which are in no sum here."""


def make_books(
    receipts: Sequence[Receipt],
    claims: Iterable[Claim],
    months: Sequence[MonthBill],
    asked: Sequence[BillingPeriod],
) -> Books:
    """Names, whole days and holdings in the months *asked* for, for :func:`rows_of`.

    Args:
        receipts: of all runs of the home.
        claims: of all runs that anybody recorded.
        months: the bills that are here.
        asked: the months to compare.
    """
    intervals = tuple(period.interval for period in asked)
    metered = {r.run.id: merge_claims(r.run.claims()) for r in receipts}
    own = [claim for group in metered.values() for claim in group]
    others = [claim for claim in claims if claim.run not in metered]
    billed = [p.resource for m in months for group in m.parts.values() for p in group if p.resource]
    known = places([*billed, *(claim.resource_id for claim in [*own, *others])])
    by_place: dict[str, list[Claim]] = {known[c.resource_id.lower()]: [] for c in own}
    for claim in [*own, *others]:
        place = known[claim.resource_id.lower()]
        if place in by_place:
            by_place[place].append(claim)
    held: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for place, group in by_place.items():
        for holding in holdings([replace(claim, resource_id=place) for claim in group]):
            inside = sum(holding.interval.overlap_ns(month) for month in intervals)
            held[holding.claim.run, place] += holding.share * Fraction(inside, HOUR)
    days: dict[tuple[str, str, date], list[ChargedDay]] = defaultdict(list)
    for day in (day for month in months for day in month.days):
        days[day.resource, day.currency, day.day].append(day)
    return Books(intervals, known, days, held)


def rows_of(
    receipts: Sequence[Receipt], months: Sequence[MonthBill], books: Books, *, is_whole: bool
) -> list[Row]:
    """One row per run that was metered or billed, the largest variance first.

    Args:
        receipts: of all runs of the home.
        months: the bills to compare with.
        books: of the months that are compared.
        is_whole: compare whole runs, so that time outside of these months is awaited; else only the
            part of each run that lies within them.
    """
    rows = [_metered(r, months, books, is_whole=is_whole) for r in receipts]
    found = [row for row in rows if row is not None]
    metered = {receipt.run.id for receipt in receipts}
    found.extend(_unmetered(months, metered))
    return sorted(found, key=_rank)


def _rank(row: Row) -> tuple[int, int, str]:
    order = 0 if row.variance else 1 if row.status is Standing.AWAITING_BILL else 2
    size = row.variance.variance if row.variance else row.billed or row.estimated
    return order, -abs(size.nano) if size else 0, row.run


def _metered(
    receipt: Receipt, months: Sequence[MonthBill], books: Books, *, is_whole: bool
) -> Row | None:
    run = receipt.run
    parts = [part for month in months for part in month.parts.get(run.id, ())]
    touches = any(is_whole or books.inside(s.interval) for s in receipt.estimate.stretches)
    if not (touches or parts):
        return None
    missing = missing_of(receipt, months, books, is_whole=is_whole)
    estimated = receipt.estimate.total if missing and is_whole else estimated_in(receipt, books)
    sums, currency = _sums(parts), receipt.estimate.currency
    if estimated is None and currency not in sums and len(sums) == 1:
        currency = next(iter(sums))
    billed = sums.pop(currency, None)
    if billed is None and not missing and not sums:
        billed = Money.zero(currency)
    items: tuple[Item, ...] = ()
    variance = None
    if not missing and not sums and estimated is not None and billed is not None:
        items = tuple(items_of(receipt, parts, books))
        variance = settle(run.id, estimated, billed, (item.causes for item in items))
    return Row(
        run=run.id,
        name=run.name,
        status=_standing(missing, receipt, months),
        estimated=estimated,
        billed=None if missing else billed,
        billed_so_far=billed if missing else None,
        variance=variance,
        items=items,
        missing=missing,
        is_metered=True,
        also_billed=tuple(sums.values()),
    )


def _unmetered(months: Sequence[MonthBill], metered: Container[str]) -> Iterable[Row]:
    """Runs that have a bill and no estimate: known by other systems' records, tags or rules."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    is_open: set[str] = set()
    for month in months:
        may_change = not all(map(month.is_closed, month.imported_ns))
        for (run, currency), nano in month.sums.items():
            if run not in metered:
                sums[run][currency] += nano
                is_open.update({run} if may_change else ())
    for run, found in sums.items():
        amounts = sorted((Money(n, c) for c, n in found.items()), key=lambda one: -abs(one.nano))
        status = Standing.OPEN_PERIOD if run in is_open else Standing.RECONCILED
        yield Row(
            run, None, status, None, amounts[0], None, None, (), (), False, tuple(amounts[1:])
        )


def _sums(parts: Iterable[RunPart]) -> dict[str, Money]:
    """Currency → effective cost."""
    sums: dict[str, Money] = {}
    for part in parts:
        amount = Money(part.amounts[_EFFECTIVE] or 0, part.currency)
        sums[part.currency] = sums.get(part.currency, Money.zero(part.currency)) + amount
    return sums


def _standing(
    missing: Sequence[Missing], receipt: Receipt, months: Sequence[MonthBill]
) -> Standing:
    if missing:
        return Standing.AWAITING_BILL
    providers = {s.machine.provider for s in receipt.run.segments if s.machine.provider}
    spans = [stretch.interval for stretch in receipt.estimate.stretches]
    touched = [m for m in months if any(span.overlap_ns(m.period.interval) for span in spans)]
    is_closed = all(
        month.is_closed(provider) for month in touched for provider in providers or {""}
    )
    return Standing.RECONCILED if is_closed else Standing.OPEN_PERIOD


def missing_of(
    receipt: Receipt, months: Sequence[MonthBill], books: Books, *, is_whole: bool
) -> tuple[Missing, ...]:
    """Which of a run's machines and months are on no bill, in order of resources and months.

    A machine that a whole bill does not name, while it names others of the run, was not billed and
    is not missing. A run of which it names nothing at all waits for another bill: it was not free.
    """
    billed = {
        (books.place(part.resource), month.period)
        for month in months
        for part in month.parts.get(receipt.run.id, ())
        if part.resource
    }
    providers = {s.machine.resource_id: s.machine.provider for s in receipt.run.segments}
    by_period = {month.period: month for month in months}
    ends: dict[tuple[str, BillingPeriod], int] = {}
    for stretch in receipt.estimate.stretches:
        for period in periods_of(stretch.interval):
            key = (stretch.resource_id, period)
            end_ns = min(stretch.interval.end_ns, period.interval.end_ns)
            ends[key] = max(ends.get(key, 0), end_ns)
    found = []
    for (resource, period), end_ns in sorted(ends.items()):
        if not is_whole and period.interval not in books.months:
            continue
        is_named = (books.place(resource), period) in billed
        here = by_period.get(period)
        provider = providers.get(resource)
        reach_ns = _reach(here, provider, end_ns, is_named=is_named)
        is_unnamed = here is not None and not here.parts.get(receipt.run.id)
        if reach_ns is None or reach_ns < end_ns or is_unnamed:
            is_known = provider is not None and not resource.startswith(LOCAL_RESOURCE)
            expected = expected_ns(provider, end_ns) if is_known and provider else None
            whole = reach_ns is not None and reach_ns >= end_ns
            found.append(Missing(resource, provider, period, reach_ns, whole, expected))
    return tuple(found)


def periods_of(interval: Interval) -> Iterable[BillingPeriod]:
    """The months that *interval* touches."""
    period, last = BillingPeriod.of(interval.start_ns), BillingPeriod.of(interval.end_ns - 1)
    while period <= last:
        yield period
        period = period.next()


def _reach(
    month: MonthBill | None, provider: str | None, end_ns: int, *, is_named: bool
) -> int | None:
    """Until when the month's bill speaks of a resource; None where none here would.

    A closed bill speaks of the whole month, whatever it names: what is not on it was not billed.
    """
    if month is None:
        return None
    reach_ns = month.reach_ns(provider) if provider else None
    speaks = is_named or reach_ns is not None or provider in month.imported_ns
    if speaks and month.is_closed(provider or ""):
        return end_ns
    return month.reach_ns(None) if reach_ns is None and is_named else reach_ns


def totals_of(rows: Iterable[Row]) -> list[Variance]:
    """What all compared runs sum to, one total per currency, the largest bill first."""
    by_currency: dict[str, list[Variance]] = defaultdict(list)
    for row in rows:
        if row.variance is not None:
            by_currency[row.variance.billed.currency].append(row.variance)
    sums = [total("total", group, currency) for currency, group in by_currency.items()]
    return sorted(sums, key=lambda one: -abs(one.billed.nano))
