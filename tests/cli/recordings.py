"""Runs recorded by a clock that the test turns: hours of training in milliseconds."""

import os
from decimal import Decimal

from metering.instruments import Clock, Devices, Host, gpu, instruments, reading, start_event
from trainfare.core.machine import Machine
from trainfare.core.price import Price
from trainfare.metering import event as ev
from trainfare.metering.identity import process_start
from trainfare.metering.meter import DEVICE_TICKS, Meter
from trainfare.metering.spool import Spool

HOURLY = Price("stated", Decimal("3.6"), "h", source="stated by the user")
"""$0.001 a second."""

MACHINE = Machine(
    "i-0abc",
    "node-1",
    provider="aws",
    region="us-east-1",
    zone="us-east-1a",
    instance_type="p5.48xlarge",
    purchase_option="on_demand",
    cpu_model="Invented CPU 9000",
    cpu_count=8,
    memory_bytes=64 * 2**30,
    facts={
        "provider": "aws-imds",
        "region": "aws-imds",
        "instance_type": "stated",
        "resource_id": "aws-imds",
        "source": "stated",
        "metadata": "aws-imds answered",
    },
)

STORAGE = Price(
    "invented/storage", Decimal("0.10"), "gb_month", source="invented", origin="override"
)

NOW = Clock().wall + 3600 * 10**9
"""An hour after the recordings begin: until then kept artifacts are priced."""


class Recorder:
    """One segment that is being recorded."""

    def __init__(
        self,
        home,
        run,
        *,
        segment=None,
        clock=None,
        name=None,
        labels=None,
        machine=MACHINE,
        price=HOURLY,
        gpus=0,
        share="1",
        is_alive=False,
        **more,
    ):
        self.clock = clock or Clock()
        self.host, self.activity = Host(), [90.0] * gpus
        self.devices = Devices(devices=tuple(gpu(n) for n in range(gpus)))
        self.folder = home / "runs" / run / (segment or f"{run}-1")
        self.spool = Spool(self.folder)
        if is_alive:
            more |= {"pid": os.getpid(), "pid_start": process_start(os.getpid())}
        held = tuple(f"GPU-{n}" for n in range(gpus))
        place = {"machine": machine, "share": share, "held": held}
        tools = instruments(self.clock, self.host, self.devices, price=price, **place)
        stated = price if isinstance(price, Price) and price.origin == "stated" else None
        start = start_event(run, self.folder.name, name=name, labels=labels or {}, **more)
        self.meter = Meter(self.spool, tools, start, stated_price=stated)
        self.meter._open_host()
        self.meter._tick_host()
        self.meter._find_place()

    def stage(self, stage, epoch=None):
        self.meter.counters.epoch = -1 if epoch is None else epoch
        steps = self.meter.counters.steps
        self.meter.add_event(ev.STAGE, stage=stage, epoch=epoch, steps=steps)

    def ride(self, seconds, *, steps=0, cores=1.0):
        """Let time pass, a sample a second; *steps* are made evenly."""
        counters, before = self.meter.counters, self.meter.counters.steps
        for second in range(1, seconds + 1):
            self.clock.advance(1)
            counters.steps = before + steps * second // seconds
            self.host.reading["cpu_ns"] += round(cores * 10**9)
            self.devices.readings = [
                reading(percent, (40 + n) << 30, second * 300_000)
                for n, percent in enumerate(self.activity)
            ]
            self.meter._tick_host()
            self.meter._tick_devices()
            if second % DEVICE_TICKS == 0:
                self.meter._flush_devices()

    def log(self, **metrics):
        line = {"t": self.meter.elapsed_ns(), "step": self.meter.counters.steps, "m": metrics}
        self.spool.add_metric(line)

    def keep(self, role, uri, size, price=STORAGE):
        event = {"role": role, "uri": uri, "bytes": size, "price": ev.price_to_json(price)}
        self.meter.add_event(ev.ARTIFACT, w=self.clock.wall, **event)

    def end(self, status="finished", **more):
        self.meter.stop(status, **more)


def record_training(home, run, *, epochs=3, seconds=20, losses=(2.0, 1.0, 0.5), **more):
    """A whole training: setup, epochs of *seconds*, a metric after each, a checkpoint at the end."""
    made = Recorder(home, run, **more)
    made.stage("setup")
    made.ride(5)
    for epoch in range(epochs):
        made.stage("train", epoch)
        made.ride(seconds, steps=100, cores=6.5)
        made.log(loss=losses[epoch % len(losses)], accuracy=1 - losses[epoch % len(losses)] / 4)
    made.stage("checkpoint")
    made.ride(2)
    made.keep("checkpoint", "s3://invented/last.pt", 2**30)
    made.stage("finish")
    made.end()
    return made
