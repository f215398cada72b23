"""Commitments as JSON: what the command, the API and the page give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from trainfare.commitments.backtest import Tested, summary_of
from trainfare.commitments.demand import Demand, hour_text
from trainfare.commitments.kinds import kind_of
from trainfare.commitments.ladder import Walked
from trainfare.commitments.measures import Measures
from trainfare.commitments.offer import Holding
from trainfare.core.money import NANO, Money
from trainfare.flows.commitment import YEAR_HOURS, CommitmentPlan, Ladder
from trainfare.flows.commitment_demand import BilledDemand, Bought


def plan_json(plan: CommitmentPlan) -> dict[str, Any]:
    """A plan; money is a decimal string over the hours of demand, rates are shares of on-demand."""
    currency = plan.demand.currency

    def money(nano: int) -> str:
        return Money(nano, currency).text()

    return {
        "buy": plan.buy,
        "why": plan.why,
        "plan": [holding_json(one, currency) for one in plan.bought],
        "held": [holding_json(one, currency) for one in plan.held],
        "currency": currency,
        "from": hour_text(plan.demand.first_hour),
        "until": hour_text(plan.demand.first_hour + plan.history_hours),
        "hours": plan.demand.hours,
        "missing_periods": list(plan.demand.without_bill),
        "on_demand": money(plan.demand.total_nano),
        "cost_without": money(plan.without_nano),
        "cost_with": money(plan.with_nano),
        "saving": money(plan.saving_nano),
        "saving_per_year": money(plan.saving_nano * YEAR_HOURS // plan.demand.hours),
        "gap": round(plan.gap, 6),
        "gap_bought": round(plan.gap_bought, 6),
        "share": plan.share,
        **measures_json(plan.measures),
        "risk": {
            "saving_rate": round(plan.risk.mean, 6),
            "saving_rate_low": round(plan.risk.low, 6),
            "saving_rate_high": round(plan.risk.high, 6),
            "saving_rate_worst": round(plan.risk.tail, 6),
            "loss_probability": round(plan.risk.loss_probability, 4),
            "saving_rate_after_waiting": round(plan.risk.after_waiting, 6),
            "stop_loss_per_month": f"{plan.premium:.2f}",
        },
        "alone": [
            {**holding_json(one, currency), "saving": money(saving)} for one, saving in plan.alone
        ],
        "upfront": money(plan.upfront_nano),
        "ladder": _ladder_json(plan.ladder, currency),
        "backtest": tested_json(plan.tested, plan.demand),
    }


def _ladder_json(ladder: Ladder | None, currency: str) -> dict[str, Any] | None:
    if ladder is None:
        return None
    walked = ladder.at_once, ladder.in_parts
    at_once, in_parts = (None if one is None else round(one.saved, 6) for one in walked)
    return {
        "steps": [
            [
                {"from": hour_text(one.start), "until": hour_text(one.end)}
                | holding_json(one, currency)
                for one in step
            ]
            for step in ladder.steps
        ],
        "walked_at_once_rate": at_once,
        "walked_in_parts_rate": in_parts,
    }


def holding_json(one: Holding, currency: str) -> dict[str, Any]:
    """What is bought or held, as its provider sells it, and the rules that it was planned by."""
    offer = one.offer
    found = _terms_json(
        offer.kind, offer.term, Money(one.amount_nano, currency), offer.rates, offer.source
    )
    if one.offer.is_count:
        found["machines"] = one.amount_nano // one.offer.quantum_nano
    return found


def _terms_json(
    name: str, term: str, per_hour: Money, skus: Iterable[str], source: str
) -> dict[str, Any]:
    kind = kind_of(name)
    return {
        "kind": name,
        "term": term,
        "commitment_per_hour": per_hour.text(),
        "unit": f"{per_hour.currency}/h",
        "skus": sorted(skus),
        "covers": kind.covers,
        "source": source,
        "rules": {
            "order": kind.rule,
            "exit": kind.end,
            "source": kind.source,
            "as_of": kind.as_of.isoformat(),
        },
    }


def measures_json(found: Measures) -> dict[str, Any]:
    """Coverage, utilization and savings rate; null where the base is 0."""

    def share(value: Fraction | None) -> float | None:
        return None if value is None else round(float(value), 6)

    return {
        "coverage": share(found.coverage),
        "commitment_utilization": share(found.commitment_utilization),
        "effective_savings_rate": share(found.effective_savings_rate),
    }


def backtest_json(
    tested: Sequence[Tested], walked: Mapping[str, Walked], demand: Demand
) -> dict[str, Any]:
    """Windows of later hours, what they come to, and policies held to the end of their terms."""
    found = summary_of(tested)
    return {
        "currency": demand.currency,
        "missing_periods": list(demand.without_bill),
        "windows": tested_json(tested, demand),
        "promised_rate": None if found is None else round(found.promised, 6),
        "backtested_rate": None if found is None else round(found.backtested, 6),
        "regret_rate": None if found is None else round(found.regret, 6),
        "held_to_term": {
            name: {
                "saving": Money(one.on_demand_nano - one.paid_nano, demand.currency).text(),
                "saving_rate": round(one.saved, 6),
                "bought_per_hour": Money(
                    sum(some.amount_nano for some in one.bought), demand.currency
                ).text(),
            }
            for name, one in walked.items()
        },
    }


def tested_json(tested: Sequence[Tested], demand: Demand) -> list[dict[str, Any]]:
    """Each window of *demand*: promised beside back-tested, and every other policy."""
    currency = demand.currency
    return [
        {
            "fitted_hours": one.window.middle - one.window.start,
            "tested_hours": one.window.end - one.window.middle,
            "tested_from": hour_text(demand.first_hour + one.window.middle),
            "promised_rate": round(one.promised, 6),
            "backtested_rate": round(one.backtested, 6),
            "on_demand": Money(one.on_demand_nano, currency).text(),
            "saving": Money(one.saving_nano, currency).text(),
            "regret": Money(one.regret_nano, currency).text(),
            "paid": {name: Money(nano, currency).text() for name, nano in one.paid_nano.items()},
        }
        for one in tested
    ]


def status_json(billed: BilledDemand) -> dict[str, Any]:
    """What is held, and what it did over the hours of the bills."""
    demand = billed.demand
    return {
        "currency": demand.currency,
        "periods": list(billed.periods),
        "on_demand": Money(billed.measures.on_demand_nano, demand.currency).text(),
        "commitments": [
            {
                "id": one.id,
                "name": one.name,
                **_bought_json(one, demand.currency),
                "hours": one.hours,
                "used": Money(one.used_nano, demand.currency).text(),
                "unused": Money(one.unused_nano, demand.currency).text(),
                "covered": Money(one.covered_nano, demand.currency).text(),
                "commitment_utilization": round(
                    one.used_nano / (one.used_nano + one.unused_nano), 6
                ),
            }
            for one in billed.bought
        ],
        **measures_json(billed.measures),
        "unpriced_charges": billed.unpriced,
        "spread_hours": billed.spread_hours,
        "peak_per_hour": f"{demand.spend_nano.sum(axis=1).max(initial=0) / NANO:.9f}",
    }


def _bought_json(one: Bought, currency: str) -> dict[str, Any]:
    if one.holding is None:
        return _terms_json(one.kind, "1y", Money(one.per_hour_nano, currency), (), "the bill")
    return holding_json(one.holding, currency)
