"""Commitment hours: what commitments covered, and could have, in each charge period of a bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.allocation.database import files_sql, open_database
from trainfare.allocation.quantity import HOUR_US, PAID_US_SQL
from trainfare.allocation.sql import statements


@dataclass(frozen=True, slots=True)
class CommitmentHour:
    """Compute charges of one charge period, SKU and commitment, in nano-units and microseconds."""

    provider: str
    region: str
    sku: str
    """Its instance type, else the SKU as the bill names it."""
    currency: str
    start_us: int
    end_us: int
    commitment: str | None
    """Its id; empty where the bill names none, None for charges that no commitment touches."""
    name: str | None
    kind: str | None
    is_unused: bool
    """The part of the commitment that was paid and not used; it has no on-demand cost."""
    on_demand: int
    """At contracted prices, and at list prices where the bill states no contracted one."""
    unpriced: int
    """Charges whose on-demand cost the bill does not say."""
    effective: int
    paid_us: int
    """Machine time; the charge period where the bill tells none."""

    @property
    def hours(self) -> range:
        """The hours since the epoch that its charge period touches."""
        return range(self.start_us // HOUR_US, -(-self.end_us // HOUR_US))


def read_commitment_hours(charges: Sequence[Path]) -> list[CommitmentHour]:
    """The compute of the lake's files *charges*, without spot and the like, in a fixed order."""
    if not charges:
        return []
    [query] = statements("commitment_hours", files=files_sql(charges), paid_us=PAID_US_SQL)
    with open_database() as database:
        rows = database.execute(query).fetchall()
    return [CommitmentHour(*row[:10], *(int(value or 0) for value in row[10:])) for row in rows]
