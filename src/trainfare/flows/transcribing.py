"""Transcribing: what a log or a tracker tells of a run → transcripts → runs of this home.

Everything is made before anything is written: while one run cannot be, nothing is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trainfare.core.labels import make_labels
from trainfare.core.machine import Machine
from trainfare.core.period import SECOND, Interval
from trainfare.core.price import NoPrice, Price
from trainfare.core.run import LogOrigin, StageMark, TrackerRun
from trainfare.core.stage import SETUP, Status, is_data
from trainfare.logs.holding import held_for
from trainfare.logs.training_log import Clock, Made, TrainingLog, epoch_numbers, steps_made
from trainfare.metering.machine import provider_of_instance
from trainfare.metering.shelf import segment_folders
from trainfare.metering.transcript import (
    MARK,
    KnownLog,
    Moment,
    Transcript,
    check_transcript,
    has_same,
    store_transcripts,
)
from trainfare.prices.book import PriceBook

ADDED, CHANGED, UNCHANGED = "added", "changed", "unchanged"

READ_FROM = "not metered: read from"
"""How the note begins that every run read from a log carries."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the user says beside the logs."""

    run_id: str | None = None
    name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    instance: str | None = None
    region: str | None = None
    spot: bool = False
    price: Price | None = None
    """What the whole machine costs per hour."""
    start_ns: int | None = None
    """From when the machine was held …"""
    end_ns: int | None = None
    """… and until when; None leaves it to the log."""
    resources: tuple[str, ...] = ()
    """What the bill calls the machines; each was held as a whole."""


@dataclass(frozen=True, slots=True)
class ImportedRun:
    """What importing one run did."""

    run: str
    state: str
    """added, changed or unchanged."""
    kind: str
    files: tuple[str, ...]
    transcripts: tuple[Transcript, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was noticed or assumed, once each."""
        return tuple(dict.fromkeys(note for one in self.transcripts for note in one.notes))


@dataclass(frozen=True, slots=True)
class Source:
    """What one file, or one run of a tracker, tells: its bytes' names and its stretches."""

    name: str
    """For people: a path, or the tracker's name of the run."""
    file: str
    """As notes and receipts name it."""
    size: int
    sha256: str
    base: str
    """How the ids of its segments begin: by what it was when it was first seen."""
    known: KnownLog | None
    logs: tuple[TrainingLog, ...]
    tracker: TrackerRun | None = None


def base_of(segment: str) -> str:
    """What the ids of all the segments of one source have in common.

    >>> base_of("log-0123456789abcdef-0-1")
    'log-0123456789abcdef'
    """
    return segment.rsplit("-", 2)[0]


def is_metered(home: Path, run_id: str) -> bool:
    """Whether Trainfare itself recorded something of the run."""
    return any(not folder.name.startswith(MARK) for folder in segment_folders(home, run_id))


def transcribe(
    home: Path, run_id: str, name: str, sources: Sequence[Source], words: Words
) -> list[Transcript]:
    """The segments of one run, the earliest first; each stretch once per machine."""
    stretches = [(source, n, log) for source in sources for n, log in enumerate(source.logs)]
    stretches.sort(key=lambda item: item[2].start_ns)
    ids = words.resources or (f"log:{run_id}",)
    transcripts = []
    for position, (source, number, log) in enumerate(stretches):
        is_first, is_last = position == 0, position == len(stretches) - 1
        held = held_for(
            source.file,
            log,
            words.start_ns if is_first else None,
            words.end_ns if is_last else None,
        )
        for rank, resource_id in enumerate(ids):
            machine = _machine(resource_id, log, words)
            price = words.price or _price(home, machine, held.start_ns)
            one = _transcript(source, log, held, machine, (number, rank))
            one = replace(
                one,
                run=run_id,
                name=words.name or name,
                labels=_labels(log, words),
                price=price,
            )
            check_transcript(one)
            transcripts.append(one)
    return transcripts


def _transcript(
    source: Source, log: TrainingLog, held: Interval, machine: Machine, place: tuple[int, int]
) -> Transcript:
    """One stretch on one machine, its times since the machine was held."""
    # A timer of its own is put at the end: what it leaves out (loading, compiling) came before.
    lead_ns = held.duration_ns - log.duration_ns
    if log.clock is Clock.WALL:
        lead_ns = log.start_ns - held.start_ns
    stages = [StageMark(m.at_ns + lead_ns, m.stage, m.epoch) for m in log.stages]
    if lead_ns and stages and stages[0].stage != SETUP and not is_data(stages[0].stage):
        stages.insert(0, StageMark(0, SETUP))
    elif stages:
        stages[0] = StageMark(0, stages[0].stage, stages[0].epoch)
    made = steps_made(log.entries, log.clock)
    moments = [
        Moment(
            None if entry.at_ns is None else entry.at_ns - log.start_ns + lead_ns,
            steps,
            steps if entry.step is None else entry.step,
            epoch,
            entry.metrics,
        )
        for entry, steps, epoch in zip(log.entries, made, epoch_numbers(log.entries), strict=True)
    ]
    number, rank = place
    timer = log.timer
    return Transcript(
        run="",
        segment=f"{source.base}-{number}-{rank}",
        name=None,
        labels={},
        machine=machine,
        rank=rank,
        started_wall_ns=held.start_ns,
        duration_ns=held.duration_ns,
        stages=tuple(stages),
        moments=tuple(moments),
        samples=log.samples if rank == 0 else None,
        tokens=log.tokens if rank == 0 else None,
        price=None,
        status=log.status or Status.FINISHED,
        error=log.error,
        notes=_notes(source.file, log, lead_ns),
        made=tuple(_made(one) for one in log.made) if rank == 0 else (),
        trackers=() if source.tracker is None else (source.tracker,),
        log=LogOrigin(
            log.kind,
            source.file,
            source.size,
            source.sha256,
            timer.name if timer else None,
            timer.start_ns + lead_ns if timer else 0,
            timer.end_ns + lead_ns if timer else 0,
        ),
    )


def _made(one: Made) -> Mapping[str, Any]:
    weight = {} if one.weight is None else {"weight": one.weight}
    return {"role": one.role, "uri": one.uri, **weight, **({"of": list(one.of)} if one.of else {})}


def _notes(file: str, log: TrainingLog, lead_ns: int) -> tuple[str, ...]:
    notes = [f"{READ_FROM} {file} ({log.kind})", *log.notes]
    if log.status is None:
        notes.append(f"{file} does not say how the training ended; it is taken as finished")
    if log.clock is Clock.NONE:
        notes.append(f"{file} has no times: stages, epochs and pauses are unknown")
    elif log.clock is Clock.TIMER and lead_ns:
        notes.append(
            f"{file} has no wall clock: its {log.duration_ns / SECOND:,.3f} s are put at the end of "
            "the time for which the machine was held"
        )
    return tuple(notes)


def _labels(log: TrainingLog, words: Words) -> Mapping[str, str]:
    return make_labels(
        {**log.labels, "model": log.model or log.labels.get("model"), **words.labels}
    )


def _machine(resource_id: str, log: TrainingLog, words: Words) -> Machine:
    """The machine as the user states it; the log knows at most the host's name."""
    provider = provider_of_instance(words.instance) if words.instance else None
    stated = {
        "resource_id": resource_id if words.resources else None,
        "provider": provider,
        "region": words.region,
        "instance_type": words.instance,
        "purchase_option": "spot" if words.spot else None,
    }
    facts = {question: "stated" for question, answer in stated.items() if answer}
    return Machine(
        resource_id=resource_id,
        hostname=log.hostname or "",
        provider=provider,
        region=words.region,
        instance_type=words.instance,
        purchase_option="spot" if words.spot else "on_demand" if words.instance else None,
        facts={**facts, "source": "stated" if words.instance else "log"},
    )


def _price(home: Path, machine: Machine, at_ns: int) -> Price | None:
    """The price of the book, stamped on the run so that it stays what it was."""
    found = PriceBook(home).machine_price(machine, at_ns)
    return None if isinstance(found, NoPrice) else found


def store(
    home: Path, made: Sequence[list[Transcript]], known: Sequence[KnownLog]
) -> list[ImportedRun]:
    """Write what is new or other than it was."""
    runs: list[ImportedRun] = []
    fresh: list[Transcript] = []
    stale: list[str] = []
    for transcripts in made:
        bases = {base_of(one.segment) for one in transcripts}
        kept = {one.segment for one in transcripts}
        before = [k for k in known if base_of(k.segment) in bases]
        gone = [f"{k.run}/{k.segment}" for k in before if k.segment not in kept]
        other = [one for one in transcripts if not has_same(home, one)]
        state = ADDED if not before else CHANGED if other or gone else UNCHANGED
        fresh += other
        stale += gone
        files = tuple(dict.fromkeys(one.log.file for one in transcripts))
        runs.append(
            ImportedRun(
                transcripts[0].run, state, transcripts[0].log.kind, files, tuple(transcripts)
            )
        )
    store_transcripts(home, fresh, stale)
    return runs
