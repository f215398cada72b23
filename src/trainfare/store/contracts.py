"""Contracts in the ledger: only ever added to; what was told last of a commitment counts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from trainfare.core.contract import Contract
from trainfare.core.money import Money
from trainfare.store.schema import CONTRACT

_PLAIN = ("id", "kind", "name", "provider", "currency", "start_ns", "end_ns", "at_ns", "state")


def put_contracts(connection: sa.Connection, contracts: Iterable[Contract]) -> None:
    """Add *contracts*, in the caller's transaction."""
    for one in contracts:
        row: dict[str, Any] = {name: getattr(one, name) for name in _PLAIN}
        row |= {
            "source": one.source[:256],
            "who": one.who[:256],
            "rates": json.dumps(dict(one.rates)),
        }
        row |= {"per_hour_nano": _nano(one.per_hour), "promised_nano": _nano(one.promised)}
        connection.execute(sa.insert(CONTRACT).values(row))


def current_contracts(connection: sa.Connection) -> dict[str, Contract]:
    """Id → what was told of it last; those that were withdrawn are left out."""
    newest = sa.select(sa.func.max(CONTRACT.c.number)).group_by(CONTRACT.c.id)
    query = sa.select(CONTRACT).where(CONTRACT.c.number.in_(newest)).order_by(CONTRACT.c.number)
    found = [_from_row(row) for row in connection.execute(query)]
    return {one.id: one for one in found if one.state != "withdrawn"}


def newest_contract(connection: sa.Connection) -> int:
    """The number of what was told last; 0 where nothing was."""
    return connection.scalar(sa.select(sa.func.max(CONTRACT.c.number))) or 0


def _nano(amount: Money | None) -> int | None:
    return None if amount is None else amount.nano


def _from_row(row: sa.Row[tuple[object, ...]]) -> Contract:
    found = row._mapping  # noqa: SLF001 (SQLAlchemy's public name for it)
    words: dict[str, Any] = {name: found[name] for name in (*_PLAIN, "source", "who")}
    for name in ("per_hour", "promised"):
        nano = found[f"{name}_nano"]
        words[name] = None if nano is None else Money(int(nano), found["currency"])
    return Contract(rates=json.loads(found["rates"]), **words)
