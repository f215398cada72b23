"""The spool: what a run writes while it trains, so that a crash at any moment loses one sample.

A segment's folder holds ``samples.bin`` (96-byte records), ``events.jsonl`` (one JSON object a
line: start, machine, price, stage, artifact, end …) and ``metrics.jsonl``. Every write is one
``os.write`` on a descriptor opened for appending: the page cache keeps it through ``kill -9``.

A spool that cannot write (a full disk, an unwritable home) warns once, keeps what it is given in a
bounded memory, and catches up as soon as writing works again. It never raises into the training.
"""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from pathlib import Path
from typing import Any

from trainfare.core.plain import sound
from trainfare.metering.notice import warn
from trainfare.metering.sample import SIZE

SAMPLES, EVENTS, METRICS = "samples.bin", "events.jsonl", "metrics.jsonl"

MIRRORED = "mirrored"
"""A file of that name says that a segment was shipped here: only the machine it is of writes it."""

PENDING_MAX = 20_000
"""Writes kept in memory while the disk refuses: 5.5 hours of samples at 1 s, about 2 MB."""

WAITING_MAX = 2_000
"""Writes that wait for the meter's beat: a training that logs faster writes them itself."""

TOGETHER = 250
"""Lines or records that go to the disk in one write."""


CLOSE_SECONDS = 0.05
"""A write that hangs keeps its descriptor; closing does not wait for it."""


class Spool:
    """Appends records and events of one segment under *folder*; safe to use from two threads.

    Only the process that made it may write: a forked child's calls do nothing. Once closed it takes
    nothing more.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lost = 0
        """Writes given up for good because the memory for pending ones was full."""
        self._pid = os.getpid()
        self._files: dict[str, int] = {}
        self._pending: deque[tuple[str, bytes]] = deque()
        self.is_deferred = False
        """Whether another thread calls :meth:`drain`, so that samples and metrics wait for it."""
        self._warned = False
        self._closed = False
        self._lock = threading.Lock()

    def add_sample(self, records: bytes) -> None:
        """Append one or more 96-byte records."""
        self._append(SAMPLES, records)

    def add_event(self, event: dict[str, Any]) -> None:
        """Append one event line; events are few, so each is on disk at once."""
        self._append(EVENTS, line_of(event))
        self.drain()

    def add_metric(self, metric: dict[str, Any]) -> None:
        """Append one line of the user's metrics."""
        self._append(METRICS, line_of(metric))

    def end_torn_line(self) -> None:
        """Close an event line that a crash cut short, so that the next one stands alone."""
        self._append(EVENTS, b"\n")

    def close(self) -> None:
        """Try once more to write what is pending, then let the descriptors go."""
        if os.getpid() != self._pid:
            return
        self.is_deferred = False
        self.drain()
        self._closed = True
        if self._lock.acquire(timeout=CLOSE_SECONDS):
            try:
                for descriptor in self._files.values():
                    os.close(descriptor)
                self._files.clear()
            finally:
                self._lock.release()

    def pending_bytes(self, file: str) -> bytes:
        """What is still in memory for *file*, for a reader in this process."""
        return b"".join(data for name, data in list(self._pending) if name == file)

    def _append(self, file: str, data: bytes) -> None:
        if os.getpid() != self._pid or self._closed:
            return
        self._pending.append((file, data))
        if not self.is_deferred or len(self._pending) % WAITING_MAX == 0:
            self.drain()
        if len(self._pending) > PENDING_MAX:
            self._make_room()

    def _make_room(self) -> None:
        """Give up the oldest samples and metrics; events stay, for they say what the run is."""
        if not self._lock.acquire(blocking=False):
            return  # whoever writes makes room by writing
        try:
            events: list[tuple[str, bytes]] = []
            most = PENDING_MAX - PENDING_MAX // 20  # a part at once, so that it costs little each
            while self._pending and len(self._pending) + len(events) > most:
                one = self._pending.popleft()
                if one[0] == EVENTS:
                    events.append(one)
                else:
                    self.lost += 1
            self._pending.extendleft(reversed(events))
        finally:
            self._lock.release()

    def drain(self) -> None:
        """Write what is pending, in order, until it is all written or one write is refused.

        Never waits: whoever holds the lock drains, and looks again after letting go. So a signal
        handler that lands in the middle of a write only adds to the queue of the frame below it.
        """
        while self._pending and self._lock.acquire(blocking=False):
            try:
                is_refused = self._write_pending()
            finally:
                self._lock.release()
            if is_refused:
                return

    def _write_pending(self) -> bool:
        """Whether a write was refused; what was refused stays the next to be written."""
        while self._pending:
            file, data = self._pending.popleft()
            parts = [data]
            while self._pending and self._pending[0][0] == file and len(parts) < TOGETHER:
                parts.append(self._pending.popleft()[1])
            try:
                self._write(file, b"".join(parts))
            except OSError as error:
                self._pending.extendleft((file, part) for part in reversed(parts))
                self._warn(error)
                return True
        return False

    def _write(self, file: str, data: bytes) -> None:
        descriptor = self._files.get(file)
        if descriptor is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0)
            descriptor = os.open(self.folder / file, flags, 0o644)
            self._files[file] = descriptor
        written = os.write(descriptor, data)
        if written != len(data):
            # A full disk can take part of a write; cut it off so that records stay aligned.
            os.ftruncate(descriptor, os.fstat(descriptor).st_size - written)
            raise OSError(28, "only part of a record fitted on the disk", str(self.folder / file))

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            warn(
                "cannot write the record of this run to %s (%s); training goes on, "
                "the record is kept in memory and written when the disk allows",
                self.folder,
                error.strerror or error,
            )


def line_of(document: dict[str, Any]) -> bytes:
    """One line; what JSON has no form for becomes text, and no text is too odd to be written."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def read_lines(data: bytes) -> list[dict[str, Any]]:
    """The whole JSON objects of *data*; a line that a crash cut short is passed over.

    >>> read_lines(b'{"a":1}' + bytes([10]) + b'{"b":')
    [{'a': 1}]
    """
    documents = []
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(document, dict):
            is_odd = b"\\ud" in line or b"\\uD" in line
            documents.append(_sound(document) if is_odd else document)
    return documents


def _sound(value: Any) -> Any:
    """*value* with every text sound but the places of files, which are to be found again."""
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, dict):
        return {sound(k): v if k == "uri" else _sound(v) for k, v in value.items()}
    return [_sound(one) for one in value] if isinstance(value, list) else value


def read_file(path: Path) -> bytes:
    """The bytes of *path*, or nothing where it does not exist."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""


def last_record_bytes(path: Path, count: int = 64) -> bytes:
    """The last *count* whole records of a samples file, without reading the rest."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            whole = size - size % SIZE
            file.seek(max(0, whole - count * SIZE))
            return file.read(min(whole, count * SIZE))
    except (FileNotFoundError, NotADirectoryError):
        return b""
