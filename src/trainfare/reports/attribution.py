"""Attribution: billed money by any keys, with every remainder, summing to the bill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from trainfare.core.charge import Remainder, View
from trainfare.core.money import Money
from trainfare.core.period import name_periods
from trainfare.reports.cell import Column, Kind, Role, Row, remainder_title
from trainfare.reports.table import Table
from trainfare.store.results import COLUMNS, Group

NO_LABEL = "(no label)"
"""Where a run has no such label."""

PARTS = "these keys cut runs into parts that were not estimated apart"


def columns_of(by: Sequence[str]) -> tuple[str, ...]:
    """Those of *by* that a result has as columns; the others are labels of runs."""
    return tuple(name for name in by if name in COLUMNS and name != "run")


def attribute(
    groups: Sequence[Group],
    by: Sequence[str],
    view: View,
    labels: Mapping[str, Mapping[str, str]],
    estimates: Mapping[str, Money | None],
    periods: Sequence[str] = (),
) -> list[Table]:
    """One table per currency, the one with the largest bill first.

    Args:
        groups: sums of a result by ``columns_of(by)``.
        by: keys of the report: columns, ``run``, or labels.
        view: what was summed.
        labels: run → its labels.
        estimates: run → its estimate in the period asked for, None where it is unknown.
        periods: what the groups are of.
    """
    tables = [
        _of_currency(
            [g for g in groups if g.currency == currency], by, view, labels, estimates, periods
        )
        for currency in sorted({g.currency for g in groups})
    ]
    return sorted(tables, key=lambda table: (-abs(billed_total(table).nano), table.currency))


def billed_total(table: Table) -> Money:
    """The whole bill that *table* is of."""
    whole = table.total["allocated"]
    assert isinstance(whole, Money)
    return whole


def _of_currency(
    groups: Sequence[Group],
    by: Sequence[str],
    view: View,
    labels: Mapping[str, Mapping[str, str]],
    estimates: Mapping[str, Money | None],
    periods: Sequence[str],
) -> Table:
    currency = groups[0].currency
    columns = columns_of(by)
    nanos: dict[tuple[str, ...], int] = defaultdict(int)
    runs: dict[tuple[str, ...], set[str]] = defaultdict(set)
    left = dict.fromkeys(Remainder, 0)
    for group in groups:
        given = _given(group, by)
        if group.run is None and not given:
            assert group.remainder is not None
            left[group.remainder] += group.nano
            continue
        found = dict(zip(columns, group.key, strict=True))
        own = given if group.run is None else labels.get(group.run, {})
        key = tuple(_value(name, group.run, found, own) for name in by)
        nanos[key] += group.nano
        if group.run is not None:
            runs[key].add(group.run)
    whole = sum(g.nano for g in groups)
    rows = []
    for key in sorted(nanos, key=lambda key: (-nanos[key], key)):
        estimated, why = (None, PARTS) if columns else _estimated(runs[key], estimates, currency)
        rows.append(
            Row(
                {
                    **dict(zip(by, key, strict=True)),
                    "runs": len(runs[key]),
                    "estimated": estimated,
                    **_allocated(nanos[key], whole, currency),
                },
                whys={"estimated": why} if why else {},
            )
        )
    names = dict.fromkeys(by) | {"runs": None, "estimated": None}
    return Table(
        title=f"{name_periods(periods)}   {view.value} cost in {currency}",
        by=tuple(by),
        columns=(
            *(Column(name, Kind.TEXT) for name in by),
            Column("runs", Kind.COUNT),
            Column("estimated", Kind.MONEY, currency, what="Usage × the price known at that time."),
            Column("allocated", Kind.MONEY, currency, True, "What rules gave of the bill."),
            Column("share", Kind.SHARE, what="Of the whole bill."),
        ),
        rows=tuple(rows),
        remainders=tuple(
            Row(
                {**names, by[0]: remainder_title(name), **_allocated(nano, whole, currency)},
                Role.REMAINDER,
                name=name.value,
            )
            for name, nano in left.items()
        ),
        total=Row({**names, by[0]: "bill", **_allocated(whole, whole, currency)}, Role.TOTAL),
        currency=currency,
        view=view.value,
        periods=tuple(periods),
    )


def _allocated(nano: int, whole: int, currency: str) -> dict[str, Money | Decimal | None]:
    share = Decimal(round(Fraction(nano, whole) * 10**6)).scaleb(-6) if whole else None
    return {"allocated": Money(nano, currency), "share": share}


def _given(group: Group, by: Sequence[str]) -> dict[str, str]:
    """The label of *by* that a rule gave this money to; empty where none did."""
    if group.run is not None or group.label is None:
        return {}
    key, _, value = group.label.partition("=")
    return {key: value} if key in by and key not in (*COLUMNS, "run") else {}


def _value(
    name: str, run: str | None, found: Mapping[str, str | None], labels: Mapping[str, str]
) -> str:
    if name == "run":
        return run or "(no run)"
    if name in found:
        return found[name] or "(none)"
    return labels.get(name, NO_LABEL)


def _estimated(
    runs: set[str], estimates: Mapping[str, Money | None], currency: str
) -> tuple[Money | None, str | None]:
    """What *runs* were estimated at, or None and why."""
    if not runs:
        return None, "no run: a rule gave this money to the label"
    known = [estimates.get(run) for run in sorted(runs)]
    amounts = [amount for amount in known if amount is not None and amount.currency == currency]
    if len(amounts) == len(known):
        return Money.total(amounts, currency), None
    missing = len(known) - len(amounts)
    return None, f"{missing} of {len(known)} runs were not metered or have no price"
