"""The commitment path: demand and offers → what to buy, proven on later hours → what to hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trainfare.commitments.application import apply
from trainfare.commitments.backtest import (
    SHORT_HOURS,
    Tested,
    Window,
    backtest,
    cautious_plan,
    windows_of,
)
from trainfare.commitments.demand import Demand, read_demand
from trainfare.commitments.ladder import Walked, steps_of, walk, walk_policies
from trainfare.commitments.measures import Measures, measure
from trainfare.commitments.offer import Holding, Offer
from trainfare.commitments.planned import with_planned
from trainfare.commitments.portfolio import upfront_nano
from trainfare.commitments.rate_file import read_offers
from trainfare.commitments.risk import Risk, assess, stop_loss_premium
from trainfare.commitments.scenarios import Aim
from trainfare.commitments.single import Limits, best_amount, paid
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.money import NANO
from trainfare.flows.commitment_choice import Sight, choose, gap_note, reason_of

YEAR_HOURS = 8760
FIT_SHARE = 0.5
"""Of history, so much at least is before the first tested window."""

OPTIONS = {
    "commit_1y": ("1y", {"aws": "aws_reserved_instance", "gcp": "gcp_resource_cud", "azure": "azure_reservation"}),
    "commit_3y": ("3y", {"aws": "aws_reserved_instance", "gcp": "gcp_resource_cud", "azure": "azure_reservation"}),
    "commit_1y_savings_plan": ("1y", {"aws": "aws_compute_savings_plan", "azure": "azure_savings_plan"}),
    "commit_3y_savings_plan": ("3y", {"aws": "aws_compute_savings_plan", "azure": "azure_savings_plan"}),
}  # fmt: skip
"""Purchase option of the price book → term, and the kind by provider; others sell contracts."""


@dataclass(frozen=True)
class Ladder:
    """The same purchase in parts, and walks through history with all at once and in parts."""

    steps: tuple[tuple[Holding, ...], ...]
    """What to buy when; each step is planned anew before it is bought."""
    at_once: Walked | None
    """None where history is too short to be walked through."""
    in_parts: Walked | None


@dataclass(frozen=True)
class CommitmentPlan:
    """What to buy, what it would have cost and saved, and how that was checked."""

    demand: Demand
    """The hours that were planned for: history, with what is planned beside it."""
    history_hours: int
    held: tuple[Holding, ...]
    offers: tuple[Offer, ...]
    bought: tuple[Holding, ...]
    """Empty where buying nothing is the answer."""
    share: float
    """Of what history alone would have wanted."""
    why: str
    without_nano: int
    """Over the hours of demand, with what is held and nothing bought."""
    with_nano: int
    gap: float
    """How far the unshrunk portfolio may be above the least possible cost of these hours."""
    bound_nano: int
    """The least that these hours can cost with any amounts of the offers."""
    measures: Measures
    """Of all that would be held, over the hours of demand."""
    risk: Risk
    premium: float
    """Fair price a month of never paying more than on demand, in units."""
    tested: tuple[Tested, ...]
    alone: tuple[tuple[Holding, int], ...]
    """Each offer by itself at its best amount, and what it would have saved: the terms compared."""
    upfront_nano: int
    """What is paid at the purchase."""
    ladder: Ladder | None = None

    @property
    def buy(self) -> bool:
        """Whether there is something to buy."""
        return bool(self.bought)

    @property
    def gap_bought(self) -> float:
        """How far what is bought may be above it: caution included, which these hours did not need."""
        return max(0.0, self.with_nano / self.bound_nano - 1) if self.bound_nano > 0 else 0.0

    @property
    def saving_nano(self) -> int:
        """Over the hours of demand."""
        return self.without_nano - self.with_nano


def make_commitment_plan(
    demand: Demand,
    offers: Sequence[Offer],
    held: Sequence[Holding] = (),
    *,
    limits: Limits,
    windows: int = 6,
    aim: Aim | None = None,
    parts: int = 1,
    planned: Sequence[Demand] = (),
) -> CommitmentPlan:
    """Plan what to buy for *demand*, and back-test the way of planning on later hours.

    Args:
        demand: the hours of history.
        offers: what can be bought.
        held: what is held already.
        limits: what a purchase must keep to.
        windows: at most so many windows of later hours are tested.
        aim: what the plan is best at over scenarios; the expected cost where there is none.
        parts: how many purchases it is bought in, over its term.
        planned: demand that is known to come, added to history as a picture of the future.

    Raises:
        BadInput: there is no offer for anything that ran.
    """
    picture = with_planned(demand, planned)
    usable = _usable(picture, offers)
    sight = Sight(demand, picture, usable, held)
    chosen = choose(sight, limits, aim)
    free, bought, share = chosen.free, chosen.bought, chosen.share
    tested = tested_plans(demand, usable, held, limits=limits, windows=windows, aim=aim)
    why = f"{reason_of(sight, chosen, limits, aim, tested)}{gap_note(demand)}"
    if sum(one.saving_nano for one in tested) <= 0:
        bought, share = (), 0.0
    everything = (*held, *bought)
    open_ = replace(picture, spend_nano=apply(picture, held).on_demand_nano)
    singles = [Holding(one, best_amount(open_, one, limits=limits)) for one in usable]
    alone = [
        (one, free.without_nano - paid(picture, [*held, one])) for one in singles if one.amount_nano
    ]
    return CommitmentPlan(
        demand=picture,
        history_hours=demand.hours,
        held=tuple(held),
        offers=tuple(usable),
        bought=bought,
        share=share,
        why=why,
        without_nano=free.without_nano,
        with_nano=paid(picture, everything),
        gap=free.gap,
        bound_nano=free.bound_nano,
        measures=measure(picture, apply(picture, everything)),
        risk=assess(picture, bought, held),
        premium=stop_loss_premium(picture, bought),
        tested=tuple(tested),
        alone=tuple(sorted(alone, key=lambda pair: -pair[1])),
        upfront_nano=upfront_nano(bought),
        ladder=_ladder(demand, usable, held, bought, limits, windows, aim, parts),
    )


def _ladder(
    demand: Demand,
    offers: Sequence[Offer],
    held: Sequence[Holding],
    bought: Sequence[Holding],
    limits: Limits,
    windows: int,
    aim: Aim | None,
    parts: int,
) -> Ladder | None:
    if parts == 1 or not bought:
        return None

    def planner(known: Demand, standing: Sequence[Holding]) -> Sequence[Holding]:
        return cautious_plan(known, offers, standing, limits, aim)[0]

    steps = tuple(steps_of(bought, parts, demand.first_hour + demand.hours))
    found = _windows(demand.hours, windows)
    if not found:
        return Ladder(steps, None, None)
    at_once, in_parts = (walk(demand, found, planner, held, parts=count) for count in (1, parts))
    return Ladder(steps, at_once, in_parts)


def tested_plans(
    demand: Demand,
    offers: Sequence[Offer],
    held: Sequence[Holding],
    *,
    limits: Limits,
    windows: int,
    aim: Aim | None,
) -> list[Tested]:
    """Back-test the way of planning on at most *windows* windows; none where history is short.

    Raises:
        BadInput: there is no offer for anything that ran.
    """
    usable = _usable(demand, offers)
    return backtest(demand, usable, _windows(demand.hours, windows), held, limits, aim)


def walked_policies(
    demand: Demand,
    offers: Sequence[Offer],
    held: Sequence[Holding],
    *,
    limits: Limits,
    windows: int,
    aim: Aim | None,
) -> dict[str, Walked]:
    """Walk through the same windows with every purchase held to the end of its term."""
    usable = _usable(demand, offers)
    return walk_policies(demand, usable, _windows(demand.hours, windows), held, limits, aim)


def _usable(demand: Demand, offers: Sequence[Offer]) -> list[Offer]:
    """The offers with a rate for something that ran."""
    skus = {column.sku for column in demand.columns}
    usable = [offer for offer in offers if skus & offer.rates.keys()]
    if not usable:
        named = ", ".join(sorted(skus)[:4])
        raise BadInput(
            f"no commitment has a rate for what ran ({named}); give rates as a file (--rates) with "
            "the columns sku, kind, term, rate, or refresh prices (trainfare prices refresh)"
        )
    return usable


def _windows(hours: int, count: int) -> list[Window]:
    """Tested windows over the later part of history; none where it is shorter than two weeks."""
    if hours < SHORT_HOURS:
        return []
    first = int(hours * FIT_SHARE)
    length = max(24, (hours - first) // count)
    return windows_of(hours, count, first, length)


def read_demand_file(path: Path, currency: str = "USD") -> Demand:
    """The demand in a CSV file.

    Raises:
        BadInput: it cannot be read, or a value is wrong.
    """
    return read_demand(_lines(path), path.name, currency)


def read_rate_file(path: Path) -> list[Offer]:
    """The offers in a CSV file.

    Raises:
        BadInput: it cannot be read, or a value is wrong.
    """
    return read_offers(_lines(path), path.name)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: it cannot be read: {error}") from None


def priced_offers(home: Path, skus: Iterable[str], currency: str = "USD") -> list[Offer]:
    """What the price book knows of commitments for *skus* (``provider/region/name``).

    Reservations are one offer per SKU; savings plans one per provider, with all SKUs it has a rate for.
    """
    from trainfare.prices.market import find_listings

    wanted = set(skus)
    rates: dict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    dates: dict[tuple[str, str, str], str] = {}
    for item in find_listings(home, "commit"):
        sku = f"{item.provider}/{item.region}/{item.name}"
        if (
            sku not in wanted
            or item.option not in OPTIONS
            or item.currency != currency
            or item.unit != "h"
        ):
            continue
        term, kinds = OPTIONS[item.option]
        kind = kinds.get(item.provider, "reserved_contract")
        only = "" if "plan" in kind else sku
        key = (kind, term, only)
        rates[key][sku] = int(item.amount * NANO)
        dates[key] = f"{item.source} {item.as_of}".strip()
    return [
        Offer(kind, term, some, source=dates[kind, term, only])
        for (kind, term, only), some in sorted(rates.items())
        if all(rate > 0 for rate in some.values())
    ]


def parse_purchase(text: str, offers: Sequence[Offer]) -> Holding:
    """``KIND[:TERM]=AMOUNT``, money an hour, or machines where the kind is bought by them.

    Raises:
        BadInput: it does not read so, or several offers are so; an offer's name tells it from others.
        NotFound: no offer is of that kind and term.
    """
    from trainfare.core.money import decimal_of

    words, is_there, amount = text.rpartition("=")
    words = words.strip()
    kind, _, term = words.partition(":")
    if not is_there:
        raise BadInput(f"{text!r}: write KIND:TERM=AMOUNT, as in aws_compute_savings_plan:1y=12.5")
    found = [one for one in offers if one.name == words] or [
        one for one in offers if kind == one.kind and term in ("", one.term)
    ]
    if not found:
        known = ", ".join(f"{one.kind}:{one.term}" for one in offers) or "none"
        raise NotFound(f"no offer is {words!r}; known: {known}")
    if len(found) > 1:
        raise BadInput(f"{words!r} is {len(found)} offers; {_choices(found, amount)}")
    number = decimal_of(amount)
    if found[0].is_count and number.denominator != 1:
        raise BadInput(f"{text!r}: {found[0].kind} is bought by the machine; write a whole number")
    exact = number * (found[0].quantum_nano if found[0].is_count else NANO)
    if exact < 0 or exact.denominator != 1:
        raise BadInput(f"{text!r}: the amount is at least 0, with at most 9 places, machines whole")
    return Holding(found[0], exact.numerator)


def _choices(offers: Sequence[Offer], amount: str) -> str:
    """How to say which of *offers* is meant."""
    names = sorted({one.name for one in offers})
    if len(names) == len(offers):
        return f"write one of {', '.join(repr(f'{name}={amount}') for name in names)}"
    return "give each a name of its own in the column group of the rate file"
