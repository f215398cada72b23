"""Meter records: the spools that Trainfare's own meters would have left of a simulated month.

    write_records(world, home, PriceBook(home).machine_price)

One segment per recorded attempt and machine, with the price stamped that was known when it began;
so the estimates are those of that day, whatever bills teach later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

from trainfare.core.claim import Claim
from trainfare.core.machine import Machine
from trainfare.core.price import NoPrice, Price
from trainfare.core.stage import Status
from trainfare.metering import event as ev
from trainfare.metering.home import runs_folder
from trainfare.metering.spool import Spool
from trainfare.simulation.fault import Source
from trainfare.simulation.fleet import REGIONS
from trainfare.simulation.line import Provider
from trainfare.simulation.schedule import Ending, Habit
from trainfare.simulation.seed import stream
from trainfare.simulation.training import make_accelerators, write_training
from trainfare.simulation.world import World

SELLERS = {
    Provider.AWS: "aws",
    Provider.AZURE: "azure",
    Provider.GCP: "gcp",
    Provider.RENTED: "fjordgpu",
}
"""What a machine says of who sells it."""

PriceOf = Callable[[Machine, int], Price | NoPrice]
"""What a whole machine costs per hour at an instant (nanoseconds since the epoch)."""

_STATUS = {Ending.COMPLETED: Status.FINISHED, Ending.FAILED: Status.FAILED}


def write_records(
    world: World,
    home: Path,
    price_of: PriceOf,
    *,
    sources: Collection[Source] = tuple(Source),
    is_detailed: bool = False,
) -> int:
    """Write what meters recorded of every run into *home*, as if it had trained there.

    A managed job of several instances is left out: one resource on the bill, it has many meters.

    Args:
        world: any.
        home: where its runs trained.
        price_of: what machines cost.
        sources: only of runs that these recorded.
        is_detailed: whether epochs, metrics and GPUs are in it as well.

    Returns:
        How many segments were written.
    """
    runs = {run.id: run for run in world.runs}
    machines = {machine.id: machine for machine in world.machines}
    count = 0
    for number, trace in enumerate(world.traces):
        if trace.source not in sources:
            continue
        claim, run = trace.claim, runs[trace.claim.run]
        fleet = machines.get(claim.resource_id)
        if fleet is None and run.nodes > 1:
            continue
        kind = run.type if fleet is None else fleet.type
        is_spot = len(run.attempts) > 1 if fleet is None else fleet.is_spot
        region, zone = REGIONS[kind.provider]
        machine = Machine(
            claim.resource_id,
            (fleet and fleet.node) or claim.resource_id.rpartition("/")[2],
            provider=SELLERS[kind.provider],
            region=region,
            zone=zone or None,
            instance_type=kind.name,
            purchase_option="spot" if is_spot else "on_demand",
        )
        ending = next(a.ending for a in run.attempts if a.number == claim.attempt)
        gpus = int(kind.gpus * claim.share)
        if is_detailed:
            held = make_accelerators(claim.resource_id, kind.gpu, kind.gpus)
            machine = replace(machine, accelerators=held, cpu_count=kind.cpus)
        write_segment(
            home,
            claim,
            machine,
            price_of(machine, claim.interval.start_ns),
            labels=dict(run.labels),
            status=_STATUS.get(ending, Status.KILLED),
            segment=f"{run.id}-{number:05d}",
            inside=stream(world.seed, "inside", number) if is_detailed else None,
            gpus=gpus,
            habit=run.habit,
            error=run.error if ending is Ending.FAILED else "",
        )
        count += 1
    return count


def write_segment(
    home: Path,
    claim: Claim,
    machine: Machine,
    price: Price | NoPrice,
    *,
    labels: Mapping[str, str] = MappingProxyType({}),
    status: Status = Status.FINISHED,
    segment: str | None = None,
    inside: Random | None = None,
    gpus: int = 0,
    habit: Habit | None = None,
    error: str = "",
) -> Path:
    """Write what a meter records of *claim*, from its start to its end; the segment's folder.

    Args:
        home: where the run trained.
        claim: of one run on *machine*.
        machine: as the meter saw it.
        price: that was known when it began.
        labels: of the run.
        status: how it ended.
        segment: its id; made from the claim when None.
        inside: makes up what happens within; nothing is recorded of that when None.
        gpus: how many of the machine's it holds, of which something is recorded.
        habit: how it wastes money.
        error: what it failed with.
    """
    document = ev.machine_to_json(machine)
    name = segment or f"{claim.run}-{claim.attempt}-{claim.resource_id.rpartition('/')[2]}"
    spool = Spool(runs_folder(home) / claim.run / name)
    start = {
        "w": claim.interval.start_ns,
        "v": ev.VERSION,
        "run": claim.run,
        "segment": name,
        "name": claim.run,
        "labels": dict(labels),
        "machine": document,
    }
    spool.add_event({"k": ev.START, "t": 0, **start})
    held = {"held": [one.id for one in machine.accelerators[:gpus]]} if inside else {}
    found = {"machine": document, "share": str(claim.share), **held}
    spool.add_event({"k": ev.MACHINE, "t": 0, **found})
    spool.add_event({"k": ev.PRICE, "t": 0, "price": ev.price_to_json(price)})
    end: dict[str, Any] = {"t": claim.interval.duration_ns, "status": status.value}
    if inside:
        when = {"start_ns": claim.interval.start_ns, "duration_ns": claim.interval.duration_ns}
        end["steps"] = write_training(spool, inside, claim.run, gpus=gpus, habit=habit, **when)
    if error:
        end["error"] = error
    spool.add_event({"k": ev.END, **end})
    spool.close()
    return spool.folder
