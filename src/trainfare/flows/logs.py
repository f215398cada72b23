"""The log path: what a training wrote of itself → transcripts → runs of this home.

Everything is read before anything is written: while one file is wrong, nothing is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.labels import check_run_id
from trainfare.flows.transcribing import (
    ImportedRun,
    Source,
    Words,
    base_of,
    is_metered,
    store,
    transcribe,
)
from trainfare.logs import tensorboard
from trainfare.logs.detect import read_log
from trainfare.logs.files import LogGroup, find_groups
from trainfare.logs.keys import Keys
from trainfare.metering.tracker_links import tracked_runs
from trainfare.metering.transcript import MARK, KnownLog, digests, known_logs


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
    metered = tracked_runs(home, tensorboard.KIND, "place")
    known = known_logs(home)
    seen: dict[str, Path] = {}
    refused: list[str] = []
    runs: list[tuple[str, LogGroup, list[Source]]] = []
    for group in groups:
        sources = []
        for path in group.paths:
            run_id = metered.get(str(path.absolute().parent))
            if (
                run_id is not None
                and tensorboard.is_event_name(path.name)
                and is_metered(home, run_id)
            ):
                remarks.append(f"{path} is of the run {run_id}, which was metered; it is that run")
                continue
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
    made = [transcribe(home, run_id, group.name, sources, words) for run_id, group, sources in runs]
    return store(home, made, known), remarks


def _refuse_metered(home: Path, run_id: str) -> None:
    """A log of a run that was metered would claim its machine a second time."""
    if is_metered(home, run_id):
        raise BadInput(
            f"the run {run_id} was metered, and a log of it would count its time twice; "
            "choose another --run-id"
        )


def _read(path: Path, kind: str | None, keys: Keys, known: Sequence[KnownLog]) -> Source:
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
    base = f"{MARK}{sums[size][:16]}" if latest is None else base_of(latest.segment)
    logs = tuple(read_log(path, keys, kind=kind))
    return Source(str(path), path.name, size, sums[size], base, latest, logs)


def _run_id(sources: Sequence[Source], words: Words) -> str:
    """The run that *sources* are of: as the user says, as they were before, else by their bytes."""
    before = {source.known.run: source.name for source in sources if source.known is not None}
    if words.run_id is not None:
        before.pop(words.run_id, None)
    if len(before) > (words.run_id is None):
        run, path = next(iter(before.items()))
        raise BadInput(
            f"{path} is already the run {run}; a log is of one run: leave --run-id out, or delete "
            "that run's folder"
        )
    return words.run_id or next(iter(before), f"{MARK}{sources[0].sha256[:16]}")


def _refuse_twins(sources: Sequence[Source]) -> None:
    """Two files that begin alike cannot both be what a known log has grown to."""
    first: dict[str, Source] = {}
    for source in sources:
        other = first.setdefault(source.base, source)
        if other is not source:
            raise BadInput(
                f"{other.name} and {source.name} both begin as the log of the run "
                f"{source.known.run if source.known else ''} does; import that run's log first, alone"
            )
