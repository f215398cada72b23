"""Runs: what a user thinks of as one training, and the segments that were really recorded.

A *run* survives preemption, requeue and retry. A *segment* is what one process recorded of it: a
rank, a node, a restart, the process itself or the command that wraps it. An *attempt* is one
uninterrupted stretch of the run; it is derived from segments that overlap in time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from trainfare.core.claim import Claim
from trainfare.core.machine import Machine
from trainfare.core.period import Interval, hull
from trainfare.core.plan import NO_PLAN, Plan
from trainfare.core.price import NoPrice, Price
from trainfare.core.profile import DeviceProfile
from trainfare.core.stage import Status, is_data

LOCAL_RESOURCE = "host:"
"""How a machine's id begins while only the machine itself has named it."""


@dataclass(frozen=True, slots=True)
class StageMark:
    """From *at_ns* on (since the segment's start) the run was in *stage*, *epoch* (None outside)."""

    at_ns: int
    stage: str
    epoch: int | None = None
    steps: int | None = None
    """Steps that the segment had made by then; None where it was not recorded."""


@dataclass(frozen=True, slots=True)
class PriceMark:
    """From *at_ns* on (since the segment's start) the whole machine cost *price* per hour."""

    at_ns: int
    price: Price | NoPrice


@dataclass(frozen=True, slots=True)
class Artifact:
    """Bytes that a run wrote or read and that storage holds: a checkpoint, dataset or output."""

    role: str
    """checkpoint, dataset or output."""
    uri: str
    bytes: int | None
    """None when the size is unknown."""
    held: Interval
    """From when it was recorded until it was replaced, seen to be gone, or now."""
    is_kept: bool = True
    """Whether it still exists, as far as is known."""
    price: Price | NoPrice | None = None
    paid_ns: Fraction | None = None
    """Nanoseconds of holding that this run pays for, where it shares it; None is all of *held*."""
    steps: int | None = None
    """Steps that the segment had made when it was recorded."""
    read_bytes: int | None = None
    """Of a dataset: how much of it the segment says it read so far."""
    weight: int | None = None
    """Of an output: its part of the run's work, against that of the run's other outputs."""
    made_of: tuple[str, ...] = ()
    """Of an output: the other outputs of its run that went into it."""

    @property
    def byte_ns(self) -> Fraction | None:
        """Byte-nanoseconds to pay for, or None where the size is unknown."""
        if self.bytes is None:
            return None
        held_ns = Fraction(self.held.duration_ns) if self.paid_ns is None else self.paid_ns
        return self.bytes * held_ns


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """What one accelerator did over a stretch of time *interval_ns* (since the segment's start)."""

    device_id: str
    start_ns: int
    end_ns: int
    activity_permille: int | None
    """Mean share of time in which any kernel ran, in thousandths; None is unknown."""
    memory_mib: int | None = None
    energy_mj: int | None = None
    """Millijoules used over the stretch."""
    process_permille: int | None = None
    """Share of the device that this run's processes used, in thousandths."""
    profile: DeviceProfile | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters at the end of a segment, since its start; None is not measured."""

    cpu_ns: int | None = None
    rss_bytes_max: int | None = None
    disk_read_bytes: int | None = None
    disk_write_bytes: int | None = None
    net_rx_bytes: int | None = None
    net_tx_bytes: int | None = None
    input_wait_ns: int | None = None
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Flops:
    """Floating-point operations that a training says it needs: per step, sample or token."""

    per: str
    """``step`` (of the whole run, all its accelerators together), ``sample`` or ``token``."""
    count: Fraction
    dtype: str
    """The number format that most of them are computed in: bf16, fp16, fp8."""


@dataclass(frozen=True, slots=True)
class LogOrigin:
    """The log that a segment was read from, where Trainfare did not meter it itself."""

    kind: str
    file: str
    bytes: int
    sha256: str
    """Of the file's bytes: the same log is known again, also when it has grown."""
    timer_name: str | None = None
    """What the log's own timer is called, which is not the time that is paid for …"""
    timer_start_ns: int = 0
    """… and from when to when it ran, since the segment's start."""
    timer_end_ns: int = 0


@dataclass(frozen=True, slots=True)
class TrackerRun:
    """The same run as an experiment tracker knows it."""

    system: str
    """mlflow, wandb, tensorboard …"""
    run: str
    """The tracker's own id of it."""
    place: str | None = None
    """Where the tracker keeps its runs, as its own client wants to be told."""
    url: str | None = None
    """Where people look at it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What one process recorded of a run."""

    run: str
    id: str
    name: str | None
    labels: Mapping[str, str]
    machine: Machine
    share: Fraction
    """The part of the machine that the run holds."""
    held_devices: tuple[str, ...]
    """Ids of the accelerators that the run holds."""
    started_wall_ns: int
    duration_ns: int
    """By the monotonic clock."""
    status: Status
    started_mono_ns: int | None = None
    """By the monotonic clock of its machine since that was booted; None where it was not recorded."""
    rank: int = 0
    is_wrapper: bool = False
    """Recorded by ``trainfare run`` from outside the training process."""
    command: str | None = None
    """What a wrapper wraps, in a word."""
    exit_code: int | None = None
    error: str | None = None
    stages: tuple[StageMark, ...] = ()
    prices: tuple[PriceMark, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    steps: int = 0
    first_step: int | None = None
    """Step of the whole training at which this segment began to count; None where nobody said."""
    samples: int | None = None
    """What its training loop says it took in; None where it does not say."""
    tokens: int | None = None
    plan: Plan = NO_PLAN
    """How much it says there is to do."""
    stalled_ns: int | None = None
    """Time in train without a step, or waiting for data; None where it was not looked at."""
    parents: tuple[str, ...] = ()
    """Runs whose result this one began from, as a finetuning from a pretraining."""
    totals: Totals = Totals()
    device_use: tuple[DeviceUse, ...] = ()
    telemetry: Mapping[str, str] = field(default_factory=dict)
    """Who measured ``activity``, ``energy`` and ``profile`` of the accelerators; ``profile_why``
    says why there is no profile. Empty where nothing did, or before that was recorded."""
    flops: Flops | None = None
    """What the training says its work takes."""
    network: Mapping[str, tuple[int, int]] | None = None
    network_class: str | None = None
    carbon_g_per_kwh: Fraction | None = None
    carbon_source: str | None = None
    """Who says so, and of when, in the user's words."""
    pue: Fraction | None = None
    """Energy of the building out of that of its machines, at least 1; None where nobody said."""
    notes: tuple[str, ...] = ()
    """What went wrong while metering: gaps, clock jumps, a full disk."""
    log: LogOrigin | None = None
    """Where it comes from, if it was not metered."""
    trackers: tuple[TrackerRun, ...] = ()
    """What experiment trackers call the run."""

    @property
    def interval(self) -> Interval:
        """Wall-clock start plus monotonic duration."""
        return Interval(self.started_wall_ns, self.started_wall_ns + self.duration_ns)

    @property
    def stage_spans(self) -> list[tuple[StageMark, int]]:
        """Each mark with where the next one, or the segment, ends it (since its start)."""
        ends = [mark.at_ns for mark in self.stages[1:]] + [self.duration_ns]
        return [(mark, max(mark.at_ns, end)) for mark, end in zip(self.stages, ends, strict=False)]

    def claim(self, attempt: int) -> Claim:
        """The claim that this segment makes on its machine."""
        return Claim(self.run, attempt, self.machine.resource_id, self.interval, self.share)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One uninterrupted stretch of a run, from the segments that overlap in time."""

    number: int
    segments: tuple[Segment, ...]

    @property
    def interval(self) -> Interval:
        """From the first segment's start to the last one's end."""
        return hull([one.interval for one in self.segments])

    @property
    def status(self) -> Status:
        """The worst of what its segments say, running first; a finished wrapper settles a kill.

        ``trainfare run`` outlives the training that it wraps, so its word on how it ended counts.
        Where it was itself killed it saw no end, and what it wrapped on its machine speaks.
        """
        wrappers = [s for s in self.segments if s.is_wrapper]
        speakers = [s for w in wrappers for s in self._witnesses(w)] or list(self.segments)
        if any(s.status is Status.RUNNING for s in speakers):
            return Status.RUNNING
        order = (Status.STOPPED_BY_BUDGET, Status.KILLED, Status.FAILED, Status.FINISHED)
        stopped = [s for s in self.segments if s.status is Status.STOPPED_BY_BUDGET]
        return min((s.status for s in (*speakers, *stopped)), key=order.index)

    def _witnesses(self, wrapper: Segment) -> list[Segment]:
        """Who knows how the part of the attempt under *wrapper* ended."""
        if wrapper.status is not Status.KILLED or wrapper.exit_code is not None:
            return [wrapper]
        place = wrapper.machine.resource_id
        inner = [s for s in self.segments if s.machine.resource_id == place and not s.is_wrapper]
        return inner or [wrapper]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything recorded of one run: its attempts in order of time."""

    id: str
    attempts: tuple[Attempt, ...]

    @property
    def segments(self) -> tuple[Segment, ...]:
        """All segments, attempt by attempt."""
        return tuple(s for attempt in self.attempts for s in attempt.segments)

    @property
    def interval(self) -> Interval:
        """From the earliest start to the latest end, by the wall clock.

        The first attempt need not be the earliest by it: that clock may have been set back.
        """
        return hull([attempt.interval for attempt in self.attempts])

    @property
    def name(self) -> str | None:
        """The first name that anybody gave, else the command that was wrapped."""
        names = [s.name for s in self.segments] + [s.command for s in self.segments]
        return next((name for name in names if name), None)

    @property
    def labels(self) -> dict[str, str]:
        """All labels; where segments disagree the earliest word stands."""
        labels: dict[str, str] = {}
        for segment in self.segments:
            for key, value in segment.labels.items():
                labels.setdefault(key, value)
        return labels

    @property
    def parents(self) -> tuple[str, ...]:
        """Runs that this one began from, in the order in which its segments named them."""
        return tuple(dict.fromkeys(p for s in self.segments for p in s.parents))

    @property
    def trackers(self) -> tuple[TrackerRun, ...]:
        """The run in every tracker, each once, with the latest word on it."""
        found = {(one.system, one.run): one for s in self.segments for one in s.trackers}
        return tuple(found.values())

    @property
    def is_data(self) -> bool:
        """Whether it prepares data: somebody began it as a whole in the stage data."""
        return any(is_data(s.stages[0].stage) for s in self.segments if s.stages)

    @property
    def status(self) -> Status:
        """How the last attempt stands."""
        return self.attempts[-1].status

    def claims(self) -> list[Claim]:
        """One claim per segment, as recorded; merge them before pricing."""
        return [s.claim(a.number) for a in self.attempts for s in a.segments]


def sum_over_machines(run: RunRecord, name: str) -> int | None:
    """The total counter *name* of a run over its machines and attempts; None where nobody counted.

    Segments of one machine overlap (a wrapper sees its child), so the largest stands for it.
    """
    total = None
    for attempt in run.attempts:
        largest: dict[str, int] = {}
        for segment in attempt.segments:
            value = getattr(segment.totals, name)
            if value is not None:
                key = segment.machine.resource_id
                largest[key] = max(largest.get(key, 0), value)
        if largest:
            total = (total or 0) + sum(largest.values())
    return total
