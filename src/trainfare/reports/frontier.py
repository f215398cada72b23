"""Frontier: which of comparable runs no other beats in time and cost, at the metric that they reached.

A run is beaten where another is no worse in everything compared and better in something. Runs that
are equal in everything stand on the frontier together. With a target, time and cost are those until
the metric first reached it; without one the metric is compared as well.

Source: V. Pareto, "Manuale di economia politica" (1906); time and cost to a target as DAWNBench and
MLPerf measure them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from trainfare.core.money import NANO, Money
from trainfare.core.period import HOUR
from trainfare.reports.cell import Column, Kind, Role, Row, Value
from trainfare.reports.gain import Metric
from trainfare.reports.table import Table


@dataclass(frozen=True, slots=True)
class Ride:
    """One run as it is compared."""

    run: str
    status: str
    time_ns: int | None
    amount: Money | None
    reached: Fraction | None
    """The best value of the metric; None where there is none."""
    why_not: str | None = None
    """Why it cannot be compared."""


def frontier_table(
    rides: Sequence[Ride],
    metric: Metric | None,
    target: Fraction | None,
    *,
    book: str,
    currency: str,
    notes: Sequence[str] = (),
) -> Table:
    """Runs on the frontier by time, then those that are beaten, then those that cannot be compared.

    Args:
        rides: the runs; those with ``why_not`` are listed only.
        metric: what they reached; None compares time and cost alone.
        target: where given, times and costs are those until it was reached.
        book: estimated or allocated.
        currency: of all amounts.
        notes: what a reader must know.
    """
    compared = [ride for ride in rides if ride.why_not is None]
    worth = [_worth(ride, None if target is not None else metric) for ride in compared]
    beaters = beaten_by(worth)
    standing: list[tuple[Ride, str, str | None]] = []
    for ride, own, beater in zip(compared, worth, beaters, strict=True):
        if beater is not None:
            standing.append((ride, "no", f"beaten by {compared[beater].run}"))
        else:
            is_tied = worth.count(own) > 1
            standing.append((ride, "yes", "equal to another" if is_tied else None))
    order = {"yes": 0, "no": 1}
    standing.sort(key=lambda one: (order[one[1]], one[0].time_ns or 0, one[0].run))
    standing += [(ride, "", ride.why_not) for ride in rides if ride.why_not is not None]
    columns = frontier_columns(metric, target, book, currency)
    rows = [_row(ride, is_on, why, metric, book) for ride, is_on, why in standing]
    amounts = [ride.amount for ride in rides if ride.amount is not None]
    total: dict[str, Value] = {column.name: None for column in columns}
    total |= {"run": "total", book: Money.total(amounts, currency)}
    return Table(
        title=f"time and {book} machine cost of comparable runs, in {currency}",
        by=("run",),
        columns=columns,
        rows=tuple(rows),
        total=Row(total, Role.TOTAL),
        currency=currency,
        notes=tuple(notes),
    )


def frontier_columns(
    metric: Metric | None, target: Fraction | None, book: str, currency: str
) -> tuple[Column, ...]:
    """The columns of a frontier, in order."""
    until = "" if target is None else " until the target was reached"
    columns = [
        Column("run", Kind.TEXT),
        Column("status", Kind.TEXT, what="How the run stands."),
        Column("hours", Kind.NUMBER, "h", what=f"Time in attempts{until}."),
        Column(book, Kind.MONEY, currency, is_sum=True, what=f"Cost of the machines' time{until}."),
    ]
    if metric is not None:
        better = "lower" if metric.is_lower_better else "higher"
        columns.append(Column(metric.name, Kind.NUMBER, what=f"Best value; {better} is better."))
    columns.append(Column("frontier", Kind.TEXT, what="Whether no other run beats it."))
    columns.append(Column("note", Kind.TEXT, what="Who beats it, or why it is not compared."))
    return tuple(columns)


def _row(ride: Ride, is_on: str, why: str | None, metric: Metric | None, book: str) -> Row:
    cells: dict[str, Value] = {
        "run": ride.run,
        "status": ride.status,
        "hours": None if ride.time_ns is None else _decimal(Fraction(ride.time_ns, HOUR)),
        book: ride.amount,
    }
    if metric is not None:
        cells[metric.name] = None if ride.reached is None else _decimal(ride.reached)
    cells |= {"frontier": is_on, "note": why}
    unknown = why or "unknown"
    return Row(cells, whys={name: unknown for name, cell in cells.items() if cell is None})


def _decimal(value: Fraction) -> Decimal:
    return Decimal(round(value * NANO)).scaleb(-9)


def _worth(ride: Ride, metric: Metric | None) -> tuple[Fraction, ...]:
    """Everything that is compared, less being better."""
    assert ride.time_ns is not None
    assert ride.amount is not None
    worth = (Fraction(ride.time_ns), Fraction(ride.amount.nano))
    if metric is None or ride.reached is None:
        return worth
    return (*worth, ride.reached if metric.is_lower_better else -ride.reached)


def beaten_by(points: Sequence[tuple[Fraction, ...]]) -> list[int | None]:
    """Of each point, one that beats it and that nothing beats; None on the frontier.

    Law: a point is beaten exactly where another is at most as large in every place and differs.

    >>> beaten_by([(Fraction(1), Fraction(9)), (Fraction(2), Fraction(9)), (Fraction(2), Fraction(1))])
    [None, 2, None]
    """
    order = sorted(range(len(points)), key=lambda i: points[i])
    best: list[int] = []
    found: list[int | None] = [None] * len(points)
    for index in order:
        # Whatever beats a point sorts before it, and something unbeaten beats it too.
        own = points[index]
        beaters = [b for b in best if points[b] != own and _covers(points[b], own)]
        if beaters:
            found[index] = min(beaters, key=lambda b: (points[b][1:], b))
        else:
            best.append(index)
    return found


def _covers(one: tuple[Fraction, ...], other: tuple[Fraction, ...]) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True))
