"""Explanations as JSON, and what their parts sum to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainfare.core.charge import View
from trainfare.core.claim import share_text
from trainfare.core.money import Money
from trainfare.core.period import format_instant

if TYPE_CHECKING:
    from trainfare.allocation.line import Line
    from trainfare.flows.explain import ExplainedCharge, ExplainedRun, Part, PooledPart


def amounts_of(line: Line | PooledPart) -> dict[str, str | None]:
    """Every cost column, as text; None where the bill does not state it."""
    return {
        view.value: None if nano is None else Money(nano, line.currency).text()
        for view, nano in zip(View, line.amounts, strict=True)
    }


def effective_of(line: Line | PooledPart) -> Money | None:
    """The effective cost."""
    nano = line.amounts[list(View).index(View.EFFECTIVE)]
    return None if nano is None else Money(nano, line.currency)


def _line_document(line: Line) -> dict[str, Any]:
    return {
        "owner": line.run,
        "remainder": line.remainder.value if line.remainder else None,
        "method": line.method,
        "label": line.label,
        "tag_run": line.tag_run,
        "currency": line.currency,
        "amounts": amounts_of(line),
    }


def _part_document(part: Part) -> dict[str, Any]:
    line = part.line
    return {
        "charge": part.charge,
        "period": part.period,
        "resource": line.resource,
        "start": format_instant(line.start_us * 1000),
        "end": format_instant(line.end_us * 1000),
        **_line_document(line),
    }


def charge_json(one: ExplainedCharge) -> dict[str, Any]:
    """How one charge was divided."""
    told = one.explanation
    first = told.lines[0]
    return {
        "charge": one.charge,
        "period": one.period,
        "resource": first.resource,
        "start": format_instant(first.start_us * 1000),
        "end": format_instant(first.end_us * 1000),
        "rule": told.rule.name if told.rule else None,
        "paid_seconds": None if told.capacity_us is None else told.capacity_us / 10**6,
        "held_seconds": {run: held / 10**6 for run, held in one.held_us.items()},
        "parts": [_line_document(line) for line in told.lines],
        "claims": [
            {
                "run": claim.run,
                "resource": claim.resource,
                "start": format_instant(claim.start_us * 1000),
                "end": format_instant(claim.end_us * 1000),
                "share": share_text(claim.share),
            }
            for claim in told.claims
        ],
    }


def totals_of(told: ExplainedRun) -> dict[str, Money]:
    """Currency → effective cost of all parts, which is what the report says."""
    sums: dict[str, Money] = {}
    lines: list[Line | PooledPart] = [part.line for part in told.parts]
    for line in [*lines, *told.pooled]:
        amount = effective_of(line)
        if amount is not None:
            zero = Money.zero(amount.currency)
            sums[amount.currency] = sums.get(amount.currency, zero) + amount
    return sums


def own_run_json(document: dict[str, Any]) -> dict[str, Any]:
    """:func:`run_json` for somebody of the run's team alone: no other run is named."""
    own = document["run"], None
    parts = [
        one if one["tag_run"] in own else {**one, "tag_run": None} for one in document["parts"]
    ]
    return {**document, "parts": parts}


def run_json(run: str, told: ExplainedRun) -> dict[str, Any]:
    """What a run got, charge by charge."""
    return {
        "run": run,
        "parts": [_part_document(part) for part in told.parts],
        "pooled": [
            {
                "period": one.period,
                "rule": one.rule,
                "match": one.text,
                "currency": one.currency,
                "amounts": amounts_of(one),
            }
            for one in told.pooled
        ],
        "total": {c: amount.text() for c, amount in totals_of(told).items()},
    }
