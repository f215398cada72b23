"""All accelerators of a machine as one sampler: NVIDIA's, and those of other makers."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.machine import Accelerator
from trainfare.metering.energy import EnergyCount
from trainfare.metering.gpu import GpuReading, GpuSampler
from trainfare.metering.loading import import_alone
from trainfare.metering.notice import warn

if TYPE_CHECKING:
    from trainfare.metering.maker import Host, Kind
    from trainfare.metering.monitor import Use

_OTHERS = re.compile(r"kfd|neuron\d+|accel\d*|hl\d+|vfio")
"""Device files that a maker other than NVIDIA may stand behind."""


class AcceleratorSampler:
    """Samples every accelerator of this machine; *pid*'s process tree is "ours".

    Nothing is looked for before :meth:`open`, and nothing raises after it. Makers' programs are
    given a second each when devices are looked for, and are never waited for afterwards.
    """

    def __init__(
        self,
        pid: int | None = None,
        *,
        gpus: GpuSampler | None = None,
        dev: str = "/dev",
        sys: str = "/sys",
        environ: Mapping[str, str] = os.environ,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.gpus = GpuSampler(pid, clock_ns=clock_ns) if gpus is None else gpus
        """The NVIDIA part."""
        self._dev, self._sys = Path(dev), Path(sys)
        self._environ = environ
        self._clock_ns = clock_ns
        self._events: list[str] = []
        self._kinds: list[Kind] = []
        self._energy: dict[Accelerator, EnergyCount] = {}
        self._last_use: dict[Accelerator, Use] = {}
        self._latest: tuple[GpuReading, ...] = ()

    def open(self) -> bool:
        """Find the devices; False where there are none."""
        self.gpus.open()
        if self._may_have_others():
            import_alone(_load_makers)
            from trainfare.metering.maker import FINDERS, Host

            host = Host(self._dev, self._sys, self._environ, os.uname().nodename, self._clock_ns)
            for find in FINDERS:
                self._find(find, host)
        return bool(self.devices)

    def _find(self, find: Callable[[Host], Kind | None], host: Host) -> None:
        try:
            kind = find(host)
        except Exception as error:  # a maker's library may raise anything
            text = f"{find.__name__} failed: {type(error).__name__}: {error}"
            warn("%s", text)
            self._events.append(text)
            return
        if kind is not None:
            self._kinds.append(kind)

    def _may_have_others(self) -> bool:
        if "TPU_ACCELERATOR_TYPE" in self._environ:
            return True
        try:
            return any(_OTHERS.fullmatch(path.name) for path in self._dev.iterdir())
        except OSError:
            return False

    @property
    def devices(self) -> tuple[Accelerator, ...]:
        """The devices in the order of readings: NVIDIA's, AMD's, Trainium, TPU, Gaudi."""
        others = (device for kind in self._kinds for device in kind.devices)
        return (*self.gpus.devices, *others)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is not found or not measured and why, for ``trainfare doctor``."""
        notes = [self.gpus.why, *(kind.note for kind in self._kinds)]
        return tuple(note for note in notes if note)

    @property
    def driver_version(self) -> str | None:
        """Of NVIDIA's driver; other makers' tell none."""
        return self.gpus.driver_version

    @property
    def why(self) -> str:
        """The notes in one line."""
        return "; ".join(self.notes)

    def read(self, *, is_last: bool = False) -> tuple[GpuReading, ...]:
        """One reading per device, in the order of :attr:`devices`."""
        readings = list(self.gpus.read(is_last=is_last))
        for kind in self._kinds:
            uses = {} if kind.monitor is None else kind.monitor.poll()
            source = None if kind.monitor is None else kind.monitor.name
            readings += [self._reading(one, uses.get(one.index), source) for one in kind.devices]
        self._latest = tuple(readings)
        return self._latest

    def _reading(self, device: Accelerator, use: Use | None, source: str | None) -> GpuReading:
        energy = self._energy.setdefault(device, EnergyCount())
        if use is None:
            return GpuReading(
                device.id, None, None, None, energy.millijoules, energy.source, None, None
            )
        if use is not self._last_use.get(device):  # each answer of a monitor counts once
            self._last_use[device] = use
            if use.energy_millijoules is not None:
                energy.add_counter(use.energy_millijoules, at_ns=self._clock_ns())
            elif use.power_milliwatts is not None:
                energy.add_power(use.power_milliwatts, at_ns=self._clock_ns())
        return GpuReading(
            device.id,
            use.activity_percent,
            use.memory_used_bytes,
            energy.power_milliwatts if use.power_milliwatts is None else use.power_milliwatts,
            energy.millijoules,
            energy.source,
            None,
            None if use.activity_percent is None else source,
        )

    def telemetry(self) -> dict[str, str]:
        """Who measures what, by the latest readings: NVML, a maker's monitor, GPM."""
        readings = self._latest
        said = {
            "activity": _said(one.activity_source for one in readings),
            "energy": _said(one.energy_source for one in readings),
            "profile": "" if self.gpus.profile_why else "GPM",
            "profile_why": self.gpus.profile_why,
        }
        return {key: words for key, words in said.items() if words}

    def take_events(self) -> list[str]:
        """What happened to devices since the last call, one sentence each."""
        events, self._events = self._events, []
        return self.gpus.take_events() + events

    def close(self) -> None:
        """Give drivers back and end what was started."""
        self.gpus.close()
        for kind in self._kinds:
            if kind.monitor is not None:
                kind.monitor.close()


def _load_makers() -> None:
    """Only where there may be such devices: the tools that ask makers' programs take a megabyte."""
    import trainfare.metering.maker  # noqa: F401 (loaded is all it need be)


def _said(sources: Iterable[str | None]) -> str:
    return ", ".join(sorted({source for source in sources if source}))
