"""Statements as tables: the overview of all teams, and what one team's statement lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from trainfare.core.charge import Component, Remainder
from trainfare.core.money import Money
from trainfare.reports.cell import Column, Kind, Role, Row, remainder_title
from trainfare.reports.statement import RemainderLine, Statement, Statements
from trainfare.reports.statement_policy import Way
from trainfare.reports.table import Table

WAYS = {
    Way.OWNER: "tags or a rule name the team",
    Way.PROPORTIONAL: "by what teams have of their own",
    Way.EVEN: "in equal parts",
    Way.KEPT: "kept, charged to nobody",
}
"""How a remainder was distributed, as people read it."""

_COMPONENTS = tuple(one.value for one in Component)


def share(part: Money, whole: Money) -> Decimal | None:
    """*part* of *whole* to six places; None of nothing."""
    if not whole:
        return None
    return Decimal(round(Fraction(part.nano, whole.nano) * 10**6)).scaleb(-6)


def overview_table(made: Statements) -> Table:
    """A row per team, a column per kind of money that teams have; what is kept stands below."""
    names = tuple(
        name
        for name in Remainder
        if any(line.remainder is name for one in made.statements for line in one.remainders)
    )
    rows = tuple(_overview_row(one, names, made.bill) for one in made.statements)
    kept = []
    for name in Remainder:
        amount = Money.total(
            [line.amount for line in made.kept if line.remainder is name], made.currency
        )
        if amount:
            kept.append(_kept_row(name, amount, names, made.bill))
    used = _used(money_columns(names, made.currency), (*rows, *kept))
    total = {
        "team": "bill",
        "runs": sum(len(one.runs) for one in made.statements),
        **_sums(used, (*rows, *kept), made.currency),
        "total": made.bill,
        "share": share(made.bill, made.bill),
    }
    return Table(
        title="All statements",
        by=("team",),
        columns=(
            Column("team", Kind.TEXT),
            Column("runs", Kind.COUNT, is_sum=True),
            *used,
            Column("total", Kind.MONEY, made.currency, True),
            Column("share", Kind.SHARE, what="Of the whole bill."),
        ),
        rows=rows,
        remainders=tuple(kept),
        total=Row(total, Role.TOTAL),
        currency=made.currency,
    )


def money_columns(names: Sequence[Remainder], currency: str) -> tuple[Column, ...]:
    """What a team has, by kind; a column without money is left out of a table."""
    return (
        Column("runs_own", Kind.MONEY, currency, True, "What the team's runs used."),
        Column("shared_pools", Kind.MONEY, currency, True, "Divided over runs by a rule."),
        Column("given_by_rules", Kind.MONEY, currency, True, "A rule gives it to the team."),
        *(
            Column(name.value, Kind.MONEY, currency, True, "What no run owns, as distributed.")
            for name in names
        ),
    )


def _used(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[Column, ...]:
    """The columns in which some row has money."""
    return tuple(one for one in columns if any(_money(row[one.name]) for row in rows))


def _sums(columns: Sequence[Column], rows: Sequence[Row], currency: str) -> dict[str, Money]:
    return {
        one.name: Money.total([_money(row[one.name]) for row in rows], currency) for one in columns
    }


def _money(value: object) -> Money:
    assert isinstance(value, Money)
    return value


def _overview_row(one: Statement, names: Sequence[Remainder], bill: Money) -> Row:
    pools = [amount for line in one.runs for amount in line.pools.values()]
    components = [amount for line in one.runs for amount in line.components.values()]
    distributed = {
        name.value: Money.total(
            [line.amount for line in one.remainders if line.remainder is name], one.currency
        )
        for name in names
    }
    return Row(
        {
            "team": one.team,
            "runs": len(one.runs),
            "runs_own": Money.total(components, one.currency),
            "shared_pools": Money.total(pools, one.currency),
            "given_by_rules": Money.total([line.amount for line in one.given], one.currency),
            **distributed,
            "total": one.total,
            "share": share(one.total, bill),
        }
    )


def _kept_row(name: Remainder, amount: Money, names: Sequence[Remainder], bill: Money) -> Row:
    """What is kept of one remainder; in its own column where a part of it was distributed."""
    zero = Money.zero(amount.currency)
    columns = dict.fromkeys(("runs_own", "shared_pools", "given_by_rules", *names), zero)
    if name in names:
        columns[name.value] = amount
    return Row(
        {
            "team": f"(kept: {remainder_title(name.value)[1:-1]})",
            "runs": 0,
            **columns,
            "total": amount,
            "share": share(amount, bill),
        },
        Role.REMAINDER,
        name=name.value,
    )


def runs_table(one: Statement, labels: Mapping[str, Mapping[str, str]]) -> Table:
    """The runs of a statement by component; what it got of shared pools stands beside them."""
    keys = ("run", "model", "experiment")
    rows = []
    for line in one.runs:
        words = labels.get(line.run, {})
        pools = Money.total(line.pools.values(), one.currency)
        rows.append(
            Row(
                {
                    "run": line.run,
                    "model": words.get("model"),
                    "experiment": words.get("experiment"),
                    **{name.value: amount for name, amount in line.components.items()},
                    "shared_pools": pools,
                    "total": line.total,
                }
            )
        )
    columns = tuple(
        Column(name, Kind.MONEY, one.currency, is_sum=True)
        for name in (*_COMPONENTS, "shared_pools", "total")
    )
    used = _used(columns, rows)
    whole = {**dict.fromkeys(keys), "run": "all runs", **_sums(used, rows, one.currency)}
    return Table(
        title="Runs",
        by=keys,
        columns=(*(Column(name, Kind.TEXT) for name in keys), *used),
        rows=tuple(rows),
        total=Row(whole, Role.TOTAL),
        currency=one.currency,
    )


def pools_table(one: Statement, texts: Mapping[str, str]) -> Table:
    """What the team has of shared pools and by label rules, each with its rule."""
    sums: dict[str, int] = {}
    for line in one.runs:
        for rule, amount in line.pools.items():
            sums[rule] = sums.get(rule, 0) + amount.nano
    lines = [
        *((rule, "divided over runs", Money(nano, one.currency)) for rule, nano in sums.items()),
        *((line.rule, "given to the team", line.amount) for line in one.given),
    ]
    rows = [
        Row({"rule": rule, "what": what, "matches": texts.get(rule), "amount": amount})
        for rule, what, amount in lines
    ]
    total = Money.total([amount for *_, amount in lines], one.currency)
    blank = {"what": None, "matches": None}
    return Table(
        title="By rules",
        by=("rule", "what", "matches"),
        columns=(
            Column("rule", Kind.TEXT),
            Column("what", Kind.TEXT),
            Column("matches", Kind.TEXT, what="Which charges the rule means."),
            Column("amount", Kind.MONEY, one.currency, is_sum=True),
        ),
        rows=tuple(rows),
        total=Row({"rule": "all rules", **blank, "amount": total}, Role.TOTAL),
        currency=one.currency,
    )


def remainders_table(lines: Sequence[RemainderLine], currency: str, *, is_kept: bool) -> Table:
    """What no run owns: the parts of one team, or what is kept."""
    keys = ("kind", "method", "how")
    rows = [
        Row(
            {
                "kind": remainder_title(line.remainder.value)[1:-1],
                "method": line.method,
                "how": WAYS[line.way],
                "whole": line.whole,
                "amount": line.amount,
            }
        )
        for line in sorted(lines, key=lambda line: (line.remainder, -abs(line.amount.nano)))
    ]
    whole = Column("whole", Kind.MONEY, currency, what="All that was distributed this way.")
    total = Money.total([line.amount for line in lines], currency)
    return Table(
        title="Kept" if is_kept else "Distributed",
        by=keys,
        columns=(
            *(Column(name, Kind.TEXT) for name in keys),
            *(() if is_kept else (whole,)),
            Column("amount", Kind.MONEY, currency, is_sum=True),
        ),
        rows=tuple(rows),
        total=Row(
            {**dict.fromkeys(keys), "kind": "all", "whole": None, "amount": total}, Role.TOTAL
        ),
        currency=currency,
    )
