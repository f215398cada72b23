"""The shelf: the spools of one home, each opened through one door that a damaged one cannot pass."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trainfare.core.errors import BadInput
from trainfare.core.period import DAY
from trainfare.core.run import Artifact, Segment
from trainfare.core.stage import Status
from trainfare.metering import event as ev
from trainfare.metering.artifact import local_path
from trainfare.metering.home import machines_folder, runs_folder
from trainfare.metering.recording import (
    is_alive,
    make_recording,
    read_bytes,
    read_regular,
    read_samples,
    to_segment,
)
from trainfare.metering.sample import unpack
from trainfare.metering.shape import FAULTS
from trainfare.metering.spool import EVENTS, MIRRORED, SAMPLES, Spool, read_lines

SKEW_NS = DAY
"""The clocks of two machines are apart by less than that."""

TAIL_BYTES = 4096
"""So much of an events file tells whether its segment has ended."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A segment, with the folder it was read from."""

    segment: Segment
    folder: Path


@dataclass(slots=True)
class Faults:
    """The records that could not be read in one look at a home, and why."""

    whys: dict[Path, str] = field(default_factory=dict)

    def note(self) -> list[str]:
        """All of them in one remark, or nothing.

        >>> Faults({Path("runs/r-1/s"): "it has no end"}).note()
        ['1 record cannot be read: r-1/s, it has no end']
        """
        if not self.whys:
            return []
        folder, why = next(iter(sorted(self.whys.items())))
        count = len(self.whys)
        head = "1 record cannot be read" if count == 1 else f"{count} records cannot be read; first"
        return [f"{head}: {folder.parent.name}/{folder.name}, {why}"]


def segment_folders(home: Path, run_id: str) -> list[Path]:
    """The folders of one run's segments, sorted; none where they may not be seen or are gone."""
    try:
        return sorted(p for p in (runs_folder(home) / run_id).iterdir() if p.is_dir())
    except OSError:
        return []


def run_ids(home: Path) -> list[str]:
    """The ids of all runs of which something was recorded, sorted."""
    try:
        names = sorted(p.name for p in runs_folder(home).iterdir())
    except OSError:
        return []
    return [name for name in names if any(map(_has_events, segment_folders(home, name)))]


def _has_events(folder: Path) -> bool:
    try:
        return (folder / EVENTS).exists()
    except OSError:
        return False


def first_words(home: Path, run_id: str) -> tuple[int, str | None]:
    """When the run began, and its name; 0 and None where nothing of it can be read."""
    began, name = 0, None
    for folder in segment_folders(home, run_id):
        try:
            recording = make_recording(_first_line(folder / EVENTS), b"")
            if recording is None or recording.start["run"] != run_id:
                continue
        except FAULTS:
            continue
        began = min(began or recording.start["w"], recording.start["w"])
        name = name or recording.start.get("name")
    return began, name


def _first_line(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.readline()


def read_run(
    home: Path,
    run_id: str,
    now_ns: int,
    faults: Faults,
    *,
    own: Spool | None = None,
    with_devices: bool = False,
) -> list[Stored]:
    """All segments of one run that can be read, with every sample or the last ones.

    A folder copied beside its original counts once: the longer of the two.
    """
    folders = set(segment_folders(home, run_id))
    if own is not None:
        folders.add(own.folder)
    found: dict[str, Stored] = {}
    for folder in sorted(folders):
        one = read_stored(folder, now_ns, faults, own=own, with_devices=with_devices)
        if one is None:
            continue
        earlier = found.get(one.segment.id)
        if earlier is None or earlier.segment.duration_ns < one.segment.duration_ns:
            found[one.segment.id] = one
    return list(found.values())


def read_stored(
    folder: Path,
    now_ns: int,
    faults: Faults,
    *,
    own: Spool | None = None,
    with_devices: bool = False,
) -> Stored | None:
    """One segment, or None where it cannot be read: the only door through which spools come in."""
    try:
        return _read_stored(folder, now_ns, own, with_devices=with_devices)
    except FAULTS as error:
        _learn(faults, folder, error)
        return None


def _learn(faults: Faults, folder: Path, error: Exception) -> None:
    if isinstance(error, FileNotFoundError):
        return  # deleted while it was read
    why = error.strerror if isinstance(error, OSError) else str(error)
    faults.whys[folder] = why or type(error).__name__


def _read_stored(
    folder: Path, now_ns: int, own: Spool | None, *, with_devices: bool
) -> Stored | None:
    events, samples = read_bytes(folder, with_devices=with_devices)
    is_own = own is not None and own.folder == folder
    if own is not None and is_own:
        events += own.pending_bytes(EVENTS)
        samples += own.pending_bytes(SAMPLES)
    recording = make_recording(events, samples)
    if recording is None:
        if b"\n" in events:
            raise BadInput("it does not begin with a start event")
        return None
    run = recording.start["run"]
    if run != folder.parent.name:
        raise BadInput(f"it is a copy of a record of the run {run!r}")
    alive = recording.end is None and (is_own or is_alive(recording, folder))
    segment = to_segment(recording, alive=alive, now_wall_ns=now_ns, is_whole=with_devices)
    seen = _observe(segment, folder, own, is_torn=not events.endswith(b"\n"))
    owner = _shipped_for(folder)
    labels = {**segment.labels, "team": owner} if owner else segment.labels
    return Stored(replace(segment, artifacts=seen, labels=labels), folder)


def _shipped_for(folder: Path) -> str:
    """The team whose token shipped a mirrored segment, which counts whatever the run itself says."""
    try:
        return (folder / MIRRORED).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _observe(
    segment: Segment, folder: Path, own: Spool | None, *, is_torn: bool
) -> tuple[Artifact, ...]:
    """Artifacts of this host that are no longer there are noted as gone, once."""
    if segment.machine.hostname != socket.gethostname():
        return segment.artifacts
    seen = []
    for artifact in segment.artifacts:
        if not (artifact.is_kept and artifact.bytes) or _is_there(artifact.uri):
            seen.append(artifact)
            continue
        seen.append(replace(artifact, is_kept=False))
        gone = {"role": artifact.role, "uri": artifact.uri, "w": artifact.held.end_ns}
        event = {"k": ev.GONE, "t": 0, **gone}
        if own is not None and own.folder == folder:
            own.add_event(event)
        else:
            append_event(folder, event, is_torn=is_torn)
            is_torn = False
    return tuple(seen)


def _is_there(uri: str) -> bool:
    """Whether the bytes may still exist; what cannot be looked at from here does."""
    try:
        path = local_path(uri)
        return path is None or path.exists()
    except (OSError, ValueError):
        return True


def close_dead(home: Path) -> list[str]:
    """Write the end of every segment whose process died without one; returns their runs' ids."""
    now_ns = time.time_ns()
    closed = []
    for run_id in run_ids(home):
        for folder in segment_folders(home, run_id):
            if _has_ended(folder):
                continue
            stored = read_stored(folder, now_ns, Faults())
            if stored is not None and _close(stored):
                closed.append(run_id)
    return closed


def _has_ended(folder: Path) -> bool:
    """Whether the last lines of a segment close it; so known without reading the rest."""
    try:
        path = folder / EVENTS
        if not path.is_file():
            return True
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            return any(line.get("k") == ev.END for line in read_lines(file.read()))
    except FAULTS:
        return False


def _close(stored: Stored) -> bool:
    """Append the end event of a killed segment; where that cannot be written it stays derived."""
    segment = stored.segment
    events = read_regular(stored.folder / EVENTS)
    recording = make_recording(events, b"")
    if segment.status is not Status.KILLED or recording is None or recording.end is not None:
        return False
    event = {
        "k": ev.END,
        "t": segment.duration_ns,
        "w": time.time_ns(),
        "status": Status.KILLED.value,
        "exit_code": None,
        "error": "the process ended without saying so; closed at its last sample",
        "steps": segment.steps,
    }
    return append_event(stored.folder, event, is_torn=not events.endswith(b"\n"))


def append_event(folder: Path, event: dict[str, Any], *, is_torn: bool = False) -> bool:
    """Add an event to another's spool; where that is not allowed, nothing is said of it."""
    if (folder / MIRRORED).exists() or not os.access(folder / EVENTS, os.W_OK):
        return False
    spool = Spool(folder)
    if is_torn:
        spool.end_torn_line()
    spool.add_event(event)
    is_written = not spool.pending_bytes(EVENTS)
    with contextlib.suppress(OSError):
        spool.close()
    return is_written


def read_others(
    home: Path,
    run_id: str,
    since_ns: int,
    now_ns: int,
    faults: Faults,
    *,
    among: Collection[str] | None = None,
    skew_ns: int = SKEW_NS,
) -> list[Stored]:
    """Segments of other runs that were written to since then: only they can overlap this one.

    *among* are the only runs that can, where that is known; then no file's time is asked. Otherwise
    what was shipped counts too if it was written *skew_ns* before: by the clock of whoever keeps it.
    """
    others = []
    for other in run_ids(home) if among is None else among:
        if other == run_id:
            continue
        for folder in segment_folders(home, other):
            if among is not None or _may_reach(folder, since_ns, skew_ns):
                one = read_stored(folder, now_ns, faults)
                others.extend([one] if one else [])
    return others


def _may_reach(folder: Path, since_ns: int, skew_ns: int) -> bool:
    """Whether a segment may go on after an instant of its own machine's clock."""
    written_ns = _written_ns(folder)
    is_shipped = written_ns >= since_ns - skew_ns and (folder / MIRRORED).exists()
    return written_ns >= since_ns or is_shipped


def spool_signs(home: Path, run_id: str) -> tuple[tuple[str, int, int], ...]:
    """What changes when the spools of a run do: every file's name, size and time of writing."""
    signs = []
    root = f"{runs_folder(home)}{os.sep}{run_id}"
    try:
        segments = sorted(os.listdir(root))  # noqa: PTH208 (of a hundred thousand runs)
    except OSError:
        return ()
    for segment in segments:
        for name in (EVENTS, SAMPLES):
            with contextlib.suppress(OSError):
                found = os.stat(f"{root}{os.sep}{segment}{os.sep}{name}")  # noqa: PTH116
                signs.append((f"{segment}/{name}", found.st_size, found.st_mtime_ns))
    return tuple(signs)


def run_span(home: Path, run_id: str) -> tuple[int, int | None]:
    """When a run began and ended, from the first and last lines of its spools.

    0 where nothing can be read; None where an end is not written, though the run may have ended.
    """
    spans = [_segment_span(folder) for folder in segment_folders(home, run_id)]
    known = [span for span in spans if span is not None]
    ends = [end_ns for _, end_ns in known if end_ns is not None]
    return min((start_ns for start_ns, _ in known), default=0), (
        max(ends) if ends and len(ends) == len(known) else None
    )


def _segment_span(folder: Path) -> tuple[int, int | None] | None:
    try:
        recording = make_recording(_first_line(folder / EVENTS), b"")
        with (folder / EVENTS).open("rb") as file:
            file.seek(max(0, (folder / EVENTS).stat().st_size - TAIL_BYTES))
            ends = [one for one in read_lines(file.read()) if one.get("k") == ev.END]
        if recording is None:
            return None
        start_ns: int = recording.start["w"]
        if not ends:
            return start_ns, None
        known = replace(recording, events=(recording.start, ends[-1]))
        if ends[-1]["status"] == Status.KILLED.value:  # its samples may go on
            latest = unpack(read_samples(folder, with_devices=False))
            known = replace(known, samples=tuple(latest))
        return start_ns, start_ns + known.lasted_ns
    except FAULTS:
        return None


def read_machines(home: Path, since_ns: int, now_ns: int) -> list[Stored]:
    """What whole machines recorded of themselves, where it was written to since then."""
    try:
        roots = sorted(p for p in machines_folder(home).iterdir() if p.is_dir())
    except OSError:
        return []
    found = []
    for folder in (folder for root in roots for folder in sorted(root.iterdir())):
        if _written_ns(folder) >= since_ns:
            one = read_stored(folder, now_ns, Faults())
            found += [one] if one else []
    return found


def _written_ns(folder: Path) -> int:
    times = [0]
    for name in (SAMPLES, EVENTS):
        with contextlib.suppress(OSError):
            times.append((folder / name).stat().st_mtime_ns)
    return max(times)
