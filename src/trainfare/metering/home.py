"""Where Trainfare keeps its state, and how runs and segments are named there.

TRAINFARE_HOME/
  runs/<run id>/<segment id>/{events.jsonl, metrics.jsonl, samples.bin}   metered, or log-… imported
  machines/<name>/<segment id>/…    what `trainfare agent` records of a machine by itself
  sizes/…                           how large datasets are, so that each is listed once
  prices/…
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

_ALPHABET = "0123456789abcdefghijklmnopqrstuv"


def home_folder(env: Mapping[str, str] | None = None) -> Path:
    """``TRAINFARE_HOME``, else the platform's data folder; the folder need not exist yet.

    >>> str(home_folder({"TRAINFARE_HOME": "/srv/fares"}))
    '/srv/fares'
    """
    env = os.environ if env is None else env
    stated = env.get("TRAINFARE_HOME")
    if stated:
        return _expanded(stated)
    if sys.platform == "darwin":
        return _expanded("~/Library/Application Support/trainfare")
    if sys.platform == "win32":
        return _expanded(env.get("LOCALAPPDATA", "~")) / "trainfare"
    return _expanded(env.get("XDG_DATA_HOME") or "~/.local/share") / "trainfare"


def _expanded(text: str) -> Path:
    """An absolute path, so that a training which changes its folder keeps one home.

    A user without a home folder (an arbitrary uid in a container) has one under the system's
    temporary folder.
    """
    try:
        return Path(text).expanduser().absolute()
    except (RuntimeError, OSError):
        import tempfile

        return Path(tempfile.gettempdir()) / f"trainfare-{os.getuid()}"


def runs_folder(home: Path) -> Path:
    """Where the spools of all runs are."""
    return home / "runs"


def machines_folder(home: Path) -> Path:
    """Where the records of whole machines are."""
    return home / "machines"


def make_run_id() -> str:
    """A new run id: ``r-``, nine digits of time (so that ids sort) and five random ones."""
    millis = time.time_ns() // 10**6
    return f"r-{_base32(millis, 9)}{_base32(int.from_bytes(os.urandom(4), 'big'), 5)}"


def make_segment_id(rank: int) -> str:
    """A new segment id: time, rank, process and chance, so that no two nodes choose the same."""
    millis = time.time_ns() // 10**6
    chance = _base32(int.from_bytes(os.urandom(5), "big"), 8)
    return f"{_base32(millis, 9)}-{rank}-{os.getpid()}-{chance}"


def _base32(number: int, digits: int) -> str:
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 32)
        text = _ALPHABET[digit] + text
    return text
