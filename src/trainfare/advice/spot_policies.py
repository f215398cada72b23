"""Spot policies compared: every way of using spot machines, on every trace, from many starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from trainfare.advice.spot_replay import POLICIES, Errand, hindsight, replay
from trainfare.advice.spot_trace import Trace
from trainfare.core.money import Money

STARTS = 12
"""Starts on every trace, evenly over it: neighbouring ones tell the same."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one policy did over all replays."""

    policy: str
    rides: int
    amount: Money
    """Mean."""
    ratio: Fraction
    """Mean amount over that of on-demand machines."""
    worst: Fraction
    """The dearest ride, likewise."""
    late: int
    hours: float
    """Mean."""

    def to_json(self) -> dict[str, Any]:
        """Evidence."""
        return {
            "policy": self.policy,
            "rides": self.rides,
            "mean": self.amount.text(),
            "of_on_demand": round(float(self.ratio), 4),
            "worst_of_on_demand": round(float(self.worst), 4),
            "late": self.late,
            "mean_hours": round(self.hours, 3),
        }


BOUND = "hindsight bound"


def compare(
    errand: Errand,
    traces: Sequence[Trace],
    prices: tuple[Fraction, Fraction],
    *,
    currency: str = "USD",
    starts: int = STARTS,
) -> list[Outcome]:
    """One outcome per policy, the cheapest of those that are never late first; the bound last."""
    places = [
        (trace, len(trace.available) * n // starts) for trace in traces for n in range(starts)
    ]
    alone = replay(errand, traces[0], 0, "on demand alone", prices, currency).amount
    found = []
    for policy in POLICIES:
        rides = [replay(errand, t, start, policy, prices, currency) for t, start in places]
        amounts = [ride.amount for ride in rides]
        hours = sum(ride.hours for ride in rides) / len(rides)
        late = sum(ride.is_late for ride in rides)
        found.append(_outcome(policy, amounts, alone, late, hours))
    found.sort(key=lambda one: (one.late, one.ratio, one.policy))
    bounds = [hindsight(errand, t, start, prices, currency) for t, start in places]
    return [*found, _outcome(BOUND, bounds, alone, 0, 0.0)]


def _outcome(
    policy: str, amounts: Sequence[Money], alone: Money, late: int, hours: float
) -> Outcome:
    total = sum(amount.nano for amount in amounts)
    whole = max(1, alone.nano)
    return Outcome(
        policy,
        len(amounts),
        Money.nearest(Fraction(total, len(amounts) * 10**9), alone.currency),
        Fraction(total, len(amounts) * whole),
        Fraction(max(amount.nano for amount in amounts), whole),
        late,
        hours,
    )
