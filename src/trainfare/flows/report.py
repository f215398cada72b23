"""The report path: current allocations × labels × estimates → billed money by any keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.charge import View
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.labels import make_labels
from trainfare.core.money import Money
from trainfare.core.period import BillingPeriod, Interval
from trainfare.flows.bill import need_analytics
from trainfare.metering.history import read_receipts

if TYPE_CHECKING:
    from trainfare.core.estimate import Stretch
    from trainfare.reports.table import Table

UNTAGGED_SHOWN = 10
"""A report names so many of the costliest resources that nobody owns."""


@dataclass(frozen=True, slots=True)
class Untagged:
    """A resource whose cost nobody owns, and a rule that would settle it."""

    resource: str | None
    service: str | None
    account: str | None
    amount: Money
    rule: str


@dataclass(frozen=True, slots=True)
class Report:
    """What ``trainfare report`` says."""

    periods: tuple[str, ...]
    tables: tuple[Table, ...]
    """One per currency."""
    coverage: Mapping[str, Mapping[str, Money]]
    """Currency → method → what runs got by it."""
    untagged: tuple[Untagged, ...]
    not_allocated: tuple[str, ...]
    """Billing periods with a bill and no allocation; they are not in the report."""
    stale: tuple[str, ...] = ()
    """Billing periods that were restated since they were allocated."""
    unknown_keys: tuple[str, ...] = ()
    """Keys asked for that are neither a column nor a label of any run or rule."""
    known_keys: tuple[str, ...] = ()
    """The labels there are."""


def make_report(
    home: Path,
    by: Sequence[str],
    *,
    period: str | None = None,
    view: View,
    as_of_ns: int | None = None,
) -> Report:
    """The report by *by* over one billing period or all.

    Raises:
        BadInput: a key is neither a column nor a well-formed label, or stands twice.
        NotFound: nothing was allocated.
    """
    need_analytics("report")
    from trainfare.reports.attribution import attribute, columns_of
    from trainfare.store.allocations import current_allocations
    from trainfare.store.claims import read_labels
    from trainfare.store.deliveries import current_deliveries, current_since
    from trainfare.store.ledger import open_ledger
    from trainfare.store.results import COLUMNS, read_groups, top_unallocated

    _check_keys(by)
    wanted = None if period is None else str(BillingPeriod.parse(period))
    with open_ledger(home) as ledger, ledger.look() as connection:
        allocations = current_allocations(connection, wanted, as_of_ns)
        billed = {d.period for d in current_deliveries(connection, wanted, as_of_ns)}
        since_ns = current_since(connection, as_of_ns)
        labels = read_labels(connection)
    if not allocations:
        raise NotFound(
            f"nothing of {wanted} is allocated; run trainfare allocate {wanted}"
            if wanted
            else "nothing is allocated yet; run trainfare bill import FILE, then trainfare allocate"
        )
    paths = [home / one.folder for one in allocations]
    periods = tuple(one.period for one in allocations)
    groups = read_groups(paths, columns_of(by), view)
    estimates = estimates_in(home, [BillingPeriod.parse(one).interval for one in periods])
    given = {group.label.partition("=")[0] for group in groups if group.label}
    known_keys = tuple(sorted(given.union(*labels.values())))
    coverage: dict[str, dict[str, Money]] = defaultdict(dict)
    for group in read_groups(paths, ("method",), view):
        if group.run is not None:
            method = group.key[0] or "(none)"
            known = coverage[group.currency].get(method, Money.zero(group.currency))
            coverage[group.currency][method] = known + Money(group.nano, group.currency)
    report = Report(
        periods,
        tuple(attribute(groups, by, view, labels, estimates, periods)),
        dict(coverage),
        tuple(_untagged(row) for row in top_unallocated(paths, view, UNTAGGED_SHOWN)),
        tuple(sorted(billed - set(periods))),
        tuple(a.period for a in allocations if since_ns.get(a.period, 0) > a.since_ns),
        tuple(name for name in by if name not in (*COLUMNS, *known_keys)),
        known_keys,
    )
    noted = tuple(replace(one, notes=_notes(report)) for one in report.tables[:1])
    return replace(report, tables=noted + report.tables[1:])


def _notes(report: Report) -> tuple[str, ...]:
    """What a reader of the figures must know."""
    notes = []
    if report.not_allocated:
        notes.append(f"Not in it: {', '.join(report.not_allocated)}; run trainfare allocate.")
    if report.unknown_keys:
        known = ", ".join(report.known_keys) or "none"
        listed = ", ".join(report.unknown_keys)
        notes.append(f"No run has a label {listed}; labels of runs: {known}.")
    if report.stale:
        listed = ", ".join(report.stale)
        notes.append(
            f"Restated since allocated: {listed}; this is the earlier bill. Run trainfare allocate."
        )
    return tuple(notes)


def _check_keys(by: Sequence[str]) -> None:
    if not by:
        raise BadInput("--by names no key; write for example --by model,component")
    twice = {name for name in by if list(by).count(name) > 1}
    if twice:
        raise BadInput(f"--by names {', '.join(sorted(twice))} twice")
    make_labels(dict.fromkeys(by, "x"))


def _untagged(row: Mapping[str, str | int | None]) -> Untagged:
    resource, account = _text(row["resource"]), _text(row["account"])
    where = f'ResourceId = "{resource}"' if resource else f'SubAccountId = "{account}"'
    rule = f'[[rule]]\nname = "…"\nmatch = \'{where}\'\nlabel = "team=…"'
    amount = Money(int(row["nano"] or 0), str(row["currency"]))
    return Untagged(resource, _text(row["service"]), account, amount, rule)


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def estimates_in(home: Path, intervals: Sequence[Interval]) -> dict[str, Money | None]:
    """Run → what its time within *intervals* was estimated at; None where a part has no price."""
    estimates: dict[str, Money | None] = {}
    for receipt in read_receipts(home):
        stretches = receipt.estimate.stretches
        parts = [_within(one, interval) for one in stretches for interval in intervals]
        known = [part for part in parts if part is not None]
        estimates[receipt.run.id] = (
            Money.total(known, receipt.estimate.currency) if len(known) == len(parts) else None
        )
    return estimates


def _within(stretch: Stretch, interval: Interval) -> Money | None:
    """The part of a stretch's cost that falls into *interval*; the parts of all months sum to it."""
    if stretch.estimated_cost is None:
        return None
    whole = stretch.interval
    inside = whole.overlap_ns(interval)
    before = max(0, min(whole.end_ns, interval.start_ns) - whole.start_ns)
    after = whole.duration_ns - inside - before
    if whole.duration_ns == 0:
        is_inside = interval.start_ns <= whole.start_ns < interval.end_ns
        return stretch.estimated_cost if is_inside else Money.zero(stretch.estimated_cost.currency)
    return stretch.estimated_cost.split([before, inside, after])[1]
