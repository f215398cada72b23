"""Machine time: for how long a bill says that each machine was paid for, day by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from trainfare.allocation.database import files_sql, open_database
from trainfare.allocation.pieces import bill_pieces
from trainfare.allocation.sql import statements
from trainfare.core.period import DAY, HOUR, Interval

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


def read_machine_time(charges: Sequence[Path], *, grain_ns: int = DAY) -> list[MachineTime]:
    """Paid time per resource with compute charges and day, in order.

    A charge stands on the day on which its period begins, as it does in an allocation.

    Args:
        charges: files of the lake, all charges of one or more billing periods.
        grain_ns: how long the days are; an hour where the bill is to be seen hour by hour.
    """
    if not charges:
        return []
    with open_database() as database:
        rows = database.execute(_query(charges, grain_ns)).fetchall()
    return [
        MachineTime(
            resource=resource,
            instance_type=kind or None,
            interval=Interval(slot * grain_ns, max(until_us * _US, (slot + 1) * grain_ns)),
            paid_ns=machine_us * _US,
            gpu_ns=None if gpu_us is None else gpu_us * _US,
        )
        for resource, kind, slot, machine_us, until_us, gpu_us in rows
    ]


def _query(charges: Sequence[Path], grain_ns: int) -> str:
    pieces = bill_pieces(files_sql(charges), ("ResourceId",))
    [query] = statements("machine_time", slot_us=str(grain_ns // _US), **pieces)
    return query


class Stretch(NamedTuple):
    """A stretch of a machine's life."""

    interval: Interval
    """Whole hours (days where a bill says no more)."""
    paid_ns: int
    """How much of it was paid for."""


def read_machine_life(charges: Sequence[Path]) -> dict[str, list[Stretch]]:
    """Resource → when it was paid for, in order: hours that were paid whole are joined.

    Args:
        charges: files of the lake, all charges of one or more billing periods.
    """
    if not charges:
        return {}
    [query] = statements("machine_life", slot_us=str(HOUR // _US))
    with open_database() as database:
        database.execute(f"CREATE TEMP TABLE machine_times AS {_query(charges, HOUR)}")
        rows = database.execute(query).fetchall()
    found: dict[str, list[Stretch]] = {}
    for resource, start_us, end_us, paid_us in rows:
        interval = Interval(start_us * _US, end_us * _US)
        found.setdefault(resource, []).append(Stretch(interval, paid_us * _US))
    return found
