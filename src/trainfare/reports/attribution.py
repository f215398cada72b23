"""Attribution: billed money by any keys, with every remainder, summing to the bill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainfare.core.charge import Remainder, View
from trainfare.core.money import Money
from trainfare.store.results import COLUMNS, Group

NO_LABEL = "(no label)"
"""Where a run has no such label."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report."""

    key: tuple[str, ...]
    runs: int
    """How many runs; 0 where rules alone gave the money to this label."""
    estimated: Money | None
    """What the same runs were estimated at; None where the keys do not describe whole runs, or one
    of the runs was not metered or has no price."""
    allocated: Money


@dataclass(frozen=True, slots=True)
class Attribution:
    """A report in one currency; rows and remainders sum to the total, which is the bill."""

    by: tuple[str, ...]
    view: View
    currency: str
    rows: tuple[Row, ...]
    remainders: Mapping[Remainder, Money]
    """What no row shows; money that a rule gave to a label of the keys is in that label's row."""
    total: Money
    allocated: Money
    """All that runs own."""


def columns_of(by: Sequence[str]) -> tuple[str, ...]:
    """Those of *by* that a result has as columns; the others are labels of runs."""
    return tuple(name for name in by if name in COLUMNS and name != "run")


def attribute(
    groups: Sequence[Group],
    by: Sequence[str],
    view: View,
    labels: Mapping[str, Mapping[str, str]],
    estimates: Mapping[str, Money | None],
) -> list[Attribution]:
    """One report per currency, the one with the largest bill first.

    Args:
        groups: sums of a result by ``columns_of(by)``.
        by: keys of the report: columns, ``run``, or labels.
        view: what was summed.
        labels: run → its labels.
        estimates: run → its estimate in the period asked for, None where it is unknown.
    """
    reports = [
        _of_currency([g for g in groups if g.currency == currency], by, view, labels, estimates)
        for currency in sorted({g.currency for g in groups})
    ]
    return sorted(reports, key=lambda report: (-abs(report.total.nano), report.currency))


def _of_currency(
    groups: Sequence[Group],
    by: Sequence[str],
    view: View,
    labels: Mapping[str, Mapping[str, str]],
    estimates: Mapping[str, Money | None],
) -> Attribution:
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
    describes_runs = not columns
    rows = [
        Row(
            key,
            len(runs[key]),
            _estimated(runs[key], estimates, currency) if describes_runs and runs[key] else None,
            Money(nano, currency),
        )
        for key, nano in nanos.items()
    ]
    rows.sort(key=lambda row: (-row.allocated.nano, row.key))
    return Attribution(
        by=tuple(by),
        view=view,
        currency=currency,
        rows=tuple(rows),
        remainders={name: Money(nano, currency) for name, nano in left.items()},
        total=Money(sum(g.nano for g in groups), currency),
        allocated=Money(sum(g.nano for g in groups if g.run is not None), currency),
    )


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
) -> Money | None:
    known = [estimates.get(run) for run in sorted(runs)]
    amounts = [amount for amount in known if amount is not None and amount.currency == currency]
    return Money.total(amounts, currency) if len(amounts) == len(known) else None
