"""A purchase of one's own choice, priced over the hours of demand: what it would have cost and saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainfare.commitments.application import apply
from trainfare.commitments.measures import Measures, measure
from trainfare.commitments.offer import Holding
from trainfare.commitments.risk import assess
from trainfare.commitments.single import paid
from trainfare.core.money import Money
from trainfare.flows.commitment import parse_purchase
from trainfare.flows.commitment_json import holding_json, measures_json
from trainfare.flows.commitment_source import Given


@dataclass(frozen=True)
class Simulated:
    """What a purchase would have done."""

    given: Given
    bought: tuple[Holding, ...]
    without: Money
    with_it: Money
    measures: Measures
    """Of all that would be held."""

    @property
    def saving(self) -> Money:
        """Below 0 where it would have cost more than it saved."""
        return self.without - self.with_it

    def to_json(self) -> dict[str, Any]:
        """With stable keys."""
        demand = self.given.demand
        risk = assess(demand, self.bought, self.given.held)
        return {
            "plan": [holding_json(one, demand.currency) for one in self.bought],
            "currency": demand.currency,
            "hours": demand.hours,
            "cost_without": self.without.text(),
            "cost_with": self.with_it.text(),
            "saving": self.saving.text(),
            "loss_probability": risk.loss_probability,
            **measures_json(self.measures),
        }


def simulate(given: Given, purchases: Sequence[str]) -> Simulated:
    """Price *purchases*, each ``KIND:TERM=AMOUNT``, beside what is held.

    Raises:
        BadInput: one does not read so.
        NotFound: no offer is of that kind and term.
    """
    demand = given.demand
    bought = tuple(parse_purchase(text, given.offers) for text in purchases)
    both = [*given.held, *bought]
    without, with_it = (Money(paid(demand, some), demand.currency) for some in (given.held, both))
    return Simulated(given, bought, without, with_it, measure(demand, apply(demand, both)))
