"""Spenders: runs × bills → what each run spent, in the book that a budget is held against.

    Σ what runs were billed in a billing period = Σ runs of its allocation, effective

In the billed book and the blended one, runs that only a bill names stand beside the metered ones,
and every run has the labels that reports give it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from trainfare.core.budget import Budget, BudgetView
from trainfare.core.charge import View
from trainfare.core.money import Money
from trainfare.core.period import DAY, BillingPeriod, Interval, hull, parse_instant
from trainfare.core.standing import Spender
from trainfare.flows.bill import has_ledger
from trainfare.flows.brief import Brief
from trainfare.flows.briefs import Known
from trainfare.metering.receipt import Receipt
from trainfare.metering.spender import estimated_by, spender_of

Days = Sequence[tuple[Interval, Money]]
"""What was billed, day by day, in one currency."""

LATE_DAYS = 5
"""A bill that was allocated so long after its month is whole, though its last days may be empty."""


@dataclass(frozen=True, slots=True)
class Bills:
    """What the bills of a home say of its runs; empty where there are none."""

    arrived: Mapping[str, int] = field(default_factory=dict)
    """Billing period → until when its bill is whole: to its end, or to the last day it charges."""
    days: Mapping[tuple[str, str], Days] = field(default_factory=dict)
    """Run and currency → what it was billed."""
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Run → what schedulers, imported claims and tags say of it."""


@dataclass(frozen=True, slots=True)
class Rider:
    """A run as budgets look at it, in one currency."""

    name: str | None
    labels: Mapping[str, str]
    currency: str
    whole: Interval
    """From its start until nothing of it costs any more."""
    spender: Spender
    """By its estimate; of a run that only a bill knows, by the bill as far as it goes."""
    days: Days = ()
    """What it was billed."""


def read_riders(known: Known) -> list[Rider]:
    """The metered runs, by their estimates."""
    briefs = [_rider_in_brief(one, known.now_ns) for one in known.briefs]
    return _in_order([*briefs, *map(_rider, known.receipts)])


def _in_order(riders: Sequence[Rider]) -> list[Rider]:
    return sorted(riders, key=lambda one: (one.spender.lasted.start_ns, one.spender.run))


def _rider(receipt: Receipt) -> Rider:
    run, spender = receipt.run, spender_of(receipt, estimated_by(receipt))
    return Rider(run.name, run.labels, receipt.estimate.currency, _whole(spender), spender)


def _rider_in_brief(one: Brief, now_ns: int) -> Rider:
    spender = one.spender(now_ns)
    return Rider(one.name, one.labels, one.currency, _whole(spender), spender)


def _whole(spender: Spender) -> Interval:
    until_ns = max(spender.lasted.end_ns, spender.storage_until_ns)
    return Interval(spender.lasted.start_ns, until_ns + 1)


def read_bills(home: Path) -> Bills:
    """What the current allocations and labels of *home* say."""
    if not has_ledger(home):
        return Bills()
    from trainfare.store.allocations import current_allocations
    from trainfare.store.claims import read_labels
    from trainfare.store.ledger import open_ledger
    from trainfare.store.results import read_groups

    with open_ledger(home) as ledger, ledger.look() as connection:
        allocations, labels = current_allocations(connection), read_labels(connection)
    days: dict[tuple[str, str], list[tuple[Interval, Money]]] = defaultdict(list)
    arrived: dict[str, int] = {}
    for one in allocations:
        month = BillingPeriod.parse(one.period).interval
        last_ns = month.start_ns
        for group in read_groups([home / one.folder], ("day",), View.EFFECTIVE):
            day = _day(group.key[0], month)
            last_ns = max(last_ns, day.start_ns)
            if group.run is not None:
                amount = Money(group.nano, group.currency)
                days[group.run, group.currency].append((day, amount))
        is_whole = last_ns + DAY >= month.end_ns or month.end_ns < one.since_ns - DAY * LATE_DAYS
        arrived[one.period] = month.end_ns if is_whole else last_ns
    return Bills(arrived, days, labels)


@lru_cache(maxsize=1024)
def _day(text: str | None, month: Interval) -> Interval:
    """The day of a result's row, within the *month* whose bill it is on.

    Shared money that was divided over the month stands at its start, and so does what came late for
    a day before it.
    """
    start_ns = month.start_ns if text is None else parse_instant(f"{text}T00:00:00Z")
    start_ns = min(max(start_ns, month.start_ns), month.end_ns - DAY)
    return Interval(start_ns, start_ns + DAY)


def with_bills(riders: Sequence[Rider], bills: Bills) -> list[Rider]:
    """*riders* as reports label them, and what only bills know: runs, and other currencies of runs."""
    rest = dict(bills.days)
    found = []
    for one in riders:
        days = rest.pop((one.spender.run, one.currency), ())
        labels = {**bills.labels.get(one.spender.run, {}), **one.labels}
        spender = replace(one.spender, lasted=hull([one.spender.lasted, *_intervals(days)]))
        found.append(replace(one, labels=labels, spender=spender, days=days))
    metered = {one.spender.run: one for one in found}
    for (run, currency), days in rest.items():
        known = metered.get(run)
        lasted = hull(_intervals(days))
        found.append(
            Rider(
                None if known is None else known.name,
                bills.labels.get(run, {}) if known is None else known.labels,
                currency,
                lasted,
                Spender(run, lasted, False, _charged(days, currency)),
                days,
            )
        )
    return _in_order(found)


def _intervals(days: Days) -> list[Interval]:
    return [day for day, _ in days]


def covered(budget: Budget, riders: Sequence[Rider], arrived: Mapping[str, int]) -> list[Spender]:
    """The runs that *budget* covers, with what they spent in its book.

    Args:
        budget: which runs, and which book.
        riders: all runs; for the billed book and the blended one, those of :func:`with_bills`.
        arrived: billing period → until when its bill is whole.
    """
    return [
        replace(one.spender, spent=_book(budget.view, one, arrived))
        for one in riders
        if budget.covers(one.spender.run, one.labels, one.name)
    ]


def _book(
    view: BudgetView, rider: Rider, arrived: Mapping[str, int]
) -> Callable[[Interval], Money | None]:
    """What the run spent within a window, in the book of *view*."""
    estimated, charged = rider.spender.spent, _charged(rider.days, rider.currency)
    if view is not BudgetView.BLENDED:
        return charged if view is BudgetView.BILLED else estimated
    whole_days = [(day, amount) for day, amount in rider.days if _is_whole(day, arrived)]
    arrived_in = _charged(whole_days, rider.currency)

    def blended(window: Interval) -> Money | None:
        since = [estimated(gap) for gap in _not_billed(window, rider.whole, arrived)]
        known = [part for part in since if part is not None]
        if len(known) < len(since):
            return None
        return Money.total([arrived_in(window), *known], rider.currency)

    return blended


def _charged(days: Days, currency: str) -> Callable[[Interval], Money]:
    """What *days* charge within a window; a day belongs to the window that holds its start."""

    def charged(window: Interval) -> Money:
        inside = (amount for day, amount in days if window.start_ns <= day.start_ns < window.end_ns)
        return Money.total(inside, currency)

    return charged


def _is_whole(day: Interval, arrived: Mapping[str, int]) -> bool:
    return day.end_ns <= arrived.get(str(BillingPeriod.of(day.start_ns)), 0)


def _not_billed(window: Interval, whole: Interval, arrived: Mapping[str, int]) -> list[Interval]:
    """The parts of *window* within the *whole* of a run's time that no bill reaches yet."""
    inside = window.clip(whole)
    gaps: list[Interval] = []
    while inside is not None:
        month = BillingPeriod.of(inside.start_ns)
        until_ns = min(inside.end_ns, month.interval.end_ns)
        since_ns = max(inside.start_ns, arrived.get(str(month), 0))
        if since_ns < until_ns:
            gaps.append(Interval(since_ns, until_ns))
        inside = Interval(until_ns, inside.end_ns) if until_ns < inside.end_ns else None
    return gaps
