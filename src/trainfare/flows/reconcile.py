"""The meeting of the two paths: estimated ↔ billed, run by run, and the prices that bills teach.

allocate what is new → receipts × allocated charges → rows by cause → (learn) → the next estimate
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainfare.core.errors import NotFound
from trainfare.core.money import Money, text_or_none
from trainfare.core.period import BillingPeriod, format_instant
from trainfare.flows.allocation import allocate_periods
from trainfare.flows.bill import need_analytics
from trainfare.flows.briefs import read_within
from trainfare.flows.months import read_months
from trainfare.metering.history import find_run_id, read_receipts

if TYPE_CHECKING:
    from trainfare.metering.receipt import Receipt
    from trainfare.prices.teaching import Taught
    from trainfare.reports.lessons import Lesson
    from trainfare.reports.reconcile import MonthBill, Row
    from trainfare.reports.table import Table
    from trainfare.reports.two_books import Item
    from trainfare.reports.variance import Variance


@dataclass(frozen=True, slots=True)
class PeriodError:
    """How far estimates of one billing period were off."""

    period: str
    runs: int
    median: Fraction
    """Of |billed − estimated| / billed over the runs of the period."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What ``trainfare reconcile`` says."""

    periods: tuple[str, ...]
    """The billing periods that were compared."""
    rows: tuple[Row, ...]
    """The largest variance first, then what is awaited, then what has no estimate."""
    totals: tuple[Variance, ...]
    """Per currency, of all rows that could be compared."""
    errors: tuple[PeriodError, ...]
    """Of the last period compared and of the one before it, the older first."""

    @property
    def tables(self) -> list[Table]:
        """The compared runs as tables, one per currency; for data frames and notebooks."""
        from trainfare.reports.reconcile_table import reconcile_tables

        return reconcile_tables(self.rows, self.totals, self.periods)

    def __str__(self) -> str:
        return "\n\n".join(map(str, self.tables))

    def _repr_html_(self) -> str:
        return "".join(table._repr_html_() for table in self.tables)

    def to_json(self) -> dict[str, Any]:
        """The keys that scripts depend on; money as decimal text, its currency beside it."""
        return {
            "periods": list(self.periods),
            "rows": [_row_document(row) for row in self.rows],
            "totals": [_line_document(total) for total in self.totals],
            "median_absolute_error": [
                {"period": e.period, "runs": e.runs, "median": f"{float(e.median):.6f}"}
                for e in self.errors
            ],
        }


@dataclass(frozen=True, slots=True)
class _Home:
    """What is read once for any number of periods."""

    receipts: Sequence[Receipt]
    claims: Sequence[Any]
    months: Sequence[MonthBill]


def reconcile(
    home: Path, period: str | None = None, *, run: str | None = None, as_of_ns: int | None = None
) -> Reconciliation:
    """Compare estimates with bills, of one billing period or of whole runs.

    What was not allocated yet, or was restated since, is allocated first, unless an earlier time is
    asked for.

    Raises:
        NotFound: there is no such run, or nothing to compare.
    """
    need_analytics("reconcile")
    from trainfare.reports.reconcile import totals_of

    wanted = None if period is None else BillingPeriod.parse(period)
    if as_of_ns is None:
        _allocate(home)
    known = _read(home, as_of_ns, wanted)
    rows = _rows(known, wanted)
    if run is not None:
        rows = _only(home, rows, run)
    if not rows:
        raise NotFound(
            f"no run was metered or billed in {wanted}"
            if wanted
            else "no run was metered or billed yet; start one: trainfare run -- COMMAND"
        )
    periods = [month.period for month in known.months] if wanted is None else [wanted]
    return Reconciliation(
        tuple(map(str, periods)), tuple(rows), tuple(totals_of(rows)), _errors(known, periods)
    )


@dataclass(frozen=True, slots=True)
class Learning:
    """What the bills taught."""

    taught: tuple[Taught, ...]
    refused: tuple[Lesson, ...]
    """Machines that teach no price, and why."""

    def to_json(self) -> dict[str, Any]:
        """What was learnt, what it replaces, and what teaches nothing."""
        return {
            "prices": [_taught_document(one) for one in self.taught],
            "refused": [
                {"sku": one.sku, "period": one.period, "why": one.why_not} for one in self.refused
            ],
        }


def learn_prices(
    home: Path, period: str | None = None, *, confirmed: Sequence[str] = ()
) -> Learning:
    """Store what an hour of each machine really cost, so that the next estimate uses it.

    Args:
        home: whose bills and prices.
        period: one billing period, otherwise all that are here.
        confirmed: SKUs whose jump by more than 40 % is believed, or ``all``.
    """
    need_analytics("learn prices from bills")
    from trainfare.prices.teaching import teach
    from trainfare.reports.lessons import lessons_of

    wanted = None if period is None else BillingPeriod.parse(period)
    _allocate(home)
    receipts = read_receipts(home)
    months = [m for m in read_months(home, receipts) if wanted in (None, m.period)]
    lessons = lessons_of(receipts, months)
    prices = [lesson.price for lesson in lessons if lesson.price is not None]
    return Learning(
        tuple(teach(home, prices, confirmed)),
        tuple(lesson for lesson in lessons if lesson.price is None),
    )


def _allocate(home: Path) -> None:
    """Bring the allocation of every bill that is here up to date."""
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        has_bills = bool(current_deliveries(connection))
    if has_bills:
        allocate_periods(home)


def _read(home: Path, as_of_ns: int | None, wanted: BillingPeriod | None) -> _Home:
    from trainfare.store.claims import read_claims
    from trainfare.store.ledger import open_ledger

    if wanted is None:
        receipts = read_receipts(home)
    else:
        months = _last_two(read_months(home, (), as_of_ns), wanted)
        named = {run for month in months for run, _ in month.sums}
        asked = {wanted, *(month.period for month in months)}
        receipts = read_within(home, [one.interval for one in asked], named)
    with open_ledger(home) as ledger, ledger.look() as connection:
        claims = read_claims(connection)
    return _Home(receipts, claims, read_months(home, receipts, as_of_ns))


def _last_two(months: Iterable[MonthBill], last: BillingPeriod) -> list[MonthBill]:
    """The latest two of *months* that are not after *last*, the older first."""
    return sorted((m for m in months if m.period <= last), key=lambda month: month.period)[-2:]


def _rows(known: _Home, wanted: BillingPeriod | None) -> list[Row]:
    from trainfare.reports.reconcile import make_books, rows_of

    months = [month for month in known.months if wanted in (None, month.period)]
    asked = [month.period for month in months] if wanted is None else [wanted]
    books = make_books(known.receipts, known.claims, months, asked)
    return rows_of(known.receipts, months, books, is_whole=wanted is None)


def _only(home: Path, rows: Sequence[Row], run: str) -> list[Row]:
    """The row of the run that *run* names: one that was metered here, or any that was billed."""
    if found := [row for row in rows if row.run == run]:
        return found
    run_id = find_run_id(home, run)
    found = [row for row in rows if row.run == run_id]
    if not found:
        raise NotFound(f"run {run_id!r} used nothing in this time; leave the period out")
    return found


def _errors(known: _Home, periods: Sequence[BillingPeriod]) -> tuple[PeriodError, ...]:
    """The median errors of the last of *periods*, and of the one before it that has a bill."""
    from trainfare.reports.variance import median_error

    last = max(periods, default=None)
    if last is None:
        return ()
    found = []
    for period in (month.period for month in _last_two(known.months, last)):
        compared = [row.variance for row in _rows(known, period) if row.variance is not None]
        median = median_error(compared)
        if median is not None:
            counted = sum(one.relative_error is not None for one in compared)
            found.append(PeriodError(str(period), counted, median))
    return tuple(found)


def _line_document(line: Variance) -> dict[str, Any]:
    return {
        "estimated": line.estimated.text(),
        "billed": line.billed.text(),
        "variance": line.variance.text(),
        "causes": {cause.value: amount.text() for cause, amount in line.causes.items()},
        "currency": line.billed.currency,
    }


def _row_document(row: Row) -> dict[str, Any]:
    amounts = [row.billed, row.billed_so_far, row.estimated]
    return {
        "run": row.run,
        "name": row.name,
        "status": row.status.value,
        "estimated": text_or_none(row.estimated),
        "billed": text_or_none(row.billed),
        "variance": None,
        "causes": None,
        "currency": next((amount.currency for amount in amounts if amount is not None), None),
        **({} if row.variance is None else _line_document(row.variance)),
        "metered": row.is_metered,
        "billed_so_far": text_or_none(row.billed_so_far),
        "also_billed": {amount.currency: amount.text() for amount in row.also_billed},
        "missing": [
            {
                "resource": one.resource,
                "provider": one.provider,
                "period": str(one.period),
                "bill_reaches": _instant(one.reach_ns),
                "bill_is_whole": one.is_unnamed,
                "expected": _instant(one.expected_ns),
            }
            for one in row.missing
        ],
        "items": [_item_document(item) for item in row.items],
    }


def _item_document(item: Item) -> dict[str, Any]:
    metered, charged = item.metered, item.charged
    return {
        "name": item.name,
        "component": item.component.value,
        "price": None if item.price is None else str(item.price.amount),
        "price_origin": None if item.price is None else item.price.origin,
        "metered_quantity": _number(metered.quantity if metered else None),
        "held_quantity": _number(metered.held if metered else None),
        "billed_quantity": _number(charged.quantity if charged else None),
        "tagged_quantity": _number(item.tagged),
        "causes": {cause.value: Money(round(nano)).text() for cause, nano in item.causes.items()},
    }


def _taught_document(one: Taught) -> dict[str, Any]:
    price, before = one.price, one.replaces
    return {
        "sku": price.sku,
        "amount": str(price.amount),
        "currency": price.currency,
        "unit": price.unit,
        "from": price.start.isoformat(),
        "until": price.end.isoformat(),
        "source": price.source,
        "verdict": one.verdict.value,
        "replaces": None
        if before is None
        else {
            "amount": str(before.amount),
            "currency": before.currency,
            "origin": before.origin,
            "as_of": before.as_of,
        },
    }


def _instant(instant_ns: int | None) -> str | None:
    return None if instant_ns is None else format_instant(instant_ns)


def _number(value: Fraction | None) -> float | None:
    return None if value is None else round(float(value), 9)
