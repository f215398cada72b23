"""Statements as JSON and CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from trainfare.core.errors import NotFound
from trainfare.metering.receipt_text import safe_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainfare.flows.statement import Stated
    from trainfare.reports.statement import RemainderLine, Statement, Statements


def check_team(stated: Stated, team: str | None) -> None:
    """Pass where *team* has a statement, or none is named."""
    teams = sorted({one.team for book in stated.books for one in book.statements})
    if team is not None and team not in teams:
        raise NotFound(f"no statement of {team!r} in {stated.period}; teams: {', '.join(teams)}")


def chosen(book: Statements, team: str | None) -> list[Statement]:
    """The statements asked for."""
    return [one for one in book.statements if team in (None, one.team)]


def statement_json(stated: Stated, team: str | None) -> dict[str, Any]:
    """Statements with stable keys; of *team* alone where one is named."""
    return {
        "kind": stated.kind.value,
        "period": stated.period,
        "view": stated.view.value,
        "books": [
            {
                "currency": book.currency,
                "statements": [_statement(one) for one in chosen(book, team)],
                "kept": [_remainder(line) for line in book.kept],
                "charged": (book.bill - book.kept_total).text(),
                "bill": book.bill.text(),
                "conserved": True,
            }
            for book in stated.books
        ],
        "policy": list(stated.policy),
        "deliveries": [{"id": one.id, "source": one.source} for one in stated.deliveries],
        "allocated_at": stated.allocated_at,
        "inputs": stated.inputs,
        "notes": list(stated.notes),
    }


def own_statement_json(document: dict[str, Any]) -> dict[str, Any]:
    """The same for somebody of the one team that it is of: nothing that is of all teams."""
    of_all = dict.fromkeys(("kept", "charged", "bill", "conserved"))
    books = [{**book, **of_all} for book in document["books"]]
    return {**document, "books": books, "deliveries": None, "notes": None, "policy": None}


def _statement(one: Statement) -> dict[str, Any]:
    return {
        "team": one.team,
        "total": one.total.text(),
        "own": one.own.text(),
        "runs": [
            {
                "run": line.run,
                "components": {name.value: a.text() for name, a in line.components.items()},
                "shared_pools": {rule: a.text() for rule, a in line.pools.items()},
                "total": line.total.text(),
            }
            for line in one.runs
        ],
        "given_by_rules": {line.rule: line.amount.text() for line in one.given},
        "distributed": [_remainder(line) for line in one.remainders],
        "tagged": {name.value: amount.text() for name, amount in one.tagged.items()},
    }


def _remainder(line: RemainderLine) -> dict[str, str]:
    return {
        "remainder": line.remainder.value,
        "method": line.method,
        "how": line.way.value,
        "whole": line.whole.text(),
        "amount": line.amount.text(),
    }


def statement_csv(stated: Stated, team: str | None) -> str:
    """One line per run and component, pool, rule and remainder; all lines of all teams sum to the bill."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    head = ("period", "kind", "team", "line", "run", "name", "amount", "currency", "view")
    writer.writerow(head)
    for book in stated.books:
        for owner, line, run, name, amount in _lines(book, team):
            words = [safe_cell(text) for text in (owner, line, run, name)]
            writer.writerow(
                [stated.period, stated.kind, *words, amount, book.currency, stated.view.value]
            )
    return file.getvalue()


def _lines(book: Statements, team: str | None) -> Iterator[tuple[str, str, str, str, str]]:
    for one in chosen(book, team):
        for line in one.runs:
            for component, amount in line.components.items():
                if amount:
                    yield one.team, "component", line.run, component.value, amount.text()
            for rule, amount in line.pools.items():
                yield one.team, "shared pool", line.run, rule, amount.text()
        for given in one.given:
            yield one.team, "given by rule", "", given.rule, given.amount.text()
        for left in one.remainders:
            name = f"{left.remainder.value}: {left.method} ({left.way.value})"
            yield one.team, "distributed", "", name, left.amount.text()
    if team is None:
        for left in book.kept:
            yield "(kept)", "kept", "", f"{left.remainder.value}: {left.method}", left.amount.text()
