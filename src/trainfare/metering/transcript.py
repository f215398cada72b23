"""Transcripts: a segment as a log tells it, written like one that was metered.

What reads runs (receipts, lists, claims, reports) knows no difference but that a transcript names
the log it was made from. A log is known again by its bytes: the same one is never a second run, and
one that has grown replaces what was made of its beginning.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import struct
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.core.machine import Machine
from trainfare.core.price import Price
from trainfare.core.run import LogOrigin, StageMark, TrackerRun
from trainfare.core.stage import Status
from trainfare.metering import event as ev
from trainfare.metering.event_value import log_from_json, log_to_json
from trainfare.metering.home import runs_folder
from trainfare.metering.recording import make_recording, read_regular, to_segment
from trainfare.metering.sample import HostSample, pack_host
from trainfare.metering.shape import FAULTS
from trainfare.metering.shelf import run_ids, segment_folders
from trainfare.metering.spool import EVENTS, METRICS, SAMPLES, line_of

MARK = "log-"
"""How the folders of transcripts begin."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Moment:
    """What one line of a log says."""

    at_ns: int | None
    """Since the segment's start; None where the log does not say."""
    steps: int
    """Made in the segment so far."""
    step: int
    """As the log counts."""
    epoch: int | None
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything that a log, and the user beside it, say of one segment."""

    run: str
    segment: str
    name: str | None
    labels: Mapping[str, str]
    machine: Machine
    rank: int
    started_wall_ns: int
    duration_ns: int
    stages: tuple[StageMark, ...]
    moments: tuple[Moment, ...]
    samples: int | None
    """Taken in, where the log says it …"""
    tokens: int | None
    """… on the first machine alone: the others trained the same."""
    price: Price | None
    """None leaves it to whoever reads the run to look one up."""
    status: Status
    error: str | None
    notes: tuple[str, ...]
    log: LogOrigin
    trackers: tuple[TrackerRun, ...] = ()
    made: tuple[Mapping[str, Any], ...] = ()
    """Data that it made or read: role, uri, and what else an artifact's event says."""

    def events(self) -> list[dict[str, Any]]:
        """The lines of its ``events.jsonl``."""
        start = {
            "k": ev.START,
            "v": ev.VERSION,
            "t": 0,
            "w": self.started_wall_ns,
            "run": self.run,
            "segment": self.segment,
            "name": self.name,
            "labels": dict(self.labels),
            "rank": self.rank,
            "machine": ev.machine_to_json(self.machine),
            "log": log_to_json(self.log),
        }
        price = (
            []
            if self.price is None
            else [{"k": ev.PRICE, "t": 0, "price": ev.price_to_json(self.price)}]
        )
        end = {
            "k": ev.END,
            "t": self.duration_ns,
            "w": self.started_wall_ns + self.duration_ns,
            "status": self.status.value,
            "exit_code": None,
            "error": self.error,
            "steps": self.moments[-1].steps if self.moments else 0,
        }
        said = {"samples": self.samples, "tokens": self.tokens}
        end |= {name: count for name, count in said.items() if count is not None}
        notes = [{"k": ev.NOTE, "t": 0, "text": text} for text in self.notes]
        known = [
            {"k": ev.TRACKER, "t": 0, **{k: v for k, v in asdict(one).items() if v is not None}}
            for one in self.trackers
        ]
        stages = self._stage_events()
        return [start, *price, *notes, *known, *self._resume(), *stages, *self._artifacts(), end]

    def _artifacts(self) -> list[dict[str, Any]]:
        """What it read stood when it began, what it made stands from its end on."""
        events = []
        for one in self.made:
            at_ns = self.duration_ns if one["role"] == "output" else 0
            event = {"k": ev.ARTIFACT, "t": at_ns, "w": self.started_wall_ns + at_ns}
            events.append({**event, "bytes": None, **one})
        return events

    def _resume(self) -> list[dict[str, Any]]:
        """At which step of the whole training the log began, so that steps made again are known."""
        first = next((one for one in self.moments if one.steps or one.step), None)
        if first is None or first.step < first.steps:
            return []
        return [{"k": ev.RESUME, "t": 0, "step": first.step, "steps": first.steps}]

    def _stage_events(self) -> list[dict[str, Any]]:
        """The stages, each with the steps made until then."""
        timed = [(one.at_ns, one.steps) for one in self.moments if one.at_ns is not None]
        times = [at_ns for at_ns, _ in timed]
        return [
            {
                "k": ev.STAGE,
                "t": mark.at_ns,
                "stage": mark.stage,
                "epoch": mark.epoch,
                "steps": timed[count - 1][1] if (count := bisect_right(times, mark.at_ns)) else 0,
            }
            for mark in self._stages()
        ]

    def _stages(self) -> list[StageMark]:
        """The stages, marked again where the log's timer began and ended, so that money is cut there."""
        marks = list(self.stages)
        if self.log.timer_name is None:
            return marks
        for at_ns in (self.log.timer_start_ns, self.log.timer_end_ns):
            before = [n for n, mark in enumerate(marks) if mark.at_ns <= at_ns]
            if before and marks[before[-1]].at_ns != at_ns:
                last = marks[before[-1]]
                marks.insert(before[-1] + 1, StageMark(at_ns, last.stage, last.epoch))
        return marks

    def sample_records(self) -> bytes:
        """Its ``samples.bin``: how many steps were made by when; nothing else was measured."""
        unknown = (None,) * 7
        last = None
        packed = []
        for one in self.moments:
            if one.at_ns is None or (one.steps, one.epoch) == last:
                continue
            last = (one.steps, one.epoch)
            epoch = -1 if one.epoch is None else min(one.epoch, 2**31 - 1)
            wall_ns = self.started_wall_ns + one.at_ns
            packed.append(pack_host(HostSample(one.at_ns, wall_ns, epoch, one.steps, *unknown)))
        return b"".join(packed)

    def metric_lines(self) -> bytes:
        """Its ``metrics.jsonl``; of several machines the first has them."""
        if self.rank:
            return b""
        return b"".join(
            line_of(
                {
                    **({} if one.at_ns is None else {"t": one.at_ns}),
                    "step": one.step,
                    "m": dict(one.metrics),
                }
            )
            for one in self.moments
            if one.metrics
        )


@dataclass(frozen=True, slots=True)
class KnownLog:
    """A log that was imported before."""

    run: str
    segment: str
    """The segment's id, which begins with the part that all of this log's segments share."""
    log: LogOrigin


def known_logs(home: Path) -> list[KnownLog]:
    """Every log that runs of this home were made from; one entry per segment."""
    found = []
    for run_id in run_ids(home):
        for folder in segment_folders(home, run_id):
            if not folder.name.startswith(MARK):
                continue
            with contextlib.suppress(*FAULTS):
                recording = make_recording(read_regular(folder / EVENTS).partition(b"\n")[0], b"")
                if recording is not None and recording.start.get("log"):
                    log = log_from_json(recording.start["log"])
                    found.append(KnownLog(run_id, folder.name, log))
    return found


def digests(path: Path, sizes: Iterable[int] = ()) -> dict[int, str]:
    """Size → SHA-256 of the first so many bytes of *path*: of each of *sizes*, and of all of it.

    Raises:
        OutsideFailed: it cannot be read.
    """
    digest = hashlib.sha256()
    found: dict[int, str] = {}
    wanted = sorted(set(sizes))
    at = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(min([_CHUNK, *(s - at for s in wanted if s > at)])):
                digest.update(chunk)
                at += len(chunk)
                if at in wanted:
                    found[at] = digest.hexdigest()
    except OSError as error:
        raise OutsideFailed(f"{path} cannot be read: {error.strerror or error}") from None
    found[at] = digest.hexdigest()
    return found


def check_transcript(one: Transcript) -> None:
    """Make sure that what would be written can be read again.

    Raises:
        BadInput: it cannot; nothing was written.
    """
    try:
        events = b"".join(map(line_of, one.events()))
        recording = make_recording(events, one.sample_records()[-96:])
        assert recording is not None
        to_segment(recording, alive=False, now_wall_ns=one.started_wall_ns)
    except (*FAULTS, struct.error) as error:
        raise BadInput(f"{one.log.file} makes no run: {error}; check its times and steps") from None


def has_same(home: Path, one: Transcript) -> bool:
    """Whether the home holds this transcript already; a price that was looked up may differ."""
    folder = runs_folder(home) / one.run / one.segment
    stored = read_regular(folder / EVENTS)
    return (
        _without_found_price(stored) == _without_found_price(b"".join(map(line_of, one.events())))
        and read_regular(folder / METRICS) == one.metric_lines()
    )


def _without_found_price(events: bytes) -> list[bytes]:
    found = (b'"k":"price"', b'"origin":"stated"')
    return [
        line
        for line in events.split(b"\n")
        if not (line.startswith(b"{" + found[0]) and found[1] not in line)
    ]


def store_transcripts(home: Path, transcripts: Sequence[Transcript], stale: Iterable[str]) -> None:
    """Write *transcripts*, each as a whole, in place of those of their names.

    Args:
        home: where runs are.
        transcripts: checked.
        stale: ``run/segment`` names of earlier transcripts that are no more.

    Raises:
        OutsideFailed: the disk refuses; what stood there stands there still.
    """
    shelf = home / f".import-{os.getpid()}"
    try:
        for number, one in enumerate(transcripts):
            folder = shelf / str(number)
            folder.mkdir(parents=True)
            (folder / EVENTS).write_bytes(b"".join(map(line_of, one.events())))
            (folder / METRICS).write_bytes(one.metric_lines())
            (folder / SAMPLES).write_bytes(one.sample_records())
        for number, one in enumerate(transcripts):
            target = runs_folder(home) / one.run / one.segment
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                target.rename(shelf / f"old-{number}")
            (shelf / str(number)).rename(target)
        for name in stale:
            shutil.rmtree(runs_folder(home) / name, ignore_errors=True)
    except OSError as error:
        raise OutsideFailed(f"cannot write runs to {home}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(shelf, ignore_errors=True)
