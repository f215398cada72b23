"""Device uses in the ledger: what accelerators did while runs held them, as others recorded it.

What is known of a moment stays; a later export of a job that still ran adds what came since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from trainfare.core.period import Interval
from trainfare.core.run import DeviceUse
from trainfare.store.schema import DEVICE_USE

_BATCH = 5000


@dataclass(frozen=True, slots=True)
class Watched:
    """Stretches of one device on one resource, held by one run; times count from the epoch."""

    run: str
    resource_id: str
    uses: tuple[DeviceUse, ...]
    """Of one device, in order of time, none overlapping."""
    source: str
    """The metric that the activity was read from."""


def put_device_uses(connection: sa.Connection, watched: Iterable[Watched]) -> int:
    """Add *watched* in the caller's transaction; returns how many stretches are new.

    Time that is known already stays as it is, so the same record twice changes nothing.
    """
    rows: list[dict[str, object]] = []
    for one in watched:
        known = _known(connection, one)
        rows.extend(_to_row(one, part) for use in one.uses for part in _beside(use, known))
    for first in range(0, len(rows), _BATCH):
        connection.execute(sa.insert(DEVICE_USE), rows[first : first + _BATCH])
    return len(rows)


def _known(connection: sa.Connection, one: Watched) -> list[Interval]:
    """The stretches that are kept already of the device of *one*, in order."""
    if not one.uses:
        return []
    query = (
        sa.select(DEVICE_USE.c.start_ns, DEVICE_USE.c.end_ns)
        .where(
            DEVICE_USE.c.run == one.run,
            DEVICE_USE.c.resource == one.resource_id,
            DEVICE_USE.c.device == one.uses[0].device_id,
        )
        .order_by(DEVICE_USE.c.start_ns)
    )
    return [Interval(*row) for row in connection.execute(query)]


def _beside(use: DeviceUse, known: Sequence[Interval]) -> Iterator[DeviceUse]:
    """The parts of *use* that *known* leaves; energy goes by time."""
    whole_ns, start_ns = use.end_ns - use.start_ns, use.start_ns
    edges = [one for one in known if one.end_ns > use.start_ns and one.start_ns < use.end_ns]
    for one in [*edges, Interval(use.end_ns, use.end_ns)]:
        if one.start_ns > start_ns:
            energy = use.energy_mj
            if energy is not None:
                energy = energy * (one.start_ns - start_ns) // whole_ns
            yield replace(use, start_ns=start_ns, end_ns=one.start_ns, energy_mj=energy)
        start_ns = max(start_ns, one.end_ns)


def read_device_uses(connection: sa.Connection, interval: Interval | None = None) -> list[Watched]:
    """What is known of the devices, all of it or what touches *interval*, in a fixed order."""
    query = sa.select(DEVICE_USE).order_by(
        DEVICE_USE.c.run, DEVICE_USE.c.resource, DEVICE_USE.c.device, DEVICE_USE.c.start_ns
    )
    if interval is not None:
        query = query.where(
            DEVICE_USE.c.start_ns < interval.end_ns, DEVICE_USE.c.end_ns > interval.start_ns
        )
    groups: dict[tuple[str, str, str, str], list[DeviceUse]] = {}
    for row in connection.execute(query):
        key = (row.run, row.resource, row.device, row.source)
        groups.setdefault(key, []).append(
            DeviceUse(
                row.device,
                row.start_ns,
                row.end_ns,
                row.activity_permille,
                row.memory_mib,
                row.energy_mj,
            )
        )
    return [
        Watched(run, resource, tuple(uses), source)
        for (run, resource, _, source), uses in groups.items()
    ]


def _to_row(one: Watched, use: DeviceUse) -> dict[str, object]:
    return {
        "run": one.run,
        "resource": one.resource_id,
        "device": use.device_id,
        "start_ns": use.start_ns,
        "end_ns": use.end_ns,
        "activity_permille": use.activity_permille,
        "memory_mib": use.memory_mib,
        "energy_mj": use.energy_mj,
        "source": one.source,
    }
