"""Where plans of commitments come from: demand, what is held already, and what can be bought.

bills + contracts, or a file → demand and what stands; price book or a file → offers
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.contract import Contract
from trainfare.core.errors import BadInput, MissingExtra, NotFound
from trainfare.core.period import HOUR
from trainfare.flows.contracts import are_same, read_contracts, same_as

if TYPE_CHECKING:
    from trainfare.commitments.demand import Demand
    from trainfare.commitments.offer import Holding, Offer
    from trainfare.flows.commitment_demand import BilledDemand


@dataclass(frozen=True)
class Given:
    """All that a plan is made from."""

    demand: Demand
    held: tuple[Holding, ...]
    offers: tuple[Offer, ...]
    billed: BilledDemand | None
    """None where the demand is from a file."""
    contracts: Mapping[str, Contract]


def has_optimize() -> bool:
    """Whether the packages which plans of commitments need are installed."""
    return find_spec("numpy") is not None


def need_optimize() -> None:
    """Check that the packages which plans of commitments need are installed.

    Raises:
        MissingExtra: they are not; the message says how to install them.
    """
    if not has_optimize():
        raise MissingExtra("optimize", "plan commitments")


def gather(
    home: Path,
    *,
    demand_file: Path | None = None,
    rate_file: Path | None = None,
    period: str | None = None,
    longest: str = "3y",
    ends_within_ns: int = 0,
    billed: BilledDemand | None = None,
) -> Given:
    """Demand, what is held and what can be bought.

    Args:
        home: whose bills, contracts and prices.
        demand_file: demand instead of that of the bills; then nothing is held.
        rate_file: offers instead of those of the price book.
        period: only this billing period of the bills.
        longest: no longer term is offered.
        ends_within_ns: what ends so soon is not held any more: a plan is for the time after it.
        billed: what the bills say, where it was read already.

    Raises:
        BadInput: a file is wrong, or both a demand file and a period are given.
        NotFound: there is no bill with anything that a commitment could cover.
        MissingExtra: the packages that plan are not installed.
    """
    need_optimize()
    from trainfare.commitments.kinds import term_hours
    from trainfare.flows.commitment import priced_offers, read_demand_file, read_rate_file
    from trainfare.flows.commitment_demand import NOTHING, billed_demand, known_stretch

    if demand_file is not None and period is not None:
        raise BadInput("give either --demand or --period; a file's demand has no billing period")
    held: tuple[Holding, ...] = ()
    contracts: Mapping[str, Contract] = {}
    if demand_file is not None:
        demand = read_demand_file(demand_file)
    else:
        billed = billed or billed_demand(home, period)
        demand = known_stretch(billed)
        if not demand.hours:
            raise NotFound(NOTHING)
        contracts = read_contracts(home)
        held = standing(billed, contracts, time.time_ns() + ends_within_ns)
    if rate_file is not None:
        offers = read_rate_file(rate_file)
    else:
        offers = priced_offers(home, [one.sku for one in demand.columns], demand.currency)
    most = term_hours(longest)
    chosen = tuple(one for one in offers if term_hours(one.term) <= most)
    return Given(demand, held, chosen, billed, contracts)


def standing(
    billed: BilledDemand, contracts: Mapping[str, Contract], until_ns: int
) -> tuple[Holding, ...]:
    """What is held, and still is at *until_ns*: of the bills, and what was bought since.

    What nobody recorded an end of goes on. A contract that no bill has yet counts where its rates
    are known, since without them nobody can say what it pays for.
    """
    from trainfare.commitments.kinds import TERM_HOURS
    from trainfare.commitments.offer import Holding, Offer

    held = []
    on_bill = set()
    for one in billed.bought:
        if one.holding is None:  # its contract, where one is recorded, knows its rates
            continue
        contract = find_contract(contracts, one.id)
        on_bill.add(one.id)
        if contract is None or contract.end_ns > until_ns:
            held.append(one.holding)
    for contract in contracts.values():
        is_open = contract.state in ("active", "pending") and contract.end_ns > until_ns
        is_billed = any(are_same(contract.id, each) for each in on_bill)
        if is_billed or not is_open or not contract.rates or not contract.per_hour:
            continue
        hours = (contract.end_ns - contract.start_ns) // HOUR
        term = min(TERM_HOURS, key=lambda name: abs(TERM_HOURS[name] - hours))
        offer = Offer(
            contract.kind, term, contract.rates, source=contract.source, group=contract.name
        )
        held.append(Holding(offer, contract.per_hour.nano))
    return tuple(held)


def find_contract(contracts: Mapping[str, Contract], id_: str) -> Contract | None:
    """The contract of the commitment that a bill calls *id_*."""
    found = same_as(id_, contracts)
    return None if found is None else contracts[found]


def promise(given: Given, bought: Sequence[Holding]) -> int:
    """What *bought* would have saved over the hours of demand beside what is held, in nano-units."""
    from trainfare.commitments.single import paid

    return paid(given.demand, given.held) - paid(given.demand, [*given.held, *bought])
