"""Briefs: what reports need of the receipts of ended runs, one text per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from trainfare.store.schema import RUN_BRIEF

_ROW = RUN_BRIEF.c
_BATCH = 500


def put_briefs(connection: sa.Connection, briefs: Mapping[str, tuple[str, str]]) -> None:
    """Set run → (sign, text), in the caller's transaction."""
    drop_briefs(connection, list(briefs))
    if briefs:
        rows = [{"run": run, "sign": sign, "text": text} for run, (sign, text) in briefs.items()]
        connection.execute(sa.insert(RUN_BRIEF), rows)


def drop_briefs(connection: sa.Connection, runs: Sequence[str]) -> None:
    """Forget these runs, in the caller's transaction."""
    for first in range(0, len(runs), _BATCH):
        connection.execute(sa.delete(RUN_BRIEF).where(_ROW.run.in_(runs[first : first + _BATCH])))


def read_briefs(connection: sa.Connection) -> dict[str, tuple[str, str]]:
    """Run → (sign, text)."""
    return {run: (sign, text) for run, sign, text in connection.execute(sa.select(RUN_BRIEF))}


def briefed_runs(connection: sa.Connection) -> set[str]:
    """The runs that have one."""
    return set(connection.execute(sa.select(_ROW.run)).scalars())
