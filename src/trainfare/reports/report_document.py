"""Reports as documents: the whole bill in a bar, charts, the table, where every cent went, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainfare.core.charge import Component, Remainder, View
from trainfare.core.money import Money
from trainfare.core.period import DAY, Interval, name_periods, parse_instant
from trainfare.reports.attribution import KEYS, NO_LABEL
from trainfare.reports.cell import Column, Kind, Role, Row, remainder_title
from trainfare.reports.document import Chapter, Figure, Section, Slice, percent
from trainfare.reports.document_picture import picture_of
from trainfare.reports.document_words import REMAINDERS, method_words
from trainfare.reports.statement_table import share
from trainfare.reports.table import Table
from trainfare.store.results import Group, OwnerSum

if TYPE_CHECKING:
    import altair as alt

    from trainfare.reports.chart_theme import Look

UNTAGGED = "These have no known owner; a rule like the one below settles the first."


@dataclass(frozen=True, slots=True)
class Unowned:
    """A costly resource that nobody owns, and a rule that would settle it."""

    resource: str | None
    service: str | None
    account: str | None
    amount: Money
    rule: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a report's document shows beside its table; all of the same periods and cost column."""

    view: View
    owners: Sequence[OwnerSum]
    days: Sequence[Group]
    """Sums by day and component."""
    labels: Mapping[str, Mapping[str, str]]
    rules: Mapping[str, str]
    """Rule → which charges it means."""
    unowned: Sequence[Unowned]


def table_chapter(table: Table) -> Chapter:
    """A report of estimates alone: there is no bill to show it against."""
    return Chapter(
        f"{name_periods(table.periods)} in {table.currency}".strip(),
        (),
        (),
        (Section(f"By {', '.join(table.by)}", table=table), _columns(table)),
    )


def bill_chapter(table: Table, evidence: Evidence) -> Chapter:
    """A report of a bill, in the currency of *table*."""
    currency = table.currency
    owners = [one for one in evidence.owners if one.currency == currency]
    bill = Money(sum(one.nano for one in owners), currency)
    left = {
        name: Money(sum(one.nano for one in owners if one.remainder is name), currency)
        for name in Remainder
    }
    runs = Money(sum(one.nano for one in owners if one.run is not None), currency)
    figures = (
        Figure("Bill", bill.display(2), f"{evidence.view.value} cost"),
        Figure("Runs", runs.display(2), _of(runs, bill)),
        Figure("Idle", left[Remainder.IDLE].display(2), _of(left[Remainder.IDLE], bill)),
        Figure(
            "Unallocated",
            left[Remainder.UNALLOCATED].display(2),
            _of(left[Remainder.UNALLOCATED], bill),
        ),
    )
    slices = [Slice("runs", runs, "own")]
    slices += [
        Slice(remainder_title(name.value)[1:-1], left[name], name.value) for name in Remainder
    ]
    key = table.by[0]
    sections = [Section(f"By {', '.join(table.by)}", table=table)]
    if key == "run" or key not in KEYS:
        sections.append(
            Section(
                f"What runs used, by {key}",
                "Time, storage and transfer that runs have of the bill, by component.",
                picture=picture_of(
                    lambda look: _by_key(owners, key, evidence.labels, currency, look)
                ),
            )
        )
    days = [one for one in evidence.days if one.currency == currency]
    sections.append(
        Section(
            "The bill day by day",
            "Everything on the bill, by the day of each charge.",
            picture=picture_of(lambda look: _by_day(days, currency, look)),
        )
    )
    sections.append(_where(owners, bill, evidence.rules))
    unowned = [one for one in evidence.unowned if one.amount.currency == currency]
    if unowned:
        sections.append(_unowned(unowned))
    sections.append(_columns(table))
    return Chapter(
        f"{name_periods(table.periods)} in {currency}", figures, tuple(slices), tuple(sections)
    )


def _of(part: Money, whole: Money) -> str:
    return f"{percent(part.nano, whole.nano)} % of the bill"


def _by_key(
    owners: Sequence[OwnerSum],
    key: str,
    labels: Mapping[str, Mapping[str, str]],
    currency: str,
    look: Look,
) -> alt.LayerChart:
    from trainfare.reports.chart_groups import GroupSpend, spend_by_group

    sums: dict[tuple[str, str], int] = defaultdict(int)
    for one in owners:
        if one.run is not None:
            group = one.run if key == "run" else labels.get(one.run, {}).get(key, NO_LABEL)
            sums[group, one.component] += one.nano
    spends = [
        GroupSpend(group, part, Money(nano, currency)) for (group, part), nano in sums.items()
    ]
    return spend_by_group(spends, by=key, look=look)


def _by_day(days: Sequence[Group], currency: str, look: Look) -> alt.LayerChart:
    from trainfare.reports.chart_spend import Spend, spend_over_time

    sums: dict[tuple[str, str], int] = defaultdict(int)
    undated = 0
    for one in days:
        day, component = one.key
        if day is None:
            undated += one.nano
        else:
            sums[day, component or Component.OTHER.value] += one.nano
    spends = []
    for (day, component), nano in sorted(sums.items()):
        start = parse_instant(f"{day}T00:00:00Z")
        spends.append(Spend(Interval(start, start + DAY), component, Money(nano, currency)))
    note = "the whole bill"
    if undated:
        note += f", without {Money(undated, currency).display(2)} of pools, which have no day"
    return spend_over_time(spends, note=note, look=look)


def _where(owners: Sequence[OwnerSum], bill: Money, rules: Mapping[str, str]) -> Section:
    """How every part of the bill found its owner, or why it has none."""
    sums: dict[tuple[Remainder | None, str], int] = defaultdict(int)
    for one in owners:
        sums[one.remainder, one.method] += one.nano
    order = [None, *Remainder]
    rows = {
        owner: [
            _where_row(owner, method, Money(nano, bill.currency), bill, rules)
            for (found, method), nano in sorted(sums.items(), key=lambda pair: -abs(pair[1]))
            if found is owner
        ]
        for owner in order
    }
    total = {
        "owner": "bill",
        "method": None,
        "what": None,
        "amount": bill,
        "share": share(bill, bill),
    }
    table = Table(
        title="Where every cent went",
        by=("owner", "method", "what"),
        columns=(
            Column("owner", Kind.TEXT),
            Column("method", Kind.TEXT),
            Column("what", Kind.TEXT),
            Column("amount", Kind.MONEY, bill.currency, True),
            Column("share", Kind.SHARE, what="Of the whole bill."),
        ),
        rows=tuple(rows[None]),
        remainders=tuple(row for owner in order[1:] for row in rows[owner]),
        total=Row(total, Role.TOTAL),
        currency=bill.currency,
    )
    meanings = tuple(
        f"{remainder_title(name.value)[1:-1]}: {words}." for name, words in REMAINDERS.items()
    )
    intro = "How each part of the bill found its owner, or why it has none."
    return Section("Where every cent went", intro, table=table, notes=meanings)


def _where_row(
    owner: Remainder | None, method: str, amount: Money, bill: Money, rules: Mapping[str, str]
) -> Row:
    return Row(
        {
            "owner": "runs" if owner is None else remainder_title(owner.value),
            "method": method,
            "what": _held(owner, method) or method_words(method, rules),
            "amount": amount,
            "share": share(amount, bill),
        },
        Role.GROUP if owner is None else Role.REMAINDER,
        name=None if owner is None else owner.value,
    )


def _held(owner: Remainder | None, method: str) -> str:
    """Why what claims leave over is idle."""
    if owner is not Remainder.IDLE:
        return ""
    held = {
        "resource_overlap": "a machine that runs held, while none did",
        "attached": "it hangs on a machine, while no run held that",
        "cluster_share": "a part of a cluster that no run held",
        "split_row": "the part of a split charge that names no run",
    }
    return held.get(method, "")


def _unowned(unowned: Sequence[Unowned]) -> Section:
    currency = unowned[0].amount.currency
    rows = tuple(
        Row(
            {
                "resource": one.resource or "(no resource)",
                "service": one.service,
                "account": one.account,
                "amount": one.amount,
            }
        )
        for one in unowned
    )
    total = Money.total([one.amount for one in unowned], currency)
    blank = {"service": None, "account": None}
    table = Table(
        title="Without an owner",
        by=("resource", "service", "account"),
        columns=(
            *(Column(name, Kind.TEXT) for name in ("resource", "service", "account")),
            Column("amount", Kind.MONEY, currency, True),
        ),
        rows=rows,
        total=Row({"resource": "these", **blank, "amount": total}, Role.TOTAL),
        currency=currency,
    )
    return Section("Without an owner", UNTAGGED, table=table, code=unowned[0].rule)


def _columns(table: Table) -> Section:
    """What each column means, in a sentence."""
    told = tuple(f"{one.title}: {one.what}" for one in table.columns if one.what)
    return Section("What the columns mean", notes=told or ("Their names say it.",))
