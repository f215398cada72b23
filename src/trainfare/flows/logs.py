"""The log path: what a training wrote of itself → transcripts → runs of this home.

Everything is read before anything is written: while one file is wrong, nothing is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput
from trainfare.core.labels import check_run_id, make_labels
from trainfare.core.machine import Machine
from trainfare.core.period import SECOND, Interval
from trainfare.core.price import NoPrice, Price
from trainfare.core.run import LogOrigin, StageMark
from trainfare.core.stage import SETUP, Status, is_data
from trainfare.logs.detect import read_log
from trainfare.logs.files import LogGroup, find_groups
from trainfare.logs.holding import held_for
from trainfare.logs.keys import Keys
from trainfare.logs.training_log import Clock, Made, TrainingLog, epoch_numbers, steps_made
from trainfare.metering.machine import provider_of_instance
from trainfare.metering.shelf import segment_folders
from trainfare.metering.transcript import (
    MARK,
    KnownLog,
    Moment,
    Transcript,
    check_transcript,
    digests,
    has_same,
    known_logs,
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
class _Source:
    """One file of a run: its bytes' names and its stretches."""

    path: Path
    size: int
    sha256: str
    known: KnownLog | None
    logs: tuple[TrainingLog, ...]

    @property
    def base(self) -> str:
        """How the ids of its segments begin: by what it was when it was first seen."""
        if self.known is not None:
            return self.known.segment.rsplit("-", 2)[0]
        return f"{MARK}{self.sha256[:16]}"


def import_runs(
    home: Path,
    places: Sequence[Path],
    words: Words,
    *,
    kind: str | None = None,
    keys: Keys | None = None,
) -> tuple[list[ImportedRun], list[str]]:
    """Make runs of the logs at *places*, all of them or none; and remarks on what was left out.

    Raises:
        BadInput: a file is no log or damaged, or says too little; with every such file.
    """
    groups, left_out = find_groups(places, kind)
    remarks = [f"{left_out:,} files there are no training logs"] if left_out else []
    if words.run_id is not None:
        check_run_id(words.run_id)
        paths = tuple(path for group in groups for path in group.paths)
        groups = [LogGroup(groups[0].name, paths)]
        _refuse_metered(home, words.run_id)
    known = known_logs(home)
    seen: dict[str, Path] = {}
    refused: list[str] = []
    runs: list[tuple[str, LogGroup, list[_Source]]] = []
    for group in groups:
        sources = []
        for path in group.paths:
            try:
                source = _read(path, kind, keys or Keys(), known)
            except BadInput as error:
                refused.append(str(error))
                continue
            if source.sha256 in seen:
                remarks.append(f"{path} holds what {seen[source.sha256]} holds; it counts once")
            elif not source.logs:
                remarks.append(f"{path} holds no scalar; it is left out")
            else:
                sources.append(source)
            seen.setdefault(source.sha256, path)
        if sources:
            runs.append((_run_id(sources, words), group, sources))
    if refused:
        raise BadInput("\n".join(refused))
    if len(runs) > 1 and (words.start_ns is not None or words.end_ns is not None):
        raise BadInput(
            f"--start and --end are of one run, and here are {len(runs)}; import them one by one"
        )
    _refuse_twins([source for _, _, sources in runs for source in sources])
    made = [
        _transcribe(home, run_id, group.name, sources, words) for run_id, group, sources in runs
    ]
    return _store(home, made, known), remarks


def _refuse_metered(home: Path, run_id: str) -> None:
    """A log of a run that was metered would claim its machine a second time."""
    if any(not folder.name.startswith(MARK) for folder in segment_folders(home, run_id)):
        raise BadInput(
            f"the run {run_id} was metered, and a log of it would count its time twice; "
            "choose another --run-id"
        )


def _read(path: Path, kind: str | None, keys: Keys, known: Sequence[KnownLog]) -> _Source:
    """One file with its stretches, and what was made of it before.

    A file that begins with all the bytes of a known log of its name is that log, grown.
    """
    sums = digests(path, {one.log.bytes for one in known})
    size = max(sums)
    same = [
        one
        for one in known
        if sums.get(one.log.bytes) == one.log.sha256
        and (one.log.bytes == size or one.log.file == path.name)
    ]
    latest = max(same, key=lambda one: one.log.bytes, default=None)
    return _Source(path, size, sums[size], latest, tuple(read_log(path, keys, kind=kind)))


def _run_id(sources: Sequence[_Source], words: Words) -> str:
    """The run that *sources* are of: as the user says, as they were before, else by their bytes."""
    before = {source.known.run: source.path for source in sources if source.known is not None}
    if words.run_id is not None:
        before.pop(words.run_id, None)
    if len(before) > (words.run_id is None):
        run, path = next(iter(before.items()))
        raise BadInput(
            f"{path} is already the run {run}; a log is of one run: leave --run-id out, or delete "
            "that run's folder"
        )
    return words.run_id or next(iter(before), f"{MARK}{sources[0].sha256[:16]}")


def _refuse_twins(sources: Sequence[_Source]) -> None:
    """Two files that begin alike cannot both be what a known log has grown to."""
    first: dict[str, _Source] = {}
    for source in sources:
        other = first.setdefault(source.base, source)
        if other is not source:
            raise BadInput(
                f"{other.path} and {source.path} both begin as the log of the run "
                f"{source.known.run if source.known else ''} does; import that run's log first, alone"
            )


def _transcribe(
    home: Path, run_id: str, name: str, sources: Sequence[_Source], words: Words
) -> list[Transcript]:
    """The segments of one run, the earliest first; each stretch once per machine."""
    stretches = [(source, n, log) for source in sources for n, log in enumerate(source.logs)]
    stretches.sort(key=lambda item: item[2].start_ns)
    ids = words.resources or (f"log:{run_id}",)
    transcripts = []
    for position, (source, number, log) in enumerate(stretches):
        is_first, is_last = position == 0, position == len(stretches) - 1
        held = held_for(
            source.path.name,
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
    source: _Source, log: TrainingLog, held: Interval, machine: Machine, place: tuple[int, int]
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
        notes=_notes(source.path.name, log, lead_ns),
        made=tuple(_made(one) for one in log.made) if rank == 0 else (),
        log=LogOrigin(
            log.kind,
            source.path.name,
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
    return make_labels({"model": log.model, **words.labels})


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


def _store(
    home: Path, made: Sequence[list[Transcript]], known: Sequence[KnownLog]
) -> list[ImportedRun]:
    """Write what is new or other than it was."""
    runs: list[ImportedRun] = []
    fresh: list[Transcript] = []
    stale: list[str] = []
    for transcripts in made:
        bases = {one.segment.rsplit("-", 2)[0] for one in transcripts}
        kept = {one.segment for one in transcripts}
        before = [k for k in known if k.segment.rsplit("-", 2)[0] in bases]
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
