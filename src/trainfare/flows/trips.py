"""The trips path: receipts → what the finders of savings look at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from trainfare.advice.trip import Trip
from trainfare.core.activity import Activity
from trainfare.core.charge import Component
from trainfare.core.efficiency import held_accelerators
from trainfare.core.machine import Accelerator, Machine
from trainfare.core.money import Money, cumulative_parts
from trainfare.core.period import HOUR, BillingPeriod
from trainfare.core.price import GIB, Price
from trainfare.core.recommendation import Slot, run_slot
from trainfare.core.run import RunRecord, sum_over_machines
from trainfare.core.stage import CHECKPOINT, EVAL, Status
from trainfare.core.work import leader
from trainfare.flows.past import APART
from trainfare.metering.receipt import Receipt
from trainfare.prices.accelerators import find_accelerator

_MIB = 2**20


def trips_of(
    receipts: Iterable[Receipt],
    paid: Mapping[Slot, Money] | None = None,
    activities: Mapping[str, Activity] | None = None,
) -> list[Trip]:
    """A trip for every receipt whose machines have a price and whose run has ended.

    Args:
        receipts: with all of their samples, or with *activities*, if what accelerators did is to
            be known.
        paid: what was paid for each slot, if a bill knows better than the estimates.
        activities: run → what its accelerators did.
    """
    by_run: dict[str, dict[Slot, Money]] = defaultdict(dict)
    for slot, amount in (paid or {}).items():
        if slot.component in (Component.COMPUTE, Component.DATA):
            by_run[slot.owner][slot] = amount
    if activities:
        receipts = (replace(r, activity=activities.get(r.run.id, r.activity)) for r in receipts)
    return [
        _trip(one, None if paid is None else by_run[run_slot(one.run.id, "").owner])
        for one in receipts
        if one.run.status is not Status.RUNNING and one.machine_cost is not None
    ]


def _trip(receipt: Receipt, paid: dict[Slot, Money] | None) -> Trip:
    run, work, activity = receipt.run, receipt.work, receipt.activity
    machines = _machines(run)
    first = next(iter(machines.values()))
    devices = [held_accelerators(run, name) for name in machines]
    models = {_model(one) for held in devices for one in held}
    price = next(iter(receipt.estimate.prices), None)
    efficiency = receipt.efficiency
    stage_hours = {
        stage: time_ns / HOUR for stage, (time_ns, _) in receipt.estimate.by_stage().items()
    }
    return Trip(
        run=run.id,
        family=family_of(run),
        status=run.status,
        currency=receipt.estimate.currency,
        paid=_estimated(receipt) if paid is None else _in_currency(paid, receipt.estimate.currency),
        hours=receipt.duration_ns / HOUR,
        machines=_at_once(run),
        devices=_devices_at_once(run),
        accelerator=models.pop() if len(models) == 1 else "",
        device_gb=_least_gb(devices),
        provider=first.provider,
        region=first.region,
        instance=first.instance_type,
        option=first.purchase_option,
        price_per_hour=_hourly(price),
        share=max((s.share for s in run.segments), default=Fraction(1)),
        machine_cpus=first.cpu_count,
        steps=work.steps,
        samples=work.samples,
        tokens=work.tokens,
        epochs=work.epochs,
        stage_hours=stage_hours,
        wait_hours=_hours(sum_over_machines(run, "input_wait_ns")),
        checkpoints=_entered(run, CHECKPOINT),
        evaluations=_entered(run, EVAL),
        attempts=len(run.attempts),
        preemptions=sum(a.status is Status.KILLED for a in run.attempts[:-1]),
        dtype=efficiency.dtype,
        mfu=None if efficiency.mfu is None else float(efficiency.mfu),
        memory_gb=None if activity.memory_mib_max is None else activity.memory_mib_max * _MIB / GIB,
        active=None if activity.mean_permille is None else activity.mean_permille / 1000,
        profile=activity.profile,
        cpu_hours=_hours(sum_over_machines(run, "cpu_ns")),
        host_gb=_host_gb(run),
        read_bytes=_read(run),
    )


def family_of(run: RunRecord) -> str:
    """What runs of the same kind of work have in common, whatever they ran on."""
    labels = sorted((key, value) for key, value in run.labels.items() if key not in APART)
    return ", ".join(f"{key}={value}" for key, value in labels) or run.name or run.id


def _in_currency(paid: Mapping[Slot, Money], currency: str) -> dict[Slot, Money]:
    return {slot: amount for slot, amount in paid.items() if amount.currency == currency}


def _estimated(receipt: Receipt) -> dict[Slot, Money]:
    """What the run is estimated to have paid in each billing period, by time."""
    times: dict[str, int] = defaultdict(int)
    for stretch in receipt.estimate.stretches:
        for period in _periods(stretch.interval.start_ns, stretch.interval.end_ns):
            times[str(period)] += stretch.interval.overlap_ns(period.interval)
    slots = [run_slot(receipt.run.id, period) for period in sorted(times)]
    whole, weights = receipt.machine_cost, [times[slot.period] for slot in slots]
    if whole is None or not sum(weights):
        return {}
    parts = cumulative_parts(whole.nano, weights, sum(weights))
    return {slot: Money(part, whole.currency) for slot, part in zip(slots, parts, strict=True)}


def _periods(start_ns: int, end_ns: int) -> list[BillingPeriod]:
    found = [BillingPeriod.of(start_ns)]
    while found[-1].interval.end_ns < end_ns:
        found.append(found[-1].next())
    return found


def _machines(run: RunRecord) -> dict[str, Machine]:
    return {s.machine.resource_id: s.machine for s in run.segments}


def _at_once(run: RunRecord) -> int:
    return max(len({s.machine.resource_id for s in a.segments}) for a in run.attempts)


def _devices_at_once(run: RunRecord) -> int:
    return max(len({d for s in a.segments for d in s.held_devices}) for a in run.attempts)


def _model(device: Accelerator) -> str:
    """Canonical; a MIG instance is a model of its own."""
    model = find_accelerator(device.name, device.memory_bytes)
    name = model.name if model else device.name
    return name if device.parent_id is None else f"{name} {device.slices}/{device.slices_of}"


def _least_gb(devices: Iterable[list[Accelerator]]) -> float | None:
    sizes = [one.memory_bytes for held in devices for one in held if one.memory_bytes]
    return min(sizes) / GIB if sizes else None


def _hourly(price: Price | None) -> Fraction | None:
    return Fraction(price.amount) if price is not None and price.unit == "h" else None


def _hours(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / HOUR


def _host_gb(run: RunRecord) -> float | None:
    """The most that the processes on one machine used together, as far as each was seen."""
    peaks = [s.totals.rss_bytes_max for s in run.segments if s.totals.rss_bytes_max is not None]
    return max(peaks) / GIB if peaks else None


def _entered(run: RunRecord, stage: str) -> int:
    return sum(mark.stage == stage for a in run.attempts for mark in leader(a).stages)


def _read(run: RunRecord) -> int | None:
    sizes = {a.uri: a.bytes for s in run.segments for a in s.artifacts if a.role == "dataset"}
    known = [size for size in sizes.values() if size is not None]
    return sum(known) if known else None
