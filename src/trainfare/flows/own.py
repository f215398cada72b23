"""A team's own part: what of an answer somebody may see who is bound to one team.

What belongs to no single team (remainders, totals of all, shares of them) is taken out, so the rest
says nothing about others, not even how much they have.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.budgets.alert import Alert, Kind
from trainfare.core.budget import Budget
from trainfare.core.money import Money
from trainfare.flows.report import Report
from trainfare.metering.receipt import Receipt
from trainfare.reports.cell import Role, Row

if TYPE_CHECKING:
    from trainfare.flows.reconcile import Reconciliation
    from trainfare.reports.table import Table

OF_RUNS = (Kind.IDLE, Kind.STALLED, Kind.RUN)
"""Kinds of alerts whose subject is a run."""

OF_BUDGETS = (Kind.BUDGET, Kind.FORECAST)
"""Kinds whose subject is a budget, or a budget and one of its runs."""


def runs_of_team(home: Path, team: str, runs: Iterable[str]) -> set[str]:
    """Those of *runs* that are *team*'s."""
    from trainfare.store.ledger import open_ledger
    from trainfare.store.sights import read_owners

    with open_ledger(home) as ledger, ledger.look() as connection:
        owners = read_owners(connection, set(runs))
    return {run for run, owner in owners.items() if owner == team}


def is_of_team(budget: Budget, team: str | None) -> bool:
    """Whether every run that *budget* covers is *team*'s; None is all teams."""
    return team is None or budget.scope.is_within("team", team)


def own_report(report: Report) -> Report:
    """*report*, which was asked for one team's runs alone, without what is of all teams."""
    return replace(
        report,
        tables=tuple(map(_own_table, report.tables)),
        coverage={},
        untagged=(),
        not_allocated=(),
        unknown_keys=(),
        known_keys=(),
    )


def _own_table(table: Table) -> Table:
    rows = tuple(replace(row, cells={**row.cells, "share": None}) for row in table.rows)
    sums = {
        column.name: _sum([row[column.name] for row in rows], table.currency)
        for column in table.columns
        if column.is_sum
    }
    title = {table.by[0]: "total"}
    total = Row(dict.fromkeys(table.total.cells, None) | sums | title, Role.TOTAL)
    return replace(table, rows=rows, remainders=(), left_out=None, total=total, notes=())


def _sum(cells: Sequence[object], currency: str) -> Money | None:
    known = [one for one in cells if isinstance(one, Money)]
    return Money.total(known, currency) if known else None


def own_reconciliation(home: Path, team: str, found: Reconciliation) -> Reconciliation:
    """The rows of *team*'s runs, and their total."""
    from trainfare.reports.reconcile import totals_of

    own = runs_of_team(home, team, (row.run for row in found.rows))
    rows = tuple(row for row in found.rows if row.run in own)
    return replace(found, rows=rows, totals=tuple(totals_of(rows)), errors=())


def own_receipt(home: Path, team: str, receipt: Receipt) -> Receipt:
    """*receipt* without the runs of other teams that made its data."""
    own = runs_of_team(home, team, (one.run for one in receipt.prepared_by))
    return replace(receipt, prepared_by=tuple(p for p in receipt.prepared_by if p.run in own))


def alerts_of(
    alerts: Sequence[Alert], runs: Collection[str], budgets: Collection[str]
) -> list[Alert]:
    """The alerts of these runs and budgets."""
    return [
        one
        for one in alerts
        if (one.kind in OF_RUNS and one.subject in runs)
        or (one.kind in OF_BUDGETS and one.subject.split(" ")[0] in budgets)
    ]
