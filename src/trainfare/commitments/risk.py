"""Risk: what a commitment may save or lose when demand is not what it was, and what waiting is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainfare.commitments.application import apply
from trainfare.commitments.demand import Demand
from trainfare.commitments.kinds import HOURS_OF, term_hours
from trainfare.commitments.merged import Floats
from trainfare.commitments.offer import Holding
from trainfare.commitments.portfolio import amounts_of
from trainfare.commitments.scenarios import SPREAD, TAIL, Scenarios, tail_of

WAIT_MONTHS = 3
WAIT_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
"""Of the plan: what one might buy after the wait, knowing more."""


@dataclass(frozen=True, slots=True)
class Risk:
    """Savings over scenarios, each as a share of what on demand would cost."""

    mean: float
    low: float
    """Of a hundred scenarios, five save less."""
    high: float
    """Of a hundred scenarios, five save more."""
    tail: float
    """The mean of the worst five of a hundred: the conditional value at risk."""
    loss_probability: float
    after_waiting: float
    """What could be saved over the same term by whoever buys :data:`WAIT_MONTHS` later and knows by
    then exactly what demand will be: the most that waiting can be worth."""

    @property
    def is_waiting_better(self) -> bool:
        """Whether it can be; where not, it cannot, however much one learnt."""
        return self.after_waiting > self.mean


def assess(
    demand: Demand,
    bought: Sequence[Holding],
    held: Sequence[Holding] = (),
    *,
    spread: float = SPREAD,
    seed: int = 0,
) -> Risk:
    """What *bought* saves beside *held* over scenarios of *demand*.

    Args:
        demand: the hours that scenarios are drawn from.
        bought: what may be bought.
        held: what is held already.
        spread: standard deviation of the logarithm of the level of demand; 0 keeps the level.
        seed: the same seed draws the same scenarios.

    Laws: buying nothing has no risk and no saving; the tail is at most the low, that at most the mean.
    """
    offers = [one.offer for one in bought]
    scenarios = Scenarios(demand, offers, held, spread=spread, seed=seed)
    base, amounts = scenarios.on_demand, amounts_of(bought, offers)
    by_share = np.array([_shares(scenarios.savings(amounts * some), base) for some in WAIT_SHARES])
    shares = by_share[WAIT_SHARES.index(1.0)]
    term = min((term_hours(one.term) for one in offers), default=0)
    left = max(0.0, 1 - WAIT_MONTHS * HOURS_OF["m"] / term) if term else 0.0
    return Risk(
        mean=float(shares.mean()),
        low=float(np.quantile(shares, TAIL)),
        high=float(np.quantile(shares, 1 - TAIL)),
        tail=tail_of(shares),
        loss_probability=float((shares < 0).mean()),
        after_waiting=float(by_share.max(axis=0).mean()) * left,
    )


def _shares(savings: Floats, base: Floats) -> Floats:
    shares = np.zeros_like(savings)
    np.divide(savings, base, out=shares, where=base > 0)
    return shares


def stop_loss_premium(
    demand: Demand, bought: Sequence[Holding], *, month_hours: int = 730
) -> float:
    """The fair price a month, in units, of never paying more than on demand would have cost.

    The mean over every month of history, whenever it begins in a day, of what the commitment cost
    beyond on-demand. A quoted fee above it is the insurer's margin.
    """
    applied = apply(demand, bought)
    paid = (applied.used_nano + applied.unused_nano).sum(axis=1) + applied.on_demand_nano.sum(
        axis=1
    )
    saved = (demand.spend_nano.sum(axis=1) - paid + applied.refund_nano).astype(np.float64)
    month = min(month_hours, demand.hours)
    sums = np.concatenate([[0.0], np.cumsum(saved)])
    monthly = (sums[month:] - sums[:-month])[::24]
    return float(np.maximum(0.0, -monthly).mean()) / 1e9 * (month_hours / month)
