"""Pulses: what a segment did in the last minutes, for eyes that watch it live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.core.period import SECOND
from trainfare.metering.home import runs_folder
from trainfare.metering.sample import DeviceSample, HostSample, unpack
from trainfare.metering.spool import SAMPLES, last_record_bytes

RECORDS = 1000
"""How many records a pulse looks back: over twelve minutes of a machine of eight GPUs at one sample
a second, so that ten idle minutes show; 96 kB."""

RATE_NS = 30 * SECOND
"""Rates are means over so long: a slow step does not make them jump."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """The latest samples of one segment, oldest first."""

    hosts: tuple[HostSample, ...]
    devices: tuple[DeviceSample, ...]

    @property
    def seen_wall_ns(self) -> int | None:
        """When the latest sample was taken, by the clock of its machine."""
        return self.hosts[-1].wall_ns if self.hosts else None

    @property
    def steps_per_second(self) -> float | None:
        """Steps of the last half minute; of all samples here where none was made in that time."""
        for window in (self._latest(RATE_NS), self.hosts):
            if len(window) > 1 and (made := window[-1].steps - window[0].steps):
                return made * SECOND / (window[-1].mono_ns - window[0].mono_ns)
        return None

    @property
    def input_wait(self) -> float | None:
        """Share of the last half minute in which the training waited for its data, from 0 to 1."""
        window = self._latest(RATE_NS)
        if len(window) < 2:
            return None
        waited = _since(window[0].input_wait_ns, window[-1].input_wait_ns)
        if waited is None:
            return None
        return min(1.0, waited / (window[-1].mono_ns - window[0].mono_ns))

    @property
    def memory_bytes(self) -> int | None:
        """Resident memory at the latest sample."""
        return self.hosts[-1].rss_bytes if self.hosts else None

    def cpu_cores(self) -> list[float | None]:
        """How many CPUs were busy between one sample and the next, oldest first."""
        return [
            None if used is None else used / max(1, after.mono_ns - before.mono_ns)
            for before, after in zip(self.hosts, self.hosts[1:], strict=False)
            for used in [_since(before.cpu_ns, after.cpu_ns)]
        ]

    def device(self, position: int) -> list[DeviceSample]:
        """The windows of the device at *position* in the segment's list, oldest first."""
        return [one for one in self.devices if one.device == position]

    def _latest(self, length_ns: int) -> Sequence[HostSample]:
        if not self.hosts:
            return ()
        since_ns = self.hosts[-1].mono_ns - length_ns
        return [one for one in self.hosts if one.mono_ns >= since_ns]


def read_pulse(home: Path, run_id: str, segment_id: str) -> Pulse:
    """The last minutes of one segment; empty where it has written no sample yet."""
    path = runs_folder(home) / run_id / segment_id / SAMPLES
    samples = list(unpack(last_record_bytes(path, RECORDS) if path.is_file() else b""))
    return Pulse(
        hosts=tuple(one for one in samples if isinstance(one, HostSample)),
        devices=tuple(one for one in samples if isinstance(one, DeviceSample)),
    )


def _since(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before
