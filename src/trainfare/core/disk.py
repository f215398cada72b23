"""Disk: files that have to outlast a crash, and how one that was changed since is noticed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def flush(path: Path) -> None:
    """Have the disk keep a file, or a folder's list of names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_marks(files: Iterable[Path]) -> dict[str, list[int]]:
    """Name → size and time of every one of *files*: others where one was changed.

    Raises:
        OSError: one is gone.
    """
    stats = {file.name: file.stat() for file in sorted(files)}
    return {name: [stat.st_size, stat.st_mtime_ns] for name, stat in stats.items()}
