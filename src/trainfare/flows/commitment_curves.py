"""Curves of a plan: demand with what commitments cover of it, and what an hour costs by how much is bought.

Amounts are means of whole nano-units; nothing is decided by them, they are what a chart draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from trainfare.commitments.application import apply
from trainfare.commitments.demand import Amounts, Demand
from trainfare.commitments.offer import Holding
from trainfare.commitments.single import paid
from trainfare.core.money import Money
from trainfare.flows.commitment import CommitmentPlan

BINS = 60
"""Hours are drawn in so many groups, those with the highest demand first."""
STEPS = 10
"""A purchase is priced in so many steps from nothing to itself, and as many beyond."""


def curves_json(plan: CommitmentPlan) -> dict[str, Any]:
    """Both curves; money as text, an hour."""
    return {"demand": _demand(plan), "cost": _cost(plan)}


def _demand(plan: CommitmentPlan) -> dict[str, Any]:
    """Hours in order of demand: on demand in all, covered by what is held, and by the purchase."""
    demand = plan.demand
    whole: Amounts = demand.spend_nano.sum(axis=1)
    held = apply(demand, plan.held).covered_nano.sum(axis=1)
    both = apply(demand, [*plan.held, *plan.bought]).covered_nano.sum(axis=1)
    order = np.argsort(-whole, kind="stable")
    groups = [each for each in np.array_split(order, BINS) if each.size]

    def money(nano: int) -> str:
        return Money(nano, demand.currency).text()

    def mean(values: Amounts, group: Amounts) -> str:
        return money(int(values[group].sum()) // len(group))

    return {
        "hours": demand.hours,
        "held_covers": money(int(held.max(initial=0))),
        "both_cover": money(int(both.max(initial=0))),
        "groups": [
            {
                "hours": len(group),
                "on_demand": mean(whole, group),
                "held": mean(held, group),
                "both": mean(both, group),
            }
            for group in groups
        ],
    }


def _cost(plan: CommitmentPlan) -> dict[str, Any] | None:
    """What an hour costs by how much of the purchase is made; of the best single offer where none is."""
    basis = plan.bought or tuple(one for one, _ in plan.alone[:1])
    if not basis:
        return None
    demand = plan.demand
    points = [_point(demand, plan.held, basis, step) for step in range(2 * STEPS + 1)]
    return {
        "basis": [one.offer.name for one in basis],
        "is_plan": plan.buy,
        "points": points,
    }


def _point(
    demand: Demand, held: Sequence[Holding], basis: Sequence[Holding], step: int
) -> dict[str, Any]:
    some = [Holding(one.offer, one.amount_nano * step // STEPS) for one in basis]
    amount = sum(one.amount_nano for one in some)
    hourly_nano = paid(demand, [*held, *some]) // demand.hours
    return {
        "share": step / STEPS,
        "committed": Money(amount, demand.currency).text(),
        "paid": Money(hourly_nano, demand.currency).text(),
    }
