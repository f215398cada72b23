"""The watching path: what a run costs at this moment, for eyes that watch it live.

spool → receipt of the last minute + pulse of every running segment → frame
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from trainfare.core.activity import LOW_USE_PERMILLE, LOW_USE_WINDOW_NS
from trainfare.core.estimate import EpochCost
from trainfare.core.machine import Accelerator
from trainfare.core.money import Money
from trainfare.core.period import SECOND, format_instant
from trainfare.core.run import (
    Segment,
    StageMark,
)
from trainfare.core.stage import Status
from trainfare.flows.forecast import Forecaster, price_per_hour
from trainfare.metering.history import read_receipt, run_ids
from trainfare.metering.pulse import Pulse, read_pulse
from trainfare.metering.receipt import Receipt
from trainfare.metering.recording import is_alive, read_recording
from trainfare.metering.sample import DeviceSample
from trainfare.metering.shelf import segment_folders

EPOCHS = 12
"""A frame carries the latest so many epochs."""

SILENT_NS = 10 * SECOND
"""A running segment that wrote no sample for so long is said to be silent."""


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One accelerator that a running segment holds."""

    host: str
    accelerator: Accelerator
    activity: tuple[float | None, ...]
    """Share of time with a kernel running, 0 to 1, per window of ten seconds, oldest first."""
    memory_bytes: int | None
    low_ns: int
    """For how long it has now been doing nothing, without a break."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A run at one moment."""

    receipt: Receipt
    at_ns: int
    price_per_hour: Money | None
    """What all held machines together cost now, by the hour; None without a price or once ended."""
    stage: str | None
    epoch: int | None
    steps_per_second: float | None
    input_wait: float | None
    """Share of the last half minute in which the training waited for its data."""
    epochs: tuple[EpochCost, ...]
    cpu_cores: tuple[float | None, ...]
    """Busy CPUs of all machines of the run, per sample, oldest first."""
    cpu_count: int | None
    memory_bytes: int | None
    devices: tuple[DeviceView, ...]
    alerts: tuple[str, ...]

    @property
    def is_running(self) -> bool:
        """Whether there will be another frame."""
        return self.receipt.run.status is Status.RUNNING

    def to_json(self) -> dict[str, Any]:
        """The frame with stable keys; money is text, what is unknown is null."""
        document = self.receipt.to_json()
        kept = ("run", "name", "labels", "status", "started_at", "duration_seconds", "currency")
        estimated = {k: v for k, v in document["estimated"].items() if k != "low_use"}
        return {
            "at": format_instant(self.at_ns),
            **{key: document[key] for key in kept},
            "estimated": estimated,
            "forecast": document["forecast"],
            "price_per_hour": None if self.price_per_hour is None else self.price_per_hour.text(),
            "stage": self.stage,
            "epoch": self.epoch,
            "epochs": document["epochs"][-EPOCHS:],
            "steps": document["steps"],
            "steps_per_second": _rounded(self.steps_per_second),
            "input_wait": _rounded(self.input_wait),
            "cpu_cores": _rounded(self.cpu_cores[-1] if self.cpu_cores else None),
            "cpu_count": self.cpu_count,
            "memory_bytes": self.memory_bytes,
            "devices": [
                {
                    "host": one.host,
                    "id": one.accelerator.id,
                    "name": one.accelerator.name,
                    "gpu_activity": one.activity[-1] if one.activity else None,
                    "memory_bytes": one.memory_bytes,
                }
                for one in self.devices
            ],
            "alerts": list(self.alerts),
        }


def take_frame(
    home: Path,
    run_id: str,
    now_ns: int | None = None,
    forecaster: Forecaster | None = None,
    *,
    beside: Collection[str] | None = None,
) -> Frame:
    """The run as it stands at *now_ns*; a few milliseconds, however long it has been running.

    A *forecaster* that is kept from frame to frame reads the runs before this one only once; whoever
    knows the only other runs that may go on *beside* this one spares a look at the whole home.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    forecaster = forecaster or Forecaster(home)
    receipt = read_receipt(
        home, run_id, now_ns=now_ns, with_makers=False, is_recent=True, beside=beside
    )
    receipt = replace(receipt, forecast=forecaster.forecast(receipt))
    segments = [s for s in receipt.run.attempts[-1].segments if s.status is Status.RUNNING]
    pulses = {s.id: read_pulse(home, run_id, s.id) for s in segments}
    mark = present_stage(segments)
    frame = Frame(
        receipt=receipt,
        at_ns=now_ns,
        price_per_hour=price_per_hour(receipt, segments),
        stage=mark.stage if mark else None,
        epoch=mark.epoch if mark else None,
        steps_per_second=_largest(p.steps_per_second for p in pulses.values()),
        input_wait=_largest(pulses[s.id].input_wait for s in segments if not s.is_wrapper),
        epochs=tuple(receipt.estimate.by_epoch()[-EPOCHS:]),
        cpu_cores=_cpu_cores(segments, pulses),
        cpu_count=_sum_by_machine(segments, lambda s: s.machine.cpu_count),
        memory_bytes=_sum_by_machine(segments, lambda s: pulses[s.id].memory_bytes),
        devices=tuple(_devices(segments, pulses)),
        alerts=(),
    )
    return replace(frame, alerts=tuple(_alerts(frame, segments, pulses)))


def find_running(home: Path) -> str | None:
    """The run that started last among those that are running now, or None."""
    started: dict[str, int] = {}
    for run_id in run_ids(home):
        for folder in segment_folders(home, run_id):
            recording = read_recording(folder, with_devices=False)
            if recording is not None and is_alive(recording, folder):
                started[run_id] = max(started.get(run_id, 0), int(recording.start["w"]))
    return max(started, key=lambda run_id: started[run_id], default=None)


def present_stage(segments: Sequence[Segment]) -> StageMark | None:
    """Where the training says it is: its own word before its wrapper's, low ranks before high."""
    speakers = sorted(segments, key=lambda s: (s.is_wrapper, s.rank, s.started_wall_ns))
    return next((s.stages[-1] for s in speakers if s.stages), None)


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _sum_by_machine(
    segments: Sequence[Segment], read: Callable[[Segment], int | None]
) -> int | None:
    """Segments of one machine see the same processes, so the largest stands for it."""
    largest: dict[str, int] = {}
    for segment in segments:
        value = read(segment)
        if value is not None:
            key = segment.machine.resource_id
            largest[key] = max(value, largest.get(key, 0))
    return sum(largest.values()) if largest else None


def _cpu_cores(
    segments: Sequence[Segment], pulses: Mapping[str, Pulse]
) -> tuple[float | None, ...]:
    """Per machine the segment that saw most, summed over machines sample by sample from the end."""
    by_machine: dict[str, list[float | None]] = {}
    for segment in segments:
        cores = pulses[segment.id].cpu_cores()
        best = by_machine.setdefault(segment.machine.resource_id, cores)
        if sum(c or 0 for c in cores[-60:]) > sum(c or 0 for c in best[-60:]):
            by_machine[segment.machine.resource_id] = cores
    series = [cores[::-1] for cores in by_machine.values()]
    sums = []
    for now in itertools.zip_longest(*series):
        known = [value for value in now if value is not None]
        sums.append(sum(known) if known else None)
    return tuple(reversed(sums))


def _devices(segments: Sequence[Segment], pulses: Mapping[str, Pulse]) -> Iterator[DeviceView]:
    """Each held accelerator once, from the first segment that measured it."""
    seen: set[str] = set()
    for is_measured in (True, False):
        for segment in segments:
            for position, accelerator in enumerate(segment.machine.accelerators):
                windows = pulses[segment.id].device(position)
                if accelerator.id not in segment.held_devices or accelerator.id in seen:
                    continue
                if bool(windows) is is_measured:
                    seen.add(accelerator.id)
                    yield _device(segment, accelerator, windows)


def _device(
    segment: Segment, accelerator: Accelerator, windows: Sequence[DeviceSample]
) -> DeviceView:
    low_ns = 0
    for one in reversed(windows):
        if one.activity_permille is None or one.activity_permille >= LOW_USE_PERMILLE:
            break
        low_ns += one.mono_ns - one.start_ns
    memory = windows[-1].memory_mib if windows else None
    return DeviceView(
        host=segment.machine.hostname,
        accelerator=accelerator,
        activity=tuple(
            None if one.activity_permille is None else one.activity_permille / 1000
            for one in windows
        ),
        memory_bytes=None if memory is None else memory << 20,
        low_ns=low_ns,
    )


def _alerts(
    frame: Frame, segments: Sequence[Segment], pulses: Mapping[str, Pulse]
) -> Iterator[str]:
    """What the watcher should know, in sentences; the gravest first."""
    for one in frame.receipt.estimate.unpriced:
        if one.meter == "machine time":
            yield f"no price for {one.quantity} of machine time: {one.why}"
    for segment in segments:
        seen_ns = pulses[segment.id].seen_wall_ns
        if seen_ns is not None and frame.at_ns - seen_ns > SILENT_NS:
            seconds = (frame.at_ns - seen_ns) // SECOND
            where = f"{segment.machine.hostname}, rank {segment.rank}"
            yield f"no sample from {where} for {seconds} s: stopped, or its machine is too busy"
    yield from _idle_alert(frame)
    for price in frame.receipt.estimate.prices:
        if price.quality != "fresh" or price.is_reference:
            yield f"{price.sku} {price.describe()}: trainfare prices refresh may know better"
    yield from sorted({note for segment in segments for note in segment.notes})


def _idle_alert(frame: Frame) -> Iterator[str]:
    """How many held accelerators do nothing, for how long, and what they cost meanwhile."""
    low = [one for one in frame.devices if one.low_ns >= LOW_USE_WINDOW_NS]
    if not low:
        return
    minutes = min(one.low_ns for one in low) // (60 * SECOND)
    hourly = frame.price_per_hour
    part = Fraction(len(low), len(frame.devices))
    # Held accelerators of one kind: each costs the same part of what the run's machines cost.
    costs = (
        f", {Money.nearest(Fraction(hourly.nano, 10**9) * part, hourly.currency).display()}/h"
        if hourly is not None
        else ""
    )
    yield f"{len(low)} of {len(frame.devices)} accelerators idle for {minutes} min or longer{costs}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
