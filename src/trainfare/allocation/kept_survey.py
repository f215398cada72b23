"""Kept surveys: what a bill is made of, on disk, so that allocating it again starts there.

A survey knows no claims, so it holds until the files change, or the columns that rules look at. It
is kept with *narrow lines*: every charge as its face, times and amounts, eight numbers instead of
seventeen texts.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from trainfare.core.disk import file_marks, flush

TABLES = ("census", "faces", "spans", "paid")
"""What the survey makes and every allocation takes into memory."""

FILES = ("lines", "totals")
"""What it makes and allocations stream."""

_PARTIAL = ".partial-"
_SEAL = "seal.json"
"""Size and time of every file of a survey, so that one that was cut off or written over is noticed."""

_DAY_SECONDS = 86_400

_FORM = "4"
"""Changes whenever a survey's statements do, so that older ones are not taken."""


def survey_name(files: Sequence[Path], columns: Sequence[str]) -> str:
    """The name of the survey of *files* with faces of *columns*: another for anything else."""
    digest = hashlib.sha256(_FORM.encode())
    for path in files:
        status = path.stat()
        digest.update(repr((str(path), status.st_size, status.st_mtime_ns)).encode())
    digest.update(repr(tuple(columns)).encode())
    return digest.hexdigest()[:24]


def find_survey(folder: Path, name: str) -> Path | None:
    """The kept survey of that name, or None where there is none that is as it was written."""
    kept = folder / name
    return kept if is_whole(kept) else None


def former_survey(folder: Path, name: str) -> Path | None:
    """The latest kept survey of any other name: that of the delivery before."""
    others = [each for each in folder.glob("[!.]*") if each.name != name and is_whole(each)]
    return max(others, key=lambda each: each.stat().st_mtime_ns, default=None)


def is_whole(kept: Path) -> bool:
    """Whether the files of a kept folder are there as they were written."""
    try:
        seal = json.loads((kept / _SEAL).read_text(encoding="utf-8"))
        return bool(file_marks(kept / name for name in seal) == seal)
    except (OSError, ValueError, TypeError):
        return False


def file_of(kept: Path, table: str) -> Path:
    """Where one table of a kept survey is."""
    return kept / f"{table}.parquet"


def link(file: Path, name: Path) -> None:
    """Give *file* one more name; where the disk cannot, copy it."""
    try:
        os.link(file, name)
    except OSError:
        shutil.copyfile(file, name)


class SurveyWriter:
    """A folder that becomes a kept survey when all of its files are there."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.final = folder / name
        self.partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=folder))

    def settle(self) -> Path:
        """Give the folder its name, its files safe on disk; other surveys make room."""
        seal = json.dumps(file_marks(self.partial.iterdir()))
        (self.partial / _SEAL).write_text(seal, encoding="utf-8")
        for part in self.partial.iterdir():
            flush(part)
        for other in self.final.parent.iterdir():
            if other != self.final and not _is_being_written(other):
                shutil.rmtree(other, ignore_errors=True)
        if is_whole(self.final):
            shutil.rmtree(self.partial)
        else:
            shutil.rmtree(self.final, ignore_errors=True)
            self.partial.rename(self.final)
        return self.final

    def drop(self) -> None:
        """Remove what was written, if it is still there."""
        shutil.rmtree(self.partial, ignore_errors=True)


def _is_being_written(folder: Path) -> bool:
    """Whether somebody may still be at work there; after a day, it was left behind by a crash."""
    is_young = time.time() - folder.stat().st_mtime < _DAY_SECONDS
    return folder.name.startswith(_PARTIAL) and is_young
