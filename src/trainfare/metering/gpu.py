"""The GPU sampler: what each NVIDIA GPU or MIG instance does, through NVML.

Every tick asks two things of a GPU, activity and power; memory, processes and, where there is one,
the profile of its multiprocessors every tenth. The energy counter and activity by process can take
milliseconds (on an H100 behind a hypervisor 3.3 and 2.7 ms, against 0.03 ms for power): each is
asked for as rarely as keeps it cheap, and so is the profile, whose sample took 3.5 ms now and then. What the driver does not offer is None, never 0, and is not
asked for again.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NamedTuple, TypeVar

from trainfare.core.machine import Accelerator
from trainfare.metering.energy import EnergyCount
from trainfare.metering.gpm import GpmDevice, GpuProfile
from trainfare.metering.notice import warn
from trainfare.metering.nvml import (
    FUNCTION_NOT_FOUND,
    GPU_IS_LOST,
    GPU_NOT_FOUND,
    LIBRARY,
    NO_PERMISSION,
    NOT_SUPPORTED,
    RESET_REQUIRED,
    Nvml,
    NvmlError,
)
from trainfare.metering.processes import descends_from

SOURCE = "NVML"

_SLOW_EVERY = 10
"""Memory and processes change slowly; they are asked for at every tenth tick."""

_CPU_NS = 100_000
"""CPU time that readings of all GPUs may take a second, 0.36 s an hour; after a dearer one some are
left out …"""
_SKIP_AT_MOST = 9
"""… but at least every tenth time."""

_RARITY = 40_000
"""A dear question may take 1/40,000 of the time, over all GPUs: 0.09 s of CPU an hour."""

_LATEST_SAMPLES, _FEWEST_SAMPLES = 12, 3
"""The driver's samples of activity by process are of a moment, in which a process that works a third
of the time may not show at all: several together tell shares, and before that memory does."""

_GIVE_UP = frozenset({NOT_SUPPORTED, NO_PERMISSION, FUNCTION_NOT_FOUND})
_LOST = frozenset({GPU_IS_LOST, RESET_REQUIRED, GPU_NOT_FOUND})

T = TypeVar("T")


class GpuReading(NamedTuple):
    """One accelerator at one moment; what is not known is None."""

    id: str
    gpu_activity_percent: float | None
    """Percent of the time in which anything ran on it. 100 does not mean that it is full."""
    memory_used_bytes: int | None
    power_milliwatts: int | None
    energy_millijoules: int | None
    """Since the sampler was opened."""
    energy_source: str | None
    """``counter`` of the device, or ``power`` added up over time."""
    process_share: Fraction | None
    """The part of the device's use that is ours: by activity where the driver tells it, else by
    memory; 1 when nobody else is on it, None when the driver shows no processes."""
    activity_source: str | None
    """Who measured the activity; None where nobody does."""
    profile: GpuProfile | None = None
    """How much of the GPU was at work since it was last told; only in readings that tell it anew."""


@dataclass(slots=True)
class _Device:
    """A GPU or MIG instance, and what is remembered of it between readings."""

    accelerator: Accelerator
    handle: Any
    is_mig: bool
    refused: set[str] = field(default_factory=set)
    is_lost: bool = False
    energy: EnergyCount = field(default_factory=EnergyCount)
    memory_bytes: int | None = None
    process_share: Fraction | None = None
    processes_seen_us: int = 0
    process_activity: deque[dict[int, int]] = field(
        default_factory=lambda: deque(maxlen=_LATEST_SAMPLES)
    )
    due_ns: dict[str, int] = field(default_factory=dict)
    """Before then, the dear question of that name is not asked again."""
    gpm: GpmDevice | None = None


class GpuSampler:
    """Samples all NVIDIA devices that the driver shows; *pid*'s process tree is "ours".

    Nothing is loaded before :meth:`open`, and nothing raises after it.
    """

    def __init__(
        self,
        pid: int | None = None,
        *,
        library: str = LIBRARY,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        cpu_ns: Callable[[], int] = time.thread_time_ns,
    ) -> None:
        self.why = "not opened yet"
        """Why there are no devices, as a sentence's end; empty where there are."""
        self.driver_version: str | None = None
        self.profile_why = "no NVIDIA GPU"
        """Why no profile of the multiprocessors is told, as a sentence's end; empty where it is."""
        self._pid = os.getpid() if pid is None else pid
        self._library = library
        self._clock_ns = clock_ns
        self._cpu_ns = cpu_ns
        self._nvml: Nvml | None = None
        self._devices: list[_Device] = []
        self._events: list[str] = []
        self._readings: tuple[GpuReading, ...] = ()
        self._tick = 0
        self._skip = 0
        self._dear_ns = 0

    @property
    def devices(self) -> tuple[Accelerator, ...]:
        """The devices in the order of readings: whole GPUs, or the instances of one cut by MIG."""
        return tuple(device.accelerator for device in self._devices)

    def open(self) -> bool:
        """Load NVML and find the devices; False, and :attr:`why`, where there are none.

        Takes 100 ms and more where the driver must wake up first.
        """
        if self._nvml is not None:
            return bool(self._devices)
        try:
            nvml = self._nvml = Nvml(self._library)
        except OSError:
            self.why = f"{self._library} is not installed: no NVIDIA driver"
            return False
        except NvmlError as error:
            self.why = f"the NVIDIA driver does not answer ({error})"
            return False
        try:
            self.driver_version = nvml.driver_version()
            for index in range(nvml.device_count()):
                self._add_gpu(nvml, index)
        except NvmlError as error:
            self.note(f"the NVIDIA driver does not list its GPUs ({error})")
        self.why = "" if self._devices else "the NVIDIA driver shows this process no GPU"
        self._readings = tuple(self._read_device(device, is_slow=True) for device in self._devices)
        for device in self._devices:
            self._open_gpm(nvml, device)
        return bool(self._devices)

    def _add_gpu(self, nvml: Nvml, index: int) -> None:
        try:
            handle = nvml.device(index)
            uuid, name = nvml.uuid(handle), nvml.name(handle)
        except NvmlError as error:
            self.note(f"GPU {index} does not answer ({error})")
            return
        device = _Device(Accelerator(index, uuid, name), handle, is_mig=False)
        instances = []
        if self._ask(device, Nvml.is_mig):
            instances = self._find_instances(nvml, device)
        memory = self._ask(device, Nvml.memory)
        if memory is not None:
            total = memory.total
            device.accelerator = Accelerator(index, uuid, name, memory_bytes=total)
        # A GPU in MIG mode cannot be used whole; without instances it is still there and paid for.
        self._devices += instances or [device]

    def _open_gpm(self, nvml: Nvml, device: _Device) -> None:
        if device.is_mig:
            self.profile_why = "a MIG instance has none of its own"
            return
        try:
            device.gpm = GpmDevice(nvml, device.handle)
            self.profile_why = ""
        except NvmlError as error:
            self.profile_why = f"{error}; GPUs from Hopper on tell it"

    def _find_instances(self, nvml: Nvml, gpu: _Device) -> list[_Device]:
        """The MIG instances of *gpu*; places between them may be empty."""
        found = []
        try:
            places = nvml.max_mig_devices(gpu.handle)
        except NvmlError as error:
            self.note(f"GPU {gpu.accelerator.index} hides its MIG instances ({error})")
            return []
        for place in range(places):
            try:
                handle = nvml.mig_device(gpu.handle, place)
                shape = nvml.mig_shape(handle)
                accelerator = Accelerator(
                    gpu.accelerator.index,
                    nvml.uuid(handle),
                    gpu.accelerator.name,
                    memory_bytes=shape.memory_bytes,
                    parent_id=gpu.accelerator.id,
                    slices=shape.slices,
                    slices_of=places,
                )
                found.append(_Device(accelerator, handle, is_mig=True))
            except NvmlError:
                continue
        return found

    def read(self, *, is_last: bool = False) -> tuple[GpuReading, ...]:
        """One reading per device, in the order of :attr:`devices`; *is_last* asks for everything.

        Where a driver makes readings dear, some calls repeat the one before.
        """
        if self._nvml is None:
            return self._readings
        self._tick += 1
        is_slow = is_last or self._tick % _SLOW_EVERY == 0
        if self._skip and not is_slow:
            self._skip -= 1
            return self._readings
        if is_last:
            for device in self._devices:
                device.due_ns.clear()
        began_ns, self._dear_ns = self._cpu_ns(), 0
        readings = tuple(self._read_device(device, is_slow) for device in self._devices)
        took_ns = self._cpu_ns() - began_ns - self._dear_ns
        self._skip = min(_SKIP_AT_MOST, took_ns // _CPU_NS)
        # A profile is of the time before it: a repeated reading must not tell it again.
        self._readings = tuple(one._replace(profile=None) for one in readings)
        return readings

    def _read_device(self, device: _Device, is_slow: bool) -> GpuReading:
        activity = None
        if not device.is_mig:  # NVML tells neither for an instance; 0 would look idle
            activity = self._ask(device, Nvml.activity_percent)
            self._read_energy(device)
        if is_slow:
            memory = self._ask(device, Nvml.memory)
            device.memory_bytes = None if memory is None else memory.used
            device.process_share = self._share(device)
        profile = self._read_profile(device) if is_slow else None
        if device.is_lost:
            return GpuReading(device.accelerator.id, *[None] * 7)
        energy = device.energy
        return GpuReading(
            device.accelerator.id,
            activity,
            device.memory_bytes,
            energy.power_milliwatts,
            energy.millijoules,
            energy.source,
            device.process_share,
            None if activity is None else SOURCE,
            profile,
        )

    def _read_profile(self, device: _Device) -> GpuProfile | None:
        if device.gpm is None:
            return None
        read = device.gpm.read

        def profile(_nvml: Nvml, _handle: Any) -> GpuProfile:
            return read()

        found = self._ask_rarely(device, profile)
        if profile.__name__ in device.refused:
            self.profile_why = "the driver refused it after a while"
            _close(device)
        return found

    def _read_energy(self, device: _Device) -> None:
        power = self._ask(device, Nvml.power_milliwatts)
        if power is not None:
            device.energy.add_power(power, at_ns=self._clock_ns())
        counter = self._ask_rarely(device, Nvml.energy_millijoules)
        if counter is not None:
            device.energy.add_counter(counter, at_ns=self._clock_ns())

    def _ask_rarely(self, device: _Device, call: Callable[[Nvml, Any], T]) -> T | None:
        """As :meth:`_ask`, but not before the CPU time of the last such question is paid off."""
        if self._clock_ns() < device.due_ns.get(call.__name__, 0):
            return None
        return self._ask_dearly(device, call)

    def _ask_dearly(self, device: _Device, call: Callable[[Nvml, Any], T]) -> T | None:
        """As :meth:`_ask`; what it takes of CPU time is to be paid off, and slows no other question."""
        now_ns, began_ns = self._clock_ns(), self._cpu_ns()
        found = self._ask(device, call)
        took_ns = self._cpu_ns() - began_ns
        self._dear_ns += took_ns
        device.due_ns[call.__name__] = now_ns + took_ns * _RARITY * len(self._devices)
        return found

    def _share(self, device: _Device) -> Fraction | None:
        """Our part of *device*, None where that cannot be told."""
        used = self._ask(device, Nvml.processes)
        # Inside a container the driver may name processes as the host does: such ids mean nothing
        # here, and one that is not alive gives them away.
        if not used or not all(map(_is_alive, used)):
            return None
        ours = {pid for pid in used if descends_from(pid, self._pid)}
        if ours == used.keys():
            return Fraction(1)
        # The first dozen come at every slow reading, for a short run too has a share to be told.
        is_full = len(device.process_activity) == _LATEST_SAMPLES
        ask = self._ask_rarely if is_full else self._ask_dearly
        seen = ask(device, self._process_activity(device))
        if seen is not None:
            device.process_activity.append(seen)
        active: Counter[int] = Counter()
        if len(device.process_activity) >= _FEWEST_SAMPLES:
            for sample in device.process_activity:
                active.update({pid: n for pid, n in sample.items() if pid in used})
        if any(active.values()):
            return Fraction(sum(active[pid] for pid in ours), sum(active.values()))
        held = {pid: memory for pid, memory in used.items() if memory is not None}
        if len(held) < len(used) or not any(held.values()):
            return None
        return Fraction(sum(held[pid] for pid in ours), sum(held.values()))

    def _process_activity(self, device: _Device) -> Callable[[Nvml, Any], dict[int, int]]:
        def process_activity(nvml: Nvml, handle: Any) -> dict[int, int]:
            sums, device.processes_seen_us = nvml.process_activity(handle, device.processes_seen_us)
            return sums

        return process_activity

    def _ask(self, device: _Device, call: Callable[[Nvml, Any], T]) -> T | None:
        """What *call* says of *device*, or None: refused for good, lost for good, or this once."""
        if self._nvml is None or device.is_lost or call.__name__ in device.refused:
            return None
        try:
            return call(self._nvml, device.handle)
        except NvmlError as error:
            if error.code in _GIVE_UP:
                device.refused.add(call.__name__)
            elif error.code in _LOST:
                device.is_lost = True
                one = device.accelerator
                self.note(f"GPU {one.index} ({one.id}) stopped answering ({error})")
            return None

    def note(self, text: str) -> None:
        """Keep an event for :meth:`take_events`."""
        warn("%s", text)
        self._events.append(text)

    def take_events(self) -> list[str]:
        """What happened to devices since the last call, one sentence each."""
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        """Give the driver back; later readings repeat the last one."""
        nvml, self._nvml = self._nvml, None
        if nvml is not None:
            with contextlib.suppress(NvmlError):  # it is going anyway
                for device in self._devices:
                    _close(device)
                nvml.close()


def _close(device: _Device) -> None:
    gpm, device.gpm = device.gpm, None
    if gpm is not None:
        with contextlib.suppress(NvmlError):
            gpm.close()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
