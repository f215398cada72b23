"""The exact purchase of a plan, in words for a human: nothing here buys anything."""

from __future__ import annotations

from typing import Any

from trainfare.commitments.kinds import kind_of, term_hours
from trainfare.commitments.offer import Holding
from trainfare.core.money import NANO, Money
from trainfare.flows.commitment_json import holding_json

_TERMS = {"1m": "one month", "6m": "six months", "1y": "one year", "3y": "three years"}

_PLACES = {
    "aws_reserved_instance": "EC2 console, Reserved Instances, Purchase Reserved Instances",
    "aws_capacity_block": "EC2 console, Capacity Reservations, Purchase Capacity Blocks for ML",
    "gcp_resource_cud": "Compute Engine, Committed use discounts, Purchase, Hardware commitment",
    "gcp_flexible_cud": "Compute Engine, Committed use discounts, Purchase, Flexible commitment",
    "azure_reservation": "Azure portal, Reservations, Add, Virtual machine",
    "azure_savings_plan": "Azure portal, Savings plans, Add",
}
"""Where a human buys it; AWS sells all savings plans in one place, others by contract."""


def order_json(one: Holding, currency: str) -> dict[str, Any]:
    """One purchase: what, where, how much it binds, and how to note that it was bought."""
    whole = Money(one.amount_nano * term_hours(one.offer.term), currency)
    place = _PLACES.get(one.offer.kind)
    if place is None and "savings_plan" in one.offer.kind:
        place = "AWS Billing and Cost Management, Savings Plans, Purchase Savings Plans"
    return {
        **holding_json(one, currency),
        "binds": whole.text(),
        "upfront": Money(whole.nano * one.offer.upfront // 100, currency).text(),
        "where": place or "the provider's own contract",
        "way_out": kind_of(one.offer.kind).end,
        "words": order_words(one, currency),
        "record": (f"trainfare commit record ID '{_named(one)}={_amount(one)}' --start DAY"),
    }


def order_words(one: Holding, currency: str) -> str:
    """The purchase in one line: "aws compute savings plan, one year, $12.500 an hour"."""
    kind = one.offer.kind.replace("_", " ")
    amount = Money(one.amount_nano, currency).display(3)
    machines = ""
    if one.offer.is_count:
        smallest = min(one.offer.rates, key=lambda sku: (one.offer.rates[sku], sku))
        machines = f", {_amount(one)} × {smallest}"
    return f"{kind}, {_TERMS.get(one.offer.term, one.offer.term)}{machines}, {amount} an hour"


def _named(one: Holding) -> str:
    """The offer as ``commit record`` and ``simulate`` take it."""
    return one.offer.name if one.offer.is_count else f"{one.offer.kind}:{one.offer.term}"


def _amount(one: Holding) -> str:
    if one.offer.is_count:
        return str(one.amount_nano // one.offer.quantum_nano)
    whole, rest = divmod(one.amount_nano, NANO)
    return f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
