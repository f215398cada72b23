"""Instruments: what the meter reads, as protocols, so that tests can hand it clocks and devices."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

from trainfare.core.machine import Accelerator, Machine
from trainfare.core.price import NoPrice, Price


class HostReader(Protocol):
    """What the meter needs of a host sampler (see ``trainfare.metering.host``)."""

    def read(self) -> Any:
        """Current counters of the process tree."""

    def refresh(self) -> None:
        """Look for new children now."""

    def network(self) -> Mapping[str, tuple[int, int]]:
        """Bytes received and sent by interface."""

    def close(self) -> None:
        """Let descriptors go."""


class DeviceReader(Protocol):
    """What the meter needs of an accelerator sampler (see ``trainfare.metering.gpu``)."""

    def open(self) -> bool:
        """Find the devices; False where there is no driver."""

    @property
    def driver_version(self) -> str | None:
        """Of the driver, where it tells one."""

    @property
    def why(self) -> str:
        """What is not found or not measured, and why; may be empty."""

    @property
    def devices(self) -> Sequence[Accelerator]:
        """The devices found, in the order of readings."""

    def read(self, *, is_last: bool = False) -> Sequence[Any]:
        """One reading per device; *is_last* asks for everything once more."""

    def telemetry(self) -> Mapping[str, str]:
        """Who measures ``activity``, ``energy`` and ``profile``; ``profile_why`` if nobody does."""

    def take_events(self) -> list[str]:
        """What happened since the last call: a device was lost, a driver refused."""

    def close(self) -> None:
        """Let the driver go."""


class Place(NamedTuple):
    """Where a run is, once it has been found out."""

    machine: Machine
    share: Fraction
    held: tuple[str, ...]


class Instruments(NamedTuple):
    """Everything outside that the meter reads, so that tests can hand it clocks and devices."""

    host: Callable[[], HostReader]
    devices: Callable[[], DeviceReader]
    find_place: Callable[[Sequence[Accelerator]], Place]
    price_of: Callable[[Machine], Price | NoPrice]
    load: Callable[[], None] = lambda: None
    """Import everything that the others will need."""
    mono_ns: Callable[[], int] = time.monotonic_ns
    wall_ns: Callable[[], int] = time.time_ns
