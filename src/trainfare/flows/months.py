"""Billed months: the current allocations, as reconciling and receipts look at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.charge import Component, View
from trainfare.core.money import Money
from trainfare.core.period import BillingPeriod
from trainfare.flows.bill import has_analytics, has_ledger
from trainfare.flows.inputs import charge_files
from trainfare.metering.receipt import Billed, Receipt

if TYPE_CHECKING:
    from trainfare.reports.reconcile import MonthBill
    from trainfare.store.allocations import StoredAllocation
    from trainfare.store.deliveries import StoredDelivery
    from trainfare.store.results import RunPart

_EFFECTIVE = tuple(View).index(View.EFFECTIVE)


def read_months(
    home: Path,
    receipts: Sequence[Receipt],
    as_of_ns: int | None = None,
    *,
    only: Container[str] | None = None,
    with_resources: bool = True,
) -> list[MonthBill]:
    """Every allocated billing period, with what the runs of *receipts* got in it.

    Args:
        home: where the ledger is, unless TRAINFARE_DATABASE names one.
        receipts: of the runs that are asked for.
        as_of_ns: as it stood then.
        only: these billing periods, otherwise all.
        with_resources: read what their resources were charged as a whole and what other runs got,
            too; otherwise only what tells whether a run's bill is complete.
    """
    from trainfare.store.allocations import current_allocations
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        allocations = current_allocations(connection, None, as_of_ns)
        deliveries = current_deliveries(connection, None, as_of_ns)
    by_period: dict[str, list[StoredDelivery]] = defaultdict(list)
    for delivery in deliveries:
        by_period[delivery.period].append(delivery)
    runs = [receipt.run.id for receipt in receipts]
    return [
        _month(home, one, by_period[one.period], runs, with_resources=with_resources)
        for one in allocations
        if only is None or one.period in only
    ]


def newest_of(home: Path, allocations: Sequence[StoredAllocation]) -> StoredAllocation:
    """The newest of *allocations* in whose billing period something was used; else the newest.

    The bill of a month that has only begun may hold nothing but corrections of the one before.
    """
    from trainfare.store.paid import has_usage

    used = (one for one in reversed(allocations) if has_usage(home / one.folder))
    return next(used, allocations[-1])


def newest_month(home: Path) -> str | None:
    """The billing period of :func:`newest_of` all; None where nothing is allocated."""
    if not (has_ledger(home) and has_analytics()):
        return None
    from trainfare.store.allocations import current_allocations
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        allocations = current_allocations(connection)
    return newest_of(home, allocations).period if allocations else None


def _month(
    home: Path,
    allocation: StoredAllocation,
    deliveries: Sequence[StoredDelivery],
    runs: Sequence[str],
    *,
    with_resources: bool,
) -> MonthBill:
    from trainfare.allocation.charged import read_charged
    from trainfare.billing.lateness import provider_of
    from trainfare.reports.reconcile import MonthBill
    from trainfare.store.results import read_run_parts, sum_by_run

    result = [home / allocation.folder]
    period = BillingPeriod.parse(allocation.period)
    parts: dict[str, list[RunPart]] = defaultdict(list)
    for part in read_run_parts(result, runs):
        parts[part.run].append(part)
    imported: dict[str, int] = {}
    for delivery in deliveries:
        for account in delivery.accounts:
            provider = provider_of(account.partition("/")[0])
            came_ns = imported.get(provider, delivery.imported_ns)
            imported[provider] = min(came_ns, delivery.imported_ns)
    month = MonthBill(period, allocation.since_ns, {}, parts, (), (), imported)
    if not with_resources and imported and all(map(month.is_closed, imported)):
        return month
    resources = {p.resource for group in parts.values() for p in group if p.resource}
    days, reaches = read_charged(
        charge_files(home, deliveries), resources if with_resources else ()
    )
    sums = sum_by_run(result) if with_resources else {}
    return replace(month, sums=sums, days=days, reaches=reaches)


def with_bills(home: Path, receipts: Sequence[Receipt]) -> list[Receipt]:
    """*receipts*, each with what its run was billed where all of its bill is here and allocated.

    Where no bill was ever imported they come back as they are, and nothing heavy is loaded.
    """
    if not (receipts and has_ledger(home) and has_analytics()):
        return list(receipts)
    from trainfare.reports.reconcile import make_books, missing_of, periods_of

    touched = {
        str(period)
        for receipt in receipts
        for stretch in receipt.estimate.stretches
        for period in periods_of(stretch.interval)
    }
    months = read_months(home, receipts, only=touched, with_resources=False)
    if not months:
        return list(receipts)
    books = make_books(receipts, (), months, [month.period for month in months])
    return [
        receipt
        if missing_of(receipt, months, books, is_whole=True)
        else replace(receipt, billed=_billed(receipt, months))
        for receipt in receipts
    ]


def _billed(receipt: Receipt, months: Sequence[MonthBill]) -> Billed | None:
    """What a run was billed; None where that is in several currencies, or on no bill."""
    touched = [month for month in months if receipt.run.id in month.parts]
    parts = [part for month in touched for part in month.parts[receipt.run.id]]
    currencies = {part.currency for part in parts}
    if len(currencies) != 1:
        return None
    [currency] = currencies
    components = dict.fromkeys(Component, Money.zero(currency))
    methods: dict[str, Money] = {}
    for part in parts:
        amount = Money(part.amounts[_EFFECTIVE] or 0, currency)
        components[Component(part.component)] += amount
        methods[part.method] = methods.get(part.method, Money.zero(currency)) + amount
    return Billed(
        total=Money.total(components.values(), currency),
        components=components,
        view=View.EFFECTIVE,
        as_of_ns=max(month.since_ns for month in touched),
        methods=methods,
    )
