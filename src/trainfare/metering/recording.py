"""Recordings: a segment read back from its spool, whole or cut short at any byte."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput
from trainfare.core.machine import Machine
from trainfare.core.period import Interval
from trainfare.core.profile import DeviceProfile
from trainfare.core.run import (
    Artifact,
    DeviceUse,
    Flops,
    PriceMark,
    Segment,
    StageMark,
    Totals,
    TrackerRun,
)
from trainfare.core.stage import Status
from trainfare.metering import event as ev
from trainfare.metering.event_value import (
    log_from_json,
    machine_from_json,
    plan_from_json,
    price_from_json,
)
from trainfare.metering.identity import boot_id, pid_namespace, process_start
from trainfare.metering.sample import (
    DeviceSample,
    HostSample,
    ProfileSample,
    WorkSample,
    unpack,
)
from trainfare.metering.shape import FAULTS, check_events
from trainfare.metering.spool import EVENTS, SAMPLES, last_record_bytes, read_file, read_lines
from trainfare.metering.stall import stalled_ns

STALE_NS = 90 * 10**9
"""A segment of another host or process namespace without a new sample for so long has ended."""


@dataclass(frozen=True, slots=True)
class Recording:
    """The raw content of a segment's spool."""

    events: tuple[dict[str, Any], ...]
    samples: tuple[HostSample | DeviceSample | WorkSample | ProfileSample, ...]

    @property
    def start(self) -> dict[str, Any]:
        """The first event: who, where and when."""
        return self.events[0]

    @property
    def end(self) -> dict[str, Any] | None:
        """The event that closed the segment, if any did."""
        return next((e for e in self.events if e["k"] == ev.END), None)

    @property
    def lasted_ns(self) -> int:
        """From the start to the end, or to the last that is known of it.

        Who closes a killed segment may have fewer samples than were shipped (a file was cut): what
        goes on beyond such an end counts.
        """
        end = self.end
        if end is not None and end["status"] != Status.KILLED.value:
            return int(end["t"])
        hosts = (one.mono_ns for one in reversed(self.samples) if isinstance(one, HostSample))
        told = self.events if end is None else (end,)
        return max([next(hosts, 0), *(int(one["t"]) for one in told)])


def read_recording(folder: Path, *, with_devices: bool = True) -> Recording | None:
    """Read a segment's folder, or None where nothing of it can be read.

    Args:
        folder: ``runs/<run>/<segment>``.
        with_devices: read every sample; otherwise only the last ones, which is all that time and
            money need.
    """
    try:
        return make_recording(*read_bytes(folder, with_devices=with_devices))
    except FAULTS:
        return None


def read_bytes(folder: Path, *, with_devices: bool) -> tuple[bytes, bytes]:
    """Events and samples of a segment's folder; what is no regular file is not there."""
    return read_regular(folder / EVENTS), read_samples(folder, with_devices=with_devices)


def read_samples(folder: Path, *, with_devices: bool) -> bytes:
    """Samples of a segment's folder: all of them, or the last ones."""
    path = folder / SAMPLES
    if not path.is_file():
        return b""
    return read_file(path) if with_devices else last_record_bytes(path)


def read_regular(path: Path) -> bytes:
    """The bytes of a regular file, or nothing: a pipe in a shared home must not hold anybody up."""
    return read_file(path) if path.is_file() else b""


def make_recording(events: bytes, samples: bytes) -> Recording | None:
    """A recording from the bytes of its two files, or None where it does not begin with a start.

    Raises:
        BadInput: a later format, or events that nothing can be computed from.
    """
    try:
        lines = [line for line in read_lines(events) if "k" in line]
    except RecursionError:
        raise BadInput("a line is nested too deeply") from None
    if not lines or lines[0]["k"] != ev.START:
        return None
    version = lines[0].get("v")
    if not isinstance(version, int) or version > ev.VERSION:
        raise BadInput(
            f"run {lines[0].get('run')} was recorded in format {version}, this Trainfare reads up "
            f"to {ev.VERSION}; upgrade with pip install -U trainfare"
        )
    check_events(lines)
    return Recording(tuple(lines), tuple(unpack(samples)))


def is_alive(recording: Recording, folder: Path, now_wall_ns: int | None = None) -> bool:
    """Whether the process that writes this segment still lives.

    On this host and in this process namespace the process table answers: the pid exists and
    started when the recording says. Elsewhere the age of the last write does.
    """
    start = recording.start
    if recording.end is not None:
        return False
    if start.get("boot") == boot_id() and start.get("pidns") == pid_namespace():
        pid = start.get("pid")
        return pid is not None and process_start(pid) == start.get("pid_start")
    now = time.time_ns() if now_wall_ns is None else now_wall_ns
    newest = max(
        (
            (folder / name).stat().st_mtime_ns
            for name in (SAMPLES, EVENTS)
            if (folder / name).exists()
        ),
        default=0,
    )
    return now - newest < max(STALE_NS, 3 * int(start.get("interval_ns", 0)))


def to_segment(
    recording: Recording, *, alive: bool, now_wall_ns: int, is_whole: bool = False
) -> Segment:
    """The segment that a recording tells of.

    Args:
        recording: with every sample, or with the last ones only (then without device use).
        alive: whether its process still runs; a dead one without an end was killed.
        now_wall_ns: until when kept artifacts are held.
        is_whole: whether all samples are in it, so that stalls can be found.
    """
    start, end = recording.start, recording.end
    hosts = [s for s in recording.samples if isinstance(s, HostSample)]
    machine_event = _last(recording.events, ev.MACHINE) or start
    machine = machine_from_json(machine_event["machine"])
    if end is not None:
        status = Status(end["status"])
    else:
        status = Status.RUNNING if alive else Status.KILLED
    duration_ns = recording.lasted_ns
    stages = tuple(
        StageMark(int(e["t"]), e["stage"], e.get("epoch"), e.get("steps"))
        for e in _all(recording, ev.STAGE)
    )
    return Segment(
        run=start["run"],
        id=start["segment"],
        name=start.get("name"),
        command=start.get("command"),
        labels={key: str(value) for key, value in start.get("labels", {}).items()},
        machine=machine,
        share=Fraction(machine_event.get("share", "1")),
        held_devices=tuple(machine_event.get("held", ())),
        started_wall_ns=int(start["w"]),
        started_mono_ns=start.get("mono"),
        duration_ns=duration_ns,
        status=status,
        rank=int(start.get("rank", 0)),
        is_wrapper=bool(start.get("wrapper", False)),
        exit_code=end.get("exit_code") if end else None,
        error=end.get("error") if end else None,
        stages=stages,
        prices=tuple(
            PriceMark(int(e["t"]), price_from_json(e["price"])) for e in _all(recording, ev.PRICE)
        ),
        artifacts=_artifacts(recording, now_wall_ns),
        steps=max([hosts[-1].steps if hosts else 0, int(end.get("steps", 0)) if end else 0]),
        first_step=_first_step(recording),
        samples=_work(recording, "samples"),
        tokens=_work(recording, "tokens"),
        plan=plan_from_json(recording.events),
        stalled_ns=stalled_ns(hosts, stages, duration_ns) if is_whole else None,
        parents=tuple(start.get("parents", ())),
        totals=_totals(hosts),
        device_use=_device_use(recording, machine),
        telemetry=(_last(recording.events, ev.TELEMETRY) or {}).get("said", {}),
        flops=_flops(recording),
        network=_network(recording),
        network_class=start.get("network_class"),
        carbon_g_per_kwh=Fraction(start["carbon"]) if start.get("carbon") else None,
        carbon_source=start.get("carbon_source"),
        pue=Fraction(start["pue"]) if start.get("pue") else None,
        notes=tuple(e["text"] for e in _all(recording, ev.NOTE)),
        log=log_from_json(start["log"]) if start.get("log") else None,
        trackers=tuple(
            TrackerRun(e["system"], e["run"], e.get("place"), e.get("url"))
            for e in _all(recording, ev.TRACKER)
        ),
    )


def _all(recording: Recording, kind: str) -> Iterable[dict[str, Any]]:
    return (e for e in recording.events if e["k"] == kind)


def _last(events: tuple[dict[str, Any], ...], kind: str) -> dict[str, Any] | None:
    return next((e for e in reversed(events) if e["k"] == kind), None)


def _first_step(recording: Recording) -> int | None:
    """The step at which counting began, from where the training said that it goes on."""
    event = _last(recording.events, ev.RESUME)
    return None if event is None else int(event["step"]) - int(event["steps"])


def _work(recording: Recording, what: str) -> int | None:
    """Samples or tokens at the end, or at the last record of a segment that was cut short."""
    end = recording.end or {}
    if end.get(what) is not None:
        return int(end[what])
    counts = [getattr(s, what) for s in recording.samples if isinstance(s, WorkSample)]
    return max((count for count in counts if count is not None), default=None)


def _totals(hosts: list[HostSample]) -> Totals:
    if not hosts:
        return Totals()
    last = hosts[-1]
    sizes = [s.rss_bytes for s in hosts if s.rss_bytes is not None]
    return Totals(
        cpu_ns=last.cpu_ns,
        rss_bytes_max=max(sizes, default=None),
        disk_read_bytes=last.disk_read_bytes,
        disk_write_bytes=last.disk_write_bytes,
        net_rx_bytes=last.net_rx_bytes,
        net_tx_bytes=last.net_tx_bytes,
        input_wait_ns=last.input_wait_ns,
        samples=len(hosts),
    )


def _device_use(recording: Recording, machine: Machine) -> tuple[DeviceUse, ...]:
    devices = machine.accelerators
    profiles = _profiles(recording)
    uses = [
        DeviceUse(
            devices[sample.device].id,
            sample.start_ns,
            sample.mono_ns,
            sample.activity_permille,
            sample.memory_mib,
            sample.energy_mj,
            sample.process_permille,
            profiles.get((sample.device, sample.start_ns)),
        )
        for sample in recording.samples
        if isinstance(sample, DeviceSample) and sample.device < len(devices)
    ]
    return tuple(uses)


def _profiles(recording: Recording) -> dict[tuple[int, int], DeviceProfile]:
    """(Device, start of a window) → its profile; one is the mean of all the time since the last."""
    told = {
        (one.device, one.start_ns): one.profile
        for one in recording.samples
        if isinstance(one, ProfileSample) and any(value is not None for value in one.profile)
    }
    found: dict[tuple[int, int], DeviceProfile] = {}
    later: dict[int, DeviceProfile] = {}
    windows = [one for one in recording.samples if isinstance(one, DeviceSample)]
    for window in sorted(windows, key=lambda one: -one.start_ns):
        key = (window.device, window.start_ns)
        later |= {window.device: told[key]} if key in told else {}
        if window.device in later:
            found[key] = later[window.device]
    return found


def _flops(recording: Recording) -> Flops | None:
    """The last word of the training counts for all of it."""
    event = _last(recording.events, ev.FLOPS)
    return None if event is None else Flops(event["per"], Fraction(event["count"]), event["dtype"])


def _network(recording: Recording) -> dict[str, tuple[int, int]] | None:
    event = _last(recording.events, ev.NETWORK)
    return None if event is None else {k: (v[0], v[1]) for k, v in event["interfaces"].items()}


def _size(count: object) -> int | None:
    """A count of bytes; anything else is an unknown size, never a negative fare."""
    return count if type(count) is int and 0 <= count < 2**63 else None


def _artifacts(recording: Recording, now_wall_ns: int) -> tuple[Artifact, ...]:
    """Each artifact is held from its event until it is replaced, seen to be gone, or now."""
    ended: list[Artifact] = []
    held: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}

    def release(key: tuple[str, str], until_ns: int, *, is_kept: bool) -> None:
        since_ns, event = held.pop(key)
        price = event.get("price")
        ended.append(
            Artifact(
                key[0],
                key[1],
                _size(event.get("bytes")),
                Interval(since_ns, max(since_ns, until_ns)),
                is_kept,
                price_from_json(price) if price else None,
                steps=event.get("steps"),
                read_bytes=_size(event.get("read")),
                weight=_size(event.get("weight")),
                made_of=tuple(event.get("of", ())),
            )
        )

    for event in recording.events:
        if event["k"] not in (ev.ARTIFACT, ev.GONE):
            continue
        key = (event["role"], event["uri"])
        if key in held:
            release(key, int(event["w"]), is_kept=False)
        if event["k"] == ev.ARTIFACT:
            held[key] = (int(event["w"]), event)
    for key in list(held):
        release(key, now_wall_ns, is_kept=True)
    return tuple(ended)
