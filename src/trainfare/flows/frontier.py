"""The frontier path: receipts × logged metrics → the runs that no other beats."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from trainfare.core.errors import BadInput, NotFound
from trainfare.core.labels import make_labels
from trainfare.core.money import Money
from trainfare.core.period import Interval
from trainfare.core.stage import Status
from trainfare.flows.months import with_bills
from trainfare.metering.history import read_receipts
from trainfare.metering.metrics import read_series
from trainfare.metering.receipt import Receipt
from trainfare.reports.attribution import NO_LABEL
from trainfare.reports.entry import MACHINE
from trainfare.reports.frontier import Ride, frontier_table
from trainfare.reports.gain import Metric, parse_metric
from trainfare.reports.spend import ending_of, within
from trainfare.reports.table import Table


def find_frontier(
    home: Path,
    where: Mapping[str, Sequence[str]] | None = None,
    *,
    metric: str | None = None,
    target: Fraction | None = None,
) -> Table:
    """Time, cost and metric of the runs that *where* leaves in, and which of them no other beats.

    The cost is that of the machines' time: what a run keeps in storage grows with its age.
    Bills count where they have arrived for every run that is compared; otherwise estimates do.

    Args:
        home: whose runs.
        where: key → values: labels, ``run``, ``status`` or ``ending``; the runs that answer one
            question.
        metric: ``NAME``, ``NAME:min`` or ``NAME:max``.
        target: compare time and cost until *metric* reached it.

    Raises:
        BadInput: a target without a metric, or a key that is no label.
        NotFound: no run matches.
    """
    make_labels(dict.fromkeys(where or {}, "x"))
    if target is not None and metric is None:
        raise BadInput("a target needs its metric: --metric accuracy --target 0.93")
    wanted = None if metric is None else parse_metric(metric)
    receipts = [r for r in read_receipts(home) if _matches(r, where or {})]
    if not receipts:
        raise NotFound(
            "no metered run matches; trainfare runs lists those there are"
            if where
            else "no run was recorded yet; start one: trainfare run -- COMMAND"
        )
    estimated = [_ride(home, receipt, wanted, target) for receipt in receipts]
    billed = [
        _billed(ride, r) for ride, r in zip(estimated, with_bills(home, receipts), strict=True)
    ]
    compared = [ride.amount for ride in billed if ride.why_not is None]
    is_billed = bool(compared) and None not in compared
    rides = billed if is_billed else estimated
    currencies = [r.amount.currency for r in rides if r.why_not is None and r.amount is not None]
    currency = (
        max(currencies, key=currencies.count) if currencies else receipts[0].estimate.currency
    )
    return frontier_table(
        [_in_currency(ride, currency) for ride in rides],
        wanted,
        target,
        book="allocated" if is_billed else "estimated",
        currency=currency,
        notes=_notes(wanted, target, where or {}),
    )


def _matches(receipt: Receipt, where: Mapping[str, Sequence[str]]) -> bool:
    run = receipt.run
    own = {"run": run.id, "status": run.status.value, "ending": ending_of(run)}
    known = {**run.labels, **own}
    return all(known.get(key, NO_LABEL) in values for key, values in where.items())


def _ride(home: Path, receipt: Receipt, metric: Metric | None, target: Fraction | None) -> Ride:
    run, why = receipt.run, None
    time_ns, amount, best = receipt.duration_ns, receipt.machine_cost, None
    if metric is not None:
        points = [
            (point.wall_ns, Fraction(point.value))
            for point in read_series(home, run.id).get(metric.name, ())
            if math.isfinite(point.value)
        ]
        for _, value in points:
            best = value if best is None else metric.better(best, value)
        if best is None:
            why = f"no {metric.name} was logged"
        elif target is not None:
            at_ns = next((at for at, v in points if metric.better(v, target) == v), None)
            if at_ns is None:
                why = f"did not reach {float(target):g}"
            else:
                time_ns, amount = _until(receipt, at_ns)
    if target is None and run.status is not Status.FINISHED:
        why = why or ending_of(run).replace("_", " ")
    if amount is None:
        why = why or "no price was known"
    return Ride(run.id, run.status.value, time_ns, amount, best, why)


def _until(receipt: Receipt, at_ns: int) -> tuple[int, Money | None]:
    """Time in attempts, and the cost of the machines, from the run's start to an instant."""
    start_ns = receipt.run.interval.start_ns
    before = Interval(start_ns, max(start_ns, at_ns))
    time_ns = sum(a.interval.overlap_ns(before) for a in receipt.run.attempts)
    amounts = [
        None if s.estimated_cost is None else within(s.estimated_cost, s.interval, before)
        for s in receipt.estimate.stretches
        if s.interval.start_ns < before.end_ns
    ]
    known = [amount for amount in amounts if amount is not None]
    currency = receipt.estimate.currency
    return time_ns, Money.total(known, currency) if len(known) == len(amounts) else None


def _billed(ride: Ride, receipt: Receipt) -> Ride:
    """The same ride by the bill: what was billed, in the proportion of what was estimated."""
    billed, whole = receipt.billed, receipt.machine_cost
    amount = None
    if billed is not None and ride.amount is not None and whole:
        share = Fraction(ride.amount.nano, whole.nano)
        machine = sum(billed.components[component].nano for component in MACHINE)
        amount = Money(round(machine * share), billed.total.currency)
    return replace(ride, amount=amount)


def _in_currency(ride: Ride, currency: str) -> Ride:
    """Costs in another currency are not compared: converting needs a dated rate."""
    if ride.amount is None or ride.amount.currency == currency:
        return ride
    why = ride.why_not or f"its cost is in {ride.amount.currency}"
    return replace(ride, amount=None, why_not=why)


def _notes(
    metric: Metric | None, target: Fraction | None, where: Mapping[str, Sequence[str]]
) -> list[str]:
    notes = []
    if target is not None and metric is not None:
        side = "at most" if metric.is_lower_better else "at least"
        notes.append(f"Time and cost until {metric.name} was {side} {float(target):g}.")
    elif metric is not None:
        notes.append(f"Runs are compared by time, cost and {metric.name}.")
    else:
        notes.append("Finished runs are compared by time and cost; --metric compares results too.")
    if not where:
        notes.append("These are all runs; compare those of one question with --where experiment=….")
    return notes
