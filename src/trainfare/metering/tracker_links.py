"""Tracker links: which run of this home is which run of a tracker."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from trainfare.core.run import TrackerRun
from trainfare.metering import event as ev
from trainfare.metering.shape import FAULTS
from trainfare.metering.shelf import append_event, run_ids, segment_folders
from trainfare.metering.spool import EVENTS, read_file, read_lines

_SIGN = b'"k":"tracker"'


def tracked_runs(home: Path, system: str, key: str = "run") -> dict[str, str]:
    """The tracker's id of a run → our id of it, for every run of this home that *system* has.

    *key* may be "place" for trackers that keep each run in a place of its own.
    """
    found: dict[str, str] = {}
    for run_id in run_ids(home):
        for folder in segment_folders(home, run_id):
            try:
                events = read_file(folder / EVENTS)
                lines = read_lines(events) if _SIGN in events else ()
            except FAULTS:
                continue
            for line in lines:
                if line.get("k") == ev.TRACKER and line.get("system") == system:
                    found.setdefault(str(line.get(key)), run_id)
    return found


def add_tracker(home: Path, run_id: str, tracker: TrackerRun) -> bool:
    """Write on a run that has ended what a tracker calls it; False where its record is not ours."""
    said = {key: value for key, value in asdict(tracker).items() if value is not None}
    return any(
        append_event(folder, {"k": ev.TRACKER, "t": 0, **said})
        for folder in segment_folders(home, run_id)[:1]
    )
