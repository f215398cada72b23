"""Statements as documents: an overview of all teams, then a chapter per team."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trainfare.core.charge import Component, Remainder
from trainfare.core.money import Money
from trainfare.core.plain import plural
from trainfare.reports.cell import Column, Kind, Role, Row, remainder_title
from trainfare.reports.document import Chapter, Figure, Section, Slice, percent
from trainfare.reports.document_picture import picture_of
from trainfare.reports.document_words import REMAINDERS
from trainfare.reports.statement import NO_TEAM, Statement, StatementKind, Statements
from trainfare.reports.statement_table import (
    overview_table,
    pools_table,
    remainders_table,
    runs_table,
    share,
)
from trainfare.reports.table import Table

if TYPE_CHECKING:
    import altair as alt

    from trainfare.reports.chart_theme import Look


def overview_chapter(book: Statements) -> Chapter:
    """All teams of one currency."""
    charged = book.bill - book.kept_total
    figures = (
        Figure("Bill", book.bill.display(2)),
        Figure("In statements", charged.display(2), f"{_percent(charged, book.bill)} of the bill"),
        Figure("Kept", book.kept_total.display(2), "charged to nobody"),
        Figure("Teams", str(sum(one.team != NO_TEAM for one in book.statements))),
    )
    sections = [
        Section("Every team", table=overview_table(book)),
        Section(
            "What teams used",
            "Runs of their own and what rules gave, by component.",
            picture=picture_of(lambda look: _teams_chart(book, look)),
        ),
    ]
    if book.kept:
        kept = remainders_table(book.kept, book.currency, is_kept=True)
        intro = "What no run owns and no team is charged for."
        sections.append(Section("Kept", intro, table=kept))
    return Chapter(f"All teams in {book.currency}", figures, _slices(book), tuple(sections))


def _percent(part: Money, whole: Money) -> str:
    return f"{percent(part.nano, whole.nano)} %"


def _slices(book: Statements) -> tuple[Slice, ...]:
    own = Money.total([one.own for one in book.statements], book.currency)
    slices = [Slice("teams' own", own, "own")]
    given = [line for one in book.statements for line in one.remainders]
    for name in Remainder:
        title = remainder_title(name.value)[1:-1]
        lines = {
            "distributed": [line.amount for line in given if line.remainder is name],
            "kept": [line.amount for line in book.kept if line.remainder is name],
        }
        for word, amounts in lines.items():
            slices.append(
                Slice(
                    f"{title}, {word}",
                    Money.total(amounts, book.currency),
                    name.value,
                    is_kept=word == "kept",
                )
            )
    return tuple(slices)


def _teams_chart(book: Statements, look: Look) -> alt.LayerChart:
    from trainfare.reports.chart_groups import GroupSpend, spend_by_group

    spends = []
    for one in book.statements:
        for name in Component:
            amount = Money.total([line.components[name] for line in one.runs], book.currency)
            if amount:
                spends.append(GroupSpend(one.team, name.value, amount))
        rest = [a for line in one.runs for a in line.pools.values()]
        rest += [line.amount for line in one.given]
        if any(rest):
            spends.append(GroupSpend(one.team, "by rules", Money.total(rest, book.currency)))
    return spend_by_group(spends, by="team", title="Own spend by team", look=look)


def team_chapter(
    one: Statement,
    book: Statements,
    kind: StatementKind,
    labels: Mapping[str, Mapping[str, str]],
    rules: Mapping[str, str],
) -> Chapter:
    """One team's statement."""
    given = Money.total([line.amount for line in one.remainders], one.currency)
    pools = [amount for line in one.runs for amount in line.pools.values()]
    pools += [line.amount for line in one.given]
    runs = Money.total(
        [amount for line in one.runs for amount in line.components.values()], one.currency
    )
    by_rules = Money.total(pools, one.currency)
    figures = [
        Figure("Total", one.total.display(2), f"{_percent(one.total, book.bill)} of the bill"),
        Figure("Runs", runs.display(2), plural(len(one.runs), "run")),
        Figure("Shared and given by rules", by_rules.display(2)),
    ]
    if kind is StatementKind.CHARGEBACK:
        figures.append(Figure("Distributed", given.display(2), "of what no run owns"))
    slices = [Slice("Runs", runs, "own"), Slice("By rules", by_rules, "other")]
    for name in Remainder:
        amounts = [line.amount for line in one.remainders if line.remainder is name]
        title = remainder_title(name.value)[1:-1]
        slices.append(Slice(title.capitalize(), Money.total(amounts, one.currency), name.value))
    return Chapter(
        f"{one.team}: {one.total.display(2)}",
        tuple(figures),
        tuple(slices),
        tuple(_team_sections(one, book, kind, labels, rules)),
    )


def _team_sections(
    one: Statement,
    book: Statements,
    kind: StatementKind,
    labels: Mapping[str, Mapping[str, str]],
    rules: Mapping[str, str],
) -> Sequence[Section]:
    sections = []
    if one.runs:
        sections.append(
            Section("Runs", "What each run used, by component.", table=runs_table(one, labels))
        )
    by_rules = pools_table(one, rules)
    if by_rules.rows:
        intro = "Shared charges that a rule divides over runs, and what a rule gives to the team."
        sections.append(Section("By rules", intro, table=by_rules))
    if one.remainders:
        table = remainders_table(one.remainders, one.currency, is_kept=False)
        intro = "What no run owns, and this team's part of it."
        sections.append(Section("Distributed", intro, table=table))
    if kind is StatementKind.SHOWBACK:
        intro = (
            "What no run owns of the whole bill. It is in no team's total; what tags or rules "
            "name this team for stands beside it."
        )
        sections.append(Section("Not in this statement", intro, table=_not_in_it(one, book)))
    return sections


def _not_in_it(one: Statement, book: Statements) -> Table:
    """The remainders of the whole bill beside those that name the team."""
    rows = []
    for name in Remainder:
        whole = Money.total(
            [line.amount for line in book.kept if line.remainder is name], book.currency
        )
        if whole or one.tagged[name]:
            rows.append(
                Row(
                    {
                        "kind": remainder_title(name.value)[1:-1],
                        "what": REMAINDERS[name],
                        "names_this_team": one.tagged[name],
                        "whole": whole,
                        "share": share(one.tagged[name], whole),
                    }
                )
            )
    wholes = Money.total([_money(row["whole"]) for row in rows], book.currency)
    named = Money.total([_money(row["names_this_team"]) for row in rows], book.currency)
    total = {
        "kind": "all",
        "what": None,
        "names_this_team": named,
        "whole": wholes,
        "share": share(named, wholes),
    }
    return Table(
        title="Not in this statement",
        by=("kind", "what"),
        columns=(
            Column("kind", Kind.TEXT),
            Column("what", Kind.TEXT),
            Column("names_this_team", Kind.MONEY, book.currency, True),
            Column("whole", Kind.MONEY, book.currency, True, "Of the whole bill."),
            Column("share", Kind.SHARE),
        ),
        rows=tuple(rows),
        total=Row(total, Role.TOTAL),
        currency=book.currency,
    )


def _money(value: object) -> Money:
    assert isinstance(value, Money)
    return value
