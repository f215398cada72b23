"""Statements: what each team has of one month's bill, line by line; all of them sum to the bill.

    Σ statements + kept = Σ bill        per currency, as whole nano-units

A team has the runs that bear its label, what they got of shared pools, and what a rule gave to its
label. A *showback* distributes nothing else; a *chargeback* distributes what no run owns as the
user's policy says (see ``statement_policy``). Money is split by largest remainder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from trainfare.core.charge import Component, Remainder
from trainfare.core.errors import NotConserved
from trainfare.core.money import Money
from trainfare.reports.statement_policy import KEEP_ALL, Policy, Way
from trainfare.store.results import OwnerSum

NO_TEAM = "(no team)"
"""Who has the runs without a team; it takes part in every distribution, so nobody pays for it."""

LABEL = "team"


class StatementKind(StrEnum):
    """What a statement is for."""

    SHOWBACK = "showback"
    CHARGEBACK = "chargeback"


@dataclass(frozen=True, slots=True)
class RunLine:
    """What one run had."""

    run: str
    components: Mapping[Component, Money]
    """Of its own, all five."""
    pools: Mapping[str, Money]
    """Rule → its part of what that rule divides over runs."""

    @property
    def total(self) -> Money:
        """All of it."""
        parts = [*self.components.values(), *self.pools.values()]
        return Money.total(parts, parts[0].currency)


@dataclass(frozen=True, slots=True)
class GivenLine:
    """What a rule, or the tags of a charge that a rule keeps apart, gave to the team's label."""

    rule: str
    amount: Money


@dataclass(frozen=True, slots=True)
class RemainderLine:
    """A part of what no run owns."""

    remainder: Remainder
    method: str
    way: Way
    whole: Money
    """All of this kind that went this way."""
    amount: Money
    """This team's part; for what is kept, the whole."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What one team has."""

    team: str
    runs: tuple[RunLine, ...]
    """The largest first."""
    given: tuple[GivenLine, ...]
    remainders: tuple[RemainderLine, ...]
    """Empty in a showback."""
    tagged: Mapping[Remainder, Money]
    """What no run owns and tags or rules name this team for, distributed or not."""
    currency: str

    @property
    def own(self) -> Money:
        """What it has without any distribution."""
        return Money.total(
            [*(line.total for line in self.runs), *(line.amount for line in self.given)],
            self.currency,
        )

    @property
    def total(self) -> Money:
        """All of it."""
        return self.own + Money.total([line.amount for line in self.remainders], self.currency)


@dataclass(frozen=True, slots=True)
class Statements:
    """Everybody's statements of one billing period in one currency."""

    kind: StatementKind
    currency: str
    statements: tuple[Statement, ...]
    """The largest first."""
    kept: tuple[RemainderLine, ...]
    """What nobody is charged."""
    bill: Money

    @property
    def kept_total(self) -> Money:
        """All that is kept."""
        return Money.total([line.amount for line in self.kept], self.currency)


def make_statements(
    lines: Sequence[OwnerSum],
    labels: Mapping[str, Mapping[str, str]],
    pools: Sequence[str],
    kind: StatementKind,
    policy: Policy = KEEP_ALL,
) -> list[Statements]:
    """The statements of one billing period, per currency, the largest bill first.

    Args:
        lines: a whole result.
        labels: run → its labels.
        pools: rules that divide charges over runs.
        kind: a showback keeps every remainder, whatever the policy.
        policy: how remainders are distributed.

    Raises:
        NotConserved: they do not sum to the lines.
    """
    chosen = policy if kind is StatementKind.CHARGEBACK else KEEP_ALL
    found = [
        _of_currency([one for one in lines if one.currency == currency], labels, pools, chosen)
        for currency in sorted({one.currency for one in lines})
    ]
    ordered = sorted(found, key=lambda one: (-abs(one.bill.nano), one.currency))
    return [replace(one, kind=kind) for one in ordered]


def _of_currency(
    lines: Sequence[OwnerSum],
    labels: Mapping[str, Mapping[str, str]],
    pools: Sequence[str],
    policy: Policy,
) -> Statements:
    currency = lines[0].currency
    own, left = _own(lines, labels, set(pools), currency)
    weights = {team: max(0, statement.own.nano) for team, statement in own.items()}
    taken: dict[str, list[RemainderLine]] = defaultdict(list)
    kept: list[RemainderLine] = []
    for (remainder, method), named in sorted(left.items()):
        ways = policy.ways_of(remainder, method)
        for team, way, whole, amount in _distributed(named, ways, weights, currency):
            line = RemainderLine(remainder, method, way, whole, amount)
            (taken[team] if team else kept).append(line)
    nobody = dict.fromkeys(Remainder, Money.zero(currency))
    statements = [
        replace(
            own.get(team, Statement(team, (), (), (), nobody, currency)),
            remainders=tuple(taken.get(team, ())),
            tagged={
                name: Money(
                    sum(n.get(team, 0) for (r, _), n in left.items() if r is name), currency
                )
                for name in Remainder
            },
        )
        for team in {*own, *taken, *(team for named in left.values() for team in named if team)}
    ]
    statements.sort(key=lambda one: (-one.total.nano, one.team))
    bill = Money(sum(one.nano for one in lines), currency)
    made = Statements(StatementKind.SHOWBACK, currency, tuple(statements), tuple(kept), bill)
    _check(made)
    return made


def _own(
    lines: Sequence[OwnerSum],
    labels: Mapping[str, Mapping[str, str]],
    pools: set[str],
    currency: str,
) -> tuple[dict[str, Statement], dict[tuple[Remainder, str], dict[str, int]]]:
    """Team → what it has of its own; and (remainder, method) → team that is named ("" none) → nano."""
    components: dict[str, dict[Component, int]] = defaultdict(lambda: dict.fromkeys(Component, 0))
    pooled: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    given: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    left: dict[tuple[Remainder, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in lines:
        named = _team_in(one.label)
        if one.run is not None and one.method in pools:
            pooled[one.run][one.method] += one.nano
        elif one.run is not None:
            components[one.run][Component(one.component)] += one.nano
        elif one.remainder is Remainder.SHARED and named:
            given[named][one.method] += one.nano
        else:
            assert one.remainder is not None
            left[one.remainder, one.method][named] += one.nano
    runs: dict[str, list[RunLine]] = defaultdict(list)
    for run in sorted({*components, *pooled}):
        line = RunLine(
            run,
            {name: Money(nano, currency) for name, nano in components[run].items()},
            {name: Money(nano, currency) for name, nano in sorted(pooled[run].items())},
        )
        runs[labels.get(run, {}).get(LABEL, NO_TEAM)].append(line)
    nobody = dict.fromkeys(Remainder, Money.zero(currency))
    statements = {
        team: Statement(
            team,
            tuple(sorted(runs[team], key=lambda line: (-line.total.nano, line.run))),
            tuple(GivenLine(name, Money(n, currency)) for name, n in sorted(given[team].items())),
            (),
            nobody,
            currency,
        )
        for team in sorted({*runs, *given})
    }
    return statements, left


def _team_in(label: str | None) -> str:
    """The team that ``team=…`` names; empty for any other label."""
    key, _, value = (label or "").partition("=")
    return value if key == LABEL else ""


def _distributed(
    named: Mapping[str, int], ways: Sequence[Way], weights: Mapping[str, int], currency: str
) -> Iterator[tuple[str, Way, Money, Money]]:
    """Who gets which part of one remainder: team ("" nobody), way, all that went this way, its part.

    Args:
        named: team that tags or rules name ("" none) → nano.
        ways: what is tried, in order.
        weights: team → what it has of its own, never less than 0.
        currency: of the amounts.
    """
    rest = Money(sum(named.values()), currency)
    if ways[0] is Way.OWNER:
        owners = {team: nano for team, nano in sorted(named.items()) if team and nano}
        whole = Money(sum(owners.values()), currency)
        for team, nano in owners.items():
            yield team, Way.OWNER, whole, Money(nano, currency)
        rest -= whole
    way = ways[-1]
    teams = sorted(team for team, weight in weights.items() if weight)
    if not rest:
        return
    if way in (Way.OWNER, Way.KEPT) or not teams:
        yield "", Way.KEPT, rest, rest
        return
    parts = rest.split([1 if way is Way.EVEN else weights[team] for team in teams])
    for team, part in zip(teams, parts, strict=True):
        if part:
            yield team, way, rest, part


def _check(made: Statements) -> None:
    total = made.kept_total + Money.total([one.total for one in made.statements], made.currency)
    if total != made.bill:
        raise NotConserved(
            f"statements sum to {total.text()}, the bill to {made.bill.text()} {made.currency}; "
            "please report this"
        )
