"""The allocation path: current deliveries × claims × rules → a result that the ledger makes current.

    trainfare allocate → store (deliveries, claims) → allocation.allocate → store.put_allocation

The result is written beside the ledger first; it becomes current by one insert. The same inputs
give the same result, which is then left as it is.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainfare.core.charge import Remainder, View
from trainfare.core.claim import Claim
from trainfare.core.errors import BadInput, NotConserved, NotFound, OutsideFailed
from trainfare.core.money import Money
from trainfare.core.period import BillingPeriod
from trainfare.flows.bill import need_analytics
from trainfare.flows.engine import (
    chosen_cluster,
    survey_folder,
    sweep_results,
    write_allocation,
)
from trainfare.flows.inputs import charge_files, inputs_digest, make_evidence, read_rules
from trainfare.flows.usage import sync_metered

if TYPE_CHECKING:
    from trainfare.allocation.spark import Cluster
    from trainfare.allocation.summary import AllocationSummary
    from trainfare.store.allocations import StoredAllocation
    from trainfare.store.deliveries import StoredDelivery


@dataclass(frozen=True, slots=True)
class RunChange:
    """What a new allocation changed for one run, in effective cost."""

    run: str
    before: Money
    after: Money


@dataclass(frozen=True, slots=True)
class Allocated:
    """What allocating one billing period did."""

    period: str
    summary: Mapping[str, Any]
    is_unchanged: bool
    """Deliveries, claims and rules were the same as last time."""
    is_first: bool
    changes: tuple[RunChange, ...]
    """Runs whose cost differs from the allocation before, the largest change first."""
    touched: tuple[int, int] | None = None
    """So many days of resources' charges were allocated anew, of so many; None: the whole bill."""
    whole_because: str | None = None
    """Why the whole bill was allocated though there was an allocation before."""


def allocate_periods(
    home: Path, period: str | None = None, cluster: Cluster | None = None
) -> list[Allocated]:
    """Allocate one billing period, or every one of which there is a bill.

    *cluster* is where Spark is that shall do it; None: as the environment says, else in this process.

    Raises:
        NotFound: there is no bill of that period.
        NotConserved: a result does not sum to its bill; the earlier one stays current.
    """
    need_analytics("allocate bills")
    cluster = cluster or chosen_cluster()
    from trainfare.store.allocations import current_allocations
    from trainfare.store.claims import read_claims
    from trainfare.store.deliveries import current_deliveries, newest_change_ns
    from trainfare.store.ledger import open_ledger

    wanted = None if period is None else str(BillingPeriod.parse(period))
    now_ns = time.time_ns()  # before the bills are looked at: what arrives later is newer
    with open_ledger(home) as ledger:
        with ledger.change() as connection:
            sync_metered(home, connection)
        with ledger.look() as connection:
            now_ns = max(now_ns, newest_change_ns(connection))
            deliveries = current_deliveries(connection, wanted)
            claims = read_claims(connection)
            standing = {one.period: one for one in current_allocations(connection, wanted)}
        if not deliveries:
            raise NotFound(
                f"no bill of {wanted} is here; trainfare bill list shows which are"
                if wanted
                else "no bill is here; import one: trainfare bill import FILE"
            )
        periods = sorted({one.period for one in deliveries})
        return [
            _allocate(
                home,
                ledger,
                each,
                [d for d in deliveries if d.period == each],
                claims,
                standing.get(each),
                now_ns,
                cluster,
            )
            for each in periods
        ]


def survey_bills(home: Path, periods: Iterable[str]) -> None:
    """Find out what the bills of *periods* are made of, so that allocating them starts there.

    A bill that Spark allocates is surveyed there, each time. Nothing depends on it: what cannot be surveyed now, the allocation surveys, and says why not.
    """
    if chosen_cluster() is not None:
        return
    from trainfare.allocation.engine_duckdb import survey
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.ledger import open_ledger

    for period in sorted(set(periods)):
        with open_ledger(home) as ledger, ledger.look() as connection:
            deliveries = current_deliveries(connection, period)
        with suppress(BadInput, NotFound, OutsideFailed):
            rules, _ = read_rules(home)
            survey(charge_files(home, deliveries), rules, keep=survey_folder(home, period))


def _allocate(
    home: Path,
    ledger: Any,
    period: str,
    deliveries: Sequence[StoredDelivery],
    claims: list[Claim],
    before: StoredAllocation | None,
    now_ns: int,
    cluster: Cluster | None,
) -> Allocated:
    from trainfare.store.allocations import StoredAllocation, allocation_folders, put_allocation
    from trainfare.store.claims import put_tag_labels
    from trainfare.store.deliveries import current_since
    from trainfare.store.results import sum_by_run

    rules, rules_text = read_rules(home)
    evidence = make_evidence(home, claims)
    inputs = inputs_digest(deliveries, claims, evidence.attachments, rules_text)
    with ledger.look() as connection:
        since_ns = current_since(connection)[period]
    earlier = _sums_of(home, before)
    if before and before.inputs == inputs and earlier is not None:
        if since_ns > before.since_ns:  # restated back to the bill that this was made from
            with ledger.change() as connection:
                put_allocation(connection, replace(before, since_ns=now_ns))
        return Allocated(period, before.summary, is_unchanged=True, is_first=False, changes=())
    charges = charge_files(home, deliveries)
    last = None if before is None or earlier is None else home / before.folder
    work = write_allocation(
        home, period, inputs, charges, evidence, rules, last=last, cluster=cluster
    )
    done = work.summary
    _check_conserved(period, deliveries, charges, done)
    summary, out = _summary(done), done.out
    stored = StoredAllocation(period, inputs, out.relative_to(home).as_posix(), summary, now_ns)
    labels = _tag_labels(out, charges)
    with ledger.change() as connection:
        _check_newest(connection, period, before, inputs)
        put_allocation(connection, stored)
        put_tag_labels(connection, labels)
        known = allocation_folders(connection, period)
    sweep_results(home, period, known)
    changes = () if earlier is None else _changes(earlier, sum_by_run([out]))
    return Allocated(
        period,
        summary,
        is_unchanged=False,
        is_first=before is None,
        changes=changes,
        touched=work.touched,
        whole_because=work.whole_because,
    )


def _sums_of(home: Path, before: StoredAllocation | None) -> Mapping[tuple[str, str], int] | None:
    """What runs got in the last result; None: there is none, or not any more as it was written."""
    from trainfare.store.results import sum_owners

    if before is None or not (home / before.folder).exists():
        return None
    try:
        owners = sum_owners(home / before.folder)
    except OutsideFailed:
        return None
    sums: Counter[tuple[str, str, str]] = Counter()
    for (_, remainder, currency), amounts in owners.items():
        for view, nano in zip(View, amounts, strict=True):
            sums[currency, view.value, remainder or "runs"] += nano or 0
    for one in before.summary["outcomes"]:
        key = (one["currency"], one["view"])
        if any(sums[*key, name] != int(one[name]) for name in ("runs", *Remainder)):
            return None
    at = list(View).index(View.EFFECTIVE)
    return {
        (run, currency): nano
        for (run, _, currency), amounts in owners.items()
        if run is not None and (nano := amounts[at]) is not None
    }


def _check_newest(
    connection: Any, period: str, before: StoredAllocation | None, inputs: str
) -> None:
    """Refuse to stand before an allocation that began later and was ready sooner."""
    from trainfare.store.allocations import current_allocations

    found = current_allocations(connection, period)
    now = found[0] if found else None
    if now != before and (now is None or now.inputs != inputs):
        raise OutsideFailed(
            f"another allocation of {period} became current while this one was made; that one "
            "stands; run trainfare allocate again"
        )


def _tag_labels(result: Path, charges: Sequence[Path]) -> dict[str, dict[str, str]]:
    """The labels in the tags of runs that got something because tags name them."""
    from trainfare.allocation.steps import RUN_TAG, SPLIT_ROW
    from trainfare.allocation.tags import labels_by_run
    from trainfare.store.results import read_groups, tag_texts

    methods = read_groups([result], ("method",), View.BILLED)
    runs = {one.run for one in methods if one.run and one.key[0] in (RUN_TAG, SPLIT_ROW)}
    if not runs:
        return {}
    found = labels_by_run(tag_texts(charges))
    return {run: labels for run, labels in found.items() if run in runs}


def _check_conserved(
    period: str,
    deliveries: Sequence[StoredDelivery],
    charges: Sequence[Path],
    done: AllocationSummary,
) -> None:
    """The result against the ledger's own totals, before it can become current."""
    from trainfare.store.results import sum_bill

    totals: Counter[tuple[str, View]] = Counter()
    for one in deliveries:
        for currency, views in one.totals.items():
            for view, nano in views.items():
                totals[currency, View(view)] += nano
    for outcome in done.outcomes:
        at = (outcome.currency, outcome.view)
        off = Money(outcome.bill - totals[at], outcome.currency).text()
        if outcome.bill == totals[at]:
            continue
        if sum_bill(charges).get(at, 0) != totals[at]:
            raise OutsideFailed(
                f"the charges of {period} in the lake sum to other than when they were imported; "
                "nothing was changed; import the bill again"
            )
        raise NotConserved(
            f"the allocation of {period} is off by {off} {outcome.currency} in the "
            f"{outcome.view.value} view; nothing was changed; please report this"
        )


def _summary(done: AllocationSummary) -> dict[str, Any]:
    """What the ledger keeps beside a result, for lists and notices."""
    return {
        "charges": done.charges,
        "rows": done.rows,
        "outcomes": [
            {
                "currency": one.currency,
                "view": one.view.value,
                "runs": str(one.runs),
                **{left.value: str(one.remainders[left]) for left in Remainder},
                "missing": one.missing,
            }
            for one in done.outcomes
        ],
        "methods": [
            {"currency": currency, "method": method, "nano": str(nano)}
            for (currency, method), nano in done.methods.items()
        ],
        "stale_tags": [
            {"resource": one.resource, "tag_run": one.tag_run, "runs": list(one.runs)}
            for one in done.stale_tags
        ],
        "stale_tag_count": done.stale_tag_count,
        "unbilled": list(done.unbilled),
        "unbilled_count": done.unbilled_count,
    }


def _changes(
    before: Mapping[tuple[str, str], int], after: Mapping[tuple[str, str], int]
) -> tuple[RunChange, ...]:
    found = [
        RunChange(run, Money(before.get((run, c), 0), c), Money(after.get((run, c), 0), c))
        for run, c in sorted(before.keys() | after.keys())
        if before.get((run, c), 0) != after.get((run, c), 0)
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.after.nano - one.before.nano)))


@dataclass(frozen=True, slots=True)
class Balance:
    """Conservation of one billing period, currency and view."""

    period: str
    currency: str
    view: View
    bill: int
    runs: int
    remainders: Mapping[Remainder, int]
    restated: int | None = None
    """Where the bill was restated since it was allocated: what it changed by, which stands as
    unallocated until it is allocated anew; None where it was not."""

    @property
    def is_stale(self) -> bool:
        """Whether the bill was restated since it was allocated."""
        return self.restated is not None

    @property
    def difference(self) -> int:
        """What is missing (or too much) in nano-units; 0 is proof."""
        return self.bill - self.runs - sum(self.remainders.values())


def verify(home: Path, period: str | None = None, as_of_ns: int | None = None) -> list[Balance]:
    """Prove that runs and remainders sum to the bill, per period, currency and view.

    The bill's side is summed anew from the lake, the other from the written result. What was not
    allocated yet stands as unallocated: a new period as a whole, and of one that was restated since
    then what it changed by, beside a result that is held against the bill it was made from.
    """
    need_analytics("verify bills")
    from trainfare.store.allocations import current_allocations
    from trainfare.store.deliveries import current_deliveries, current_since
    from trainfare.store.ledger import open_ledger
    from trainfare.store.results import read_groups, sum_bill

    wanted = None if period is None else str(BillingPeriod.parse(period))
    with open_ledger(home) as ledger, ledger.look() as connection:
        deliveries = current_deliveries(connection, wanted, as_of_ns)
        results = {a.period: a for a in current_allocations(connection, wanted, as_of_ns)}
        since_ns = current_since(connection, as_of_ns)
    if wanted and not deliveries:
        raise NotFound(f"no bill of {wanted} is here; trainfare bill list shows which are")
    balances = []
    for each in sorted({one.period for one in deliveries}):
        bill = sum_bill(charge_files(home, [d for d in deliveries if d.period == each]))
        path = [home / results[each].folder] if each in results else []
        before = bill if path else {}
        is_stale = each in results and since_ns[each] > results[each].since_ns
        if is_stale:
            before = _allocated_bill(results[each])
        for view in View:
            groups = read_groups(path, (), view)
            for currency in sorted({c for c, v in bill.keys() | before.keys() if v is view}):
                own = [g for g in groups if g.currency == currency]
                left = {r: sum(g.nano for g in own if g.remainder is r) for r in Remainder}
                total = bill.get((currency, view), 0)
                fresh = total - before.get((currency, view), 0)
                left[Remainder.UNALLOCATED] += fresh
                runs = sum(g.nano for g in own if g.run is not None)
                restated = fresh if is_stale else None
                balances.append(Balance(each, currency, view, total, runs, left, restated))
    return balances


def _allocated_bill(allocation: StoredAllocation) -> dict[tuple[str, View], int]:
    """What the bill summed to that *allocation* was made from, as the ledger keeps it."""
    return {
        (one["currency"], View(one["view"])): sum(int(one[name]) for name in ("runs", *Remainder))
        for one in allocation.summary["outcomes"]
    }
