"""The report path: metered runs × current allocations × labels → money by any keys, in one table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.charge import Sharing, View
from trainfare.core.dataset import find_outputs
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.labels import KNOWN, make_labels
from trainfare.core.money import Money
from trainfare.core.period import BillingPeriod, Interval
from trainfare.core.work import work_of
from trainfare.flows.bill import has_analytics, has_ledger
from trainfare.flows.briefs import read_known
from trainfare.flows.unowned import Untagged, read_untagged
from trainfare.metering.history import read_history
from trainfare.metering.metrics import read_logged_steps, read_series
from trainfare.reports.entry import BilledPeriod
from trainfare.reports.measure import Asked, ask
from trainfare.reports.spend import Spend, spend_of

if TYPE_CHECKING:
    from trainfare.core.carry import Carried, CarryRule
    from trainfare.metering.receipt import Receipt
    from trainfare.reports.attribution import Question
    from trainfare.reports.scope import Book
    from trainfare.reports.table import Table
    from trainfare.store.allocations import StoredAllocation

_SHARING_NOTES = {
    Sharing.POOLED: "Commitments are pooled: all usage that they could have covered pays one mean "
    "rate; what was not used of them stays apart.",
    Sharing.NONE: "Without commitments: what they covered at on-demand prices, and nothing unused.",
}


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
    outside: int = 0
    """Metered runs with no time in the periods."""
    remarks: tuple[str, ...] = ()
    """On records that cannot be read."""
    carried: Mapping[str, Mapping[Book, Carried]] = field(default_factory=dict)
    """Currency → book → what was carried between runs for data; empty where nobody asked."""
    sharing: Sharing = Sharing.BILLED
    """Who has the benefit of commitments."""


@dataclass(frozen=True, slots=True)
class _Bills:
    """What a home knows of bills; empty where it knows nothing."""

    allocations: Sequence[StoredAllocation] = ()
    billed: Collection[str] = ()
    """Billing periods with a bill."""
    since_ns: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    corrections: Mapping[str, Path] = field(default_factory=dict)
    """Billing period → what is added to its result, where commitments do not stand as billed."""
    payers: Collection[str] = ()
    """Billing accounts of the bills."""

    def results(self, home: Path) -> dict[str, list[Path]]:
        """Billing period → the files whose rows make up what its owners have."""
        return {
            one.period: [
                home / one.folder,
                *([self.corrections[one.period]] if one.period in self.corrections else []),
            ]
            for one in self.allocations
        }


@dataclass(frozen=True, slots=True)
class _Metered:
    """The runs of a home that were metered."""

    receipts: Sequence[Receipt]
    spends: list[Spend]
    """Those with a part in the report."""
    outside: int
    remarks: Sequence[str]


def make_report(
    home: Path,
    by: Sequence[str],
    *,
    measures: Sequence[str] = (),
    where: Mapping[str, Sequence[str]] | None = None,
    period: str | None = None,
    view: View = View.EFFECTIVE,
    as_of_ns: int | None = None,
    carry: CarryRule | None = None,
    sharing: Sharing = Sharing.BILLED,
) -> Report:
    """The report by *by* over one billing period or all; estimates alone where there is no bill.

    Args:
        home: whose runs and bills.
        by: keys of the rows.
        measures: unit costs and work beside the money (see ``reports.measure``).
        where: key → values; what does not match stands in one line, left out.
        period: ``YYYY-MM``.
        view: which cost column of the bill.
        as_of_ns: the bills as they stood then.
        carry: how the cost of data runs is carried to the runs that read what they made.
        sharing: who has the benefit of commitments.

    Raises:
        BadInput: a key is neither a column nor a label that anything has, or stands twice; a
            measure is unknown; runs are each other's parents, or read each other's data.
        NotFound: there is neither a run nor an allocated bill to report.
    """
    from trainfare.reports.attribution import KEYS, Question, attribute_carried

    _check_keys(by, where or {})
    asked = ask(measures)
    wanted = None if period is None else str(BillingPeriod.parse(period))
    bills = _shared(home, _read_bills(home, wanted, as_of_ns), view, as_of_ns, sharing)
    names = tuple(one.period for one in bills.allocations)
    periods = names or ((wanted,) if wanted else ())
    is_whole = not (asked.names or carry or {"stage", "epoch", "step"} & {*by, *(where or {})})
    metered = _read_metered(home, periods, asked, is_whole=is_whole)
    spends = metered.spends
    if not bills.allocations and not spends:
        raise NotFound(_nothing(wanted, as_of_ns, is_billed=wanted in bills.billed))
    question = Question(
        by=tuple(by),
        view=view if bills.allocations else None,
        where={name: tuple(values) for name, values in (where or {}).items()},
        asked=asked,
        periods=periods,
        carry=carry,
        sharing=sharing,
        outputs=() if carry is None else find_outputs(one.run for one in metered.receipts),
    )
    labels, groups = _labels(bills, spends), _read_groups(home, bills, question)
    known_keys = _known_keys(by, groups, labels)
    attributed = attribute_carried(question, spends, groups, labels)
    report = Report(
        periods,
        tuple(table for table, _ in attributed),
        *_evidence(home, bills, question.view),
        not_allocated=tuple(sorted(set(bills.billed) - set(names))),
        stale=tuple(a.period for a in bills.allocations if _is_stale(a, bills)),
        unknown_keys=tuple(key for key in question.keys if key not in (*KEYS, *known_keys)),
        known_keys=known_keys,
        outside=metered.outside,
        remarks=tuple(metered.remarks),
        carried={table.currency: books for table, books in attributed if books},
        sharing=sharing,
    )
    return _noted(report, question)


def _known_keys(
    by: Sequence[str], groups: Sequence[BilledPeriod], labels: Mapping[str, Mapping[str, str]]
) -> tuple[str, ...]:
    """The labels that runs have, and those that rules gave money to.

    Raises:
        BadInput: a key of *by* is neither a column nor one of them.
    """
    given = {g.label.partition("=")[0] for one in groups for g in one.groups if g.label}
    known = tuple(sorted(given.union(*labels.values())))
    _check_known(by, known)
    return known


def _noted(report: Report, question: Question) -> Report:
    """*report* with what a reader must know under its first table."""
    noted = tuple(replace(one, notes=_notes(report, question)) for one in report.tables[:1])
    return replace(report, tables=noted + report.tables[1:])


def _labels(bills: _Bills, spends: Sequence[Spend]) -> dict[str, Mapping[str, str]]:
    """Run → its labels; what a scheduler or a tag says holds where the run says nothing."""
    own = {s.run: {**bills.labels.get(s.run, {}), **_name(s), **s.labels} for s in spends}
    return {**bills.labels, **own}


def _read_groups(home: Path, bills: _Bills, question: Question) -> list[BilledPeriod]:
    """The sums that *question* needs of each allocation."""
    if question.view is None:
        return []
    from trainfare.store.results import read_groups

    return [
        BilledPeriod(period, question.columns, read_groups(paths, question.columns, question.view))
        for period, paths in bills.results(home).items()
    ]


def _shared(
    home: Path, bills: _Bills, view: View, as_of_ns: int | None, sharing: Sharing
) -> _Bills:
    """*bills* with what *sharing* changes of each result.

    Raises:
        BadInput: it is asked of another view than the effective one, or of a moment in the past.
    """
    if sharing is Sharing.BILLED:
        return bills
    if view is not View.EFFECTIVE or as_of_ns is not None:
        raise BadInput(
            f"--commitments {sharing} is of effective cost as it stands now; leave --view and "
            "--as-of out"
        )
    from trainfare.flows.coverage import corrections

    found: dict[str, Path] = {}
    for one in bills.allocations:
        found |= corrections(home, one.period, sharing)
    return replace(bills, corrections=found)


def _read_bills(home: Path, wanted: str | None, as_of_ns: int | None) -> _Bills:
    """What the ledger says; nothing where there is none, or what bills need is not installed."""
    if not (has_ledger(home) and has_analytics()):
        return _Bills()
    from trainfare.store.allocations import current_allocations
    from trainfare.store.claims import read_labels
    from trainfare.store.deliveries import current_deliveries, current_since
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        deliveries = current_deliveries(connection, wanted, as_of_ns)
        return _Bills(
            current_allocations(connection, wanted, as_of_ns),
            {one.period for one in deliveries},
            current_since(connection, as_of_ns),
            read_labels(connection),
            payers={each.partition("/")[2] for one in deliveries for each in one.accounts},
        )


def _is_stale(one: StoredAllocation, bills: _Bills) -> bool:
    return bills.since_ns.get(one.period, 0) > one.since_ns


def _spends(
    home: Path, receipts: Sequence[Receipt], periods: Sequence[str], asked: Asked
) -> tuple[list[Spend], int]:
    """The runs with a part in *periods* (none: all time), and how many have none."""
    intervals = _intervals(periods)
    spends = []
    for receipt in receipts:
        run = receipt.run
        series = read_series(home, run.id) if asked.metrics else {}
        is_resumed = asked.needs_log and len(run.attempts) > 1
        logged = read_logged_steps(home, run.id) if is_resumed else {}
        spends.append(spend_of(receipt, work_of(run, logged), intervals, series))
    inside = [spend for spend in spends if spend.parts]
    return inside, len(spends) - len(inside)


def _read_metered(home: Path, periods: Sequence[str], asked: Asked, *, is_whole: bool) -> _Metered:
    """What was metered; of ended runs in brief, for reports of whole runs."""
    if not is_whole:
        receipts, remarks = read_history(home, is_whole=asked.needs_samples)
        return _Metered(receipts, *_spends(home, receipts, periods, asked), remarks)
    known = read_known(home)
    spends, outside = _spends(home, known.receipts, periods, asked)
    briefs = [one.spend(_intervals(periods), known.now_ns) for one in known.briefs]
    inside = [one for one in briefs if one.parts]
    outside += len(briefs) - len(inside)
    return _Metered(known.receipts, spends + inside, outside, known.remarks)


def _intervals(periods: Sequence[str]) -> dict[str, Interval] | None:
    return {one: BillingPeriod.parse(one).interval for one in periods} or None


def _name(spend: Spend) -> dict[str, str]:
    return {"name": spend.name} if spend.name else {}


def _nothing(wanted: str | None, as_of_ns: int | None, *, is_billed: bool) -> str:
    if as_of_ns is not None:
        what = f"nothing of {wanted}" if wanted else "nothing"
        return f"{what} was allocated by then; name a later moment, or leave --as-of out"
    absent = f"no bill of {wanted} is here, nor a run in it; trainfare bill list shows which are"
    if wanted:
        return f"nothing of {wanted} is allocated; run trainfare allocate" if is_billed else absent
    return (
        "nothing is allocated yet; run trainfare bill import FILE, then trainfare allocate; "
        "or meter a run: trainfare run -- COMMAND"
    )


def _evidence(
    home: Path, bills: _Bills, view: View | None
) -> tuple[Mapping[str, Mapping[str, Money]], tuple[Untagged, ...]]:
    """By which methods runs got their money, and what nobody owns."""
    if view is None:
        return {}, ()
    from trainfare.store.results import read_groups

    paths = [path for each in bills.results(home).values() for path in each]
    coverage: dict[str, dict[str, Money]] = defaultdict(dict)
    for group in read_groups(paths, ("method",), view):
        if group.run is not None:
            method = group.key[0] or "(none)"
            known = coverage[group.currency].get(method, Money.zero(group.currency))
            coverage[group.currency][method] = known + Money(group.nano, group.currency)
    return dict(coverage), read_untagged(paths, view, bills.payers)


def _notes(report: Report, question: Question) -> tuple[str, ...]:
    """What a reader of the figures must know."""
    from trainfare.reports.attribution import BILL_KEYS

    notes = []
    has_rows = any(table.rows for table in report.tables)
    if report.sharing is not Sharing.BILLED:
        notes.append(_SHARING_NOTES[report.sharing])
    if question.where and not has_rows:
        listed = ", ".join(f"{key}={' or '.join(v)}" for key, v in question.where.items())
        notes.append(f"Nothing matches {listed}.")
    keys = [key for key in question.by if key in ("component", *BILL_KEYS)]
    if keys and report.untagged and not (has_rows or question.where):
        key = keys[0]
        notes.append(
            f"{key.capitalize()} splits what runs own, and they own nothing of this bill; what "
            "nobody owns is listed by resource and service (page Bills, `untagged` in JSON), and "
            f"--where {key}=NAME shows how much of one {key} that is."
        )
    if report.outside:
        runs = "run lies" if report.outside == 1 else "runs lie"
        notes.append(f"{report.outside:,} metered {runs} outside these periods.")
    notes += [f"Not in it: {remark}." for remark in report.remarks]
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


def _check_keys(by: Sequence[str], where: Mapping[str, Sequence[str]]) -> None:
    if not by:
        raise BadInput("--by names no key; write for example --by model,component")
    twice = {name for name in by if list(by).count(name) > 1}
    if twice:
        raise BadInput(f"--by names {', '.join(sorted(twice))} twice")
    make_labels(dict.fromkeys((*by, *where), "x"))
    empty = [name for name, values in where.items() if not values]
    if empty:
        raise BadInput(f"the filter {empty[0]} names no value; write for example team=nlp")


def _check_known(by: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse a key that nothing has; of the labels that everybody uses there may be none yet."""
    from trainfare.reports.attribution import KEYS

    unknown = [key for key in by if key not in (*KEYS, *KNOWN, *labels)]
    if unknown:
        raise BadInput(
            f"no run has a label {', '.join(unknown)}; labels of runs: "
            f"{', '.join(labels) or 'none'}; other keys: {', '.join(KEYS)}"
        )
