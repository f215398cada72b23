"""Charts of money: allocated bill, or estimates → spend over time and by group; reconciled runs → waterfall."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.charge import Component, View
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.labels import make_labels
from trainfare.core.money import Money
from trainfare.core.period import (
    DAY,
    HOUR,
    BillingPeriod,
    Interval,
    format_instant,
    hull,
    parse_instant,
)
from trainfare.core.spending import components_within
from trainfare.flows.bill import has_analytics, has_ledger
from trainfare.flows.chart_question import Question
from trainfare.metering.history import read_receipts
from trainfare.metering.receipt import Receipt
from trainfare.reports.chart_groups import GroupSpend, spend_by_group
from trainfare.reports.chart_spend import Spend, spend_over_time
from trainfare.reports.chart_waterfall import Bridge, waterfall

if TYPE_CHECKING:
    import altair as alt

    from trainfare.flows.reconcile import Reconciliation
    from trainfare.reports.chart_theme import Look
    from trainfare.store.results import Group

_DAYS = 62
"""Up to so many days a chart has a column for each; longer times have one for each month."""

_HOURS = 2 * DAY
"""Estimates of a shorter time have a column for each hour."""

NO_LABEL = "(no label)"

_KEYS = ("run", "component", "service", "account", "region", "resource", "method")
"""What spend can be drawn by, besides labels."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """An amount of one run or remainder: when, what for, and by the key that was asked for."""

    interval: Interval
    component: str
    group: str
    amount: Money | None


@dataclass(frozen=True, slots=True)
class _Book:
    """All money of one currency, and a note that says what it is."""

    pieces: Sequence[_Piece]
    note: str


def draw_spend(home: Path, question: Question, look: Look | None) -> alt.LayerChart:
    """What was spent over time, stacked by component or by the key asked for."""
    by = question.by or "component"
    book = _open(home, question, by)
    spends = [Spend(one.interval, one.group, one.amount) for one in _by_month(book.pieces)]
    return spend_over_time(spends, title=f"Spend by {by} over time", note=book.note, look=look)


def draw_groups(home: Path, question: Question, look: Look | None) -> alt.LayerChart:
    """What each model, or what else was asked for, cost, stacked by component."""
    by = question.by or "model"
    book = _open(home, question, by)
    spends = [GroupSpend(one.group, one.component, one.amount) for one in book.pieces]
    return spend_by_group(spends, by=by, note=book.note, look=look)


def draw_waterfall(home: Path, question: Question, look: Look | None) -> alt.LayerChart:
    """From estimate to bill: one run, or all that can be compared."""
    from trainfare.flows.reconcile import reconcile

    found = reconcile(home, question.period, run=question.run)
    periods = ", ".join(found.periods)
    if not found.totals:
        return waterfall(None, why_empty=_awaited(found), look=look)
    total = found.totals[0]
    compared = [row for row in found.rows if row.variance is not None]
    count = "1 run" if len(compared) == 1 else f"{len(compared)} runs"
    left = len(found.rows) - len(compared)
    note = f"{question.run or count}, {periods}"
    note += f"; {left} more {'is' if left == 1 else 'are'} not comparable yet" if left else ""
    others = [one.billed.currency for one in found.totals[1:]]
    note += f"; also billed in {', '.join(others)}" if others else ""
    causes = tuple((cause.value, amount) for cause, amount in total.causes.items())
    return waterfall(Bridge(total.estimated, causes, total.billed), note=note, look=look)


def _awaited(found: Reconciliation) -> str:
    """Why no run can be compared: which bill is missing and when it can be expected."""
    missing = [one for row in found.rows for one in row.missing]
    dated = [one for one in missing if one.expected_ns is not None]
    if dated:
        last = max(dated, key=lambda one: one.expected_ns or 0)
        day = format_instant(last.expected_ns or 0)[:10]
        who = last.provider or "its provider"
        return f"Awaiting the bill of {who} for {last.period}, expected by {day}."
    if missing:
        return "The time of these runs is on no bill that is here, and nobody is known to bill it."
    return "No run has both an estimate and a bill: some were not metered here, or have no price."


def _open(home: Path, question: Question, by: str) -> _Book:
    if by == "day":
        raise BadInput("spend is drawn over days already; name a label or component with --by")
    make_labels({by: "x"})
    period = None if question.period is None else BillingPeriod.parse(question.period)
    pieces, what = _billed(home, period, by), "Effective cost of"
    if pieces is None:
        if by not in ("run", "component") and by in _KEYS:
            raise BadInput(f"--by {by} needs an allocated bill; without one there are only labels")
        pieces, what = _estimated(home, period, by), "Estimated cost of"
    if not pieces:
        when = f" in {period}" if period else ""
        raise NotFound(f"no money was spent{when}: no bill is allocated and no run was metered")
    return _of_one_currency(pieces, f"{what} {period or 'all time'}")


def _of_one_currency(pieces: Sequence[_Piece], note: str) -> _Book:
    """The pieces in the currency with most of them; the note names the others."""
    counted = Counter(one.amount.currency for one in pieces if one.amount is not None)
    if len(counted) <= 1:
        return _Book(pieces, note)
    [(most, _), *rest] = counted.most_common()
    kept = [one for one in pieces if one.amount is None or one.amount.currency == most]
    left = ", ".join(sorted(name for name, _ in rest))
    return _Book(kept, f"{note}, without what is in {left}")


def _billed(home: Path, period: BillingPeriod | None, by: str) -> list[_Piece] | None:
    """Every amount of the allocated bill; None where nothing is allocated."""
    if not (has_analytics() and has_ledger(home)):
        return None
    from trainfare.store.allocations import current_allocations
    from trainfare.store.claims import read_labels
    from trainfare.store.ledger import open_ledger
    from trainfare.store.results import COLUMNS, read_groups

    with open_ledger(home) as ledger, ledger.look() as connection:
        allocations = current_allocations(connection, None if period is None else str(period))
        labels = read_labels(connection)
    if not allocations:
        return None
    columns = ("day", "component", *((by,) if by in COLUMNS and by != "run" else ()))
    pieces: list[_Piece] = []
    for one in allocations:
        days = list(BillingPeriod.parse(one.period).interval.cut(DAY))
        for group in read_groups([home / one.folder], columns, View.EFFECTIVE):
            amount = Money(group.nano, group.currency)
            component = group.key[1] or Component.OTHER.value
            owner = _owner(group, by, labels)
            if group.key[0] is not None:
                start_ns = parse_instant(f"{group.key[0]}T00:00:00Z")
                day = Interval(start_ns, start_ns + DAY)
                pieces.append(_Piece(day, component, owner, amount))
                continue
            # Shared money that was divided over the whole period has no day of its own.
            parts = amount.split([1] * len(days))
            pieces += [
                _Piece(day, component, owner, part) for day, part in zip(days, parts, strict=True)
            ]
    return pieces


def _owner(group: Group, by: str, labels: Mapping[str, Mapping[str, str]]) -> str:
    """Where an amount stands: the value of the key asked for, or what it is that no run owns."""
    if by == "component":
        return group.key[1] or Component.OTHER.value
    if len(group.key) > 2:
        return group.key[2] or "(none)"
    if group.run is None:
        key, _, value = (group.label or "").partition("=")
        return value if key == by else f"({str(group.remainder).replace('_', ' ')})"
    return group.run if by == "run" else labels.get(group.run, {}).get(by, NO_LABEL)


def _estimated(home: Path, period: BillingPeriod | None, by: str) -> list[_Piece]:
    """What metered runs were estimated at, by hour, day or month."""
    receipts = read_receipts(home)
    if not receipts:
        return []
    lasted = [_lasted(one) for one in receipts]
    whole = hull(lasted)
    inside = whole if period is None else whole.clip(period.interval)
    if inside is None:
        return []
    windows = list(_windows(inside))
    return [
        piece
        for receipt, own in zip(receipts, lasted, strict=True)
        for window in windows
        if own.overlap_ns(window) or window.start_ns <= own.end_ns < window.end_ns
        for piece in _pieces(receipt, window, by)
    ]


def _lasted(receipt: Receipt) -> Interval:
    """From the beginning of a run to the last moment for which it costs something."""
    run = receipt.run
    kept = [one.held.end_ns for segment in run.segments for one in segment.artifacts]
    return Interval(run.interval.start_ns, max([run.interval.end_ns, *kept]) + 1)


def _windows(whole: Interval) -> Iterator[Interval]:
    """Full hours that hold *whole* where it is short, else full days."""
    length_ns = HOUR if whole.duration_ns <= _HOURS else DAY
    start_ns = whole.start_ns // length_ns * length_ns
    while start_ns < whole.end_ns:
        yield Interval(start_ns, start_ns + length_ns)
        start_ns += length_ns


def _pieces(receipt: Receipt, window: Interval, by: str) -> Iterator[_Piece]:
    run, estimate = receipt.run, receipt.estimate
    name = run.name or run.id

    def piece(component: Component, amount: Money | None) -> _Piece:
        label = run.labels.get(by, NO_LABEL)
        group = component.value if by == "component" else name if by == "run" else label
        return _Piece(window, component.value, group, amount)

    for component, amount in components_within(run, estimate, window).items():
        if amount:
            yield piece(component, amount)
    unpriced = {
        one.component
        for one in estimate.stretches
        if one.estimated_cost is None and one.interval.overlap_ns(window)
    }
    yield from (piece(component, None) for component in sorted(unpriced))


def _by_month(pieces: Sequence[_Piece]) -> list[_Piece]:
    """The pieces as they are, or in columns of months where their time is long."""
    if hull([one.interval for one in pieces]).duration_ns <= _DAYS * DAY:
        return list(pieces)
    return [
        replace(one, interval=BillingPeriod.of(one.interval.start_ns).interval) for one in pieces
    ]
