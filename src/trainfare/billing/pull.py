"""What there is to pull at a place: one part per billing period where manifests say so.

A part has a mark, made of what the store says of its objects (names, sizes, version marks), so that
a delivery that was read before is known without reading it. A part of manifests holds only the
newest manifest of each export and the files that they name: an export of three years is not read
again because of today's rows.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from trainfare.billing.remote import inside, open_store, outside_failures
from trainfare.billing.source import Listing, object_key, read_manifest
from trainfare.core.errors import BadInput, NotFound

_MARKS = ("ETag", "etag", "md5Hash", "generation", "LastModified", "last_modified", "updated")
"""How s3fs, gcsfs and adlfs call what tells one version of an object from the next."""


@dataclass(frozen=True, slots=True)
class Part:
    """One billing period of a place, or all that lies there."""

    name: str
    """The period as its manifests write it; empty for the whole place."""
    mark: str
    """The same for as long as nothing of it changed."""
    manifests: tuple[Listing, ...] = ()


class _Store(Protocol):
    """A place: what lies there, and how to bring it here."""

    def names(self) -> Mapping[str, str]:
        """Name within the place → size and mark of its version."""

    def get(self, name: str, target: Path) -> None:
        """Copy what has that name."""

    def fetch_listed(self, listing: Listing, name: str, folder: Path) -> None:
        """Copy a file that a manifest names."""


def list_parts(place: str) -> list[Part]:
    """The parts of *place* (a file, a folder, an object address), by name.

    Raises:
        NotFound: nothing is there.
        OutsideFailed: the storage refused or could not be reached.
    """
    with outside_failures(place), tempfile.TemporaryDirectory(prefix="trainfare-parts-") as folder:
        return _parts(_store_of(place), Path(folder))


@contextmanager
def open_part(place: str, part: Part) -> Iterator[str]:
    """Where to read *part* from: the place itself, or a folder with this part alone."""
    if not part.manifests:
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="trainfare-bill-") as folder:
        with outside_failures(place):
            store = _store_of(place)
            for listing in part.manifests:
                _bring(store, listing, Path(folder))
        yield folder


def _parts(store: _Store, folder: Path) -> list[Part]:
    names = store.names()
    newest: dict[tuple[str, ...], Listing] = {}
    for name in sorted(names):
        if not name.lower().endswith("manifest.json"):
            continue
        target = folder / name  # the folders of a manifest are part of what it says
        target.parent.mkdir(parents=True, exist_ok=True)
        store.get(name, target)
        listing = read_manifest(target)
        if listing is None:
            continue
        # Until it is brought along with its files, a manifest goes by its name at the place.
        listing = replace(listing, file=Path(name))
        known = newest.get(listing.scope)
        if known is None or _rank(listing) >= _rank(known):
            newest[listing.scope] = listing
    if not newest:
        return [Part("", _digest(names, names))]
    periods: dict[str, list[Listing]] = {}
    for scope in sorted(newest):
        periods.setdefault(scope[-1], []).append(newest[scope])
    return [
        Part(period, _digest(names, _named(listings, names)), tuple(listings))
        for period, listings in sorted(periods.items())
    ]


def _rank(listing: Listing) -> tuple[str, int]:
    """Later ones replace earlier ones; of equal ones the one nearest to the top counts."""
    return listing.made, -len(listing.file.parts)


def _named(listings: list[Listing], names: Mapping[str, str]) -> list[str]:
    """Those of *names* that manifests name, and the manifests."""
    found = [listing.file.as_posix() for listing in listings]
    ends = {Path(object_key(name, one).as_posix()).name for one in listings for name in one.names}
    return found + [name for name in names if Path(name).name in ends]


def _digest(names: Mapping[str, str], chosen: Any) -> str:
    lines = [f"{name}\t{names[name]}" for name in sorted(set(chosen))]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _bring(store: _Store, listing: Listing, folder: Path) -> None:
    """A manifest and its files, as they lie at the place."""
    target = folder / listing.file
    target.parent.mkdir(parents=True, exist_ok=True)
    store.get(listing.file.as_posix(), target)
    for name in listing.names:
        store.fetch_listed(listing, name, folder)


def _store_of(place: str) -> _Store:
    return _Bucket(place) if "://" in place else _Folder(Path(place).expanduser())


class _Folder:
    """A local folder, or a file."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> Mapping[str, str]:
        if self.root.is_file():
            return {"": self._mark(self.root)}
        found = {
            path.relative_to(self.root).as_posix(): self._mark(path)
            for path in self.root.rglob("*")
            if path.is_file()
        }
        if not found:
            raise NotFound(f"there is nothing at {self.root}; check the path")
        return found

    def _mark(self, path: Path) -> str:
        known = path.stat()
        return f"{known.st_size} {known.st_mtime_ns}"

    def get(self, name: str, target: Path) -> None:
        shutil.copyfile(self.root / name, target)

    def fetch_listed(self, listing: Listing, name: str, folder: Path) -> None:
        key = object_key(name, listing)
        bases = (self.root, (self.root / listing.file).parent)
        tails = [Path(*key.parts[start:]) for start in range(len(key.parts))]
        source = next(
            (base / tail for tail in tails for base in bases if (base / tail).is_file()), None
        )
        if source is None:
            raise BadInput(
                f"{listing.file.name}: the manifest names {name!r}, which is not under {self.root}; "
                "is the delivery still being written?"
            )
        target = folder / Path(*key.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


class _Bucket:
    """A prefix in object storage."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.store, path = open_store(url)
        self.path = path.rstrip("/")

    def names(self) -> Mapping[str, str]:
        found = self.store.find(self.path, detail=True)
        if not found:
            raise NotFound(f"there is nothing at {self.url}; check bucket and key")
        keys = {name: name[len(self.path) :].lstrip("/") for name in found}
        for key in filter(None, keys.values()):
            inside(key, self.url)
        return {keys[name]: _object_mark(told) for name, told in found.items()}

    def get(self, name: str, target: Path) -> None:
        self.store.get_file(f"{self.path}/{name}" if name else self.path, str(target))

    def fetch_listed(self, listing: Listing, name: str, folder: Path) -> None:
        bucket = self.path.split("/", 1)[0]
        if "://" in name and name.split("://", 1)[1].split("/", 1)[0] != bucket:
            raise BadInput(f"{listing.file.name} names {name!r}, which lies in another bucket")
        key = object_key(name, listing)
        target = folder / Path(*key.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.store.get_file(f"{bucket}/{key}", str(target))


def _object_mark(told: Mapping[str, Any]) -> str:
    marks = [str(told[key]) for key in _MARKS if told.get(key)]
    return f"{told.get('size')} {' '.join(marks)}"
