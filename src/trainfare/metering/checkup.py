"""A check-up: what a run started here would find, and what stands in the way of a good number.

The same instruments as a run's, asked once and in the foreground, so that what is shown is what a
run would record. ``trainfare doctor`` prints it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.machine import Accelerator, Machine
from trainfare.core.price import NoPrice, Price, parse_hourly
from trainfare.core.setting import unknown_variables
from trainfare.metering.cgroup import Allowance, find_allowance
from trainfare.metering.environment import Surroundings, read_surroundings
from trainfare.metering.instrument import Instruments, Place
from trainfare.metering.machine import quick_machine
from trainfare.metering.place import Stated
from trainfare.metering.visible import order_is_certain
from trainfare.prices.accelerators import find_accelerator

SPOOL_ROOM_BYTES = 100 << 20
"""Less free space than this is worth a word: two hundred hours of metering."""

_MAKERS = {"0x10de": "nvidia", "0x1002": "amd", "0x1da3": "gaudi"}
"""PCI vendors of accelerators; source: the PCI ID repository."""
_CLASSES = ("0x0300", "0x0302", "0x0380", "0x1200")
"""Display controllers and processing accelerators; source: PCI Code and ID Assignment, 1.11."""

_DRIVERS = {
    "nvidia": "install NVIDIA's driver until nvidia-smi works, or start the container with --gpus all",
    "amd": "install ROCm's amdsmi: pip install amdsmi; give a container /dev/kfd and /dev/dri",
    "gaudi": "install Habana's driver and give the container its devices",
}


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that a number lacks or rests on, and what to do about it."""

    what: str
    """One stable word: price, region, option, metadata, accelerators, share, run_id, home,
    variable."""
    is_trouble: bool
    """Whether a number is absent or wrong until it is settled; else it is merely worth knowing."""
    why: str
    remedy: str
    """A command to type, or what to do in a few words."""


@dataclass(frozen=True, slots=True)
class CheckUp:
    """What was found, and what is missing, troubles first."""

    machine: Machine
    share: Fraction
    """The part of the machine that a run started here would hold."""
    held: tuple[str, ...]
    around: Surroundings
    allowance: Allowance
    price: Price | NoPrice
    home: Path
    home_trouble: str | None
    """Why nothing can be written there; None where it can."""
    free_bytes: int | None
    driver: str
    """The accelerators' driver and its version, or why no accelerator was found; may be empty."""
    missing: tuple[Missing, ...]

    @property
    def is_priced(self) -> bool:
        """Whether a run started here would have a price."""
        return isinstance(self.price, Price)


def check_up(
    env: Mapping[str, str],
    home: Path,
    instruments: Instruments,
    *,
    stated: Stated,
    root: Path = Path("/"),
) -> CheckUp:
    """Look at everything that a run would look at; nothing is written and nothing raised.

    Args:
        env: the environment of a run.
        home: where its record would go.
        instruments: those of a run (see :func:`trainfare.metering.place.make_instruments`).
        stated: what the user says about the machine.
        root: where ``/proc`` and ``/sys`` are looked for.
    """
    place, driver, trouble = _find_place(env, instruments, stated)
    price = _stated_price(env) or instruments.price_of(place.machine)
    around = read_surroundings(env, root=root)
    allowance = find_allowance(
        proc=str(root / "proc"), cgroup=str(root / "sys/fs/cgroup"), root=str(root), environ=env
    )
    home_trouble, free_bytes = _look_at_home(home)
    missing = [
        *_about_price(price, place.machine),
        *_about_machine(place.machine, price),
        *_about_accelerators(place.machine, root, trouble),
        *_about_order(place.machine, env),
        *_about_share(place, price, allowance),
        *(_about_run(note) for note in around.notes),
        *_about_home(home, home_trouble, free_bytes),
        *_about_variables(env),
    ]
    return CheckUp(
        machine=place.machine,
        share=place.share,
        held=place.held,
        around=around,
        allowance=allowance,
        price=price,
        home=home,
        home_trouble=home_trouble,
        free_bytes=free_bytes,
        driver=driver,
        missing=tuple(sorted(missing, key=lambda one: not one.is_trouble)),
    )


def set_price_command(machine: Machine) -> str:
    """The command that settles what *machine* costs, to be completed by the amount.

    >>> set_price_command(Machine("host:1", "dgx-07"))
    'trainfare prices set --host dgx-07 --price AMOUNT'
    """
    if machine.instance_type:
        return f"trainfare prices set --instance {machine.instance_type} --price AMOUNT"
    return f"trainfare prices set --host {machine.hostname} --price AMOUNT"


def _find_place(
    env: Mapping[str, str], instruments: Instruments, stated: Stated
) -> tuple[Place, str, str | None]:
    """Where a run would be, the driver's word, and what went wrong while asking it."""
    found: tuple[Accelerator, ...] = ()
    driver, trouble = "", None
    try:
        devices = instruments.devices()
        found = tuple(devices.devices) if devices.open() else ()
        release = devices.driver_version
        driver = f"driver {release}" if found and release else devices.why
        devices.close()
    except Exception as error:  # a driver may fail in any way; the rest is still worth showing
        trouble = f"{type(error).__name__}: {error}"
    try:
        return instruments.find_place(found), driver, trouble
    except Exception as error:
        trouble = trouble or f"{type(error).__name__}: {error}"
    machine = quick_machine(
        env=env,
        devices=found,
        instance=stated.instance,
        region=stated.region,
        option=stated.option,
    )
    return Place(machine, Fraction(1), ()), driver, trouble


def _stated_price(env: Mapping[str, str]) -> Price | None:
    """The price that a run would inherit; one that cannot be read is no price."""
    try:
        return parse_hourly(env["TRAINFARE_PRICE"]) if env.get("TRAINFARE_PRICE") else None
    except BadInput:
        return None


def _about_price(price: Price | NoPrice, machine: Machine) -> list[Missing]:
    if isinstance(price, NoPrice):
        if machine.provider and not machine.region:
            return []  # the region settles it, and is asked for below
        why = f"{_reason(price)}; say what the whole machine costs per hour"
        return [Missing("price", True, why, set_price_command(machine)), *_about_others(machine)]
    refresh = f"trainfare prices refresh --provider {machine.provider}"
    refresh += f" --region {machine.region}" if machine.region else ""
    can_refresh = machine.provider in {"aws", "azure", "gcp"}
    remedy = refresh if can_refresh else set_price_command(machine)
    if price.is_reference:
        why = "a published spot price is for orientation; yours moves with the market"
        return [Missing("price", False, why, remedy)]
    if price.quality != "fresh" and price.as_of:
        why = f"the price is {price.quality}: it was read on {price.as_of.isoformat()}"
        return [Missing("price", False, why, remedy)]
    return []


def _about_others(machine: Machine) -> list[Missing]:
    """Where to look what others ask for such accelerators: a help, never a price by itself."""
    models = {find_accelerator(a.name, a.memory_bytes) for a in machine.accelerators}
    names = sorted(model.name for model in models if model is not None)
    if not names:
        return []
    command = f"trainfare prices find {names[0]}"
    return [Missing("price", False, f"providers list machines with {names[0]}", command)]


def _reason(price: NoPrice) -> str:
    """Why there is no price, without the book's advice: here the remedy stands apart."""
    return re.split(r"; (?:state|refresh) ", price.why)[0]


def _about_machine(machine: Machine, price: Price | NoPrice) -> list[Missing]:
    found: list[Missing] = []
    asked = machine.facts.get("metadata", "")
    if machine.provider and not machine.region and machine.facts.get("provider") == "dmi":
        is_aws = machine.provider == "aws"
        why = f"the firmware says {machine.provider}, but its metadata service is silent ({asked})"
        hop = (
            "aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2 "
            f"--instance-id {machine.resource_id}"
        )
        remedy = hop if is_aws else "let this process reach http://169.254.169.254, or say --region"
        found.append(Missing("metadata", True, why, remedy))
    elif machine.provider and not machine.region and isinstance(price, NoPrice):
        found.append(Missing("region", True, _reason(price), "say --region, as in --region NAME"))
    if machine.provider is None and asked.startswith("switched off"):
        why = "asking the cloud's metadata service is switched off"
        found.append(Missing("metadata", False, why, "unset TRAINFARE_METADATA"))
    if machine.provider and machine.purchase_option is None and isinstance(price, Price):
        why = "how the machine was bought is unknown; it is priced as on demand"
        found.append(Missing("option", False, why, "say --spot or --on-demand"))
    return found


def _about_accelerators(machine: Machine, root: Path, trouble: str | None) -> list[Missing]:
    found: list[Missing] = []
    if trouble is not None:
        why = f"the accelerators could not be read ({trouble})"
        found.append(Missing("accelerators", True, why, "check that nvidia-smi works"))
    seen = {device.kind for device in machine.accelerators}
    for kind, count in sorted(pci_accelerators(root).items()):
        if kind not in seen:
            why = (
                f"{count} {kind} device{'s are' if count > 1 else ' is'} in this machine, "
                "and this process can read none"
            )
            found.append(Missing("accelerators", True, why, _DRIVERS[kind]))
    return found


def _about_order(machine: Machine, env: Mapping[str, str]) -> list[Missing]:
    if order_is_certain(machine.accelerators, env):
        return []
    why = (
        f"CUDA_VISIBLE_DEVICES={env['CUDA_VISIBLE_DEVICES']} may name other GPUs than those counted "
        "here: of GPUs of several models CUDA counts the fastest first, the driver by PCI bus"
    )
    return [Missing("accelerators", False, why, "export CUDA_DEVICE_ORDER=PCI_BUS_ID")]


def pci_accelerators(root: Path = Path("/")) -> Counter[str]:
    """How many accelerators of each kind sit on the PCI bus, driver or not.

    Source: the Linux kernel's ABI documentation, sysfs-bus-pci.
    """
    counts: Counter[str] = Counter()
    for vendor_file in (root / "sys/bus/pci/devices").glob("*/vendor"):
        try:
            vendor = vendor_file.read_text().strip()
            code = vendor_file.with_name("class").read_text().strip()
        except OSError:
            continue
        if vendor in _MAKERS and code.startswith(_CLASSES):
            counts[_MAKERS[vendor]] += 1
    return counts


def _about_share(place: Place, price: Price | NoPrice, allowance: Allowance) -> list[Missing]:
    """A container with a small allowance that is charged the whole machine."""
    cpus = os.cpu_count() or 1
    is_small = allowance.cpu_source == "quota" and allowance.cpus < cpus
    if not is_small or place.share != 1 or not isinstance(price, Price):
        return []
    why = (
        f"the run may use {float(allowance.cpus):g} of {cpus} CPUs and is charged the whole machine"
    )
    remedy = "say what your part costs: trainfare run --price AMOUNT -- CMD"
    return [Missing("share", False, why, remedy)]


def _about_run(note: str) -> Missing:
    """A note of the surroundings: its last clause says what to do."""
    why, _, remedy = note.rpartition("; ")
    return Missing("run_id", False, why, remedy)


def _look_at_home(home: Path) -> tuple[str | None, int | None]:
    """Why nothing can be written at *home*, if so, and the free bytes there; nothing is made."""
    place = home
    while not place.exists() and place != place.parent:
        place = place.parent
    trouble = None
    if not place.is_dir():
        trouble = f"{place} is not a folder"
    elif not os.access(place, os.W_OK | os.X_OK):
        trouble = f"{place} may not be written to"
    try:
        return trouble, shutil.disk_usage(place).free
    except OSError:
        return trouble, None


def _about_home(home: Path, trouble: str | None, free_bytes: int | None) -> list[Missing]:
    remedy = "export TRAINFARE_HOME=/a/folder/of/yours"
    if trouble is not None:
        return [Missing("home", True, f"no run can be recorded: {trouble}", remedy)]
    if free_bytes is not None and free_bytes < SPOOL_ROOM_BYTES:
        why = f"only {free_bytes >> 20} MiB are free at {home}; a run writes 0.5 MB an hour"
        return [Missing("home", True, why, remedy)]
    return []


def _about_variables(env: Mapping[str, str]) -> list[Missing]:
    """Variables that look like ours and that nothing reads."""
    return [
        Missing(
            "variable",
            False,
            f"{name} is set and nothing reads it" + (f"; {near} is near" if near else ""),
            f"unset {name}",
        )
        for name, near in unknown_variables(env).items()
    ]
