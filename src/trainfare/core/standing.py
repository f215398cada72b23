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
    """One run that a budget covers, in one currency; a run paid in two stands twice."""

    run: str
    lasted: Interval
    """From its start to its end, or now; to the last day that it was billed, where a bill counts."""
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
        by_run: dict[str, list[Spender]] = {}
        for one in spenders:
            by_run.setdefault(one.run, []).append(one)
        return [
            _stand_alone(budget, own, since)
            for own in by_run.values()
            if max(one.lasted.end_ns for one in own) >= budget.starts_ns
        ]
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
    ended = [one for one in spenders if one.lasted.end_ns < window.start_ns]
    for_kept, _ = sum_of(ended, window, limit.currency)
    return [Standing(budget, limit, spent, why=why or lacks, for_kept=for_kept)]


def _stand_alone(budget: Budget, own: Sequence[Spender], since: Interval) -> Standing:
    """Where *budget* stands on the one run whose spenders are *own*."""
    spent, why = sum_of(own, since, budget.limit.currency)
    is_running = any(one.is_running for one in own)
    ended_ns = None if is_running else max(one.lasted.end_ns for one in own)
    return Standing(budget, budget.limit, spent, run=own[0].run, why=why, ended_ns=ended_ns)


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
    """What is known to be spent in *window*, and a sentence on what is not in it.

    None where all that was spent is unknown: that some run spent nothing makes it no zero. Nothing
    in another currency is nothing in this one.
    """
    known: list[Money] = []
    runs: set[str] = set()
    unpriced: set[str] = set()
    foreign: set[str] = set()
    for one in spenders:
        if (
            one.lasted.start_ns >= window.end_ns
            or max(one.lasted.end_ns, one.storage_until_ns) < window.start_ns
        ):
            continue
        runs.add(one.run)
        amount = one.spent(window)
        if amount is None:
            unpriced.add(one.run)
        elif amount.nano and amount.currency != currency:
            foreign.add(one.run)
        elif amount.nano:
            known.append(amount)
    lacks = [f"{len(unpriced)} of {len(runs)} runs have no price"] if unpriced else []
    if foreign:
        lacks.append(f"{len(foreign)} of {len(runs)} runs cost another currency than {currency}")
    spent = Money.total(known, currency) if known or not lacks else None
    return spent, "; ".join(lacks)
