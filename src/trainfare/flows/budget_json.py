"""Budgets and where they stand, as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trainfare.core.budget import Budget, Standing
from trainfare.core.money import Money
from trainfare.core.period import format_instant
from trainfare.flows.budget import Fit
from trainfare.metering.budget_shelf import budget_json


def scoped_json(budget: Budget) -> dict[str, Any]:
    """A budget with stable keys."""
    return {**budget_json(budget), "scope": {"selection": budget.scope.text}}


def standing_json(one: Standing) -> dict[str, Any]:
    """A standing with stable keys; money as text."""
    budget = one.budget
    return {
        "id": budget.id,
        "scope": {"selection": budget.scope.text},
        "period": budget.period.value,
        "view": budget.view.value,
        "run": one.run,
        "currency": one.limit.currency,
        "limit": one.limit.text(),
        "spent": None if one.spent is None else one.spent.text(),
        "forecast": None if one.forecast is None else one.forecast.text(),
        "forecast_low": None if one.forecast_low is None else one.forecast_low.text(),
        "forecast_high": None if one.forecast_high is None else one.forecast_high.text(),
        "forecast_coverage": one.forecast_coverage and round(one.forecast_coverage, 4),
        "breach_probability": one.breach_probability,
        "state": one.state.value,
        "reached": [str(each) for each in one.reached],
        "why": one.why or None,
        "starts_at": format_instant(budget.starts_ns) if budget.starts_ns else None,
    }


def fits_json(fits: Sequence[Fit], amount: Money) -> dict[str, Any]:
    """Whether a plan that costs *amount* fits."""
    rows = [
        {
            **standing_json(one.standing),
            "plan": one.plan.text(),
            "left": None if one.left is None else one.left.text(),
            "fits": one.fits,
        }
        for one in fits
    ]
    return {"plan": amount.text(), "currency": amount.currency, "budgets": rows}
