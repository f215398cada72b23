"""The choice of a commitment: what history wants, how much of it is bought, and why it is so much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trainfare.commitments.backtest import SHORT_HOURS, Tested, cautious_of, cautious_share
from trainfare.commitments.demand import Demand
from trainfare.commitments.offer import Holding, Offer
from trainfare.commitments.portfolio import Portfolio, best_portfolio
from trainfare.commitments.scenarios import Aim
from trainfare.commitments.single import NO_LIMITS, Limits
from trainfare.core.period import name_periods
from trainfare.core.plain import percent, plural


@dataclass(frozen=True)
class Sight:
    """What is chosen from."""

    history: Demand
    picture: Demand
    """History, with what is planned beside it."""
    offers: Sequence[Offer]
    held: Sequence[Holding]


@dataclass(frozen=True)
class Choice:
    """What would be bought before it is tested on later hours."""

    free: Portfolio
    """What history alone would want."""
    share: float
    """Of that, what did best on later parts of history."""
    bought: tuple[Holding, ...]


def choose(sight: Sight, limits: Limits, aim: Aim | None) -> Choice:
    """The best portfolio, shrunk with caution."""
    share = cautious_share(sight.history, sight.offers, sight.held, limits)
    free = best_portfolio(sight.picture, sight.offers, sight.held, limits=limits)
    bought = cautious_of(sight.picture, sight.offers, sight.held, limits, free.holdings, share, aim)
    return Choice(free, share, bought)


def reason_of(
    sight: Sight, chosen: Choice, limits: Limits, aim: Aim | None, tested: Sequence[Tested]
) -> str:
    """Why so much, or nothing, is bought."""
    if not tested:
        hours = sight.history.hours
        return (
            f"nothing yet: {plural(hours, 'hour')} of history cannot be tested; "
            f"at least two weeks, {SHORT_HOURS} hours, are needed"
        )
    if not chosen.bought:
        return f"nothing: {_reason_against(sight, chosen, limits, aim)}"
    saved = sum(one.saving_nano for one in tested)
    base = sum(one.on_demand_nano for one in tested)
    rate = saved / base if base else 0.0
    if saved == 0:
        return f"nothing: planned this way, {len(tested)} windows of later hours saved nothing"
    if saved < 0:
        return (
            f"nothing: planned this way, {len(tested)} windows of later hours lost "
            f"{percent(-rate)} of their on-demand cost"
        )
    won = sum(one.saving_nano > 0 for one in tested)
    kept = (
        ""
        if chosen.share == 1
        else f"; {percent(chosen.share, 0)} of what history alone would have wanted"
    )
    return (
        f"planned this way on what came before, {won} of {len(tested)} windows of later hours saved "
        f"money, {percent(rate)} in all{kept}"
    )


def _reason_against(sight: Sight, chosen: Choice, limits: Limits, aim: Aim | None) -> str:
    rates = [
        offer.rates[column.sku] / column.price_nano
        for offer in sight.offers
        for column in sight.picture.columns
        if offer.rates.get(column.sku, column.price_nano) < column.price_nano
    ]
    if not rates:
        return "no commitment has a rate below the on-demand price of what ran"
    limit = _forbidding(sight, limits, aim)
    if limit:
        return f"{limit} leaves no room for any; without it a commitment would be bought"
    if not chosen.free.holdings:
        return (
            f"a commitment pays for what is used in at least {percent(min(rates), 0)} of all hours, "
            "and beyond what is held nothing is"
        )
    return (
        "history alone would have wanted a commitment, but on the hours after each part "
        "of it every share of that cost more than buying nothing"
    )


def _forbidding(sight: Sight, limits: Limits, aim: Aim | None) -> str:
    """The one limit, or all of them, without which something would be bought; empty where none is."""
    without: dict[str, tuple[Limits, Aim | None]] = {}
    if limits.most_nano is not None:
        without["--most"] = replace(limits, most_nano=None), aim
    if limits.cash_nano is not None:
        without["--cash"] = replace(limits, cash_nano=None), aim
    if limits.least_used:
        without["--least-used"] = replace(limits, least_used=0.0), aim
    if aim is not None:
        without["--risk"] = limits, None
    for name, words in without.items():
        if choose(sight, *words).bought:
            return name
    if len(without) > 1 and choose(sight, NO_LIMITS, None).bought:
        return f"the whole of {', '.join(without)}"
    return ""


def gap_note(demand: Demand) -> str:
    """Which months no bill is here of, and what that means; empty where none is missing."""
    if not demand.without_bill:
        return ""
    return (
        f"; no bill of {name_periods(demand.without_bill)} is here, so only the longest stretch "
        f"of months with bills counts, {demand.hours} hours"
    )
