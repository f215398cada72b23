"""What kind of charge a row of Azure's actual or amortised export is, and which commitment it is of.

Source: Microsoft FinOps toolkit, "Convert Cost Management data to FOCUS".
"""

from __future__ import annotations

from dataclasses import dataclass

from trainfare.billing.arrow import pa, pc
from trainfare.billing.azure_rows import Rows, chosen, lowered, plain_word
from trainfare.billing.texts import only, spread, translated

_CATEGORIES = {
    "usage": "Usage",
    "unusedreservation": "Usage",
    "unusedsavingsplan": "Usage",
    "purchase": "Purchase",
    "refund": "Purchase",
    "tax": "Tax",
    "credit": "Credit",
    "roundingadjustment": "Adjustment",
}
_FREQUENCIES = {"onetime": "One-Time", "recurring": "Recurring", "usagebased": "Usage-Based"}
_PRICING = {
    "ondemand": "Standard",
    "spot": "Dynamic",
    "reservation": "Committed",
    "savingsplan": "Committed",
    "savingsplans": "Committed",
}
_COMMITTED = ("reservation", "savingsplan", "savingsplans")
_UNUSED = ("unusedreservation", "unusedsavingsplan")


@dataclass(frozen=True, slots=True)
class Kinds:
    """(n,) what is true of each row."""

    is_usage: pa.BooleanArray
    """Something ran; unused commitments not among them."""
    is_unused: pa.BooleanArray
    """A reservation or savings plan that was paid and not used."""
    is_committed: pa.BooleanArray
    """It belongs to a reservation or savings plan: what it covers, or its purchase."""
    is_purchase: pa.BooleanArray
    """A purchase or its refund."""


def put_kinds(rows: Rows) -> Kinds:
    """Set category, class, frequency and pricing; what Azure calls otherwise is noted."""
    draft = rows.draft
    charges, pricing = rows.texts("charge"), rows.texts("pricing")
    words = [plain_word(text) for text in charges.dictionary.to_pylist()]
    categories = translated(charges, [_CATEGORIES.get(word, "Adjustment") for word in words])
    silent = charges.is_null()
    if pc.any(silent).as_py():  # exports of before 2019 have usage only, and no such column
        categories = pc.if_else(silent, "Usage", categories.dictionary_decode())
        draft.note("ChargeCategory", "taken-as-usage", silent)
    unknown = pa.array([word not in _CATEGORIES for word in words], pa.bool_())
    draft.put("ChargeCategory", categories, source=rows.header.told("charge"))
    draft.note("ChargeCategory", "unknown-charge-type", spread(unknown, charges))
    classes = ["Correction" if word == "refund" else None for word in words]
    draft.put("ChargeClass", translated(charges, classes))
    draft.put("x_LineItemType", charges)
    frequency = rows.texts("frequency")
    named = [_FREQUENCIES.get(plain_word(text)) for text in frequency.dictionary.to_pylist()]
    draft.put("ChargeFrequency", translated(frequency, named))
    models = [_PRICING.get(plain_word(text)) for text in pricing.dictionary.to_pylist()]
    draft.put("PricingCategory", translated(pricing, models))
    unused = rows.said(charges, *_UNUSED)
    benefits = rows.texts("benefit", "reservation")
    unnamed = pc.and_(pricing.is_null(), benefits.is_valid())  # exports of before PricingModel
    committed = pc.or_(rows.said(pricing, *_COMMITTED), pc.or_(unused, unnamed))
    usage = pc.or_(rows.said(charges, "usage"), silent)
    return Kinds(usage, unused, committed, rows.said(charges, "purchase", "refund"))


def put_commitments(rows: Rows, kinds: Kinds) -> None:
    """Set which reservation or savings plan a row is of, and whether it was used.

    A purchase may name only its order; then that is its id.
    """
    draft = rows.draft
    ids = only(lowered(rows.texts("benefit", "reservation", "order")), kinds.is_committed)
    draft.put("CommitmentDiscountId", ids, source=rows.header.told("benefit"))
    titles = rows.texts("benefit_name", "reservation_name", "order_name")
    draft.put("CommitmentDiscountName", only(titles, kinds.is_committed))
    is_plan = spread(pc.match_substring(ids.dictionary, "/microsoft.billingbenefits/"), ids)
    for word in ("charge", "pricing"):
        plans = ("savingsplan", "savingsplans", "unusedsavingsplan")
        is_plan = pc.or_(is_plan, rows.said(rows.texts(word), *plans))
    committed = kinds.is_committed
    draft.put("CommitmentDiscountCategory", chosen(committed, is_plan, "Spend", "Usage"))
    draft.put("CommitmentDiscountType", chosen(committed, is_plan, "Savings Plan", "Reservation"))
    used = pc.and_(committed, pc.or_(kinds.is_usage, kinds.is_unused))
    draft.put("CommitmentDiscountStatus", chosen(used, kinds.is_unused, "Unused", "Used"))
