"""Allocations in the ledger: which result of a period is current, and what it was made from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from trainfare.store.schema import ALLOCATION


@dataclass(frozen=True, slots=True)
class StoredAllocation:
    """One allocation of one billing period."""

    period: str
    inputs: str
    """Digest of the deliveries, claims and rules that it was made from."""
    folder: str
    """Path of the result within the home."""
    summary: dict[str, Any]
    since_ns: int


def put_allocation(connection: sa.Connection, allocation: StoredAllocation) -> None:
    """Make *allocation* the current one of its period, in the caller's transaction."""
    connection.execute(
        sa.insert(ALLOCATION).values(
            period=allocation.period,
            inputs=allocation.inputs,
            folder=allocation.folder,
            summary=json.dumps(allocation.summary, sort_keys=True),
            since_ns=allocation.since_ns,
        )
    )


def current_allocations(
    connection: sa.Connection, period: str | None = None, as_of_ns: int | None = None
) -> list[StoredAllocation]:
    """The newest allocation of every period, or as it stood at *as_of_ns*."""
    newest = sa.select(sa.func.max(ALLOCATION.c.id).label("id")).group_by(ALLOCATION.c.period)
    if as_of_ns is not None:
        newest = newest.where(ALLOCATION.c.since_ns <= as_of_ns)
    if period is not None:
        newest = newest.where(ALLOCATION.c.period == period)
    chosen = newest.subquery()
    rows = connection.execute(
        sa.select(ALLOCATION)
        .join(chosen, chosen.c.id == ALLOCATION.c.id)
        .order_by(ALLOCATION.c.period)
    )
    return [
        StoredAllocation(row.period, row.inputs, row.folder, json.loads(row.summary), row.since_ns)
        for row in rows
    ]


def allocation_folders(connection: sa.Connection, period: str) -> set[str]:
    """The results of *period* that are or ever were current, as paths within the home."""
    query = sa.select(ALLOCATION.c.folder).where(ALLOCATION.c.period == period)
    return set(connection.execute(query).scalars())
