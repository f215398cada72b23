"""Machine time: for how long a bill says that each machine was paid for, day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.allocation.database import files_sql, open_database
from trainfare.allocation.pieces import bill_pieces
from trainfare.allocation.quantity import DAY_US
from trainfare.allocation.sql import statements
from trainfare.core.period import Interval

_US = 1000
"""Nanoseconds in a microsecond."""


@dataclass(frozen=True, slots=True)
class MachineTime:
    """One machine on one day, as its compute charges tell it."""

    resource: str
    """As the bill spells it."""
    instance_type: str | None
    """As the bill spells it; None where it names none."""
    interval: Interval
    """From the beginning of the UTC day on which its charge periods begin to the end of the last."""
    paid_ns: int
    """Time of the machine; the charge period where its charges say no time."""
    gpu_ns: int | None
    """Time of its GPUs together, where the bill sells them apart (Google), else None."""


def read_machine_time(charges: Sequence[Path]) -> list[MachineTime]:
    """Paid time per resource with compute charges and day, in order.

    A charge stands on the day on which its period begins, as it does in an allocation.

    Args:
        charges: files of the lake, all charges of one or more billing periods.
    """
    if not charges:
        return []
    pieces = bill_pieces(files_sql(charges), ("ResourceId",))
    [query] = statements("machine_time", **pieces)
    with open_database() as database:
        rows = database.execute(query).fetchall()
    return [
        MachineTime(
            resource=resource,
            instance_type=kind or None,
            interval=Interval(day * DAY_US * _US, max(until_us, (day + 1) * DAY_US) * _US),
            paid_ns=machine_us * _US,
            gpu_ns=None if gpu_us is None else gpu_us * _US,
        )
        for resource, kind, day, machine_us, until_us, gpu_us in rows
    ]
