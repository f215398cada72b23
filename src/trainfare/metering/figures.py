"""Figures: what a run costs as numbers with names, for trackers and monitoring systems.

They know only floating-point numbers: these are for charts, never for books. What is unknown has no
figure. A name holds the currency where it is money: ``trainfare/estimated_cost_USD``.
"""

from __future__ import annotations

from trainfare.core.charge import Component
from trainfare.core.money import NANO, Money
from trainfare.core.period import SECOND
from trainfare.metering.receipt import Receipt

ROOM = "trainfare/"
"""How the names begin: trackers draw what is before the stroke as one group."""


def figures_of(receipt: Receipt) -> dict[str, float]:
    """The figures of a run as its receipt stands.

    Components that cost nothing are left out, for a chart of zeros says nothing; the total and
    compute are always there where they are known.
    """
    estimate, billed = receipt.estimate, receipt.billed
    amounts = {"estimated_cost": estimate.total, "estimated_cost_per_step": receipt.cost_per_step}
    for component in Component:
        amount = estimate.components[component]
        if amount or component is Component.COMPUTE:
            amounts[f"estimated_{component.value}_cost"] = amount
    amounts["low_use_cost"] = receipt.low_use_cost
    if billed is not None:
        amounts["billed_cost"] = billed.total
    money = {
        f"{ROOM}{name}_{amount.currency}": _number(amount)
        for name, amount in amounts.items()
        if amount is not None
    }
    return {f"{ROOM}seconds": receipt.duration_ns / SECOND, **money}


def words_of(receipt: Receipt) -> dict[str, str]:
    """What is exact, and what is no number, as words: tags of a tracker's run."""
    total, billed = receipt.estimate.total, receipt.billed
    words = {
        "trainfare.run": receipt.run.id,
        "trainfare.status": receipt.run.status.value,
        "trainfare.estimated_cost": None if total is None else _exact(total),
        "trainfare.billed_cost": None if billed is None else _exact(billed.total),
    }
    return {key: word for key, word in words.items() if word is not None}


def _number(amount: Money) -> float:
    return amount.nano / NANO


def _exact(amount: Money) -> str:
    return f"{amount.text()} {amount.currency}"
