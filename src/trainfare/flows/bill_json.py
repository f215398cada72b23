"""Bills, allocations and the proof of both, as JSON with stable keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trainfare.core.charge import Remainder
from trainfare.core.money import Money
from trainfare.core.period import format_instant

if TYPE_CHECKING:
    from trainfare.flows.allocation import Allocated, Balance
    from trainfare.flows.bill import Imported
    from trainfare.store.deliveries import StoredDelivery

VIEWS = ("billed", "effective", "list", "contracted")
STANDINGS = ("runs", "idle", "shared", "unused_commitment", "unallocated")
"""Where charges stand after an allocation."""


def delivery_json(delivery: StoredDelivery) -> dict[str, Any]:
    """A delivery with stable keys; money as text."""
    return {
        "id": delivery.id,
        "source": delivery.source,
        "format": delivery.format,
        "period": delivery.period,
        "rows": delivery.rows,
        "totals": {
            currency: {
                view: Money(views[view], currency).text() if view in views else None
                for view in VIEWS
            }
            for currency, views in sorted(delivery.totals.items())
        },
        "repairs": delivery.repairs,
        "files": list(delivery.files),
        "imported_at": format_instant(delivery.imported_ns),
    }


def imported_json(one: Imported) -> dict[str, Any]:
    """What importing one billing period did."""
    replaced = one.replaced.id if one.replaced else None
    return {
        **delivery_json(one.delivery),
        "replaces": replaced,
        "unchanged": one.is_unchanged,
        "notices": list(one.notices),
    }


def allocated_json(one: Allocated) -> dict[str, Any]:
    """What allocating one billing period did."""
    return {
        "period": one.period,
        "unchanged": one.is_unchanged,
        "resource_days": one.touched and dict(zip(("touched", "all"), one.touched, strict=True)),
        "whole_because": one.whole_because,
        "charges": one.summary["charges"],
        "outcomes": [_money_of(outcome) for outcome in one.summary["outcomes"]],
        "methods": [
            {**method, "nano": None, "effective": _text(method["nano"], method["currency"])}
            for method in one.summary["methods"]
        ],
        "changes": [
            {
                "run": change.run,
                "before": change.before.text(),
                "after": change.after.text(),
                "currency": change.after.currency,
            }
            for change in one.changes
        ],
        "stale_tags": one.summary["stale_tags"],
        "stale_tag_count": one.summary["stale_tag_count"],
        "unbilled": one.summary["unbilled"],
        "unbilled_count": one.summary["unbilled_count"],
    }


def _money_of(outcome: dict[str, Any]) -> dict[str, Any]:
    texts = {name: _text(outcome[name], outcome["currency"]) for name in STANDINGS}
    return {
        "currency": outcome["currency"],
        "view": outcome["view"],
        **texts,
        "missing": outcome["missing"],
    }


def _text(nano: str, currency: str) -> str:
    return Money(int(nano), currency).text()


def balances_json(balances: Sequence[Balance]) -> dict[str, Any]:
    """Whether runs and remainders sum to the bill, period by period."""
    return {
        "conserved": all(one.difference == 0 for one in balances),
        "stale": list(dict.fromkeys(one.period for one in balances if one.is_stale)),
        "periods": [_balance(one) for one in balances],
    }


def _balance(one: Balance) -> dict[str, Any]:
    remainders = {r.value: Money(one.remainders[r], one.currency).text() for r in Remainder}
    return {
        "period": one.period,
        "currency": one.currency,
        "view": one.view.value,
        "bill": Money(one.bill, one.currency).text(),
        "runs": Money(one.runs, one.currency).text(),
        **remainders,
        "difference": Money(one.difference, one.currency).text() if one.difference else "0",
    }
