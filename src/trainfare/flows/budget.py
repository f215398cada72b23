"""The budget path: budgets × runs × bills → where each budget stands, and whether a plan fits."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainfare.core.budget import Budget, BudgetPeriod, BudgetView, Standing
from trainfare.core.charge import View
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import DAY, HOUR, BillingPeriod, Interval, parse_instant
from trainfare.core.standing import Spender, stand, sum_of
from trainfare.flows.bill import has_ledger
from trainfare.flows.brief import Brief, NotAtMidnight
from trainfare.flows.briefs import Known, read_known
from trainfare.flows.forecast import forecasts_of
from trainfare.flows.outlook import with_outlook
from trainfare.metering.audit import add_to_audit
from trainfare.metering.budget_shelf import budget_json, delete_budget, put_budget, read_budgets
from trainfare.metering.history import read_receipts
from trainfare.metering.receipt import Receipt
from trainfare.metering.spender import estimated_by, spender_of

_Billed = Mapping[str, Sequence[tuple[Interval, Money]]]
"""Run → what it was billed, day by day."""

_Arrived = Mapping[str, int]
"""Billing period → until when its bill is whole: to its end, or to the last day that it charges."""


LATE_DAYS = 5
"""A bill that was allocated so long after its month is whole, though its last days may be empty."""


def set_budget(home: Path, budget: Budget) -> Budget | None:
    """Keep *budget*, note it in the audit trail, and return the one whose place it took."""
    before = put_budget(home, budget)
    words = {"before": budget_json(before)} if before else {}
    add_to_audit(home, "budget set", budget=budget.id, now=budget_json(budget), **words)
    return before


def drop_budget(home: Path, budget_id: str) -> Budget:
    """Remove a budget, note it in the audit trail, and return it.

    Raises:
        NotFound: there is none of that id.
    """
    gone = delete_budget(home, budget_id)
    add_to_audit(home, "budget deleted", budget=gone.id, before=budget_json(gone))
    return gone


def standings(
    home: Path, budgets: Sequence[Budget] | None = None, *, at_ns: int | None = None
) -> list[Standing]:
    """Where *budgets* stand, all of the home's by default; a budget on each run answers per run."""
    at_ns = time.time_ns() if at_ns is None else at_ns
    asked = read_budgets(home) if budgets is None else budgets
    if not asked:
        return []
    bills = _billed(home) if any(_is_billed(one) for one in asked) else ({}, {})
    known = read_known(home, at_ns)
    try:
        return _stand_all(home, asked, known, bills, at_ns)
    except NotAtMidnight:  # a budget that starts within a day asks for more than briefs tell
        known = Known((), read_receipts(home, now_ns=at_ns), at_ns)
        return _stand_all(home, asked, known, bills, at_ns)


def _stand_all(
    home: Path,
    budgets: Sequence[Budget],
    known: Known,
    bills: tuple[_Arrived, _Billed],
    at_ns: int,
) -> list[Standing]:
    forecasts = forecasts_of(home, known.receipts)
    riders = [*map(_rider_in_brief(at_ns), known.briefs), *map(_rider, known.receipts)]
    riders.sort(key=lambda one: (one.spender.lasted.start_ns, one.spender.run))
    found = []
    for budget in budgets:
        spenders = _covered(budget, riders, *bills)
        found += [
            with_outlook(one, spenders, forecasts, at_ns) for one in stand(budget, spenders, at_ns)
        ]
    return found


@dataclass(frozen=True, slots=True)
class _Rider:
    """A run as budgets look at it, by its estimate."""

    name: str | None
    labels: Mapping[str, str]
    currency: str
    whole: Interval
    """From its start until nothing of it costs any more."""
    spender: Spender


def _rider(receipt: Receipt) -> _Rider:
    run = receipt.run
    spender = spender_of(receipt, estimated_by(receipt))
    held = [one.held.end_ns for segment in run.segments for one in segment.artifacts]
    whole = Interval(spender.lasted.start_ns, max(spender.lasted.end_ns, *held, 0) + 1)
    return _Rider(run.name, run.labels, receipt.estimate.currency, whole, spender)


def _rider_in_brief(now_ns: int) -> Callable[[Brief], _Rider]:
    def rider(one: Brief) -> _Rider:
        spender = one.spender(now_ns)
        until_ns = max(spender.lasted.end_ns, spender.storage_until_ns)
        whole = Interval(spender.lasted.start_ns, until_ns + 1)
        return _Rider(one.name, one.labels, one.currency, whole, spender)

    return rider


def _covered(
    budget: Budget, riders: Sequence[_Rider], arrived: _Arrived, billed: _Billed
) -> list[Spender]:
    return [
        replace(one.spender, spent=_book(budget.view, one, arrived, billed))
        for one in riders
        if budget.covers(one.spender.run, one.labels, one.name)
    ]


def spent_course(
    home: Path, budget: Budget, at_ns: int
) -> tuple[Standing, list[tuple[int, Money]]]:
    """Where *budget* stands, and what was spent of it until each of some instants before *at_ns*.

    Instants are hours of a day, days of a month; where spend is not known the course ends.

    Raises:
        BadInput: every run has this budget itself, so it has no one course.
    """
    if budget.period is BudgetPeriod.RUN:
        raise BadInput(f"budget {budget.id} is for each run by itself; draw a budget with a period")
    arrived, billed = _billed(home) if _is_billed(budget) else ({}, {})
    receipts = read_receipts(home, now_ns=at_ns)
    spenders = _covered(budget, [_rider(one) for one in receipts], arrived, billed)
    [standing] = stand(budget, spenders, at_ns)
    standing = with_outlook(standing, spenders, forecasts_of(home, receipts), at_ns)
    window = budget.window(at_ns)
    begin_ns = max(window.start_ns, min((one.lasted.start_ns for one in spenders), default=at_ns))
    course = [(begin_ns, Money.zero(budget.limit.currency))]
    step_ns = HOUR if at_ns - begin_ns <= 3 * DAY else DAY
    instants = range((begin_ns // step_ns + 1) * step_ns, at_ns, step_ns)
    for instant_ns in (*instants, at_ns):
        spent, _ = sum_of(spenders, Interval(window.start_ns, instant_ns), budget.limit.currency)
        if spent is None:
            break
        course.append((instant_ns, spent))
    return standing, course


def _is_billed(budget: Budget) -> bool:
    return budget.view is not BudgetView.ESTIMATED


def _book(
    view: BudgetView, rider: _Rider, arrived: _Arrived, billed: _Billed
) -> Callable[[Interval], Money | None]:
    """What the run spent within a window, in the book of *view*."""
    days = billed.get(rider.spender.run, ())
    estimated = rider.spender.spent

    def charged(window: Interval) -> Money:
        inside = [amount for day, amount in days if window.start_ns <= day.start_ns < window.end_ns]
        currency = inside[0].currency if inside else rider.currency
        return Money.total(inside, currency)

    def blended(window: Interval) -> Money | None:
        whole = [(day, amount) for day, amount in days if _is_whole(day, arrived)]
        inside = [
            amount for day, amount in whole if window.start_ns <= day.start_ns < window.end_ns
        ]
        parts: list[Money | None] = [*inside]
        parts += [estimated(gap) for gap in _not_billed(window, rider.whole, arrived)]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or len({part.currency for part in known}) > 1:
            return None
        return Money.total(known, known[0].currency if known else rider.currency)

    return {
        BudgetView.ESTIMATED: estimated,
        BudgetView.BILLED: charged,
        BudgetView.BLENDED: blended,
    }[view]


def _is_whole(day: Interval, arrived: _Arrived) -> bool:
    return day.end_ns <= arrived.get(str(BillingPeriod.of(day.start_ns)), 0)


def _not_billed(window: Interval, whole: Interval, arrived: _Arrived) -> list[Interval]:
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


def _billed(home: Path) -> tuple[_Arrived, _Billed]:
    """Until when each bill is whole, and what every run was billed, day by day."""
    if not has_ledger(home):
        return {}, {}
    from trainfare.store.allocations import current_allocations
    from trainfare.store.ledger import open_ledger
    from trainfare.store.results import read_groups

    with open_ledger(home) as ledger, ledger.look() as connection:
        allocations = current_allocations(connection)
    billed: dict[str, list[tuple[Interval, Money]]] = defaultdict(list)
    arrived: dict[str, int] = {}
    for one in allocations:
        month = BillingPeriod.parse(one.period).interval
        last_ns = month.start_ns
        for group in read_groups([home / one.folder], ("day",), View.EFFECTIVE):
            day = _day(group.key[0], one.period)
            last_ns = max(last_ns, day.start_ns)
            if group.run is not None:
                billed[group.run].append((day, Money(group.nano, group.currency)))
        is_whole = last_ns + DAY >= month.end_ns or month.end_ns < one.since_ns - DAY * LATE_DAYS
        arrived[one.period] = month.end_ns if is_whole else last_ns
    return arrived, billed


def _day(text: str | None, period: str) -> Interval:
    """The day of a result's row; shared money that was divided over the period stands at its start."""
    start_ns = parse_instant(f"{text or f'{period}-01'}T00:00:00Z")
    return Interval(start_ns, start_ns + DAY)


@dataclass(frozen=True, slots=True)
class Fit:
    """Whether a plan fits one budget."""

    standing: Standing
    """As it is now."""
    plan: Money
    left: Money | None
    """What the plan leaves of the limit, below 0 where it does not fit; None where it is not known."""

    @property
    def fits(self) -> bool | None:
        """None where it is not known: another currency, or nothing spent is known."""
        return None if self.left is None else self.left.nano >= 0


def fit_plan(
    home: Path, plan: Money, labels: Mapping[str, str], budgets: Sequence[Budget] | None = None
) -> list[Fit]:
    """Whether a run of these *labels* that costs *plan* fits every budget that would cover it."""
    asked = read_budgets(home) if budgets is None else budgets
    covering = [one for one in asked if one.covers("planned", labels)]
    fits = []
    for budget in covering:
        if budget.period is BudgetPeriod.RUN:
            standing = Standing(budget, budget.limit, Money.zero(budget.limit.currency))
        else:
            [standing] = standings(home, [budget])
        spent = standing.spent
        is_known = spent is not None and spent.currency == plan.currency
        left = standing.limit - spent - plan if is_known and spent is not None else None
        fits.append(Fit(standing, plan, left))
    return fits
