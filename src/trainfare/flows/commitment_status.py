"""The status of commitments: what is held, how far it was used, and when it ends."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainfare.core.contract import Contract
from trainfare.core.errors import NotFound
from trainfare.core.money import text_or_none
from trainfare.core.period import DAY, SECOND, BillingPeriod, format_instant
from trainfare.flows.commitment_beside import read_beside
from trainfare.flows.commitment_source import find_contract, need_optimize
from trainfare.flows.contracts import Recorded, SavedOnBill, are_same, read_contracts

if TYPE_CHECKING:
    from trainfare.reports.commitment_runs import Alignment


def read_status(home: Path, period: str | None = None, at_ns: int | None = None) -> dict[str, Any]:
    """What is held by the bills and by contracts, with stable keys.

    Raises:
        BadInput: *period* is no billing period.
        NotFound: there is neither a bill that commitments could cover nor a contract, or none of
            *period*.
        MissingExtra: the packages that read demand are not installed.
    """
    need_optimize()
    from trainfare.flows.commitment_demand import billed_demand
    from trainfare.flows.commitment_json import status_json

    at_ns = time.time_ns() if at_ns is None else at_ns
    period = None if period is None else str(BillingPeriod.parse(period))
    contracts = read_contracts(home)
    try:
        billed = billed_demand(home, period)
    except NotFound:
        if not contracts or period is not None:
            raise
        rows = [_contract_row(one, at_ns) for one in contracts.values()]
        return {
            "currency": None, "periods": [], "commitments": [], "unmeasured": [],
            "not_on_bill": _by_end(rows), "other_currencies": [],
        }  # fmt: skip
    found = status_json(billed)
    shown = [row["id"] for row in found["commitments"]]
    beside = read_beside(home, period, found["currency"], shown)
    for row in (*found["commitments"], *beside.unmeasured):
        row.update(_end(find_contract(contracts, row["id"]), at_ns))
    rest = [
        _contract_row(one, at_ns)
        for one in contracts.values()
        if not any(are_same(one.id, each) for each in beside.ids)
    ]
    return {
        **found,
        "commitments": _by_end(found["commitments"]),
        "unmeasured": _by_end(beside.unmeasured),
        "not_on_bill": _by_end(rest),
        "other_currencies": list(beside.other_currencies),
    }


def _end(contract: Contract | None, at_ns: int) -> dict[str, Any]:
    """When it ends, as its contract says; null where there is none."""
    if contract is None:
        return {"starts": None, "ends": None, "days_left": None, "state": None, "told_by": None}
    return {
        "starts": format_instant(contract.start_ns),
        "ends": format_instant(contract.end_ns),
        "days_left": days_left(contract, at_ns),
        "state": contract.state,
        "told_by": contract.source,
    }


def days_left(contract: Contract, at_ns: int) -> int:
    """Whole days until it ends; 0 on its last day, below 0 after it."""
    return (contract.end_ns - at_ns) // DAY


def _contract_row(one: Contract, at_ns: int) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "kind": one.kind,
        "provider": one.provider,
        "currency": one.currency,
        "commitment_per_hour": None if one.per_hour is None else one.per_hour.text(),
        "skus": sorted(one.rates),
        **_end(one, at_ns),
    }


def _by_end(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What ends first comes first; what has no known end last."""
    return sorted(rows, key=lambda row: (row["ends"] is None, row["ends"] or "", row["id"]))


def recorded_json(one: Recorded) -> dict[str, Any]:
    """A contract with its promise and what it saved, bill by bill."""
    contract = one.contract
    return {
        **_contract_row(contract, time.time_ns()),
        "at": format_instant(contract.at_ns // SECOND * SECOND),
        "who": contract.who,
        "promised": text_or_none(contract.promised),
        "per": "month",
        "realized": {
            "saved": text_or_none(one.saved),
            "promised": text_or_none(one.promised),
            "bills": [_bill_json(bill) for bill in one.bills],
            "why": one.why,
        },
    }


def _bill_json(bill: SavedOnBill) -> Mapping[str, Any]:
    return {
        "period": bill.period,
        "hours": bill.hours,
        "on_demand": text_or_none(bill.on_demand),
        "paid": bill.paid.text(),
        "unused": bill.unused.text(),
        "saved": text_or_none(bill.saved),
        "promised": text_or_none(bill.promised),
    }


def read_alignment(home: Path, period: str | None = None) -> list[Alignment]:
    """Which runs used up commitments, and which paid on demand beside unused ones.

    Raises:
        NotFound: nothing is allocated.
        BadInput: bills, claims or rules changed since a period was allocated.
    """
    from trainfare.flows.coverage import covered_hours
    from trainfare.reports.commitment_runs import align

    return align(covered_hours(home, period))


def alignment_json(one: Alignment) -> dict[str, Any]:
    """How use and commitments of one provider met; runs and remainders sum to the totals."""
    names = ("covered", "used", "open", "beside")
    return {
        "provider": one.provider,
        "currency": one.currency,
        "runs": [
            {
                "run": run.run,
                "remainder": None if run.remainder is None else run.remainder.value,
                **{name: getattr(run, name).text() for name in names},
                "unpriced": run.unpriced,
            }
            for run in one.runs
        ],
        **{name: one.total(name).text() for name in names},
        "unused": one.unused.text(),
        "elsewhere": one.elsewhere.text(),
    }
