"""Instruments that a test plays: a clock it turns, a host and devices it sets."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

from trainfare.core.machine import Accelerator, Machine
from trainfare.core.price import Price
from trainfare.metering.identity import boot_id, pid_namespace
from trainfare.metering.instrument import Instruments, Place

HOURLY = Price("x/y/z/on_demand", Decimal("3.6"), "h")


@dataclass
class Clock:
    mono: int = 10**12
    wall: int = 1_790_000_000 * 10**9

    def advance(self, seconds):
        self.mono += round(seconds * 10**9)
        self.wall += round(seconds * 10**9)


@dataclass
class Host:
    reading: dict = field(
        default_factory=lambda: {
            "cpu_ns": 0,
            "rss_bytes": 1 << 20,
            "disk_read_bytes": 0,
            "disk_write_bytes": 0,
            "net_rx_bytes": 0,
            "net_tx_bytes": 0,
        }
    )
    fails: bool = False
    closed: bool = False

    def read(self):
        if self.fails:
            raise OSError(5, "the sensor broke")
        return SimpleNamespace(**self.reading)

    def refresh(self):
        pass

    def network(self):
        return {"eth0": (self.reading["net_rx_bytes"], self.reading["net_tx_bytes"])}

    def close(self):
        self.closed = True


@dataclass
class Devices:
    devices: tuple = ()
    readings: list = field(default_factory=list)
    events: list = field(default_factory=list)
    closed: bool = False
    driver_version: str | None = None
    why: str = ""
    said: dict = field(default_factory=lambda: {"activity": "NVML", "energy": "counter"})

    def telemetry(self):
        return self.said

    def take_events(self):
        events, self.events = self.events, []
        return events

    def open(self):
        return bool(self.devices)

    def read(self, *, is_last=False):
        return self.readings

    def close(self):
        self.closed = True


def gpu(number):
    return Accelerator(number, f"GPU-{number}", "NVIDIA H100 80GB HBM3")


def reading(activity=None, memory=None, energy=None, process=None, profile=None):
    return SimpleNamespace(
        gpu_activity_percent=activity,
        memory_used_bytes=memory,
        energy_millijoules=energy,
        process_share=process,
        profile=profile,
    )


def instruments(clock, host=None, devices=None, *, price=HOURLY, machine=None, share="1", held=()):
    host, devices = host or Host(), devices or Devices()
    machine = machine or Machine("i-0abc", "node-1", provider="aws", region="us-east-1")

    def find_place(found):
        full = replace(machine, accelerators=tuple(found))
        return Place(full, Fraction(share), tuple(held))

    return Instruments(
        host=lambda: host,
        devices=lambda: devices,
        find_place=find_place,
        price_of=lambda _machine: price,
        mono_ns=lambda: clock.mono,
        wall_ns=lambda: clock.wall,
    )


def start_event(run="r-1", segment="s-1", **more):
    return {
        "run": run,
        "segment": segment,
        "name": None,
        "labels": {},
        "wrapper": False,
        "rank": 0,
        "pid": 1,
        "pid_start": "a process that is long gone",
        "boot": boot_id(),
        "pidns": pid_namespace(),
        "machine": {"resource_id": "host:x", "hostname": "node-1"},
        **more,
    }
