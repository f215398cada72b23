"""The budget path: budgets × runs × bills → where each budget stands, and whether a plan fits."""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainfare.core.budget import Budget, BudgetPeriod, BudgetView, Standing
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import DAY, HOUR, BillingPeriod, Interval, hull, name_periods
from trainfare.core.standing import Spender, earlier_windows, stand, sum_of
from trainfare.flows.brief import NotAtMidnight
from trainfare.flows.briefs import Known, read_known
from trainfare.flows.forecast import forecasts_of
from trainfare.flows.outlook import with_outlook
from trainfare.flows.spenders import Bills, covered, read_bills, read_riders, with_bills
from trainfare.metering.audit import add_to_audit
from trainfare.metering.budget_shelf import budget_json, delete_budget, put_budget, read_budgets
from trainfare.metering.history import read_receipts


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
    bills = read_bills(home) if any(_is_billed(one) for one in asked) else None
    known = read_known(home, at_ns)
    try:
        return _stand_all(home, asked, known, bills, at_ns)
    except NotAtMidnight:  # a budget that starts within a day asks for more than briefs tell
        known = Known((), read_receipts(home, now_ns=at_ns), at_ns)
        return _stand_all(home, asked, known, bills, at_ns)


def _stand_all(
    home: Path, budgets: Sequence[Budget], known: Known, bills: Bills | None, at_ns: int
) -> list[Standing]:
    forecasts = forecasts_of(home, known.receipts)
    spenders_of = _spenders(known, bills)
    found = []
    for budget in budgets:
        spenders = spenders_of(budget)
        found += [
            with_outlook(one, spenders, forecasts, at_ns)
            for one in _stand(budget, spenders, bills, at_ns)
        ]
    return found


def _stand(
    budget: Budget, spenders: Sequence[Spender], bills: Bills | None, at_ns: int
) -> list[Standing]:
    """Where *budget* stands; in the billed book that is not known before a bill of its time is here."""
    standings, billed = stand(budget, spenders, at_ns), _billed(budget, bills)
    if billed is None:
        return standings
    lasted: dict[str | None, list[Interval]] = {None: [each.lasted for each in spenders]}
    for each in spenders:
        lasted.setdefault(each.run, []).append(each.lasted)
    before = earlier_windows(budget, spenders, at_ns) if budget.is_carried_over else []
    lacked = _without_bill(hull(before), lasted[None], billed) if before else set()
    found = []
    for one in standings:
        window = budget.window(at_ns) if one.run is None else hull(lasted[one.run])
        lacks = _without_bill(window, lasted[one.run], billed)
        if _awaits_bill(window, billed):
            lacks = lacks or {str(BillingPeriod.of(min(at_ns, window.end_ns - 1)))}
            one = replace(one, spent=None, why="")  # noqa: PLW2901
        if lacks | lacked:
            why = f"no bill of {name_periods(sorted(lacks | lacked))} is here yet"
            one = replace(one, why="; ".join(filter(None, (one.why, why))))  # noqa: PLW2901
        found.append(one)
    return found


def _billed(budget: Budget, bills: Bills | None) -> dict[str, Interval] | None:
    """The months of which there are bills; None where *budget* counts what is estimated, too."""
    if bills is None or budget.view is not BudgetView.BILLED:
        return None
    return {period: BillingPeriod.parse(period).interval for period in bills.arrived}


def _without_bill(window: Interval, lasted: Iterable[Interval], billed: Container[str]) -> set[str]:
    """The months of *window* in which runs *lasted* and of which there is no bill."""
    found: set[str] = set()
    for inside in filter(None, map(window.clip, lasted)):
        month = BillingPeriod.of(inside.start_ns)
        while month.interval.start_ns < inside.end_ns:
            found.add(str(month))
            month = month.next()
    return {month for month in found if month not in billed}


def _awaits_bill(window: Interval, billed: Mapping[str, Interval]) -> bool:
    return not any(window.overlap_ns(month) for month in billed.values())


def _spenders(known: Known, bills: Bills | None) -> Callable[[Budget], list[Spender]]:
    """The runs that a budget covers; *bills* are there where any budget is held against them."""
    metered = read_riders(known)
    if bills is None:
        return lambda budget: covered(budget, metered, {})
    billed, arrived = with_bills(metered, bills), bills.arrived
    return lambda budget: covered(budget, billed if _is_billed(budget) else metered, arrived)


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
    bills = read_bills(home) if _is_billed(budget) else None
    receipts = read_receipts(home, now_ns=at_ns)
    spenders = _spenders(Known((), receipts, at_ns), bills)(budget)
    [standing] = _stand(budget, spenders, bills, at_ns)
    standing = with_outlook(standing, spenders, forecasts_of(home, receipts), at_ns)
    window = budget.window(at_ns)
    begin_ns = max(window.start_ns, min((one.lasted.start_ns for one in spenders), default=at_ns))
    course = [(begin_ns, Money.zero(budget.limit.currency))]
    billed = _billed(budget, bills)
    if billed is not None and _awaits_bill(window, billed):
        return standing, course
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
