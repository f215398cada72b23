"""GPU books: everything that says what paid GPUs did, gathered from bill, ledger and spools.

The *billed* book takes paid time and money from the allocated bill, the *estimated* one, for homes
without a bill, from the estimates of the runs metered here.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.activity import Activity, activity_of, distinct, joined, uses_of
from trainfare.core.attempts import make_run
from trainfare.core.charge import View
from trainfare.core.claim import Claim
from trainfare.core.efficiency import waiting_device_ns
from trainfare.core.errors import NotFound
from trainfare.core.estimate import Stretch
from trainfare.core.machine import Machine
from trainfare.core.money import Money
from trainfare.core.period import BillingPeriod
from trainfare.core.run import DeviceUse, Segment
from trainfare.flows.inputs import charge_files
from trainfare.flows.usage import sync_metered
from trainfare.metering.history import read_history
from trainfare.metering.shelf import Faults, read_run
from trainfare.prices.catalogue import find_gpu_count
from trainfare.reports.estimated_use import estimated_use
from trainfare.reports.gpu_time import MachineDay
from trainfare.reports.run_use import RunUse
from trainfare.reports.utilization import OwnedMoney

if TYPE_CHECKING:
    from trainfare.allocation.machine_time import MachineTime
    from trainfare.metering.receipt import Receipt
    from trainfare.store.results import MachineSum


@dataclass(frozen=True, slots=True)
class Outside:
    """A machine whose compute charges are in no row, and why."""

    resource: str
    amount: Money
    why: str


@dataclass(slots=True)
class GpuBook:
    """Paid time, money, claims and measurements; machines by their places."""

    name: str
    """``billed`` or ``estimated``."""
    periods: tuple[str, ...]
    days: list[MachineDay] = field(default_factory=list)
    money: list[OwnedMoney] = field(default_factory=list)
    claims: dict[str, list[Claim]] = field(default_factory=lambda: defaultdict(list))
    uses: dict[tuple[str, str], list[DeviceUse]] = field(default_factory=lambda: defaultdict(list))
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Place → how the bill spells it."""
    sources: set[str] = field(default_factory=set)
    """Who measured activity."""
    facts: dict[str, RunUse] = field(default_factory=dict)
    """Metered run → what it did as a whole, also beyond the periods."""
    activities: dict[str, Activity] = field(default_factory=dict)
    """Metered run → what its accelerators did, likewise."""
    unknown_types: dict[str, str | None] = field(default_factory=dict)
    """Place → its instance type, of machines whose GPUs are not known."""
    outside: list[Outside] = field(default_factory=list)
    charges: list[Path] = field(default_factory=list)
    """Files of the lake, none in the estimated book."""
    places: Places | None = None
    """The one name of each machine; None in the estimated book, where each has but one."""
    types: dict[str, str] = field(default_factory=dict)
    """Place → instance type, of machines with GPUs whose type is known."""
    not_allocated: tuple[str, ...] = ()
    receipts: Sequence[Receipt] = ()
    """Of the runs metered here, also of those without a GPU."""
    results: Sequence[tuple[str, Path]] = ()
    """(billing period, result of its allocation), none in the estimated book."""


def open_book(home: Path, period: BillingPeriod | None) -> GpuBook:
    """The billed book of *period* or of all; the estimated one where there is no bill at all.

    Raises:
        NotFound: there is a bill and nothing of it is allocated, or nothing was metered here.
    """
    from importlib.util import find_spec

    if find_spec("duckdb") and find_spec("sqlalchemy"):
        book = _billed(home, period)
        if book is not None:
            return book
    return _estimated(home, period)


def _billed(home: Path, period: BillingPeriod | None) -> GpuBook | None:
    from trainfare.allocation.machine_time import read_machine_time
    from trainfare.store.allocations import current_allocations
    from trainfare.store.claims import read_claims, read_labels
    from trainfare.store.deliveries import current_deliveries
    from trainfare.store.device_uses import read_device_uses
    from trainfare.store.ledger import open_ledger
    from trainfare.store.results import read_machines

    wanted = None if period is None else str(period)
    with open_ledger(home) as ledger:
        with ledger.look() as connection:
            deliveries = current_deliveries(connection, wanted)
            allocations = current_allocations(connection, wanted)
        if not deliveries:
            return None
        if not allocations:
            raise NotFound(
                f"nothing of {wanted or 'the bill'} is allocated; run trainfare allocate"
            )
        periods = tuple(one.period for one in allocations)
        with ledger.change() as connection:
            sync_metered(home, connection)
        with ledger.look() as connection:
            claims = read_claims(connection)
            labels = read_labels(connection)
            watched = read_device_uses(connection)
    charged = [one for one in deliveries if one.period in periods]
    book = GpuBook("billed", periods, labels=labels, charges=charge_files(home, charged))
    book.not_allocated = tuple(sorted({one.period for one in deliveries} - set(periods)))
    times = read_machine_time(book.charges)
    places = Places([*(one.resource for one in times), *(one.resource_id for one in claims)])
    book.places = places
    receipts = book.receipts = read_history(home)[0]
    book.results = [(one.period, home / one.folder) for one in allocations]
    _add_machines(book, times, receipts, places)
    sums = read_machines([path for _, path in book.results], View.EFFECTIVE)
    _add_money(book, sums, places)
    for claim in claims:
        book.claims[places.of(claim.resource_id)].append(claim)
    for one in watched:
        book.uses[one.run, places.of(one.resource_id)].extend(one.uses)
        book.sources.add(one.source)
    _add_metered_uses(home, book, receipts, places)
    return book


class Places:
    """One name per machine, whatever bills and meters call it."""

    def __init__(self, names: Iterable[str]) -> None:
        from trainfare.allocation.names import places

        self._places = places(names)

    def of(self, name: str) -> str:
        """The place of *name*; one that nobody mentioned is its own."""
        return self._places.get(name.lower(), name.lower())


def _add_machines(
    book: GpuBook, times: Sequence[MachineTime], receipts: Sequence[Receipt], places: Places
) -> None:
    """The machine days of those with GPUs; those of which that is unknown are noted."""
    metered = {places.of(name): count for name, count in _metered_gpus(receipts).items()}
    for one in times:
        place = places.of(one.resource)
        gpus = find_gpu_count(one.instance_type) if one.instance_type else None
        gpus = metered.get(place) if gpus is None else gpus
        book.names[place] = one.resource
        if gpus is None:
            book.unknown_types[place] = one.instance_type
        elif gpus:
            paid_ns = int(gpus * one.paid_ns) if one.gpu_ns is None else one.gpu_ns
            book.days.append(MachineDay(place, one.interval, gpus, paid_ns))
            if one.instance_type:
                book.types[place] = one.instance_type


def _add_money(book: GpuBook, sums: Sequence[MachineSum], places: Places) -> None:
    with_gpus = {one.place for one in book.days}
    outside: dict[tuple[str, str], int] = defaultdict(int)
    for one in sums:
        place = places.of(one.resource)
        if place in with_gpus:
            # A shared charge that was divided over the period has no day; it stands by itself.
            slot = (place, -1 if one.day is None else one.day)
            owned = OwnedMoney(slot, one.run, one.remainder, one.currency, one.nano)
            book.money.append(owned)
        elif place in book.unknown_types:
            outside[place, one.currency] += one.nano
    book.outside = sorted(
        (
            Outside(book.names[place], Money(nano, currency), _why(book.unknown_types[place]))
            for (place, currency), nano in outside.items()
        ),
        key=lambda one: (-one.amount.nano, one.resource),
    )


def _why(instance_type: str | None) -> str:
    if instance_type is None:
        return "the bill names no instance type, and no run was metered there"
    return f"how many GPUs {instance_type} has is not in the catalogue"


def _metered_gpus(receipts: Sequence[Receipt]) -> dict[str, Fraction]:
    """Machine → physical accelerators, of those that some run was metered on."""
    machines = {
        s.machine.resource_id: s.machine for receipt in receipts for s in receipt.run.segments
    }
    return {name: gpu_count(machine) for name, machine in machines.items()}


def gpu_count(machine: Machine) -> Fraction:
    """Physical accelerators: those seen, or more where the machine's type is sold with more."""
    seen = len({one.parent_id or one.id for one in machine.accelerators})
    sold = find_gpu_count(machine.instance_type) if machine.instance_type else None
    return max(Fraction(seen), sold or Fraction(0))


def _add_metered_uses(
    home: Path, book: GpuBook, receipts: Sequence[Receipt], places: Places | None
) -> None:
    """What the devices of metered runs did; only runs that held some, in the time of the book."""
    first_ns = min((one.interval.start_ns for one in book.days), default=0)
    last_ns = max((one.interval.end_ns for one in book.days), default=0)
    now_ns = time.time_ns()
    for receipt in receipts:
        run = receipt.run
        is_inside = any(
            one.interval.start_ns < last_ns and one.interval.end_ns > first_ns
            for one in run.attempts
        )
        if not is_inside or not any(one.held_devices for one in run.segments):
            continue
        stored = read_run(home, run.id, now_ns, Faults(), with_devices=True)
        segments = [one.segment for one in stored]
        _add_facts(book, receipt, segments)
        by_machine: dict[str, list[Segment]] = defaultdict(list)
        for segment in segments:
            by_machine[segment.machine.resource_id].append(segment)
        for name, group in by_machine.items():
            place = name if places is None else places.of(name)
            uses = list(joined(uses_of(group)))
            if uses:
                own = book.uses[run.id, place]
                book.uses[run.id, place] = list(distinct([*uses, *own]))
                said = {s.telemetry.get("activity", "NVML") for s in group}
                book.sources.update(name for words in said for name in words.split(", "))


def _add_facts(book: GpuBook, receipt: Receipt, segments: Sequence[Segment]) -> None:
    """What the whole run used and computed."""
    activity = activity_of(make_run(receipt.run.id, segments))
    efficiency = receipt.efficiency
    is_known = efficiency.mfu is not None
    book.activities[receipt.run.id] = activity
    book.facts[receipt.run.id] = RunUse(
        waiting_ns=waiting_device_ns(receipt.run, receipt.estimate),
        energy_kwh=activity.energy_kwh,
        carbon_g=activity.carbon_g,
        flops=efficiency.flops if is_known else None,
        peak_flops=efficiency.peak_flops,
    )


def _estimated(home: Path, period: BillingPeriod | None) -> GpuBook:
    receipts = read_history(home)[0]
    gpus = {name: count for name, count in _metered_gpus(receipts).items() if count}
    stretches = [
        (receipt.run.id, part)
        for receipt in receipts
        for one in receipt.estimate.stretches
        for part in _inside(one, period)
    ]
    days, money = estimated_use(stretches, gpus)
    if not days:
        when = f" in {period}" if period else ""
        raise NotFound(
            f"no run with a GPU was metered in {home}{when} and no bill is here; "
            "trainfare doctor says which GPUs a run would see"
        )
    periods = sorted({str(BillingPeriod.of(one.interval.start_ns)) for one in days})
    book = GpuBook("estimated", tuple(periods), days=days, money=money, receipts=receipts)
    book.names = {name: name for name in gpus}
    for receipt in receipts:
        book.labels[receipt.run.id] = receipt.run.labels
        for claim in receipt.run.claims():
            book.claims[claim.resource_id].append(claim)
        for segment in receipt.run.segments:
            if segment.machine.instance_type:
                book.types[segment.machine.resource_id] = segment.machine.instance_type
    _add_metered_uses(home, book, receipts, None)
    return book


def _inside(stretch: Stretch, period: BillingPeriod | None) -> Iterator[Stretch]:
    """The part of *stretch* in *period*; all of it where none is asked for."""
    whole = stretch.interval
    part = whole if period is None else whole.clip(period.interval)
    if part is None or part == whole:
        yield from () if part is None else (stretch,)
        return
    weights = [
        part.start_ns - whole.start_ns,
        part.duration_ns,
        whole.end_ns - part.end_ns,
    ]
    amounts = [
        None if amount is None else amount.split(weights)[1]
        for amount in (stretch.estimated_cost, stretch.idle_cost)
    ]
    yield replace(stretch, interval=part, estimated_cost=amounts[0], idle_cost=amounts[1])
