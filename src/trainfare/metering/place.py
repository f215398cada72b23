"""Places: which machine a run is on, which part of it the run holds, and the instruments there."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from trainfare.core.errors import BadInput
from trainfare.core.machine import Accelerator, Machine
from trainfare.core.money import decimal_of
from trainfare.core.price import NoPrice, Price
from trainfare.metering import event as ev
from trainfare.metering.environment import Surroundings, read_surroundings
from trainfare.metering.identity import boot_id, pid_namespace, process_start
from trainfare.metering.instrument import DeviceReader, HostReader, Instruments, Place
from trainfare.metering.machine import detect_machine, quick_machine

NETWORK_CLASSES = ("internet", "inter_region", "inter_zone", "same_zone")
"""What ``TRAINFARE_NETWORK_CLASS`` may say of the bytes that a run sends."""

CARBON_VARIABLE, PUE_VARIABLE = "TRAINFARE_CARBON_G_PER_KWH", "TRAINFARE_PUE"
CARBON_SOURCE_VARIABLE = "TRAINFARE_CARBON_SOURCE"


class Stated(NamedTuple):
    """What the user says about the machine; None leaves it to detection."""

    instance: str | None = None
    region: str | None = None
    spot: bool | None = None

    @property
    def option(self) -> str | None:
        """The purchase option that the user stated."""
        return None if self.spot is None else "spot" if self.spot else "on_demand"


NOTHING_STATED = Stated()


class StartFacts(NamedTuple):
    """What is known of a segment at once, before anything is asked or measured."""

    run_id: str | None
    rank: int
    labels: Mapping[str, str]
    event: dict[str, Any]


def start_facts(env: Mapping[str, str], stated: Stated = NOTHING_STATED) -> StartFacts:
    """The identity of this process, its scheduler's words, and the machine without any network.

    Raises:
        BadInput: ``TRAINFARE_NETWORK_CLASS``, ``TRAINFARE_CARBON_G_PER_KWH`` or ``TRAINFARE_PUE``
            makes no sense.
    """
    around = read_surroundings(env, root=Path("/"))
    machine = quick_machine(
        env=env, instance=stated.instance, region=stated.region, option=stated.option
    )
    share = _allotted_share(around, machine)
    event: dict[str, Any] = {
        "rank": around.rank,
        "pid": os.getpid(),
        "pid_start": process_start(os.getpid()),
        "boot": boot_id(),
        "pidns": pid_namespace(),
        "host": machine.hostname,
        "machine": ev.machine_to_json(machine),
        "share": str(share),
        "network_class": _network_class(env),
        "carbon": _stated_number(env, CARBON_VARIABLE, 0, "grams per kWh"),
        "carbon_source": env.get(CARBON_SOURCE_VARIABLE) or None,
        "pue": _stated_number(env, PUE_VARIABLE, 1, "(energy of the building / of its machines)"),
    }
    return StartFacts(around.run_id, around.rank, around.labels, event)


def _network_class(env: Mapping[str, str]) -> str | None:
    text = env.get("TRAINFARE_NETWORK_CLASS")
    if text and text not in NETWORK_CLASSES:
        raise BadInput(
            f"TRAINFARE_NETWORK_CLASS={text!r} is not one of {', '.join(NETWORK_CLASSES)}"
        )
    return text or None


def _stated_number(env: Mapping[str, str], name: str, least: int, unit: str) -> str | None:
    text = env.get(name)
    if not text:
        return None
    try:
        number = decimal_of(text)
    except BadInput as error:
        raise BadInput(f"{name}: {error}") from None
    if number < least:
        raise BadInput(f"{name}={text!r} is below {least} {unit}")
    return str(number)


def make_instruments(home: Path, stated: Stated, *, pid: int | None = None) -> Instruments:
    """The real instruments of this machine: /proc, NVML, metadata services, the price book.

    Args:
        home: where overrides and refreshed prices are.
        stated: what the user says about the machine.
        pid: meter the tree of that process instead of this one's.
    """
    env = dict(os.environ)

    def host() -> HostReader:
        from trainfare.metering.host import HostSampler

        return HostSampler(pid)

    def devices() -> DeviceReader:
        from trainfare.metering.accelerator import AcceleratorSampler

        return AcceleratorSampler(pid)

    def find_place(found: Sequence[Accelerator]) -> Place:
        machine = detect_machine(
            env=env,
            devices=found,
            instance=stated.instance,
            region=stated.region,
            option=stated.option,
        )
        return place_of(machine, env)

    def price_of(machine: Machine) -> Price | NoPrice:
        from trainfare.prices import shelf
        from trainfare.prices.book import PriceBook

        try:
            return PriceBook(home).machine_price(machine, time.time_ns())
        finally:
            shelf.forget()

    return Instruments(
        host=host, devices=devices, find_place=find_place, price_of=price_of, load=_load_modules
    )


def _load_modules() -> None:
    """Import, all at once, what the instruments would otherwise import one by one."""
    import importlib

    for name in (
        "trainfare.metering.device_window",
        "trainfare.metering.host",
        "trainfare.metering.accelerator",
        "trainfare.metering.metadata",
        "trainfare.metering.visible",
        "trainfare.prices.book",
        "trainfare.prices.catalogue",
    ):
        importlib.import_module(name)


def place_of(machine: Machine, env: Mapping[str, str]) -> Place:
    """The part of *machine* that a process with this environment holds.

    Its visible accelerators out of all; where the scheduler allotted a number of GPUs or CPUs, that
    many out of all; the whole machine where nobody says otherwise.
    """
    from trainfare.metering.visible import visible

    around = read_surroundings(env, root=Path("/"))
    held = visible(machine.accelerators, env)
    if held and len(held) < max(len(machine.accelerators), _accelerators_sold(machine)):
        return Place(machine, _device_share(held, machine), tuple(one.id for one in held))
    return Place(machine, _allotted_share(around, machine), tuple(one.id for one in held))


def _device_share(held: Sequence[Accelerator], machine: Machine) -> Fraction:
    """Whole GPUs count 1, a MIG instance its slices; out of all that the machine is sold with."""
    parts = sum((Fraction(one.slices, one.slices_of) for one in held), Fraction(0))
    return min(Fraction(1), parts / _accelerators_sold(machine))


def _allotted_share(around: Surroundings, machine: Machine) -> Fraction:
    """What the scheduler gave to the job, where it and the machine's size are known."""
    if not around.allotted_gpus and not around.allotted_cpus:
        return Fraction(1)  # without a look at the catalogue, which a start need not load
    gpus = _accelerators_sold(machine)
    if around.allotted_gpus and gpus > around.allotted_gpus:
        return Fraction(around.allotted_gpus, gpus)
    cpus = os.cpu_count() or 0
    if not gpus and around.allotted_cpus and cpus > around.allotted_cpus:
        return Fraction(around.allotted_cpus, cpus)
    return Fraction(1)


def _accelerators_sold(machine: Machine) -> int:
    """Physical accelerators of the machine: those seen, or more where its type is sold with more.

    A container or a Slurm job is often shown only what it was given; the bill is for the machine.
    """
    seen = len({one.parent_id or one.id for one in machine.accelerators})
    if not machine.provider or not machine.instance_type:
        return seen
    from trainfare.prices.catalogue import find_spec

    spec = find_spec(machine.provider, machine.instance_type)
    sold = int(spec.accelerator_count or 0) if spec else 0
    return max(seen, sold)
