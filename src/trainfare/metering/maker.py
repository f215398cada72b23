"""Makers other than NVIDIA: which AMD, Gaudi, TPU and Trainium devices a machine has.

Identity and count come from the kernel or the maker's tool, activity from the maker's monitor;
where none is installed the activity is unknown, and a note says so.
"""

from __future__ import annotations

import contextlib
import csv
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from trainfare.core.machine import Accelerator
from trainfare.metering.monitor import (
    AmdMonitor,
    CommandMonitor,
    Monitor,
    ask,
    parse_hl_smi,
    parse_neuron_monitor,
    parse_tpu_info,
)

_GIB = 2**30

_TPU_BY_PCI = {
    ("0x0027", "0x004e"): ("TPU v2", 16),
    ("0x0027", "0x004f"): ("TPU v3", 32),
    ("0x005e", None): ("TPU v4", 32),
    ("0x0063", None): ("TPU v5e", 16),
    ("0x0062", None): ("TPU v5p", 95),
    ("0x006f", None): ("TPU v6e", 32),
    ("0x0076", None): ("TPU v7x", 192),
}
"""PCI device (and subsystem, where two share one) → name and GiB of memory per chip.

Source: tpu_info/device.py of AI-Hypercomputer/cloud-accelerator-diagnostics; v2 and v3 hold 8 and
16 GiB in each of two cores.
"""
_TPU_BY_TYPE = {"v5litepod": "TPU v5e", "v5lite": "TPU v5e"}
_GOOGLE, _AMD, _HABANA = "0x1ae0", "0x1002", "0x1da3"

_NEURON_PATH = "/opt/aws/neuron/bin"


@dataclass(frozen=True, slots=True)
class Host:
    """Where a host shows its devices."""

    dev: Path
    """Where /dev is …"""
    sys: Path
    """… and /sys."""
    environ: Mapping[str, str]
    name: str
    """Names devices that have no identity of their own."""
    clock_ns: Callable[[], int]

    def program(self, name: str, *more_folders: str) -> str | None:
        """The path of a maker's tool, or None."""
        folders = os.pathsep.join([self.environ.get("PATH", os.defpath), *more_folders])
        return shutil.which(name, path=folders)

    def devices(self, folder: str, pattern: str) -> list[int]:
        """The numbers of device files such as ``/dev/neuron7``, in order."""
        try:
            names = [path.name for path in (self.dev / folder).iterdir()]
        except OSError:
            return []
        found = (re.fullmatch(pattern, name) for name in names)
        return sorted(int(match.group(1)) for match in found if match)


@dataclass(frozen=True, slots=True)
class Kind:
    """The devices of one maker, and who tells what they do."""

    devices: tuple[Accelerator, ...]
    monitor: Monitor | None
    note: str = ""
    """Why nobody tells."""


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""


def _whole(word: str) -> int | None:
    return int(word) if word.isdecimal() else None


def _unmonitored(kind: str, count: int, tool: str) -> str:
    return f"the activity of {count} {kind} device(s) is unknown: {tool} is not installed"


def find_amd(host: Host) -> Kind | None:
    """AMD GPUs through amdsmi, else through the kernel; None where there are none."""
    if not (host.dev / "kfd").exists():
        return None
    try:
        monitor = AmdMonitor(clock_ns=host.clock_ns)
    except (ImportError, OSError, KeyError):  # amdsmi raises KeyError without its C library
        return _find_amd_by_kernel(host)
    devices = tuple(
        Accelerator(
            index,
            monitor.text("amdsmi_get_gpu_device_uuid", handle) or f"{host.name}:{index}",
            monitor.text("amdsmi_get_gpu_asic_info", handle, "market_name") or "AMD GPU",
            "amd",
            monitor.memory_bytes(handle, "vram_total"),
        )
        for index, handle in enumerate(monitor.handles)
    )
    return Kind(devices, monitor) if devices else None


def _find_amd_by_kernel(host: Host) -> Kind | None:
    """AMD GPUs as the kernel's driver lists them; two partitions of one have one unique id."""
    found: list[Accelerator] = []
    drm = host.sys / "class" / "drm"
    numbers = sorted(int(card.name[4:]) for card in drm.glob("card*") if card.name[4:].isdecimal())
    for number in numbers:
        device = drm / f"card{number}" / "device"
        if _text(device / "vendor") != _AMD:
            continue
        index = len(found)
        unique_id = _text(device / "unique_id")
        found.append(
            Accelerator(
                index,
                f"GPU-{unique_id}" if unique_id else f"{host.name}:{index}",
                _text(device / "product_name") or "AMD GPU",
                "amd",
                _whole(_text(device / "mem_info_vram_total")),
            )
        )
    note = _unmonitored("AMD", len(found), "amdsmi")
    return Kind(tuple(found), None, note) if found else None


def find_trainium(host: Host) -> Kind | None:
    """Trainium and Inferentia devices: /dev/neuron*, with neuron-ls and neuron-monitor."""
    numbers = host.devices(".", r"neuron(\d+)")
    if not numbers:
        return None
    memory = _neuron_memory(host)
    folder = host.sys / "devices" / "virtual" / "neuron_device"
    devices = tuple(
        Accelerator(
            number,
            f"{host.name}:{number}",
            _text(folder / f"neuron{number}" / "info" / "architecture" / "device_name")
            or "AWS Neuron device",
            "trainium",
            memory.get(number),
        )
        for number in numbers
    )
    program = host.program("neuron-monitor", _NEURON_PATH)
    if program is None:
        note = _unmonitored("Neuron", len(devices), "neuron-monitor")
        return Kind(devices, None, note)
    monitor = CommandMonitor(
        [program],
        parse_neuron_monitor,
        every_seconds=30,
        seconds=15,  # it reports every 5 s
        endless=True,
        clock_ns=host.clock_ns,
    )
    return Kind(devices, monitor)


def _neuron_memory(host: Host) -> dict[int, int]:
    """Memory in bytes by device number, as neuron-ls says."""
    program = host.program("neuron-ls", _NEURON_PATH)
    answer = None if program is None else ask([program, "--json-output"])
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return {
            int(one["neuron_device"]): int(one["memory_size"]) for one in json.loads(answer or "[]")
        }
    return {}


def find_tpu(host: Host) -> Kind | None:
    """TPU chips: by PCI, else by /dev/accel* and the environment; activity from tpu-info."""
    files = host.devices(".", r"accel(\d+)") or host.devices("vfio", r"(\d+)")
    stated = host.environ.get("TPU_ACCELERATOR_TYPE", "")
    if not files and not stated:
        return None
    chips = _tpu_on_bus(host) or _tpu_as_stated(host, stated, len(files))
    if not chips:
        return None
    devices = tuple(
        Accelerator(
            index,
            f"{host.name}:{index}",
            name,
            "tpu",
            None if gib is None else gib * _GIB,
        )
        for index, (name, gib) in enumerate(chips)
    )
    program = host.program("tpu-info")
    if program is None:
        return Kind(devices, None, _unmonitored("TPU", len(devices), "tpu-info"))
    # It is a Python program that loads gRPC: asked seldom, it stays a few permille of one CPU.
    monitor = CommandMonitor(
        [program],
        partial(parse_tpu_info, chips=len(devices)),
        every_seconds=300,
        seconds=20,
        clock_ns=host.clock_ns,
    )
    return Kind(devices, monitor)


def _tpu_on_bus(host: Host) -> list[tuple[str, int | None]]:
    """Name and GiB of every TPU chip on the PCI bus."""
    chips: list[tuple[str, int | None]] = []
    for card in sorted((host.sys / "bus" / "pci" / "devices").glob("*")):
        if _text(card / "vendor") != _GOOGLE:
            continue
        device, subsystem = _text(card / "device"), _text(card / "subsystem_device")
        chip = _TPU_BY_PCI.get((device, None)) or _TPU_BY_PCI.get((device, subsystem))
        if chip is not None:
            chips.append(chip)
    return chips


def _tpu_as_stated(host: Host, accelerator_type: str, files: int) -> list[tuple[str, int | None]]:
    """The chips of a type such as ``v5litepod-8``: as many as device files, else as stated.

    The number in the type counts the whole slice, all hosts together, and for v2 to v4 and v5p
    cores: it is no count of this host's chips.
    """
    if not accelerator_type:
        return []
    generation = accelerator_type.partition("-")[0]
    bounds = host.environ.get("TPU_CHIPS_PER_HOST_BOUNDS", "").split(",")
    sides = [_whole(side.strip()) for side in bounds]
    known = [side for side in sides if side is not None]
    stated = math.prod(known) if len(known) == len(sides) else 0
    name = _TPU_BY_TYPE.get(generation, f"TPU {generation}")
    return [(name, None)] * (files or stated)


def find_gaudi(host: Host) -> Kind | None:
    """Gaudi devices: through hl-smi, else as the kernel lists them; activity from hl-smi."""
    numbers = host.devices(".", r"hl(\d+)")
    for number in host.devices("accel", r"accel(\d+)"):
        # Other makers' devices are called /dev/accel/accel* too.
        card = host.sys / "class" / "accel" / f"accel{number}" / "device"
        if _text(card / "vendor") == _HABANA:
            numbers.append(number)
    if not numbers:
        return None
    unnamed = tuple(
        Accelerator(index, f"{host.name}:{index}", "Intel Gaudi", "gaudi")
        for index in range(len(set(numbers)))
    )
    program = host.program("hl-smi")
    if program is None:
        return Kind(unnamed, None, _unmonitored("Gaudi", len(unnamed), "hl-smi"))
    form = ["-f", "csv,noheader,nounits"]
    listed = ask([program, "-Q", "index,uuid,name,memory.total", *form]) or ""
    named = []
    for row in csv.reader(listed.splitlines()):
        index, uuid, name, mib = (word.strip() for word in (*row, "", "", "", "")[:4])
        if index.isdecimal() and uuid and name:
            size = _whole(mib)
            held = None if size is None else size * 2**20
            named.append(Accelerator(int(index), uuid, name, "gaudi", held))
    monitor = CommandMonitor(
        [program, "-Q", "index,utilization.aip,memory.used,power.draw", *form],
        parse_hl_smi,
        every_seconds=30,
        clock_ns=host.clock_ns,
    )
    return Kind(tuple(named) or unnamed, monitor)


FINDERS = (find_amd, find_trainium, find_tpu, find_gaudi)
"""One per maker, in the order in which their devices are listed."""
