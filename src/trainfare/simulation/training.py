"""Trainings: what happens within a simulated run, as its meter writes it down.

Setup, epochs that end in an evaluation, checkpoints, a falling loss, and GPUs that are busy but for
a while in which the training waits for its data.
"""

from __future__ import annotations

from decimal import Decimal
from math import exp, nan
from random import Random

from trainfare.core.machine import Accelerator
from trainfare.core.period import SECOND
from trainfare.core.price import Price
from trainfare.metering import event as ev
from trainfare.metering.event import price_to_json
from trainfare.metering.sample import DeviceSample, HostSample, pack_devices, pack_host
from trainfare.metering.spool import Spool
from trainfare.simulation.schedule import Habit

NAMES = {
    "h100": "NVIDIA H100 80GB HBM3",
    "a100": "NVIDIA A100-SXM4-40GB",
    "a10g": "NVIDIA A10G",
    "t4": "Tesla T4",
}

_WINDOWS = 240
"""So many measurements a segment has, however long it took."""


def make_accelerators(resource_id: str, gpu: str, count: int) -> tuple[Accelerator, ...]:
    """The *count* GPUs of a machine, with ids of their own."""
    name = NAMES.get(gpu, gpu.upper())
    return tuple(
        Accelerator(number, f"GPU-{resource_id}-{number}", name) for number in range(count)
    )


CHECKPOINT_BYTES = 400 << 30
CHECKPOINT_PRICE = Price("aws/us-east-1/s3/standard", Decimal("0.023"), "gb_month", source="list")
"""Of the checkpoints that nobody reads."""


def write_training(
    spool: Spool,
    rng: Random,
    run: str,
    *,
    start_ns: int,
    duration_ns: int,
    gpus: int,
    habit: Habit | None = None,
) -> int:
    """Write the inside of one segment: stages, metrics and samples; returns its steps.

    Args:
        spool: of the segment, whose start is written and whose end is not.
        rng: decides how many epochs there are and how busy the GPUs are.
        run: whose it is.
        start_ns: when the segment began.
        duration_ns: how long it lasted.
        gpus: how many it holds.
        habit: how it wastes money.
    """
    epochs = rng.randrange(3, 13)
    setup_ns = min(duration_ns // 20, 240 * SECOND)
    each_ns = (duration_ns - setup_ns) // epochs
    speed = rng.uniform(0.4, 3.0)
    spool.add_event({"k": ev.STAGE, "t": 0, "stage": "setup", "epoch": None, "steps": 0})
    steps, floor = 0, rng.uniform(0.3, 1.6)
    for epoch in range(epochs):
        begin_ns = setup_ns + epoch * each_ns
        made = int(each_ns * 9 // 10 * speed // SECOND)
        marks = (("train", 0, steps), ("eval", 90, steps + made), ("checkpoint", 97, steps + made))
        for stage, percent, done in marks:
            at_ns = begin_ns + each_ns * percent // 100
            event = {"k": ev.STAGE, "t": at_ns, "stage": stage, "epoch": epoch, "steps": done}
            spool.add_event(event)
        steps += made
        loss = floor + 2.4 * exp(-1.1 * (epoch + 1)) + rng.uniform(-0.03, 0.03)
        if habit is Habit.DIVERGED and epoch:
            loss = nan
        if habit is Habit.UNREAD_CHECKPOINTS:
            _write_checkpoint(spool, run, epoch, start_ns, begin_ns + each_ns * 97 // 100)
        metrics = {"loss": round(loss, 4), "accuracy": round(max(0.0, 1 - loss / 3.2), 4)}
        spool.add_metric({"t": begin_ns + each_ns * 9 // 10, "step": steps, "m": metrics})
    is_busy = {Habit.NEVER_USED: 0, Habit.KEPT_AFTER_TRAINING: duration_ns * 2 // 3}
    until_ns = duration_ns if habit is None else is_busy.get(habit, duration_ns)
    _write_samples(spool, rng, start_ns, duration_ns, gpus, steps, until_ns)
    return steps


def _write_checkpoint(spool: Spool, run: str, epoch: int, start_ns: int, at_ns: int) -> None:
    """A checkpoint in object storage that is kept."""
    where = {"role": "checkpoint", "uri": f"s3://acmecheckpoints/{run}/epoch-{epoch}"}
    price = price_to_json(CHECKPOINT_PRICE)
    held = {"w": start_ns + at_ns, "bytes": CHECKPOINT_BYTES, "price": price}
    spool.add_event({"k": ev.ARTIFACT, "t": at_ns, **where, **held})


def _write_samples(
    spool: Spool,
    rng: Random,
    start_ns: int,
    duration_ns: int,
    gpus: int,
    steps: int,
    until_ns: int,
) -> None:
    window_ns = max(10 * SECOND, duration_ns // _WINDOWS)
    count = duration_ns // window_ns
    busy, lull = rng.randrange(640, 960), rng.randrange(_WINDOWS)
    lull_length = rng.choice((0, 0, 8, 30))
    watts = {0: 70, 1: 410}
    for number in range(count):
        end_ns = (number + 1) * window_ns
        is_low = lull <= number < lull + lull_length or number < 3
        is_low = is_low or end_ns > until_ns
        host = HostSample(
            end_ns,
            start_ns + end_ns,
            -1,
            steps * (number + 1) // count,
            int(end_ns * 6.4),
            48 << 30,
            *(number * 2**28, number * 2**26, number * 2**27, number * 2**25),
            (number * window_ns) // 40,
        )
        spool.add_sample(pack_host(host))
        devices = []
        for device in range(gpus):
            activity = 4 if is_low else min(1000, max(0, busy + rng.randrange(-60, 60)))
            spent_mj = window_ns // 10**6 * watts[not is_low]
            devices.append(
                DeviceSample(number * window_ns, end_ns, device, activity, None, 31_000, spent_mj)
            )
        if devices:
            spool.add_sample(pack_devices(devices))
