"""Commitment sums: the charges of a bill that commitments cover, do not cover, or leave unused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.allocation.database import files_sql, open_database
from trainfare.allocation.sql import statements


@dataclass(frozen=True, slots=True)
class CommitmentSum:
    """Charges of one billing period, provider, currency and commitment, in nano-units."""

    period: str
    provider: str
    currency: str
    commitment: str | None
    """Its id; empty where the bill names none, None for charges that no commitment touches."""
    name: str | None
    kind: str | None
    is_used: bool
    """Usage that the commitment covers."""
    is_unused: bool
    """The part of the commitment that was paid and not used."""
    charges: int
    effective: int
    list: int
    has_list: int
    """How many of the charges state a list cost."""
    contracted: int
    has_contracted: int


def read_commitment_sums(charges: Sequence[Path]) -> list[CommitmentSum]:
    """Sums over the lake's files *charges*, in a fixed order."""
    if not charges:
        return []
    [query] = statements("commitment_sums", files=files_sql(charges))
    with open_database() as database:
        rows = database.execute(query).fetchall()
    return [CommitmentSum(*row[:8], *(int(value or 0) for value in row[8:])) for row in rows]
