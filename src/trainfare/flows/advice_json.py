"""Advice as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from trainfare.advice.realized import Realized
from trainfare.core.money import Money
from trainfare.core.period import SECOND, format_instant
from trainfare.core.recommendation import Advice, NoAdvice
from trainfare.flows.advise import Advised
from trainfare.flows.decisions import Decided


def advised_json(found: Advised) -> dict[str, Any]:
    """Everything that is advised, with stable keys; money as text."""
    return {
        "periods": list(found.periods),
        "book": found.book,
        "only_corrected": list(found.only_corrected),
        "paid": _texts(found.paid),
        "paid_per_month": _texts(found.paid_per_month),
        "recommendations": [advice_json(one) for one in found.advice],
        "not_recommended": [no_advice_json(one) for one in found.not_advised],
        "not_allocated": list(found.not_allocated),
    }


def _texts(amounts: Mapping[str, Money]) -> dict[str, str]:
    return {currency: amount.text() for currency, amount in sorted(amounts.items())}


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


def decided_json(one: Decided) -> dict[str, Any]:
    """One decision, with its promise and what it saved."""
    said = one.decision
    return {
        "id": said.advice,
        "verdict": said.verdict.value,
        "at": format_instant(said.at_ns // SECOND * SECOND),
        "who": said.who,
        "reason": said.reason,
        "until": None if said.until_ns is None else format_instant(said.until_ns),
        "kind": said.kind.value,
        "rule": said.rule,
        "subject": said.subject,
        "title": said.title,
        "currency": said.base.currency,
        "promised": said.saving.text(),
        "promised_low": said.saving_low.text(),
        "promised_high": said.saving_high.text(),
        "per": "month",
        "realized": _realized_json(one.realized),
    }


def _realized_json(found: Realized | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "saving": None if found.per_month is None else found.per_month.text(),
        "per": "month",
        "periods": {period: amount.text() for period, amount in found.periods.items()},
        "why": found.why or None,
    }
