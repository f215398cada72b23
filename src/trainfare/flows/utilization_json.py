"""Utilization as JSON."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from trainfare.core.money import text_or_none
from trainfare.core.period import HOUR

if TYPE_CHECKING:
    from trainfare.flows.utilization import GpuUse, Utilization
    from trainfare.reports.commitment_use import CommitmentUse, Saving
    from trainfare.reports.run_use import RunUse
    from trainfare.reports.utilization import UseRow


def utilization_json(found: Utilization) -> dict[str, Any]:
    """What paid GPUs did, with stable keys; money as text."""
    first, *others = [_use(one, found) for one in found.uses] or [{}]
    return {
        "periods": list(found.periods),
        "book": found.book,
        "run": found.run,
        "by": list(found.by),
        **first,
        "other_currencies": others,
        "activity_sources": list(found.sources),
        "commitments": [_commitment(one) for one in found.commitments],
        "outside": [
            {
                "resource": one.resource,
                "amount": one.amount.text(),
                "currency": one.amount.currency,
                "why": one.why,
            }
            for one in found.outside
        ],
        "not_allocated": list(found.not_allocated),
    }


def _use(use: GpuUse, found: Utilization) -> dict[str, Any]:
    return {
        "currency": use.currency,
        "rows": [
            {**dict(zip(found.by, row.key, strict=True)), **_row(row, found.use_of(row))}
            for row in use.rows
        ],
        "total": _row(use.total, found.use_of(use.total)),
    }


def _row(row: UseRow, use: RunUse | None) -> dict[str, Any]:
    waiting_ns = None if use is None else use.waiting_ns
    return {
        "runs": len(row.run_ids),
        "gpu_hours": {
            **{state.value: _hours(time_ns) for state, time_ns in row.gpu_ns.items()},
            "paid": _hours(row.paid_ns),
        },
        "amounts": {
            **{state.value: amount.text() for state, amount in row.amounts.items()},
            "paid": row.amount.text(),
        },
        "gpu_activity": _ratio(row.gpu_activity),
        "waiting_gpu_hours": None if waiting_ns is None else _hours(waiting_ns),
        "mfu": _ratio(use.mfu) if use else None,
        "energy_kwh": _ratio(use.energy_kwh) if use else None,
        "carbon_g": _ratio(use.carbon_g) if use else None,
    }


def _commitment(one: CommitmentUse) -> dict[str, Any]:
    return {
        "period": one.period,
        "provider": one.provider,
        "commitment": one.commitment,
        "name": one.name,
        "kind": one.kind,
        "currency": one.used.currency,
        "used": one.used.text(),
        "unused": one.unused.text(),
        "commitment_utilization": _ratio(one.commitment_utilization),
        "list": _saving(one.on_list),
        "contracted": _saving(one.on_contracted),
    }


def _saving(one: Saving) -> dict[str, Any]:
    return {
        "on_demand": text_or_none(one.on_demand),
        "covered": text_or_none(one.covered),
        "paid": one.paid.text(),
        "saved": text_or_none(one.saved),
        "coverage": _ratio(one.coverage),
        "effective_savings_rate": _ratio(one.rate),
        "charges_without_price": one.missing,
    }


def _hours(time_ns: int) -> float:
    return round(time_ns / HOUR, 6)


def _ratio(value: Fraction | None) -> float | None:
    return None if value is None else round(float(value), 6)
