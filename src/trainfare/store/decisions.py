"""Decisions on advice in the ledger: only ever added to; the newest of a recommendation counts."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from trainfare.core.decision import Decision, Verdict
from trainfare.core.money import Money
from trainfare.core.recommendation import Kind
from trainfare.store.schema import ADVICE_DECISION

_AMOUNTS = ("saving", "saving_low", "saving_high", "granted", "base")
_PLAIN = ("advice", "at_ns", "who", "reason", "until_ns", "rule", "subject", "title", "months")


def put_decision(connection: sa.Connection, decision: Decision) -> None:
    """Add *decision*, in the caller's transaction."""
    row = {name: getattr(decision, name) for name in _PLAIN}
    row |= {"verdict": decision.verdict.value, "kind": decision.kind.value}
    row |= {"currency": decision.base.currency, "who": decision.who[:256]}
    row |= {f"{name}_nano": getattr(decision, name).nano for name in _AMOUNTS}
    connection.execute(sa.insert(ADVICE_DECISION).values(row))


def current_decisions(connection: sa.Connection) -> dict[str, Decision]:
    """Recommendation → the newest word on it; those that were opened again are left out."""
    newest = sa.select(sa.func.max(ADVICE_DECISION.c.id)).group_by(ADVICE_DECISION.c.advice)
    query = sa.select(ADVICE_DECISION).where(ADVICE_DECISION.c.id.in_(newest))
    found = [_from_row(row) for row in connection.execute(query.order_by(ADVICE_DECISION.c.id))]
    return {one.advice: one for one in found if one.verdict is not Verdict.REOPENED}


def newest_decision(connection: sa.Connection) -> int:
    """The number of the newest decision; 0 where there is none."""
    return connection.scalar(sa.select(sa.func.max(ADVICE_DECISION.c.id))) or 0


def read_decisions(connection: sa.Connection, advice: str) -> list[Decision]:
    """Everything that was said to one recommendation, the oldest first."""
    query = sa.select(ADVICE_DECISION).where(ADVICE_DECISION.c.advice == advice)
    return [_from_row(row) for row in connection.execute(query.order_by(ADVICE_DECISION.c.id))]


def _from_row(row: sa.Row[tuple[object, ...]]) -> Decision:
    found = row._mapping  # noqa: SLF001 (SQLAlchemy's public name for it)
    words: dict[str, Any] = {name: found[name] for name in _PLAIN}
    words |= {name: Money(int(found[f"{name}_nano"]), found["currency"]) for name in _AMOUNTS}
    return Decision(verdict=Verdict(found["verdict"]), kind=Kind(found["kind"]), **words)
