"""A purchase in words: KIND:TERM=AMOUNT as a human says it → rates, money an hour and a promise."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.errors import BadInput, NotFound
from trainfare.core.money import NANO, Money
from trainfare.flows.commitment_source import (
    Given,
    gather,
    need_optimize,
    promise,
    standing,
)
from trainfare.flows.contracts import MONTH_HOURS, Purchase, same_as

if TYPE_CHECKING:
    from trainfare.commitments.offer import Holding, Offer


@dataclass(frozen=True, slots=True)
class Told:
    """What was bought, as a human says it."""

    id: str
    what: str
    """``KIND:TERM=AMOUNT``: money an hour, or machines where the kind is bought by them.

    Where several offers are of that kind and term, an offer's name: ``KIND TERM SKU=AMOUNT``.
    """
    start_ns: int
    until_ns: int | None = None
    name: str = ""
    promised: Money | None = None
    currency: str = "USD"


def purchase_of(home: Path, told: Told, rate_file: Path | None = None) -> Purchase:
    """What was bought, with its rates and its promise where offers and bills tell them.

    Raises:
        BadInput: it does not read as KIND:TERM=AMOUNT, several offers are so, or its machines have no
            known rate.
    """
    need_optimize()
    from trainfare.commitments.kinds import kind_of, term_hours
    from trainfare.flows.commitment import parse_purchase, read_rate_file

    kind, term = _words(told.what)
    given: Given | None = None
    offers: Sequence[Offer] = () if rate_file is None else read_rate_file(rate_file)
    try:
        given = gather(home, rate_file=rate_file)
        offers = given.offers
    except NotFound:
        pass  # without a bill nothing can be promised
    bought: Holding | None = None
    try:
        bought = parse_purchase(told.what, offers)
    except NotFound:
        if kind_of(kind).is_count:
            raise BadInput(
                f"{kind} is bought by the machine, and no rate of it is known; give them as a file "
                "(--rates) with the columns sku, kind, term, rate"
            ) from None
    per_hour = _amount(told) if bought is None else Money(bought.amount_nano, told.currency)
    promised = told.promised
    if promised is None and bought is not None and given is not None:
        promised = _promise(_without(given, told.id), bought, told)
    return Purchase(
        id=told.id,
        kind=kind if bought is None else bought.offer.kind,
        term_hours=term_hours(term),
        start_ns=told.start_ns,
        per_hour=per_hour,
        rates={} if bought is None else dict(bought.offer.rates),
        name=told.name,
        provider=kind_of(kind).provider,
        until_ns=told.until_ns,
        promised=promised,
    )


def _words(text: str) -> tuple[str, str]:
    """The kind and the term of *text*, which an offer's own name has in it: ``KIND TERM SKU``."""
    words = text.rpartition("=")[0].split()
    kind, _, term = words[0].partition(":") if words else ("", "", "")
    term = term or "".join(words[1:2])
    if not kind or not term:
        raise BadInput(
            f"{text!r}: write KIND:TERM=AMOUNT, as in aws_compute_savings_plan:1y=12.5, "
            "with a term of days, months or years"
        )
    return kind, term


def _amount(told: Told) -> Money:
    amount = Money.parse(told.what.rpartition("=")[2], told.currency)
    if amount.nano <= 0:
        raise BadInput(f"{told.what!r}: the amount is money an hour, more than 0")
    return amount


def _without(given: Given, id_: str) -> Given:
    """What is given, as if the commitment *id_* were not held: it may be recorded anew."""
    if given.billed is None:
        return given
    same = same_as(id_, [one.id for one in given.billed.bought])
    bought = tuple(one for one in given.billed.bought if one.id != same)
    contracts = {key: one for key, one in given.contracts.items() if key != id_}
    held = standing(replace(given.billed, bought=bought), contracts, time.time_ns())
    return replace(given, held=held)


def _promise(given: Given, bought: Holding, told: Told) -> Money | None:
    """What it would have saved a month, by the demand of the bills."""
    if given.demand.currency != told.currency:
        return None
    exact = Fraction(promise(given, [bought]) * MONTH_HOURS, given.demand.hours * NANO)
    return Money.nearest(exact, told.currency)
