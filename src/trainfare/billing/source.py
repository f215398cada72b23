"""Where a bill lies: files, folders and their manifests, brought to a list of files to read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from trainfare.core.errors import BadInput, NotFound

_FORMS = {
    ".csv": ("csv", ""),
    ".csv.gz": ("csv", "gzip"),
    ".csv.zip": ("csv", "zip"),
    ".zip": ("csv", "zip"),
    ".parquet": ("parquet", ""),
    ".json": ("json", ""),
    ".jsonl": ("json", ""),
    ".ndjson": ("json", ""),
    ".json.gz": ("json", "gzip"),
    ".jsonl.gz": ("json", "gzip"),
}
_MANIFEST_MAX = 64 * 2**20  # a manifest is kilobytes; more is no manifest


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a bill.

    *name* is what rows and problems call it: its path within the folder or URL given, or its bare
    name. *form* is csv, parquet or json; *packing* is empty, gzip or zip.
    """

    name: str
    path: Path
    form: str
    packing: str = ""
    format: str = ""
    """Which bill format it holds, once detected."""
    manifest: str = ""
    """What its manifest calls the delivery (Azure: ActualCost, AmortizedCost, FocusCost …)."""

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size


@dataclass(frozen=True, slots=True)
class Listing:
    """What one manifest says: its files in order."""

    file: Path
    kind: str
    names: tuple[str, ...]
    scope: tuple[str, ...]
    """Export and billing period: of several manifests of one scope only the newest counts."""
    made: str


@contextmanager
def open_source(place: str | Path) -> Iterator[list[SourceFile]]:
    """The files of a bill at *place*: a file, a folder or an object URL, in reading order.

    Files fetched from a URL are removed on leaving.

    Raises:
        NotFound: nothing is there.
        BadInput: it holds no bill file, or a manifest points outside its folder.
    """
    text = str(place)
    if "://" in text:
        from trainfare.billing.remote import fetch

        folder = Path(tempfile.mkdtemp(prefix="trainfare-bill-"))
        try:
            yield found(fetch(text, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    else:
        yield found(Path(text).expanduser())


def found(place: Path) -> list[SourceFile]:
    """The files of a bill at a local *place*; see :func:`open_source`."""
    files = _listed(place)
    for file in files:
        if not os.access(file.path, os.R_OK):
            raise BadInput(f"{file.path} may not be read by this user; change its permissions")
    return files


def _listed(place: Path) -> list[SourceFile]:
    if place.is_dir():
        return _of_folder(place)
    if not place.exists():
        raise NotFound(f"there is no file or folder {place}; check the path")
    if not place.is_file():
        raise BadInput(f"{place} is neither a file nor a folder")
    listing = read_manifest(place) if place.name.lower().endswith("manifest.json") else None
    if listing is not None:
        return _of_listing(listing, _root_of(place))
    return [source_file(place, place.name)]


def source_file(path: Path, name: str, listing: Listing | None = None) -> SourceFile:
    """Describe one file by its name's ending, or by its first bytes where that says nothing."""
    lowered, manifest = path.name.lower(), listing.kind if listing is not None else ""
    for ending in sorted(_FORMS, key=len, reverse=True):
        if lowered.endswith(ending):
            form, packing = _FORMS[ending]
            return SourceFile(name, path, form, packing, manifest=manifest)
    head = b""
    if os.access(path, os.R_OK):
        with path.open("rb") as stream:
            head = stream.read(4)
    if head == b"PAR1":
        return SourceFile(name, path, "parquet", manifest=manifest)
    if head[:2] == b"\x1f\x8b":
        return SourceFile(name, path, "csv", "gzip", manifest=manifest)
    return SourceFile(name, path, "csv", manifest=manifest)


def _of_folder(folder: Path) -> list[SourceFile]:
    """Files by manifest where there is one; else every bill file, sorted by path."""
    inside = sorted(
        path for path in folder.rglob("*") if path.is_file() and not _hidden(path, folder)
    )
    listings = [
        listing
        for path in inside
        if path.name.lower().endswith("manifest.json")
        and (listing := read_manifest(path)) is not None
    ]
    if listings:
        newest: dict[tuple[str, ...], Listing] = {}
        for listing in sorted(listings, key=lambda each: (each.made, -len(each.file.parts))):
            newest[listing.scope] = listing
        files = [file for scope in sorted(newest) for file in _of_listing(newest[scope], folder)]
        return list({file.path: file for file in files}.values())
    files = [
        source_file(path, path.relative_to(folder).as_posix())
        for path in inside
        if any(path.name.lower().endswith(ending) for ending in _FORMS)
    ]
    if not files:
        raise BadInput(f"{folder} holds no bill file ({', '.join(_FORMS)})")
    return files


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)


def read_manifest(path: Path) -> Listing | None:
    """What an AWS or Azure manifest lists; None when *path* is some other JSON.

    Sources: AWS CUR user guide (reportKeys, billingPeriod), AWS Data Exports (dataFiles), Azure Cost
    Management exports manifest (blobs, exportConfig, runInfo).
    """
    if path.stat().st_size > _MANIFEST_MAX or not os.access(path, os.R_OK):
        return None
    try:
        told = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    if isinstance(told.get("blobs"), list):
        return _azure(path, told)
    if isinstance(keys := told.get("reportKeys") or told.get("dataFiles"), list):
        period = json.dumps(told.get("billingPeriod") or path.parent.name, sort_keys=True)
        report = str(told.get("reportName") or told.get("exportArn") or path.name)
        made = str(told.get("executionId") or "") if "dataFiles" in told else ""
        return Listing(path, "aws", tuple(map(str, keys)), (report, period), made)
    return None


def _azure(path: Path, told: dict[str, Any]) -> Listing:
    config, run = (
        part if isinstance(part := told.get(key), dict) else {}
        for key in ("exportConfig", "runInfo")
    )
    names = tuple(str(blob.get("blobName")) for blob in told["blobs"] if isinstance(blob, dict))
    scope = (
        str(config.get("exportName")),
        str(config.get("type")),
        str(run.get("startDate") or path.parent.parent.name),
    )
    made = str(run.get("submittedTime") or path.parent.name)
    return Listing(path, str(config.get("type") or "azure"), names, scope, made)


def _root_of(manifest: Path) -> Path:
    """The folder whose files a manifest given by itself may name: two levels up for Data Exports."""
    parent = manifest.parent
    return parent.parent.parent if parent.parent.name == "metadata" else parent


def object_key(name: str, listing: Listing) -> PurePosixPath:
    """The key that a manifest's *name* means, checked to stay below its folder.

    Raises:
        BadInput: it is absolute or climbs with ``..``.
    """
    bare = name.split("://", 1)[1].partition("/")[2] if "://" in name else name
    key = PurePosixPath(bare)
    if not key.parts or key.is_absolute() or ".." in key.parts or "\\" in name or "\0" in name:
        raise BadInput(
            f"{listing.file.name}: the manifest names {name!r}, which leads outside its folder; "
            "nothing was read"
        )
    return key


def _of_listing(listing: Listing, root: Path) -> list[SourceFile]:
    """The local files that a manifest names, each found by the longest matching end of its key."""
    files = []
    inside = root.resolve()
    for name in listing.names:
        path = _local(object_key(name, listing), listing.file.parent, root)
        if path is None:
            raise BadInput(
                f"{listing.file.name}: the manifest names {name!r}, which is not under {root}; "
                "fetch the whole delivery again"
            )
        if not path.resolve().is_relative_to(inside):
            raise BadInput(f"{path} is a link that leads outside {root}; nothing was read")
        files.append(source_file(path, path.relative_to(root).as_posix(), listing))
    if not files:
        raise BadInput(f"{listing.file.name}: the manifest names no files; is the export finished?")
    return files


def _local(key: PurePosixPath, beside: Path, root: Path) -> Path | None:
    for start in range(len(key.parts)):
        tail = Path(*key.parts[start:])
        for base in (root, beside):
            if (base / tail).is_file():
                return base / tail
    return None


def content_digest(files: Sequence[SourceFile], *words: str) -> str:
    """Hex digest of what the files hold and of *words*, whatever their names and order.

    The same files twice give the same digest, so a delivery imported again changes nothing.
    """
    each = []
    for file in files:
        with file.path.open("rb") as stream:
            each.append(f"{file.format} {hashlib.file_digest(stream, 'sha256').hexdigest()}")
    return hashlib.sha256("\n".join([*words, *sorted(each)]).encode()).hexdigest()[:32]
