"""Charts of runs: spools → receipts → timeline, epochs, and the frontier of comparable runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.activity import low_stretches, uses_of
from trainfare.core.errors import NotFound
from trainfare.core.money import Money
from trainfare.core.period import HOUR, Interval
from trainfare.core.run import DeviceUse, RunRecord
from trainfare.flows.chart_question import Question
from trainfare.flows.frontier import find_frontier
from trainfare.metering.history import find_run_id, read_receipt, read_receipts
from trainfare.metering.receipt import Receipt
from trainfare.reports.cell import Kind
from trainfare.reports.chart_epochs import EpochSpend, spend_per_epoch
from trainfare.reports.chart_frontier import FrontierPoint, frontier
from trainfare.reports.chart_run import (
    COLUMNS,
    ActivitySpan,
    AttemptSpan,
    RunSpans,
    StageSpan,
    mean_activity,
    run_timeline,
)
from trainfare.reports.chart_text import minus

if TYPE_CHECKING:
    import altair as alt

    from trainfare.reports.chart_theme import Look

_BY = "experiment"
"""Runs of one experiment answer one question, so they can be compared."""


def draw_timeline(home: Path, question: Question, look: Look | None) -> alt.LayerChart:
    """One run along time, the last one if none is named."""
    return run_timeline(spans_of(_receipt(home, question)), look=look)


def draw_epochs(home: Path, question: Question, look: Look | None) -> alt.LayerChart:
    """What each epoch of one run cost."""
    receipt = _receipt(home, question)
    epochs = [
        EpochSpend(one.epoch, one.seconds, one.estimated_cost)
        for one in receipt.estimate.by_epoch()
    ]
    name = receipt.run.name or receipt.run.id
    return spend_per_epoch(epochs, note=f"Train stage of {name}, estimated", look=look)


def draw_frontier(home: Path, question: Question, look: Look | None) -> alt.LayerChart:
    """Time and cost of the runs that share a label with the run asked for."""
    chosen = find_run_id(home, question.run or "last")
    receipts = {one.run.id: one for one in read_receipts(home)}
    key = question.by or _BY
    value = receipts[chosen].run.labels.get(key)
    if value is None:
        raise NotFound(
            f"run {chosen} has no label {key}, so it is unknown which runs to compare it with; "
            "name another label with --by"
        )
    found = find_frontier(home, {key: (value,)})
    book = next(column.name for column in found.columns if column.kind is Kind.MONEY)
    points, left = [], 0
    for row in found.rows:
        hours, amount, run = row["hours"], row[book], str(row["run"])
        if not row["frontier"] and amount is not None:
            left += 1
            continue
        assert isinstance(hours, Decimal)
        assert amount is None or isinstance(amount, Money)
        receipt = receipts[run]
        name = receipt.run.name or run
        duration_ns = round(hours * HOUR)
        is_best = row["frontier"] == "yes"
        points.append(FrontierPoint(name, duration_ns, amount, is_best, _machines(receipt)))
    note = f"Finished runs of {key} {value}, {book} cost of their machines"
    note += f"; {left} that did not finish are left out" if left else ""
    empty = f"No run of {key} {value} has finished yet."
    return frontier(points, note=note, why_empty=empty, look=look)


def _receipt(home: Path, question: Question) -> Receipt:
    return read_receipt(home, find_run_id(home, question.run or "last"))


def _machines(receipt: Receipt) -> str:
    """What a run ran on, for who asks why it took so long."""
    kinds = [s.machine.instance_type or s.machine.hostname for s in receipt.run.segments]
    return ", ".join(dict.fromkeys(kinds))


def spans_of(receipt: Receipt) -> RunSpans:
    """The stretches of time of one run.

    Stages are those of the machine that the run used longest: nodes of one run work side by side.
    """
    run = receipt.run
    stretches = receipt.estimate.stretches
    by_machine: dict[str, int] = defaultdict(int)
    for one in stretches:
        by_machine[one.resource_id] += one.interval.duration_ns
    longest = max(by_machine, key=lambda name: (by_machine[name], name), default="")
    uses = list(uses_of(run.segments))
    low = [one for group in low_stretches(uses).values() for one in group]
    devices = {device for segment in run.segments for device in segment.held_devices}
    return RunSpans(
        run.name or run.id,
        tuple(
            AttemptSpan(one.number, one.interval, one.status.value.replace("_", " "))
            for one in run.attempts
        ),
        tuple(
            StageSpan(one.interval, one.stage, one.epoch)
            for one in stretches
            if one.resource_id == longest
        ),
        tuple(_activity(run, uses)) if devices else (),
        tuple(_united(low)),
        _note(receipt, len(devices)),
    )


def _activity(run: RunRecord, uses: Sequence[DeviceUse]) -> Iterator[ActivitySpan]:
    """Mean activity over all devices, attempt by attempt, in windows no finer than those measured."""
    finest_ns = min(
        (one.end_ns - one.start_ns for one in uses if one.end_ns > one.start_ns), default=1
    )
    window_ns = max(finest_ns, run.interval.duration_ns // COLUMNS, 1)
    for attempt in run.attempts:
        inside = [
            (Interval(one.start_ns, one.end_ns), one.activity_permille)
            for one in uses
            if one.start_ns < attempt.interval.end_ns and one.end_ns > attempt.interval.start_ns
        ]
        yield from mean_activity(attempt.interval, inside, window_ns)


def _united(intervals: Sequence[Interval]) -> list[Interval]:
    """The time that any of *intervals* covers."""
    found: list[Interval] = []
    for one in sorted(intervals):
        if found and one.start_ns <= found[-1].end_ns:
            found[-1] = Interval(found[-1].start_ns, max(found[-1].end_ns, one.end_ns))
        else:
            found.append(one)
    return found


def _note(receipt: Receipt, devices: int) -> str:
    total = receipt.estimate.total
    words = [_machines(receipt)]
    words += [f"{devices} GPU{'s' * (devices != 1)}"] if devices else []
    words.append("cost not known" if total is None else f"{minus(total.display())} estimated")
    source = receipt.activity.telemetry.get("activity")
    words += [f"activity from {source}"] if source else []
    return ", ".join(words)
