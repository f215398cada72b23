"""Spenders: the runs of a home as budgets look at them."""

from __future__ import annotations

from collections.abc import Callable

from trainfare.core.money import Money
from trainfare.core.period import Interval
from trainfare.core.spending import spent_within
from trainfare.core.stage import Status
from trainfare.core.standing import Spender
from trainfare.metering.receipt import Receipt


def spender_of(receipt: Receipt, spent: Callable[[Interval], Money | None]) -> Spender:
    """The run of *receipt*, with *spent* as the book that a budget is held against."""
    held = [one.held.end_ns for segment in receipt.run.segments for one in segment.artifacts]
    return Spender(
        receipt.run.id,
        receipt.run.interval,
        receipt.run.status is Status.RUNNING,
        spent,
        storage_until_ns=max(held, default=0),
    )


def estimated_by(receipt: Receipt) -> Callable[[Interval], Money | None]:
    """What the run is estimated to have spent within a stretch of time."""
    return lambda window: spent_within(receipt.run, receipt.estimate, window)
