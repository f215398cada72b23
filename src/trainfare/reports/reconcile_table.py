"""Reconciliations as tables: one per currency, a row per compared run, a column per cause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trainfare.core.charge import View
from trainfare.core.period import name_periods
from trainfare.reports.cell import Column, Kind, Role, Value
from trainfare.reports.cell import Row as TableRow
from trainfare.reports.reconcile import Row, Standing
from trainfare.reports.table import Table
from trainfare.reports.variance import Cause, Variance

_WHATS = {
    Cause.PRICE: "Another rate than was assumed.",
    Cause.DURATION: "Paid longer or shorter than was measured.",
    Cause.QUANTITY: "Machines missed, over-counted or shared with other runs.",
    Cause.COMMITMENT: "What negotiated and commitment discounts took off.",
    Cause.CREDIT: "Credits and corrections.",
    Cause.UNMETERED: "What no meter sees: disks, traffic, shares of common costs.",
    Cause.ROUNDING: "Less than a nano-unit per charge and cause.",
}


def reconcile_tables(
    rows: Sequence[Row], totals: Sequence[Variance], periods: Sequence[str]
) -> list[Table]:
    """One table per total, the largest variance first; notes say which runs are not in it."""
    return [_table(rows, total, periods) for total in totals]


def variance_columns(currency: str) -> tuple[Column, ...]:
    """The columns of a comparison of estimate and bill, in order."""
    amounts: dict[str, str] = {
        "estimated": "By the prices known while it ran.",
        "billed": "Effective cost on the bill.",
        "variance": "Billed less estimated.",
        **{cause.value: what for cause, what in _WHATS.items()},
    }
    money = (Column(name, Kind.MONEY, currency, True, what) for name, what in amounts.items())
    return (Column("run", Kind.TEXT), *money)


def _table(rows: Sequence[Row], total: Variance, periods: Sequence[str]) -> Table:
    currency = total.billed.currency
    return Table(
        title=f"{name_periods(periods)}   estimated and effective cost in {currency}",
        by=("run",),
        columns=variance_columns(currency),
        rows=tuple(
            TableRow({"run": row.run, **_cells(row.variance)})
            for row in rows
            if row.variance and row.variance.billed.currency == currency
        ),
        total=TableRow({"run": "total", **_cells(total)}, Role.TOTAL),
        currency=currency,
        view=View.EFFECTIVE.value,
        periods=tuple(periods),
        notes=tuple(_notes(rows)),
    )


def _cells(line: Variance) -> dict[str, Value]:
    return {
        "estimated": line.estimated,
        "billed": line.billed,
        "variance": line.variance,
        **{cause.value: amount for cause, amount in line.causes.items()},
    }


def _notes(rows: Sequence[Row]) -> Iterator[str]:
    """How many runs are not in the table, and why."""
    awaited = [row for row in rows if row.status is Standing.AWAITING_BILL]
    left = [row for row in rows if not row.variance and row.status is not Standing.AWAITING_BILL]
    unmetered = sum(not row.is_metered for row in left)
    counts = {
        "await their bill": len(awaited),
        "have a bill and were not metered here": unmetered,
        "have a bill and no price, or one in another currency": len(left) - unmetered,
        "are billed in a period that is still open": sum(
            row.status is Standing.OPEN_PERIOD and row.variance is not None for row in rows
        ),
    }
    return (f"{count:,} runs {words}." for words, count in counts.items() if count)
