"""Device windows: the readings of accelerators between two records, as means and sums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainfare.core.profile import DeviceProfile
from trainfare.metering.sample import DeviceSample, ProfileSample, pack_devices, pack_profiles

if TYPE_CHECKING:  # NVML loads in the meter's thread, not with the package
    from trainfare.metering.gpu import GpuReading

_UNTOLD = DeviceProfile()


@dataclass
class _Window:
    """One device since the last record."""

    activity: list[int] = field(default_factory=list)
    process: list[int] = field(default_factory=list)
    memory_mib: int | None = None
    energy_from_mj: int | None = None
    energy_to_mj: int | None = None
    profile: DeviceProfile = _UNTOLD

    def add(self, reading: GpuReading) -> None:
        """Take one reading."""
        if reading.gpu_activity_percent is not None:
            self.activity.append(round(reading.gpu_activity_percent * 10))
        if reading.process_share is not None:
            self.process.append(round(reading.process_share * 1000))
        if reading.memory_used_bytes is not None:
            self.memory_mib = max(self.memory_mib or 0, reading.memory_used_bytes >> 20)
        if reading.energy_millijoules is not None:
            if self.energy_from_mj is None:
                self.energy_from_mj = reading.energy_millijoules
            self.energy_to_mj = reading.energy_millijoules
        if reading.profile is not None:
            told = (None if value is None else round(value * 10) for value in reading.profile)
            self.profile = DeviceProfile(*told)

    @property
    def energy_mj(self) -> int | None:
        """What was used between the record before and the latest reading."""
        if self.energy_to_mj is None or self.energy_from_mj is None:
            return None
        return self.energy_to_mj - self.energy_from_mj


class DeviceWindows:
    """The windows of all devices of a segment; they begin and end together."""

    def __init__(self, count: int, start_ns: int) -> None:
        # Energy counts from the opening of the devices, which is where the first window begins.
        self._windows = [_Window(energy_from_mj=0) for _ in range(count)]
        self._start_ns = start_ns

    def add(self, readings: Iterable[GpuReading]) -> None:
        """Take one reading per device, in their order."""
        for window, reading in zip(self._windows, readings, strict=False):
            window.add(reading)

    def take_records(self, now_ns: int) -> bytes:
        """The records of the windows, which end here; the next ones begin."""
        start_ns, windows = self._start_ns, self._windows
        samples = [
            DeviceSample(
                start_ns,
                now_ns,
                position,
                _mean(window.activity),
                _mean(window.process),
                window.memory_mib,
                window.energy_mj,
            )
            for position, window in enumerate(windows)
        ]
        profiles = [
            ProfileSample(start_ns, now_ns, position, window.profile)
            for position, window in enumerate(windows)
        ]
        records = pack_devices(samples)
        if any(window.profile is not _UNTOLD for window in windows):
            records += pack_profiles(profiles)
        self._windows = [_Window(energy_from_mj=w.energy_to_mj) for w in windows]
        self._start_ns = now_ns
        return records


def _mean(values: Sequence[int]) -> int | None:
    return round(sum(values) / len(values)) if values else None
