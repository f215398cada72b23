"""Deliveries in the ledger: which bill is there, and which delivery of a period is current."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from trainfare.core.errors import NotFound
from trainfare.store.schema import ALLOCATION, CURRENT_DELIVERY, DELIVERY


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """One billing period of one import, as the ledger knows it."""

    id: str
    source: str
    period: str
    format: str
    folder: str
    """Path within the lake."""
    rows: int
    repairs: int
    files: tuple[str, ...]
    totals: Mapping[str, Mapping[str, int]]
    """Currency → view → nano."""
    imported_ns: int
    accounts: tuple[str, ...] = ()
    """``provider/billing account`` of the bill."""


def put_deliveries(
    connection: sa.Connection, deliveries: Sequence[StoredDelivery], now_ns: int
) -> list[StoredDelivery | None]:
    """Make *deliveries* current, all in the caller's transaction.

    A delivery that is current already changes nothing; one that was replaced before becomes current
    again. They count from *now_ns*, or from just after the newest change where the clock went back.

    Returns:
        For each, the delivery that it replaced; None where the period is new or it was current.
    """
    replaced: list[StoredDelivery | None] = []
    since_ns = max(now_ns, newest_change_ns(connection) + 1)
    for delivery in deliveries:
        before = find_current(connection, delivery.source, delivery.period)
        if before is not None and before.id == delivery.id:
            replaced.append(None)
            continue
        replaced.append(before)
        if _find(connection, delivery.id, delivery.source, delivery.period) is None:
            connection.execute(sa.insert(DELIVERY).values(**_to_row(delivery)))
        connection.execute(
            sa.insert(CURRENT_DELIVERY).values(
                source=delivery.source,
                period=delivery.period,
                delivery=delivery.id,
                since_ns=since_ns,
            )
        )
    return replaced


def find_current(
    connection: sa.Connection, source: str, period: str, as_of_ns: int | None = None
) -> StoredDelivery | None:
    """The delivery of one source and period that is, or at *as_of_ns* was, current."""
    found = [d for d in current_deliveries(connection, period, as_of_ns) if d.source == source]
    return found[0] if found else None


def current_deliveries(
    connection: sa.Connection, period: str | None = None, as_of_ns: int | None = None
) -> list[StoredDelivery]:
    """The current delivery of every source and period, by period and source.

    Args:
        connection: from :meth:`Ledger.look`.
        period: only this one.
        as_of_ns: as it stood at that instant.
    """
    chosen = sa.select(sa.func.max(CURRENT_DELIVERY.c.id).label("id")).group_by(
        CURRENT_DELIVERY.c.source, CURRENT_DELIVERY.c.period
    )
    if as_of_ns is not None:
        chosen = chosen.where(CURRENT_DELIVERY.c.since_ns <= as_of_ns)
    if period is not None:
        chosen = chosen.where(CURRENT_DELIVERY.c.period == period)
    newest = chosen.subquery()
    rows = connection.execute(
        sa.select(DELIVERY)
        .join(
            CURRENT_DELIVERY,
            sa.and_(
                CURRENT_DELIVERY.c.delivery == DELIVERY.c.id,
                CURRENT_DELIVERY.c.source == DELIVERY.c.source,
                CURRENT_DELIVERY.c.period == DELIVERY.c.period,
            ),
        )
        .join(newest, newest.c.id == CURRENT_DELIVERY.c.id)
        .order_by(DELIVERY.c.period, DELIVERY.c.source)
    )
    return [_from_row(row) for row in rows]


def current_since(connection: sa.Connection, as_of_ns: int | None = None) -> dict[str, int]:
    """Billing period → when a delivery last became current in it, in ns since the epoch.

    An allocation older than that was made from another bill.
    """
    query = sa.select(CURRENT_DELIVERY.c.period, sa.func.max(CURRENT_DELIVERY.c.since_ns))
    if as_of_ns is not None:
        query = query.where(CURRENT_DELIVERY.c.since_ns <= as_of_ns)
    rows = connection.execute(query.group_by(CURRENT_DELIVERY.c.period))
    return {row[0]: row[1] for row in rows}


def newest_change_ns(connection: sa.Connection) -> int:
    """When a delivery or an allocation last became current, in ns since the epoch; 0 when never.

    What becomes current later is stamped later, even where the wall clock went back meanwhile, so
    that an allocation is never taken for one of a bill that came after it.
    """
    newest = [
        connection.scalar(sa.select(sa.func.max(table.c.since_ns)))
        for table in (CURRENT_DELIVERY, ALLOCATION)
    ]
    return max(each or 0 for each in newest)


def all_deliveries(connection: sa.Connection) -> list[StoredDelivery]:
    """Every delivery ever imported, the oldest first."""
    rows = connection.execute(
        sa.select(DELIVERY).order_by(DELIVERY.c.imported_ns, DELIVERY.c.period, DELIVERY.c.id)
    )
    return [_from_row(row) for row in rows]


def get_deliveries(connection: sa.Connection, text: str) -> list[StoredDelivery]:
    """The periods of the one delivery whose id begins with *text*.

    Raises:
        NotFound: no delivery begins so, or several do.
    """
    found = [d for d in all_deliveries(connection) if d.id.startswith(text)]
    ids = sorted({d.id for d in found})
    if not ids:
        raise NotFound(f"no delivery begins with {text!r}; `trainfare bill list` lists them")
    if len(ids) > 1:
        shown = ", ".join(one[:12] for one in ids[:5])
        raise NotFound(f"{len(ids)} deliveries begin with {text!r}: {shown}; say more")
    return found


def _find(
    connection: sa.Connection, delivery_id: str, source: str, period: str
) -> StoredDelivery | None:
    key = sa.and_(
        DELIVERY.c.id == delivery_id, DELIVERY.c.source == source, DELIVERY.c.period == period
    )
    row = connection.execute(sa.select(DELIVERY).where(key)).first()
    return None if row is None else _from_row(row)


def _to_row(delivery: StoredDelivery) -> dict[str, object]:
    totals = {
        currency: {view: str(nano) for view, nano in views.items()}
        for currency, views in delivery.totals.items()
    }
    return {
        "id": delivery.id,
        "source": delivery.source,
        "period": delivery.period,
        "format": delivery.format,
        "folder": delivery.folder,
        "rows": delivery.rows,
        "repairs": delivery.repairs,
        "files": json.dumps(delivery.files),
        "accounts": json.dumps(delivery.accounts),
        "totals": json.dumps(totals, sort_keys=True),
        "imported_ns": delivery.imported_ns,
    }


def _from_row(row: sa.Row[tuple[object, ...]]) -> StoredDelivery:
    values = row._mapping  # noqa: SLF001 (SQLAlchemy's public name for it)
    totals = {
        currency: {view: int(nano) for view, nano in views.items()}
        for currency, views in json.loads(values["totals"]).items()
    }
    return StoredDelivery(
        values["id"],
        values["source"],
        values["period"],
        values["format"],
        values["folder"],
        values["rows"],
        values["repairs"],
        tuple(json.loads(values["files"])),
        totals,
        values["imported_ns"],
        tuple(json.loads(values["accounts"])),
    )
