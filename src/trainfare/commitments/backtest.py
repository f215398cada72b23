"""Back-tests: plans made on a window of history, priced on the hours after it, never seen before.

Beside the plan stand the policies that people use without one: nothing, the least and the mean
of the hourly demand, and the best for the last 7, 30 or 60 days, which is what providers recommend.
Hindsight is the best amount for the tested hours themselves: nobody can do better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from trainfare.commitments.demand import Demand
from trainfare.commitments.estimate import Estimator
from trainfare.commitments.offer import Holding, Offer
from trainfare.commitments.policies import policies
from trainfare.commitments.portfolio import amounts_of, best_portfolio
from trainfare.commitments.scenarios import Aim, aimed_portfolio
from trainfare.commitments.single import NO_LIMITS, Limits, paid

SHARES = (0.0, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Of what history would have wanted: a plan is shrunk to the share that did best on later hours."""
INNER_SPLITS = 3
INNER_CELLS = 5_000
"""Smaller programs for plans that only choose the share."""
SHORT_HOURS = 2 * 168
"""Shorter history has no later hours that tell anything."""


@dataclass(frozen=True, slots=True)
class Window:
    """Hours to plan on, from *start* up to *middle*, and to price on, up to *end*."""

    start: int
    middle: int
    end: int


@dataclass(frozen=True)
class Tested:
    """One window: what was promised for the hours it was made on, and what came of it."""

    window: Window
    bought: tuple[Holding, ...]
    promised: float
    """Saving as a share of on-demand, over the hours of the plan."""
    on_demand_nano: int
    """Of the later hours, with what is held and nothing bought."""
    paid_nano: Mapping[str, int]
    """By policy, of the later hours; ``plan`` is ours and ``hindsight`` the best there was."""

    @property
    def saving_nano(self) -> int:
        """What the plan saved over the later hours."""
        return self.on_demand_nano - self.paid_nano["plan"]

    @property
    def backtested(self) -> float:
        """The same as a share of on-demand; 0 where nothing ran at all and nothing was bought."""
        return self.saving_nano / self.on_demand_nano if self.on_demand_nano else 0.0

    @property
    def regret_nano(self) -> int:
        """What hindsight would have paid less."""
        return self.paid_nano["plan"] - self.paid_nano["hindsight"]


@dataclass(frozen=True, slots=True)
class Summary:
    """All windows together, each share of their on-demand."""

    promised: float
    backtested: float
    regret: float
    """What hindsight would have saved beyond the plan."""


def summary_of(tested: Sequence[Tested]) -> Summary | None:
    """What was promised, what came of it, and the regret; None where nothing ran in the windows."""
    base = sum(one.on_demand_nano for one in tested)
    if not base:
        return None
    return Summary(
        sum(one.promised * one.on_demand_nano for one in tested) / base,
        sum(one.saving_nano for one in tested) / base,
        sum(one.regret_nano for one in tested) / base,
    )


def windows_of(hours: int, count: int, fit_hours: int, test_hours: int) -> list[Window]:
    """At most *count* windows whose tested hours end at the end of history and do not overlap.

    >>> windows_of(10, 2, 4, 3)
    [Window(start=0, middle=4, end=7), Window(start=3, middle=7, end=10)]
    """
    ends = [hours - number * test_hours for number in range(count)]
    found = [
        Window(max(0, end - test_hours - fit_hours), end - test_hours, end)
        for end in ends
        if end - test_hours - fit_hours >= 0
    ]
    return sorted(found, key=lambda one: one.start)


def cautious_plan(
    demand: Demand,
    offers: Sequence[Offer],
    held: Sequence[Holding] = (),
    limits: Limits = NO_LIMITS,
    aim: Aim | None = None,
) -> tuple[tuple[Holding, ...], float]:
    """The best portfolio of *demand*, shrunk to the share that did best on later hours, and the share.

    See :func:`cautious_share`; a share of 0 buys nothing. With an *aim* it is what that likes best, of
    no more money an hour than the shrunk portfolio.
    """
    share = cautious_share(demand, offers, held, limits)
    if share == 0:
        return (), share
    best = best_portfolio(demand, offers, held, limits=limits).holdings
    return cautious_of(demand, offers, held, limits, best, share, aim), share


def cautious_of(
    demand: Demand,
    offers: Sequence[Offer],
    held: Sequence[Holding],
    limits: Limits,
    best: Sequence[Holding],
    share: float,
    aim: Aim | None,
) -> tuple[Holding, ...]:
    """*best* at a *share*, or what *aim* likes best of no more money."""
    bought = shrunk(best, share)
    if aim is None or not bought:
        return bought
    most = sum(one.amount_nano for one in bought)
    return aimed_portfolio(demand, offers, held, bought, aim, replace(limits, most_nano=most))


def cautious_share(
    demand: Demand,
    offers: Sequence[Offer],
    held: Sequence[Holding] = (),
    limits: Limits = NO_LIMITS,
) -> float:
    """The one of :data:`SHARES` at which plans on parts of history did best on the part after.

    History is cut into parts; a plan made on what came before a part is priced on that part at each
    share. It is 0 where every other one lost, and 1 for history of less than two weeks, which is not
    cut.
    """
    if demand.hours < SHORT_HOURS:
        return 1.0
    cuts = [demand.hours * part // (INNER_SPLITS + 1) for part in range(INNER_SPLITS + 2)]
    sums = dict.fromkeys(SHARES, 0.0)
    for before, after in pairwise(cuts[1:]):
        known, later = demand.window(0, before), demand.window(before, after)
        if not later.hours:
            continue
        best = best_portfolio(known, offers, held, limits=limits, cells=INNER_CELLS).holdings
        estimator = Estimator(later, offers, held)
        for share in SHARES:
            sums[share] += estimator.paid(amounts_of(shrunk(best, share), offers))
    return min(SHARES, key=lambda one: (sums[one], one))


def shrunk(holdings: Sequence[Holding], share: float) -> tuple[Holding, ...]:
    """*holdings* at a *share* of their amounts, in whole quanta, rounded down."""
    if share == 1:
        return tuple(holdings)
    found = []
    for one in holdings:
        quantum = one.offer.quantum_nano
        amount = int(one.amount_nano * share + 1e-6) // quantum * quantum
        if amount > 0:
            found.append(replace(one, amount_nano=amount))
    return tuple(found)


def backtest(
    demand: Demand,
    offers: Sequence[Offer],
    windows: Sequence[Window],
    held: Sequence[Holding] = (),
    limits: Limits = NO_LIMITS,
    aim: Aim | None = None,
) -> list[Tested]:
    """Plan on each window and price it, and the other policies, on the hours after."""
    tested = []
    for window in windows:
        known = demand.window(window.start, window.middle)
        later = demand.window(window.middle, window.end)
        bought, _ = cautious_plan(known, offers, held, limits, aim)
        without = paid(known, held)
        promised = 1 - paid(known, [*held, *bought]) / without if without else 0.0
        costs = {"plan": paid(later, [*held, *bought])}
        for name, policy in policies(offers).items():
            costs[name] = paid(later, [*held, *policy(known)])
        best = best_portfolio(later, offers, held, limits=limits, cells=INNER_CELLS)
        costs["hindsight"] = min(best.cost_nano, *costs.values())
        tested.append(Tested(window, bought, promised, paid(later, held), costs))
    return tested
