"""Sums over the ledger's lines of runs, made by the database and not by reading them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from trainfare.core.run_sum import RunNow, RunSum
from trainfare.core.stage import Status
from trainfare.store.schema import RUN_SIGHT

_ROW = RUN_SIGHT.c


def sum_runs(connection: sa.Connection, team: str | None) -> list[RunSum]:
    """Every team's runs by status and currency; of *team* alone where it is not None."""
    rows = connection.execute(
        sa.select(
            _ROW.team,
            _ROW.status,
            _ROW.currency,
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(_ROW.estimated_nano), 0),
            sa.func.count() - sa.func.count(_ROW.estimated_nano),
            sa.func.coalesce(sa.func.sum(_ROW.billed_nano), 0),
            sa.func.count() - sa.func.count(_ROW.billed_nano),
        )
        .where(*_of(team))
        .group_by(_ROW.team, _ROW.status, _ROW.currency)
        .order_by(_ROW.team, _ROW.status, _ROW.currency)
    )
    return [RunSum(*row[:3], *map(int, row[3:])) for row in rows]


def runs_now(connection: sa.Connection, team: str | None, limit: int) -> list[RunNow]:
    """The runs that go on, the dearest first and at most *limit* of them."""
    columns = [_ROW[name] for name in RunNow._fields]
    rows: Sequence[Any] = connection.execute(
        sa.select(*columns)
        .where(_ROW.status == Status.RUNNING.value, *_of(team))
        .order_by(sa.func.coalesce(_ROW.estimated_nano, -1).desc(), _ROW.run)
        .limit(limit)
    ).all()
    return [RunNow(*row) for row in rows]


def _of(team: str | None) -> list[sa.ColumnElement[bool]]:
    return [] if team is None else [_ROW.team == team]
