"""Files: which files of a place are training logs, and which of them belong to one run."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.core.errors import BadInput, NotFound, TrainfareError
from trainfare.logs.dbt import NAME as RESULTS_NAME
from trainfare.logs.detect import find_kind
from trainfare.logs.tensorboard import is_event_name
from trainfare.logs.trainer_state import NAME as STATE_NAME

TEXT_ENDINGS = (".mllog", ".log", ".txt", ".out", ".jsonl", ".ndjson", ".csv", ".tsv")
"""Files of a folder that are looked into, plain or gzip; event files and trainer states besides."""

_CHECKPOINT = re.compile(r"checkpoint-(\d{1,18})")


@dataclass(frozen=True, slots=True)
class LogGroup:
    """The logs of one run."""

    name: str
    """What the run is called where the log does not say."""
    paths: tuple[Path, ...]


def find_groups(places: Sequence[Path], kind: str | None = None) -> tuple[list[LogGroup], int]:
    """The logs at *places*, a group for each run, and how many files of folders are no logs.

    Every file is a run, but the event files of one folder are one (a restart opens a new file), and
    of the states of a Hugging Face Trainer in one output folder the last is the whole run.

    Raises:
        NotFound: there is nothing at a place.
        BadInput: a folder holds no log.
    """
    groups: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    names: dict[tuple[Path, str], str] = {}
    left_out = 0
    for place in places:
        if not place.exists():
            raise NotFound(f"there is no file or folder {place}")
        files = list(_walk(place)) if place.is_dir() else [place]
        logs = files if not place.is_dir() else [f for f in files if _is_log(f, kind)]
        if not logs:
            raise BadInput(f"{place} holds no training log; name a file, or say --from")
        left_out += len(files) - len(logs)
        for path in logs:
            key = _key(path)
            if path not in groups[key]:
                groups[key].append(path)
            names.setdefault(key, _name(path, place))
    found = [LogGroup(names[key], tuple(_latest(paths))) for key, paths in groups.items()]
    return found, left_out


def _walk(folder: Path) -> Iterator[Path]:
    """The visible files below *folder* in order; links to folders are not followed."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place) / name
            if not name.startswith(".") and path.is_file():
                yield path


def _is_log(path: Path, kind: str | None) -> bool:
    name = path.name.removesuffix(".gz")
    if not (
        is_event_name(name) or name in (STATE_NAME, RESULTS_NAME) or name.endswith(TEXT_ENDINGS)
    ):
        return False
    try:
        found = find_kind(path)
    except TrainfareError:
        return False
    return found is not None and kind in (None, found)


def _key(path: Path) -> tuple[Path, str]:
    """What the files of one run have in common."""
    folder = path.absolute().parent
    if is_event_name(path.name):
        return folder, "events"
    if path.name == STATE_NAME:
        return (folder.parent if _CHECKPOINT.fullmatch(folder.name) else folder), STATE_NAME
    return folder, path.name


def _name(path: Path, place: Path) -> str:
    """An event file's folder below *place*, a trainer's output folder, dbt's project, else the file."""
    folder = _key(path)[0]
    if path.name == STATE_NAME:
        return folder.name
    if path.name == RESULTS_NAME:
        return folder.parent.name if folder.name == "target" else folder.name
    if is_event_name(path.name):
        within = folder.relative_to(place.absolute()) if place.is_dir() else Path()
        return within.as_posix() if within.parts else folder.name
    return path.name.removesuffix(".gz").rpartition(".")[0] or path.name


def _latest(paths: Sequence[Path]) -> list[Path]:
    """All files, but of a trainer's states the last: the output folder's, else a checkpoint's."""
    if paths[0].name != STATE_NAME:
        return list(paths)

    def age(path: Path) -> float:
        match = _CHECKPOINT.fullmatch(path.absolute().parent.name)
        return int(match[1]) if match else float("inf")

    return [max(paths, key=age)]
