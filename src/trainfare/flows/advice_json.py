"""Advice as JSON."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from trainfare.core.recommendation import Advice, NoAdvice
from trainfare.flows.advise import Advised


def advised_json(found: Advised) -> dict[str, Any]:
    """Everything that is advised, with stable keys; money as text."""
    return {
        "periods": list(found.periods),
        "book": found.book,
        "paid": {currency: amount.text() for currency, amount in sorted(found.paid.items())},
        "recommendations": [advice_json(one) for one in found.advice],
        "not_recommended": [no_advice_json(one) for one in found.not_advised],
        "not_allocated": list(found.not_allocated),
    }


def advice_json(one: Advice) -> dict[str, Any]:
    """One recommendation; its saving is per month."""
    made = one.recommendation
    return {
        "id": made.id,
        "kind": made.kind.value,
        "rule": made.rule,
        "subject": made.subject,
        "title": made.title,
        "action": made.action,
        "currency": made.currency,
        "saving": one.saving.text(),
        "saving_low": one.saving_low.text(),
        "saving_high": one.saving_high.text(),
        "per": "month",
        "base": one.base_per_month.text(),
        "share": _ratio(one.share),
        "confidence": made.confidence.value,
        "effort": made.effort.value,
        "risk": made.risk,
        "evidence": dict(made.evidence),
        "method": made.method,
        "assumptions": list(made.assumptions),
        "checked": made.checked,
    }


def no_advice_json(one: NoAdvice) -> dict[str, Any]:
    """What is not recommended, and why."""
    return {
        "kind": one.kind.value,
        "rule": one.rule,
        "subject": one.subject,
        "why": one.why,
        "evidence": dict(one.evidence),
    }


def _ratio(value: Fraction | None) -> float | None:
    return None if value is None else round(float(value), 6)
