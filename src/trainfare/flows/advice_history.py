"""What advice is held against: bill, claims and metered runs of a home as one history."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.advice.history import GpuPart, History, PastMachine, PastRun
from trainfare.advice.storage import Kept
from trainfare.core.activity import low_stretches
from trainfare.core.charge import Component, View
from trainfare.core.errors import NotFound
from trainfare.core.money import Money
from trainfare.core.period import BillingPeriod, Interval, hull
from trainfare.core.recommendation import Slot, resource_slot, run_slot
from trainfare.core.run import RunRecord
from trainfare.flows.gpu_book import GpuBook, open_book
from trainfare.flows.kept import paid_for_kept, read_kept
from trainfare.metering.history import read_history
from trainfare.metering.receipt import Receipt
from trainfare.reports.gpu_time import MachineDays, held_time, seen_time
from trainfare.reports.spend import ending_of, within
from trainfare.reports.utilization import GpuState, Piece, pieces_of

NOTEBOOKS = ("jupyter", "ipykernel", "ipython", "notebook", "marimo")
"""How the names of notebooks begin: of a run, or of the command that was metered."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A history, and the receipts that it was made from."""

    home: Path
    history: History
    receipts: Sequence[Receipt]
    book: GpuBook
    total: Mapping[str, Money]
    """Currency → what was paid in all: the whole bill, or everything that was estimated."""
    kept: Sequence[Kept] = ()
    """What runs keep in storage, as far as its size and price are known."""


def gather(home: Path, accepted: frozenset[tuple[str, str]] = frozenset()) -> Gathered:
    """Everything of *home* that advice is computed from.

    Args:
        home: whose bills, claims and runs.
        accepted: (rule, subject) of advice that was accepted.

    Raises:
        NotFound: there is neither a run nor an allocated bill.
    """
    try:
        book = open_book(home, None)
    except NotFound:
        receipts = read_history(home)[0]
        if not receipts:
            raise
        book = GpuBook("estimated", (), receipts=receipts)
    is_billed = bool(book.results)
    paid, total = _summed(_paid_of_bill(book) if is_billed else _paid_of_estimates(book.receipts))
    runs = _runs(book)
    kept = read_kept(home, book.receipts, {run: past.owner for run, past in runs.items()})
    for_kept = paid_for_kept(kept, paid if is_billed else None)
    paid |= for_kept
    if not is_billed:  # on a bill it is part of the storage already
        for amount in for_kept.values():
            _count(total, amount)
    # Without a bill data is kept, and paid for, also in months in which no machine ran.
    periods = (
        _used(book) if is_billed else tuple(sorted({*book.periods, *(s.period for s in paid)}))
    )
    days = MachineDays(book.days)
    pieces = pieces_of(
        days.paid, book.money, held_time(days, book.claims), seen_time(days, book.uses)
    )
    history = History(
        periods=periods,
        book=book.name,
        now_ns=time.time_ns(),
        paid=paid,
        runs=runs,
        machines=_machines(book),
        parts=[_part(piece) for piece in pieces],
        low=_low(book, pieces),
        accepted=accepted,
    )
    return Gathered(home, history, book.receipts, book, total, kept)


def _used(book: GpuBook) -> tuple[str, ...]:
    """The billing periods in which something was used; all where none was."""
    from trainfare.store.paid import has_usage

    return tuple(period for period, path in book.results if has_usage(path)) or book.periods


def _part(piece: Piece) -> GpuPart:
    place, day = piece.slot
    amount = Money(piece.nano, piece.currency)
    return GpuPart(place, day, piece.run, piece.state.value, piece.gpu_ns, amount)


def _paid_of_bill(book: GpuBook) -> Iterator[tuple[Slot, Money]]:
    from trainfare.store.paid import read_paid

    assert book.places is not None
    for one in read_paid(book.results, View.EFFECTIVE):
        if one.run is not None:
            slot = run_slot(one.run, one.month, one.component)
        else:
            place = book.places.of(one.resource or "")
            slot = resource_slot(place, one.month, one.component)
        yield slot, Money(one.nano, one.currency)


def _paid_of_estimates(receipts: Sequence[Receipt]) -> Iterator[tuple[Slot, Money]]:
    for receipt in receipts:
        for stretch in receipt.estimate.stretches:
            if stretch.estimated_cost is None:
                continue
            # On a bill a machine's time is compute, whatever its stage is.
            for period, amount in by_month(stretch.estimated_cost, stretch.interval):
                yield run_slot(receipt.run.id, period, Component.COMPUTE), amount
        network = receipt.estimate.components[Component.NETWORK]
        if network:
            period = str(BillingPeriod.of(receipt.run.interval.end_ns))
            yield run_slot(receipt.run.id, period, Component.NETWORK), network


def _summed(amounts: Iterable[tuple[Slot, Money]]) -> tuple[dict[Slot, Money], dict[str, Money]]:
    """Slot → what was paid for it, and currency → what was paid in all."""
    paid: dict[Slot, Money] = {}
    total: dict[str, Money] = {}
    for slot, amount in amounts:
        _add(paid, slot, amount)
        _count(total, amount)
    return paid, total


def _count(total: dict[str, Money], amount: Money) -> None:
    total[amount.currency] = total.get(amount.currency, Money.zero(amount.currency)) + amount


def _add(paid: dict[Slot, Money], slot: Slot, amount: Money) -> None:
    """Add to a slot; money of a second currency in it stays out, the larger one stands."""
    known = paid.get(slot)
    if known is None or (
        known.currency != amount.currency and known < Money(amount.nano, known.currency)
    ):
        paid[slot] = amount
    elif known.currency == amount.currency:
        paid[slot] = known + amount


def by_month(amount: Money, whole: Interval) -> Iterator[tuple[str, Money]]:
    """An *amount* over *whole* cut at the months, losing nothing."""
    period = BillingPeriod.of(whole.start_ns)
    while period.interval.start_ns < whole.end_ns or period.interval.start_ns == whole.start_ns:
        part = within(amount, whole, period.interval)
        if part:
            yield str(period), part
        period = period.next()


def _runs(book: GpuBook) -> dict[str, PastRun]:
    runs: dict[str, PastRun] = {}
    spans: dict[str, list[Interval]] = defaultdict(list)
    for claims in book.claims.values():
        for claim in claims:
            spans[claim.run].append(claim.interval)
    for run, intervals in spans.items():
        labels = book.labels.get(run, {})
        runs[run] = PastRun(
            run,
            name=labels.get("name"),
            labels=labels,
            interval=hull(intervals),
            is_notebook=_is_notebook(labels.get("name")),
        )
    for receipt in book.receipts:
        runs[receipt.run.id] = _metered(receipt, book.labels.get(receipt.run.id, {}))
    return runs


def _metered(receipt: Receipt, labels: Mapping[str, str]) -> PastRun:
    run = receipt.run
    stretches = sorted(receipt.estimate.stretches, key=lambda one: one.interval)
    return PastRun(
        run.id,
        name=run.name,
        labels={**labels, **run.labels},
        interval=run.interval,
        status=run.status.value,
        ending=ending_of(run),
        is_notebook=_is_notebook(run.name) or _runs_notebook(run),
        stages=tuple((one.interval, one.stage) for one in stretches),
        parents=run.parents,
    )


def _is_notebook(name: str | None) -> bool:
    return name is not None and name.lower().startswith(NOTEBOOKS)


def _runs_notebook(run: RunRecord) -> bool:
    return any(_is_notebook(segment.command) for segment in run.segments)


def _machines(book: GpuBook) -> list[PastMachine]:
    gpus = {day.place: day.gpus for day in book.days}
    return [
        PastMachine(
            place,
            book.names.get(place, place),
            book.types.get(place),
            gpus[place],
            tuple(lived(stretches)),
            all(paid_ns >= one.duration_ns for one, paid_ns in stretches),
            tuple(book.claims.get(place, ())),
        )
        for place, stretches in sorted(_lives(book).items())
        if place in gpus
    ]


def _lives(book: GpuBook) -> dict[str, list[tuple[Interval, int]]]:
    """Place → when it was paid for, and how much of it."""
    lives: dict[str, list[tuple[Interval, int]]] = defaultdict(list)
    if book.places is None:
        for day in book.days:
            lives[day.place].append((day.interval, int(day.paid_ns / day.gpus)))
        return lives
    from trainfare.allocation.machine_time import read_machine_life

    for resource, stretches in read_machine_life(book.charges).items():
        lives[book.places.of(resource)].extend(stretches)
    return lives


def lived(stretches: Sequence[tuple[Interval, int]]) -> list[Interval]:
    """When a machine lived, of stretches and how much of each was paid; touching ones are joined.

    A machine begins within its first hour and ends within its last: of an hour that is paid in part
    it lived at the end where it was not there before, else at the beginning where it was not there
    afterwards. In the midst of its life the whole hour stands, for nobody knows.
    """
    ordered = sorted(stretches)
    found: list[Interval] = []
    for number, (one, paid_ns) in enumerate(ordered):
        start_ns, end_ns = one.start_ns, one.end_ns
        if 0 < paid_ns < one.duration_ns:
            is_first = number == 0 or ordered[number - 1][0].end_ns < start_ns
            is_last = number + 1 == len(ordered) or ordered[number + 1][0].start_ns > end_ns
            if is_first and not is_last:
                start_ns = end_ns - paid_ns
            elif is_last and not is_first:
                end_ns = start_ns + paid_ns
        if found and start_ns <= found[-1].end_ns:
            found[-1] = Interval(found[-1].start_ns, max(found[-1].end_ns, end_ns))
        else:
            found.append(Interval(start_ns, end_ns))
    return found


def _low(book: GpuBook, pieces: Sequence[Piece]) -> dict[tuple[str, str], list[Interval]]:
    wanted = {
        (piece.run, piece.slot[0])
        for piece in pieces
        if piece.run is not None and piece.state is GpuState.LOW_USE
    }
    found = {}
    for key in wanted:
        known = [one for one in book.uses.get(key, ()) if one.activity_permille is not None]
        found[key] = [one for group in low_stretches(known).values() for one in group]
    return found
