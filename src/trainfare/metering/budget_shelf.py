"""The budgets of a home: ``budgets.json``, which the meter, the command line and a server read.

It is plain JSON that a training process reads with the standard library alone, so that a budget
holds without a server, without a database and without a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainfare.core.budget import Budget, BudgetPeriod, BudgetView, parse_threshold
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.money import Money
from trainfare.core.period import format_instant, parse_instant
from trainfare.core.selection import select_runs
from trainfare.prices.json_file import locked, read_json, write_json

FORM = 1
"""The version of the file's form."""


def budgets_file(home: Path) -> Path:
    """Where the budgets of a home are."""
    return home / "budgets.json"


def read_budgets(home: Path) -> list[Budget]:
    """All budgets, in order of their ids.

    Raises:
        BadInput: the file is damaged or of a later Trainfare.
    """
    path = budgets_file(home)
    document = read_json(path)
    if document is None:
        return []
    try:
        if document["form"] > FORM:
            raise BadInput(f"{path} was written by a later Trainfare; upgrade this one")
        return sorted(
            (_read_row(path, each) for each in document["budgets"]), key=lambda one: one.id
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path} is damaged: {error!r}; repair it or move it away") from None


def _read_row(path: Path, row: Mapping[str, Any]) -> Budget:
    try:
        return budget_of(row)
    except BadInput as error:
        raise BadInput(f"{path}, budget {row['id']}: {error}") from None


def find_budget(home: Path, budget_id: str) -> Budget:
    """One budget.

    Raises:
        NotFound: there is none of that id.
    """
    budgets = read_budgets(home)
    for one in budgets:
        if one.id == budget_id:
            return one
    known = ", ".join(one.id for one in budgets) or "none yet"
    raise NotFound(f"there is no budget {budget_id!r}; those there are: {known}")


def put_budget(home: Path, budget: Budget) -> Budget | None:
    """Add *budget*, or put it in the place of the one with its id, which is returned."""
    with locked(budgets_file(home)):
        budgets = {one.id: one for one in read_budgets(home)}
        before = budgets.get(budget.id)
        budgets[budget.id] = budget
        _write(home, budgets)
    return before


def delete_budget(home: Path, budget_id: str) -> Budget:
    """Remove a budget and return it.

    Raises:
        NotFound: there is none of that id.
    """
    with locked(budgets_file(home)):
        gone = find_budget(home, budget_id)
        _write(home, {one.id: one for one in read_budgets(home) if one.id != budget_id})
    return gone


def _write(home: Path, budgets: Mapping[str, Budget]) -> None:
    rows = [budget_json(budgets[name]) for name in sorted(budgets)]
    write_json(budgets_file(home), {"form": FORM, "budgets": rows})


def budget_json(budget: Budget) -> dict[str, Any]:
    """A budget as JSON; :func:`budget_of` reads it back the same."""
    return {
        "id": budget.id,
        "scope": budget.scope.text,
        "limit": budget.limit.text(),
        "currency": budget.limit.currency,
        "period": budget.period.value,
        "view": budget.view.value,
        "thresholds": [str(one) for one in budget.thresholds],
        "carried_over": budget.is_carried_over,
        "armed": budget.is_armed,
        "grace_seconds": budget.grace_seconds,
        "cancel_command": list(budget.cancel_command),
        "starts_at": format_instant(budget.starts_ns),
    }


def budget_of(row: Mapping[str, Any]) -> Budget:
    """Read what :func:`budget_json` wrote.

    >>> one = Budget("b", Money.parse("5"), select_runs("team=nlp"))
    >>> budget_of(budget_json(one)) == one
    True
    """
    return Budget(
        id=str(row["id"]),
        limit=Money.parse(row["limit"], row["currency"]),
        scope=select_runs(row["scope"]),
        period=BudgetPeriod(row["period"]),
        view=BudgetView(row["view"]),
        thresholds=tuple(parse_threshold(text) for text in row["thresholds"]),
        is_carried_over=bool(row["carried_over"]),
        is_armed=bool(row["armed"]),
        grace_seconds=int(row["grace_seconds"]),
        cancel_command=tuple(row["cancel_command"]),
        starts_ns=parse_instant(row["starts_at"]),
    )
