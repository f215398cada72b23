"""One look at everything that alerts are about: each kind by itself, so that none hides another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path

from trainfare.budgets.alert import Finding, Kind
from trainfare.budgets.budget_alerts import find_budget_alerts
from trainfare.budgets.commitment_alerts import find_endings, find_opportunity, find_unused
from trainfare.budgets.run_alerts import find_run_alerts
from trainfare.budgets.spend_alerts import (
    DaySpend,
    Unowned,
    find_spend_alerts,
    find_unattributed,
    usual_weeks,
)
from trainfare.budgets.upkeep_alerts import (
    Awaited,
    Unbalanced,
    find_late_bills,
    find_stale_prices,
    find_unbalanced,
)
from trainfare.core.budget import Standing
from trainfare.core.charge import Component, Remainder, View
from trainfare.core.errors import NotFound, TrainfareError
from trainfare.core.money import Money
from trainfare.core.period import DAY, BillingPeriod, parse_instant
from trainfare.core.stage import Status
from trainfare.flows.bill import has_ledger, need_analytics
from trainfare.flows.budget import standings
from trainfare.flows.inputs import charge_files
from trainfare.flows.run_sights import past_of, see_runs
from trainfare.metering.history import read_receipts
from trainfare.metering.receipt import Receipt

WHOLE_DAYS = 2
"""A day is on the bill as a whole when it is over for so long: rows come up to a day late."""

RUN_BUDGET_NS = 7 * DAY
"""A budget on each run alerts of runs that run or ended within this time; then it is over."""


def look(home: Path, at_ns: int) -> tuple[list[Finding], dict[Kind, str]]:
    """What is found now, and the kinds that could not be looked at, each with the reason."""
    seen = _Sight(home, at_ns)
    findings: list[Finding] = []
    unseen: dict[Kind, str] = {}
    for kinds, detect in _DETECTORS:
        try:
            findings += detect(seen)
        except TrainfareError as error:
            unseen |= dict.fromkeys(kinds, str(error))
    return findings, unseen


class _Sight:
    """A home at one moment; what several detectors need is read once."""

    def __init__(self, home: Path, at_ns: int) -> None:
        self.home, self.at_ns = home, at_ns

    @cached_property
    def receipts(self) -> list[Receipt]:
        return read_receipts(self.home, now_ns=self.at_ns)

    def is_recent(self, one: Standing) -> bool:
        """Whether a run that a budget is for runs, or has not ended long ago."""
        return one.ended_ns is None or self.at_ns - one.ended_ns < RUN_BUDGET_NS


def _budgets(seen: _Sight) -> Iterable[Finding]:
    found = standings(seen.home, at_ns=seen.at_ns)
    return find_budget_alerts(one for one in found if seen.is_recent(one))


def _runs(seen: _Sight) -> Iterable[Finding]:
    sights = see_runs(seen.home, seen.receipts, seen.at_ns)
    return find_run_alerts(sights, past_of(seen.receipts))


def _prices(seen: _Sight) -> Iterable[Finding]:
    running = [one for one in seen.receipts if one.run.status is Status.RUNNING]
    return find_stale_prices(price for one in running for price in one.estimate.prices)


def _bills(seen: _Sight) -> Iterable[Finding]:
    """Bills that runs wait for, where any bill is here: who never imports one waits for none."""
    if not has_ledger(seen.home):
        return []
    from trainfare.flows.reconcile import reconcile

    try:
        rows = reconcile(seen.home, as_of_ns=seen.at_ns).rows
    except NotFound:
        return []
    expected: dict[tuple[str, str], int] = {}
    waiting: Counter[tuple[str, str]] = Counter()
    for row in rows:
        for key in {
            (one.provider, str(one.period), one.expected_ns)
            for one in row.missing
            if one.provider is not None and one.expected_ns is not None
        }:
            provider, period, expected_ns = key
            waiting[provider, period] += 1
            expected[provider, period] = max(expected.get((provider, period), 0), expected_ns)
    awaited = [Awaited(*key, expected[key], count) for key, count in waiting.items()]
    return find_late_bills(awaited, seen.at_ns)


def _spend(seen: _Sight) -> Iterable[Finding]:
    """The last whole week of the bills beside the weeks before it, and what no run used of it."""
    if not has_ledger(seen.home):
        return []
    need_analytics("look for anomalies of spend")
    from trainfare.store.allocations import current_allocations
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger
    from trainfare.store.results import read_groups, read_sku_days

    periods = _last_periods(seen.at_ns)
    with open_ledger(seen.home) as ledger, ledger.look() as connection:
        deliveries = [one for one in current_deliveries(connection) if one.period in periods]
        results = [one for one in current_allocations(connection) if one.period in periods]
    whole = seen.at_ns // DAY - WHOLE_DAYS
    days = [
        DaySpend(one.day, Component(one.component), one.sku, one.currency, one.nano, one.quantity)
        for one in read_sku_days(charge_files(seen.home, deliveries))
        if one.day <= whole
    ]
    if not days:
        return []
    groups = read_groups(
        [seen.home / one.folder for one in results], ("day", "resource"), View.EFFECTIVE
    )
    unowned = [
        Unowned(parse_instant(f"{day}T00:00:00Z") // DAY, resource, one.currency, one.nano)
        for one in groups
        if one.remainder is Remainder.UNALLOCATED
        for day, resource in [one.key]
        if day is not None and resource is not None
    ]
    last = max(one.day for one in days)
    found = [*find_spend_alerts(days)]
    if any(one.run is not None for one in groups):
        found += find_unattributed(unowned, last, usual_weeks(days))
    return found


def _last_periods(at_ns: int) -> set[str]:
    """The billing periods of the last hundred days."""
    return {str(BillingPeriod.of(max(0, at_ns - back * DAY))) for back in range(100)}


def _conservation(seen: _Sight) -> Iterable[Finding]:
    if not has_ledger(seen.home):
        return []
    from trainfare.flows.allocation import verify

    return find_unbalanced(
        Unbalanced(one.period, one.view.value, Money(one.difference, one.currency))
        for one in verify(seen.home)
        if one.difference
    )


def _commitments(seen: _Sight) -> Iterable[Finding]:
    """When commitments end, and what the last watch over them found."""
    if not has_ledger(seen.home):
        return []
    from trainfare.flows.commitment_watch import endings, find_watched, told_weeks

    found = [*find_endings(endings(seen.home), seen.at_ns)]
    document = find_watched(seen.home)
    if document is not None:
        found += find_unused(told_weeks(document))
    if document is not None and document["orders"]:
        saving = Money.parse(document["saving_per_month"], document["currency"])
        least = Money.parse(document["least_saving"], document["currency"])
        words = " and ".join(one["words"] for one in document["orders"])
        found += find_opportunity(saving, least, words)
    return found


_DETECTORS: tuple[tuple[tuple[Kind, ...], Callable[[_Sight], Iterable[Finding]]], ...] = (
    ((Kind.BUDGET, Kind.FORECAST), _budgets),
    ((Kind.IDLE, Kind.STALLED, Kind.RUN), _runs),
    ((Kind.PRICE,), _prices),
    ((Kind.BILL,), _bills),
    ((Kind.SPEND, Kind.UNATTRIBUTED), _spend),
    ((Kind.CONSERVATION,), _conservation),
    ((Kind.COMMITMENT,), _commitments),
)
