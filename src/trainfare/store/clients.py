"""Clients: who ships to this server, when last, and how far its clock is off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from trainfare.store.schema import CLIENT


@dataclass(frozen=True, slots=True)
class Sender:
    """A machine that ships, as its last shipment showed it."""

    NOTED_EVERY_NS: ClassVar[int] = 60 * 10**9

    name: str
    team: str | None
    skew_ns: int
    """Its clock less this server's, when its shipment arrived: the way there is in it."""
    seen_ns: int
    """By this server's clock."""


def note_senders(connection: sa.Connection, senders: Sequence[Sender]) -> None:
    """Keep what was last seen of each."""
    if not senders:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    new = insert(CLIENT)
    changed = {"skew_ns": new.excluded.skew_ns, "seen_ns": new.excluded.seen_ns}
    statement = new.on_conflict_do_update(index_elements=["name", "team"], set_=changed)
    rows = [
        {"name": s.name, "team": s.team or "", "skew_ns": s.skew_ns, "seen_ns": s.seen_ns}
        for s in senders
    ]
    connection.execute(statement, rows)


def read_senders(connection: sa.Connection) -> list[Sender]:
    """All of them by name."""
    rows = connection.execute(sa.select(CLIENT).order_by(CLIENT.c.name, CLIENT.c.team))
    return [Sender(row.name, row.team or None, row.skew_ns, row.seen_ns) for row in rows]
