"""Cargo: what of the spools of a home is not yet at the server.

Beside the spool, ``shipped.json`` keeps for each server how many bytes of each file it has. It only
saves sending twice: the server knows best, and its answer counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.shipment import BATCH_BYTES, FILES, MACHINE_MARK, Piece, check_place
from trainfare.metering.home import machines_folder, runs_folder
from trainfare.metering.sample import SIZE
from trainfare.metering.spool import EVENTS, MIRRORED, SAMPLES

MARKS = "shipped.json"

TAIL_BYTES = 4096
_END = b'"k":"end"'


def owner_of(home: Path, folder: Path) -> str:
    """Whose segment a folder is, as it is written in a shipment."""
    mark = MACHINE_MARK if folder.parent.parent == machines_folder(home) else ""
    return mark + folder.parent.name


def segment_folders(home: Path) -> Iterator[Path]:
    """The folders of all segments of a home that can be sent and were not shipped to it."""
    for root in (machines_folder(home), runs_folder(home)):
        for owner in _folders(root):
            for folder in _folders(owner):
                if can_be_sent(home, folder):
                    yield folder


def can_be_sent(home: Path, folder: Path) -> bool:
    """Whether its names have the form, and it is no mirror of another home's."""
    try:
        check_place(owner_of(home, folder), folder.name, SAMPLES, 0)
    except BadInput:
        return False
    return not (folder / MIRRORED).exists()


def _folders(root: Path) -> list[Path]:
    try:
        with os.scandir(root) as entries:
            return sorted(root / entry.name for entry in entries if entry.is_dir())
    except OSError:
        return []


def read_marks(folder: Path, url: str) -> dict[str, int]:
    """File → bytes that the server at *url* has; nothing where that is not known."""
    try:
        marks = json.loads((folder / MARKS).read_bytes())[url]
        return {str(file): int(length) for file, length in marks.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def is_marked(folder: Path, url: str) -> bool:
    """Whether a process was told to ship this segment to the server at *url*."""
    try:
        return url in json.loads((folder / MARKS).read_bytes())
    except (OSError, ValueError, TypeError):
        return False


def write_marks(folder: Path, url: str, marks: Mapping[str, int]) -> None:
    """Remember what the server at *url* has; where that cannot be written, it is asked again."""
    try:
        known = json.loads((folder / MARKS).read_bytes())
    except (OSError, ValueError):
        known = {}
    document = {**(known if isinstance(known, dict) else {}), url: dict(marks)}
    fresh = folder / f".{MARKS}.{os.getpid()}"
    try:
        fresh.write_text(json.dumps(document), encoding="utf-8")
        fresh.replace(folder / MARKS)
    except OSError:
        fresh.unlink(missing_ok=True)


def pieces_of(
    owner: str, folder: Path, marks: Mapping[str, int], room: int = BATCH_BYTES
) -> list[Piece]:
    """What the server lacks of a segment: whole records and whole lines, *room* bytes at most."""
    pieces = []
    for file in FILES:
        start = marks.get(file, 0)
        data = _read(folder / file, start, room)
        whole = _whole(file, start, data, is_cut=len(data) == room)
        if whole:
            pieces.append(Piece(owner, folder.name, file, start, data[:whole]))
            room -= whole
        if room < SIZE:
            break
    return pieces


def has_ended(folder: Path) -> bool:
    """Whether the last lines of a segment's events end it."""
    try:
        path = folder / EVENTS
        return _END in _read(path, max(0, path.stat().st_size - TAIL_BYTES), TAIL_BYTES)
    except OSError:
        return False


def _read(path: Path, start: int, most: int) -> bytes:
    """Bytes of a regular file; a pipe in a shared home must not hold anybody up."""
    try:
        if path.stat().st_size <= start or not path.is_file():
            return b""
        with path.open("rb") as file:
            file.seek(start)
            return file.read(most)
    except OSError:
        return b""


def _whole(file: str, start: int, data: bytes, *, is_cut: bool) -> int:
    """How much of *data* will not change any more: a write that the disk refused is undone."""
    if file == SAMPLES:
        return max(0, len(data) - (start + len(data)) % SIZE)
    end = data.rfind(b"\n") + 1
    return len(data) if is_cut and not end else end
