"""Sizes: how large datasets are, remembered so that each version of one is listed once.

A folder's version is the modification times of its folders: an entry that comes, goes or is renamed
changes one of them. Asking them is a thousand times less work than listing a million files. What
they do not show is a file that grows in place, so what a run has just made is always listed.

What object stores hold is listed by ``trainfare datasets --size``, never from within a training.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from trainfare.core.errors import TrainfareError
from trainfare.metering.artifact import list_folder, local_path, normal_uri
from trainfare.prices.json_file import read_json, write_json

RACE_NS = 2 * 10**9
"""A folder changed so shortly before it was listed may change again within one tick of its clock."""

SKEW_NS = 60 * 10**9
"""Clocks of stores and trainings are taken to agree within a minute."""

FOLDERS_MOST = 20_000
"""More folders than this are not remembered: asking them all would be no less than listing."""


@dataclass(frozen=True, slots=True)
class Size:
    """What lay at one place when it was listed."""

    bytes: int
    objects: int
    listed_ns: int
    newest_ns: int | None = None
    """When the latest of its objects was written; None where the store does not say."""
    mark: str | None = None
    """Name, tag and time of the object that a writer writes last (``_SUCCESS`` …), if there is one."""
    is_fixed: bool = False
    """Whether its name states a version, so that it never changes."""
    folders: tuple[tuple[str, int], ...] = ()
    """Of a local folder: each folder with its modification time."""


def _place(home: Path, uri: str) -> Path:
    from hashlib import sha256

    return home / "sizes" / f"{sha256(uri.encode()).hexdigest()[:32]}.json"


def recall(home: Path, uri: str) -> Size | None:
    """What is remembered of *uri*; nothing where that is damaged."""
    try:
        document = read_json(_place(home, uri))
        if not isinstance(document, dict) or document.pop("uri") != uri:
            return None
        folders = tuple((str(name), int(at)) for name, at in document.pop("folders"))
        size = Size(**document, folders=folders)
        counts = (size.bytes, size.objects, size.listed_ns, size.newest_ns or 0)
        is_sound = all(type(one) is int and one >= 0 for one in counts)
        return size if is_sound and isinstance(size.mark, str | None) else None
    except (TrainfareError, KeyError, TypeError, ValueError):
        return None


def size_mark(home: Path, uri: str) -> int:
    """What changes when another size of *uri* is remembered; 0 where none is, or none counts."""
    try:
        return 0 if local_path(uri) is not None else _place(home, uri).stat().st_mtime_ns
    except (OSError, ValueError):
        return 0


def remember(home: Path, uri: str, size: Size) -> None:
    """Keep *size* for whoever asks next.

    Raises:
        OutsideFailed: the home cannot be written.
    """
    write_json(_place(home, uri), {"uri": uri, **asdict(size)}, indent=None)


def size_at(home: Path, uri: str, at_ns: int) -> int | None:
    """The bytes that *uri* had at *at_ns*: those listed, unless something was written since then."""
    if local_path(uri) is not None:
        return None
    known = recall(home, uri)
    if known is None:
        return None
    is_same = known.is_fixed or (known.newest_ns is not None and known.newest_ns <= at_ns + SKEW_NS)
    return known.bytes if is_same else None


def measure(home: Path, uri: str | os.PathLike[str], *, is_new: bool) -> int | None:
    """Bytes of a local file or folder, as ``measure_bytes``, listing an unchanged folder once.

    Args:
        home: where sizes are remembered.
        uri: a path; of anything else the size is not known here.
        is_new: whether it has just been written, so that it is listed whatever is remembered.
    """
    path = local_path(uri)
    if path is None or not path.exists():
        return None
    if not path.is_dir():
        return path.stat().st_size
    name = normal_uri(uri)
    known = None if is_new else recall(home, name)
    if known is not None and known.folders and all(map(_is_unchanged, known.folders)):
        return known.bytes
    began_ns = time.time_ns()
    found = list_folder(path)
    newest_ns = max((at for _, at in found.folders), default=began_ns)
    if newest_ns < began_ns - RACE_NS and 0 < len(found.folders) <= FOLDERS_MOST:
        size = Size(found.bytes, found.files, began_ns, newest_ns, folders=tuple(found.folders))
        with contextlib.suppress(TrainfareError):
            remember(home, name, size)
    return found.bytes


def _is_unchanged(folder: tuple[str, int]) -> bool:
    try:
        return os.stat(folder[0]).st_mtime_ns == folder[1]  # noqa: PTH116 (a third of the time)
    except OSError:
        return False
