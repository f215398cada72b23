"""Plans as JSON: stable keys, money as text."""

from __future__ import annotations

from typing import Any

from trainfare.advice.offer import TERM_HOURS, Span
from trainfare.advice.plan import Choice
from trainfare.flows.plan import Itinerary
from trainfare.prices.listing import exact_decimal


def plan_json(found: Itinerary, limit: int) -> dict[str, Any]:
    """What ``trainfare plan --format json`` prints: the best *limit* options."""
    limits = found.limits
    return {
        "work": found.title,
        "deadline_hours": limits.deadline_hours,
        "budget": None if limits.budget is None else limits.budget.text(),
        "value_per_hour": None if limits.value_per_hour is None else limits.value_per_hour.text(),
        "considered": len(found.choices),
        "within": sum(one.is_within for one in found.choices),
        "options": [_choice(one) for one in found.choices[:limit]],
        "replayed": None if found.replayed is None else _choice(found.replayed),
        "replays": [one.to_json() for one in found.replays],
        "notes": list(found.notes),
    }


def _choice(one: Choice) -> dict[str, Any]:
    offer = one.offer
    return {
        "provider": offer.provider,
        "region": offer.region,
        "instance": offer.instance,
        "purchase_option": offer.option,
        "machines": one.machines,
        "accelerator": offer.accelerator,
        "accelerators": one.devices,
        "price_per_hour": str(exact_decimal(offer.price_per_hour * one.machines).normalize()),
        "price_source": offer.source,
        "currency": offer.currency,
        "hours": _span(one.hours),
        "estimated": one.expected.text(),
        "estimated_low": one.low.text(),
        "estimated_high": one.high.text(),
        "late_probability": round(one.late, 4),
        "over_budget_probability": round(one.over, 4),
        "within": one.is_within,
        "on_front": one.is_on_front,
        "speed": one.speed.basis,
        "speed_measured": one.speed.is_measured,
        "preemptions_per_hour": None
        if one.rate is None
        else _span(Span(one.rate.low, one.rate.mean, one.rate.high)),
        "checkpoint_every_hours": None
        if one.interval_hours is None
        else round(one.interval_hours, 6),
        "term_hours": TERM_HOURS.get(offer.option),
        "notes": list(one.notes),
    }


def _span(span: Span) -> dict[str, float]:
    return {
        "low": round(span.low, 6),
        "expected": round(span.middle, 6),
        "high": round(span.high, 6),
    }
