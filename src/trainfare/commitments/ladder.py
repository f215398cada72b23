"""Ladders: one purchase in equal parts, staggered over its term, and a walk through history with them.

A ladder is committed less at first and never ends all at once: each part is decided anew with what
is known by then. The walk buys as a company would have, hour by hour of the past: every purchase is
held to the end of its term, whatever came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from trainfare.commitments.backtest import Window, cautious_plan
from trainfare.commitments.demand import Demand
from trainfare.commitments.kinds import term_hours
from trainfare.commitments.offer import Holding, Offer
from trainfare.commitments.policies import Policy, policies
from trainfare.commitments.portfolio import best_portfolio
from trainfare.commitments.scenarios import Aim
from trainfare.commitments.single import NO_LIMITS, Limits, paid

Planner = Callable[[Demand, Sequence[Holding]], Sequence[Holding]]
"""What to buy for a demand beside what is held."""


def steps_of(bought: Sequence[Holding], parts: int, first_hour: int) -> list[tuple[Holding, ...]]:
    """*bought* in *parts* purchases at even distances over each term, the first at *first_hour*.

    Laws: the parts of an offer sum to its amount, in whole quanta, and differ by one at most.

    >>> from trainfare.commitments.offer import Offer
    >>> five = Holding(Offer("aws_reserved_instance", "1y", {"p5": 7}), 35)
    >>> [[one.amount_nano for one in step] for step in steps_of([five], 4, 0)]
    [[14], [7], [7], [7]]
    """
    steps: list[list[Holding]] = [[] for _ in range(parts)]
    for one in bought:
        quantum, hours = one.offer.quantum_nano, term_hours(one.offer.term)
        whole, rest = divmod(one.amount_nano // quantum, parts)
        for number, step in enumerate(steps):
            amount = (whole + (number < rest)) * quantum
            start = first_hour + hours * number // parts
            if amount:
                step.append(replace(one, amount_nano=amount, start=start, end=start + hours))
    return [tuple(step) for step in steps]


@dataclass(frozen=True)
class Walked:
    """A walk over the tested hours: what was bought when, and what all of it came to."""

    bought: tuple[Holding, ...]
    on_demand_nano: int
    """With what was held before the walk, and nothing bought."""
    paid_nano: int

    @property
    def saved(self) -> float:
        """As a share of on-demand; 0 where nothing ran and nothing was bought."""
        saving = self.on_demand_nano - self.paid_nano
        return saving / self.on_demand_nano if self.on_demand_nano else 0.0


def walk(
    demand: Demand,
    windows: Sequence[Window],
    planner: Planner,
    held: Sequence[Holding] = (),
    *,
    parts: int = 1,
) -> Walked:
    """Plan at the beginning of each window on all hours before it, and hold what is bought to its end.

    With *parts* above 1 the first so many purchases are the first share of what is wanted then, the
    second of what is still wanted, and so on; after them whatever ended is replaced as it ends.
    """
    bought: list[Holding] = []
    for number, window in enumerate(windows):
        now = demand.first_hour + window.middle
        standing = _standing(bought, now)
        wanted = planner(demand.window(0, window.middle), [*held, *standing])
        part = max(1, parts - number)
        for one in wanted:
            quantum = one.offer.quantum_nano
            amount = -(-(one.amount_nano // quantum) // part) * quantum
            bought.append(
                replace(one, amount_nano=amount, start=now, end=now + term_hours(one.offer.term))
            )
    tested = demand.window(windows[0].middle, windows[-1].end)
    return Walked(tuple(bought), paid(tested, held), paid(tested, [*held, *bought]))


def walk_policies(
    demand: Demand,
    offers: Sequence[Offer],
    windows: Sequence[Window],
    held: Sequence[Holding] = (),
    limits: Limits = NO_LIMITS,
    aim: Aim | None = None,
) -> dict[str, Walked]:
    """A walk with the plan, with each policy of people without one, and hindsight's fixed amounts.

    Amounts of terms that end may change within a walk, so that one can be better than hindsight's.
    """

    def plan(known: Demand, standing: Sequence[Holding]) -> Sequence[Holding]:
        return cautious_plan(known, offers, standing, limits, aim)[0]

    walked = {"plan": walk(demand, windows, plan, held)}
    for name, policy in policies(offers).items():
        walked[name] = walk(demand, windows, _topped_up(policy, len(held)), held)
    later = demand.window(windows[0].middle, windows[-1].end)
    best = best_portfolio(later, offers, held)
    walked["hindsight"] = Walked(best.holdings, best.without_nano, best.cost_nano)
    return walked


def _topped_up(policy: Policy, given: int) -> Planner:
    """Buy what *policy* wants beyond what was bought after the first *given* holdings."""

    def planner(known: Demand, held: Sequence[Holding]) -> Sequence[Holding]:
        found = []
        for one in policy(known):
            have = sum(some.amount_nano for some in held[given:] if some.offer == one.offer)
            quanta = (one.amount_nano - have) // one.offer.quantum_nano
            if quanta > 0:
                found.append(replace(one, amount_nano=quanta * one.offer.quantum_nano))
        return found

    return planner


def _standing(bought: Sequence[Holding], now: int) -> list[Holding]:
    """What is still held at hour *now*, one holding for each offer, as if it went on."""
    found: dict[str, Holding] = {}
    for one in bought:
        if one.end <= now:
            continue
        name = f"{one.offer.name} {sorted(one.offer.rates.items())}"
        before = found[name].amount_nano if name in found else 0
        found[name] = Holding(one.offer, before + one.amount_nano)
    return list(found.values())
