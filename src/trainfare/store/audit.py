"""The audit log: who did what, when and from where; only ever added to."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from trainfare.store.schema import AUDIT


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log."""

    id: int
    at_ns: int
    who: str
    action: str
    what: str
    address: str | None


def add_entry(
    connection: sa.Connection, at_ns: int, who: str, action: str, what: str, address: str | None
) -> None:
    """Add one line; texts longer than their columns are cut."""
    connection.execute(
        AUDIT.insert().values(
            at_ns=at_ns,
            who=who[:256],
            action=action[:64],
            what=what[:2000],
            address=address and address[:64],
        )
    )


def read_entries(connection: sa.Connection, before: int | None, limit: int) -> list[Entry]:
    """At most *limit* lines, the newest first; those older than the line *before* where given."""
    where = sa.true() if before is None else AUDIT.c.id < before
    rows = connection.execute(
        sa.select(AUDIT).where(where).order_by(AUDIT.c.id.desc()).limit(limit)
    ).all()
    return [Entry(row.id, row.at_ns, row.who, row.action, row.what, row.address) for row in rows]
