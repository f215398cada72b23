"""The lake in object storage: deliveries under ``s3://``, ``gs://`` or ``az://``, each whole or not there.

    <lake>/<source>/<YYYY-MM>/<delivery>/<hash>.parquet     the parts, named by what they hold
    <lake>/<source>/<YYYY-MM>/<delivery>/manifest.json      written last: names, sizes and hashes

A delivery is there when its manifest is. Parts without one are nobody's, so an upload that was cut
off is never seen, and the next one finds what it already sent. The manifest is written once: storage
refuses a second (If-None-Match), and of two writers one wins. Nothing relies on listing.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from trainfare.billing.lake import incoming
from trainfare.billing.remote import inside, open_store, outside_failures
from trainfare.core.disk import file_marks
from trainfare.core.errors import NotFound, OutsideFailed

MANIFEST = "manifest.json"
_TRIES = 4
"""So often a request is made that storage fails; clients try again by themselves, too."""
_PAUSE_SECONDS = 0.5
"""Before the second try; then twice as long each time."""
CACHE_BYTES = 20 * 2**30
"""So much of a lake in object storage is held here at most, beside what a command reads."""

_STORED = ".stored"
"""In the folder of a delivery here: the lake that has it, too, and its files as they came."""

_Answer = TypeVar("_Answer")
_log = logging.getLogger("trainfare")


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a delivery."""

    name: str
    size: int
    sha256: str

    @property
    def key(self) -> str:
        """What its object is called: writers of other bytes never meet."""
        return f"{self.sha256}.parquet"


def put_delivery(lake: str, folder: str, cache: Path) -> None:
    """Have the delivery at *folder* of the lake *lake*, as it lies in that folder of *cache*.

    Where it is there already, the one here becomes what is there.

    Raises:
        MissingExtra: the client of that cloud is not installed.
        NotFound: there is no such bucket.
        OutsideFailed: storage failed, or another writer was first, with other bytes.
    """
    place, local = f"{lake.rstrip('/')}/{folder}", cache / folder
    with outside_failures(place, "write"):
        store, path = open_store(place)
        parts = _parts_of(local)
        theirs = _read_manifest(store, path)
        if theirs is not None:
            if theirs != parts:
                _fetch(store, path, theirs, lake, local, cache)
            _mark(local, lake)
            return
        try:
            for part in parts:
                _put_part(store, f"{path}/{part.key}", local / part.name, part)
        except FileNotFoundError:
            raise _no_bucket(path, place) from None
        text = json.dumps({"form": 1, "parts": [asdict(part) for part in parts]}, sort_keys=True)
        try:
            _patiently(lambda: _create(store, f"{path}/{MANIFEST}", text.encode()))
        except FileExistsError:
            if _read_manifest(store, path) != parts:
                raise OutsideFailed(
                    f"another import wrote {place} at the same time, with other bytes; it stands; "
                    "import again to go on from it"
                ) from None
    _mark(local, lake)
    _log.info("delivered to=%s parts=%d", place, len(parts))


def fetch_delivery(lake: str, folder: str, cache: Path) -> None:
    """Bring the delivery at *folder* of the lake *lake* into that folder of *cache*, whole or not at all.

    What is there already and is what the lake has is left as it is.

    Raises:
        MissingExtra: the client of that cloud is not installed.
        NotFound: it is not there, or its bucket or a part that its manifest names is not.
        OutsideFailed: storage failed, or a part is not what the manifest says.
    """
    place, local = f"{lake.rstrip('/')}/{folder}", cache / folder
    with outside_failures(place):
        store, path = open_store(place)
        parts = _read_manifest(store, path)
        if parts is None:
            if not _has_bucket(store, path):
                raise _no_bucket(path, place)
            raise NotFound(f"there is no {place}/{MANIFEST}; import the bill again")
        if parts != _parts_of(local):
            _fetch(store, path, parts, lake, local, cache)
        else:
            _mark(local, lake)


def is_held(cache: Path, folder: str) -> bool:
    """Whether the delivery at *folder* is in *cache*, and, where a lake has it too, as it came from there."""
    local = cache / folder
    mark = _read_mark(local)
    try:
        return local.is_dir() if mark is None else bool(_marks_of(local) == mark.get("files"))
    except OSError:  # a part went meanwhile
        return False


def _mark(local: Path, lake: str) -> None:
    """Note that what *local* holds can be fetched from *lake* again, and sizes and times of its files."""
    told = json.dumps({"lake": lake, "files": _marks_of(local)})
    (local / _STORED).write_text(told, encoding="utf-8")


def _read_mark(local: Path) -> dict[str, Any] | None:
    """What was noted of *local*; None where nothing was, so that it was never sent anywhere."""
    try:
        told = json.loads((local / _STORED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _marks_of(local: Path) -> dict[str, list[int]]:
    return file_marks(local.glob("*.parquet"))


def _has_bucket(store: Any, path: str) -> bool:
    """Whether the bucket of *path* is there, or may be: not everybody may ask."""
    try:
        store.info(path.split("/", 1)[0])
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def _no_bucket(path: str, place: str) -> NotFound:
    bucket = path.split("/", 1)[0]
    return NotFound(f"there is no bucket {bucket} for {place}; make it, or correct TRAINFARE_LAKE")


def _fetch(store: Any, path: str, parts: list[Part], lake: str, local: Path, cache: Path) -> None:
    """Make *local* in *cache* hold *parts* and nothing else."""
    local.parent.mkdir(parents=True, exist_ok=True)
    with incoming(cache) as partial:
        for part in parts:
            _get_part(store, f"{path}/{part.key}", partial / inside(part.name, path), part)
        _mark(partial, lake)
        shutil.rmtree(local, ignore_errors=True)
        try:
            partial.rename(local)
        except OSError:
            if not local.exists():  # another command may have brought it meanwhile
                raise


def _parts_of(local: Path) -> list[Part]:
    return [_part_of(file) for file in sorted(local.glob("*.parquet"))]


def _part_of(file: Path) -> Part:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return Part(file.name, file.stat().st_size, digest)


def _read_manifest(store: Any, path: str) -> list[Part] | None:
    """The parts that a delivery's manifest names, in order; None where there is no manifest.

    Raises:
        OutsideFailed: it cannot be read.
    """
    try:
        text = _patiently(lambda: store.cat_file(f"{path}/{MANIFEST}"))
    except FileNotFoundError:
        return None
    try:
        return [Part(**part) for part in json.loads(text)["parts"]]
    except (ValueError, KeyError, TypeError):
        raise OutsideFailed(f"{path}/{MANIFEST} is no manifest of a delivery") from None


def _put_part(store: Any, key: str, file: Path, part: Part) -> None:
    """Send a part, unless it is there: its name says what it holds."""
    try:
        if _patiently(lambda: store.info(key))["size"] == part.size:
            return
    except FileNotFoundError:
        pass
    _patiently(lambda: store.put_file(str(file), key))


def _get_part(store: Any, key: str, target: Path, part: Part) -> None:
    try:
        _patiently(lambda: store.get_file(key, str(target)))
    except FileNotFoundError:
        raise NotFound(
            f"part {part.name} of a delivery is gone: no object {key}; import the bill again"
        ) from None
    if _part_of(target) != Part(target.name, part.size, part.sha256):
        raise OutsideFailed(f"{key} is not what its manifest says; import the bill again")


def _create(store: Any, key: str, data: bytes) -> None:
    """Write an object that is not there yet.

    Raises:
        FileExistsError: it is there.
    """
    if "abfs" in store.protocol:
        store.pipe_file(key, data, overwrite=False)
    else:
        store.pipe_file(key, data, mode="create")


def _patiently(request: Callable[[], _Answer]) -> _Answer:
    """The answer of *request*, tried again a few times where storage fails for the moment."""
    for more in range(_TRIES - 1):
        try:
            return request()
        except (FileNotFoundError, FileExistsError, PermissionError):
            raise
        except OSError as error:
            _log.info("again after error=%s", str(error)[:200])
            time.sleep(_PAUSE_SECONDS * 2**more)
    return request()


def trim_cache(cache: Path, lake: str, in_use: Collection[Path], most: int = CACHE_BYTES) -> None:
    """Remove deliveries that *lake* has from *cache*, the oldest first, until it holds *most* of them.

    Those *in_use* stay, and they may be more; what was never sent to *lake* is only here, and stays.

    Args:
        cache: where deliveries lie here.
        lake: where the others are.
        in_use: folders that a command is about to read.
        most: bytes.
    """
    sizes = {
        mark.parent: sum(file.stat().st_size for file in mark.parent.glob("*.parquet"))
        for mark in cache.glob(f"[!.]*/*/*/{_STORED}")
        if (_read_mark(mark.parent) or {}).get("lake") == lake
    }
    total = sum(sizes.values())
    for folder in sorted(sizes, key=lambda each: each.stat().st_mtime_ns):
        if total > most and folder not in in_use:
            shutil.rmtree(folder, ignore_errors=True)
            total -= sizes[folder]
