"""Standing: what was spent of a budget, from what each of its runs spent when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainfare.core.budget import Budget, BudgetPeriod, Standing, carried_limit
from trainfare.core.money import Money
from trainfare.core.period import Interval

CARRIED_MAX = 1000
"""So many periods back are carried over; earlier ones are forgotten."""


@dataclass(frozen=True, slots=True)
class Spender:
    """One run that a budget covers."""

    run: str
    lasted: Interval
    """From its start to its end, or now."""
    is_running: bool
    spent: Callable[[Interval], Money | None]
    """What it spent within a stretch of time, in the book that the budget is held against."""
    storage_until_ns: int = 0
    """Until when what it stored goes on costing."""


def stand(budget: Budget, spenders: Sequence[Spender], at_ns: int) -> list[Standing]:
    """Where *budget* stands: one answer, or one for each run where every run has the limit itself.

    Args:
        budget: the budget.
        spenders: the runs that it covers.
        at_ns: now.
    """
    if budget.period is BudgetPeriod.RUN:
        since = Interval(budget.starts_ns, max(at_ns + 1, budget.starts_ns))
        found = []
        for one in spenders:
            if one.lasted.end_ns >= budget.starts_ns:
                spent, why = sum_of([one], since, budget.limit.currency)
                found.append(Standing(budget, budget.limit, spent, run=one.run, why=why))
        return found
    window = budget.window(at_ns)
    limit, lacks = budget.limit, ""
    if budget.is_carried_over:
        before = [
            sum_of(spenders, each, limit.currency)
            for each in earlier_windows(budget, spenders, at_ns)
        ]
        limit = carried_limit(limit, [amount or Money.zero(limit.currency) for amount, _ in before])
        lacks = next((f"before, {why}" for _, why in before if why), "")
    spent, why = sum_of(spenders, window, limit.currency)
    return [Standing(budget, limit, spent, why=why or lacks)]


def earlier_windows(budget: Budget, spenders: Sequence[Spender], at_ns: int) -> list[Interval]:
    """The periods before the one that holds *at_ns*, since the budget starts, oldest first.

    A budget that names no start begins with its first run.
    """
    starts = [one.lasted.start_ns for one in spenders]
    begin_ns = budget.starts_ns or min(starts, default=at_ns)
    found: list[Interval] = []
    window = budget.window(at_ns)
    while window.start_ns > begin_ns and len(found) < CARRIED_MAX:
        window = budget.window(window.start_ns - 1)
        found.append(window)
    return found[::-1]


def sum_of(
    spenders: Sequence[Spender], window: Interval, currency: str
) -> tuple[Money | None, str]:
    """What is known to be spent in *window*, and a sentence on what is not in it."""
    known: list[Money] = []
    unpriced = foreign = 0
    for one in spenders:
        if (
            one.lasted.start_ns >= window.end_ns
            or max(one.lasted.end_ns, one.storage_until_ns) < window.start_ns
        ):
            continue
        amount = one.spent(window)
        if amount is None:
            unpriced += 1
        elif amount.currency != currency:
            foreign += 1
        else:
            known.append(amount)
    count = len(known) + unpriced + foreign
    lacks = [f"{unpriced} of {count} runs have no price"] if unpriced else []
    lacks += [f"{foreign} of {count} runs cost another currency than {currency}"] if foreign else []
    spent = Money.total(known, currency) if known or not count else None
    return spent, "; ".join(lacks)
