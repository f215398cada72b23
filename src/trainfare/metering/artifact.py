"""Artifacts: how many bytes a checkpoint, dataset or output takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


def local_path(uri: str | os.PathLike[str]) -> Path | None:
    """The local path that *uri* names, or None for an object store or a service.

    >>> local_path("s3://bucket/key") is None
    True
    """
    text = os.fspath(uri)
    if text.startswith("file:"):
        from urllib.parse import unquote, urlsplit  # 5 ms that only such names need

        return Path(unquote(urlsplit(text).path))
    if "://" in text:
        return None
    return Path(text)


def normal_uri(uri: str | os.PathLike[str]) -> str:
    """The name under which an artifact is known: an absolute local path, or the URI as it is."""
    path = local_path(uri)
    return os.fspath(uri) if path is None else str(path.absolute())


def measure_bytes(uri: str | os.PathLike[str]) -> int | None:
    """Bytes of a local file or of all files under a folder; None where they cannot be known here.

    Symbolic links are not followed and a file with several hard links counts once, so that a folder
    of links to a shared dataset does not count the dataset again.
    """
    path = local_path(uri)
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    if not path.is_dir():
        return status.st_size
    return list_folder(path).bytes


class Listing(NamedTuple):
    """What lies under a folder."""

    bytes: int
    files: int
    folders: list[tuple[str, int]]
    """Each folder, and when an entry was last added to it, removed or renamed (mtime, ns)."""


def list_folder(folder: Path) -> Listing:
    """All files under *folder*, as :func:`measure_bytes` counts them."""
    seen: set[tuple[int, int]] = set()
    total = files = 0
    folders: list[tuple[str, int]] = []
    waiting = [str(folder)]
    while waiting:
        place = waiting.pop()
        try:
            folders.append((place, os.stat(place).st_mtime_ns))  # noqa: PTH116 (as scandir: text)
            entries = os.scandir(place)
        except OSError:
            continue
        with entries:
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                        continue
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                key = (status.st_dev, status.st_ino)
                if entry.is_symlink() or (status.st_nlink > 1 and key in seen):
                    continue
                seen.add(key)
                total += status.st_size
                files += 1
    return Listing(total, files, folders)
