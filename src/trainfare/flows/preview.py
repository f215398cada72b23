"""The preview: what the provider's own tools say of the open month, beside the bill.

Cost Explorer and AWS Budgets → one file in the home → the CLI, the API and pages show it, marked as
what it is. It is never added to a bill, allocated or reported: the bill, when it comes, is the truth.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainfare.core.errors import BadInput
from trainfare.core.money import Money, text_or_none
from trainfare.core.period import DAY, BillingPeriod, format_instant, parse_instant
from trainfare.flows.bill import has_ledger
from trainfare.prices.json_file import read_json, write_json

if TYPE_CHECKING:
    from trainfare.billing.aws_preview import CloudBudget, DaySpend

FILE = "preview.json"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a provider's own tools said."""

    provider: str
    at_ns: int
    """When they were asked."""
    period: str
    days: tuple[DaySpend, ...]
    budgets: tuple[CloudBudget, ...]

    def totals(self) -> list[tuple[Money, Money]]:
        """Billed and effective so far, per currency."""
        currencies = sorted({one.billed.currency for one in self.days})
        return [_sums(c, self.days) for c in currencies]

    def services(self) -> list[tuple[str, Money, Money]]:
        """Service, billed and effective so far, the costliest first."""
        names = sorted({(one.service, one.billed.currency) for one in self.days})
        sums = [
            (name, *_sums(c, (one for one in self.days if one.service == name)))
            for name, c in names
        ]
        return sorted(sums, key=lambda each: (each[2].currency, -each[2].nano, each[0]))


def _sums(currency: str, days: Iterable[DaySpend]) -> tuple[Money, Money]:
    own = [one for one in days if one.billed.currency == currency]
    return (
        Money.total([one.billed for one in own], currency),
        Money.total([one.effective for one in own], currency),
    )


def refresh_preview(home: Path, provider: str, *, at_ns: int | None = None) -> Preview:
    """Ask *provider*'s tools about the open month, and keep the answer.

    Raises:
        BadInput: the provider has no such tool here, or there are no credentials.
        OutsideFailed: it refused or could not be reached; what was known before stays.
    """
    from trainfare.billing.aws_preview import read_cloud_budgets, read_days

    if provider != "aws":
        raise BadInput(f"there is no preview from {provider!r}; there is one from aws")
    now_ns = time.time_ns() if at_ns is None else at_ns
    month = BillingPeriod.of(now_ns)
    if now_ns < month.interval.start_ns + DAY:  # nothing is known of it yet
        month = BillingPeriod.of(month.interval.start_ns - 1)
    days = read_days(month, now_ns)
    preview = Preview(provider, now_ns, str(month), tuple(days), tuple(read_cloud_budgets()))
    write_json(home / FILE, _document(preview))
    return preview


def find_preview(home: Path) -> Preview | None:
    """The preview that was asked for last; None where there is none."""
    from trainfare.billing.aws_preview import CloudBudget, DaySpend

    told = read_json(home / FILE)
    if told is None:
        return None
    try:
        days = [
            DaySpend(
                one["day"],
                one["service"],
                Money.parse(one["billed"], one["currency"]),
                Money.parse(one["effective"], one["currency"]),
                one["estimated"],
            )
            for one in told["days"]
        ]
        budgets = [
            CloudBudget(
                one["name"],
                one["period"],
                Money.parse(one["limit"], one["currency"]),
                _parse(one["spent"], one["currency"]),
                _parse(one["forecast"], one["currency"]),
            )
            for one in told["budgets"]
        ]
        at_ns = parse_instant(told["as_of"])
        return Preview(told["provider"], at_ns, told["period"], tuple(days), tuple(budgets))
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{home / FILE} is damaged ({error}); delete it and ask again") from None


def billed_so_far(home: Path, period: str) -> Mapping[str, int]:
    """Currency → effective nano of the bills of *period* that are here; empty where none is."""
    if not has_ledger(home):
        return {}
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger

    sums: dict[str, int] = {}
    with open_ledger(home) as ledger, ledger.look() as connection:
        for one in current_deliveries(connection, period):
            for currency, views in one.totals.items():
                sums[currency] = sums.get(currency, 0) + views.get("effective", 0)
    return sums


def preview_document(home: Path, preview: Preview) -> dict[str, Any]:
    """What the API and ``--format json`` answer: sums, days, and the bill beside them."""
    bill = billed_so_far(home, preview.period)
    return {
        **_document(preview),
        "kind": "preview",
        "totals": [
            {
                "currency": effective.currency,
                "billed": billed.text(),
                "effective": effective.text(),
                "bill": Money(bill[effective.currency], effective.currency).text()
                if effective.currency in bill
                else None,
            }
            for billed, effective in preview.totals()
        ],
        "services": [
            {
                "service": name,
                "currency": effective.currency,
                "billed": billed.text(),
                "effective": effective.text(),
            }
            for name, billed, effective in preview.services()
        ],
    }


def _document(preview: Preview) -> dict[str, Any]:
    return {
        "provider": preview.provider,
        "as_of": format_instant(preview.at_ns),
        "period": preview.period,
        "days": [
            {
                "day": one.day,
                "service": one.service,
                "currency": one.billed.currency,
                "billed": one.billed.text(),
                "effective": one.effective.text(),
                "estimated": one.is_estimated,
            }
            for one in preview.days
        ],
        "budgets": [
            {
                "name": one.name,
                "period": one.period,
                "currency": one.limit.currency,
                "limit": one.limit.text(),
                "spent": text_or_none(one.spent),
                "forecast": text_or_none(one.forecast),
            }
            for one in preview.budgets
        ],
    }


def _parse(text: str | None, currency: str) -> Money | None:
    return None if text is None else Money.parse(text, currency)
