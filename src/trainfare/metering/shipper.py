"""The shipper: batches of what is new, sent one after another, and what to do when that fails.

A server that does not answer is asked again after a random time below a bound that doubles (full
jitter), so that a machine room does not come back all at once; what the server says about when to
come again is obeyed.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from trainfare.core.shipment import BATCH_BYTES, Piece
from trainfare.metering.cargo import (
    has_ended,
    is_marked,
    owner_of,
    pieces_of,
    read_marks,
    segment_folders,
    write_marks,
)
from trainfare.metering.notice import warn
from trainfare.metering.wire import Later, Server, Unwelcome

SEND_SECONDS = 10.0

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 5.0, 300.0

REST_FOLDERS = 200
"""Of a home's other segments so many are looked at in one turn."""

LOCK = "shipping.lock"


class Shipper:
    """Ships segments of one home to one server."""

    def __init__(self, home: Path, server: Server) -> None:
        self.home = home
        self.server = server
        self.failures = 0
        """Tries in a row that failed."""
        self._done: set[Path] = set()
        self._refused: set[Path] = set()
        self._said: set[str] = set()

    @property
    def is_away(self) -> bool:
        """Whether the server did not take the last try."""
        return self.failures > 0

    def mark(self, folder: Path) -> None:
        """Leave word that this segment is to be shipped, for whoever comes later."""
        if not is_marked(folder, self.server.url):
            write_marks(folder, self.server.url, {})

    def ship(self, folders: Iterable[Path], *, until: float | None = None) -> float:
        """Send all that is new in *folders*; how many seconds the next try should wait, 0 if none.

        Args:
            folders: of segments; those that have ended and are all sent cost nothing.
            until: a monotonic time at which to give up.
        """
        due = [folder for folder in folders if folder not in self._done | self._refused]
        while due:
            batch, rest = self._batch(due)
            if not batch:
                return 0.0
            seconds = SEND_SECONDS if until is None else until - time.monotonic()
            if seconds <= 0:
                return 0.0
            try:
                if not self._send(batch, min(seconds, SEND_SECONDS)):
                    return 0.0  # it takes nothing of all this: not again at once
            except Later as later:
                return self._wait(str(later), later.seconds)
            except Unwelcome as error:
                if not error.is_about_content:
                    return self._wait(str(error), LONGEST_WAIT_SECONDS)
                self._sort_out(batch, error)
            due = rest
        return 0.0

    def rest(self, own: Iterable[Path]) -> Iterator[list[Path]]:
        """Segments of earlier processes that were to be shipped there, a few at a time.

        One process of a home at a time looks for them; to the others there are none.
        """
        with _held(self.home / LOCK) as is_held:
            if not is_held:
                return
            known, some = set(own), []
            for count, folder in enumerate(segment_folders(self.home)):
                if folder not in known and is_marked(folder, self.server.url):
                    some.append(folder)
                if count % REST_FOLDERS == REST_FOLDERS - 1:
                    yield some
                    some = []
            yield some

    def _batch(self, due: list[Path]) -> tuple[dict[Path, list[Piece]], list[Path]]:
        """What fits into one shipment, and the folders to look at after it."""
        batch: dict[Path, list[Piece]] = {}
        room = BATCH_BYTES
        for number, folder in enumerate(due):
            marks = read_marks(folder, self.server.url)
            pieces = pieces_of(owner_of(self.home, folder), folder, marks, room)
            if pieces:
                batch[folder] = pieces
                room -= sum(len(piece.data) for piece in pieces)
            elif has_ended(folder):
                self._done.add(folder)
            if room < BATCH_BYTES // 10:
                return batch, due[number:]
        return batch, []

    def _send(self, batch: dict[Path, list[Piece]], seconds: float) -> bool:
        """Ship a batch and remember what the server has; whether that is more than before."""
        pieces = [piece for group in batch.values() for piece in group]
        lengths = iter(self.server.send(pieces, seconds))
        self.failures, is_more = 0, False
        for folder, group in batch.items():
            marks = read_marks(folder, self.server.url)
            has = {piece.file: next(lengths) for piece in group}
            is_more = is_more or any(has[piece.file] > piece.start for piece in group)
            write_marks(folder, self.server.url, marks | has)
        return is_more

    def _sort_out(self, batch: dict[Path, list[Piece]], error: Unwelcome) -> None:
        """Send the segments of a refused batch one by one; leave out the one that is to blame."""
        if len(batch) == 1:
            [folder] = batch
            self._refused.add(folder)
            self._say(f"{folder.parent.name}/{folder.name} is not shipped: {error}")
            return
        for folder, group in batch.items():
            try:
                self._send({folder: group}, SEND_SECONDS)
            except Unwelcome as own:
                self._sort_out({folder: group}, own)
            except Later:
                return

    def _wait(self, why: str, asked: float | None) -> float:
        self.failures += 1
        self._say(f"shipping waits: {why}; the record stays here until the server takes it")
        most = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(self.failures - 1, 10))
        return max(asked or 0.0, random.uniform(0.0, most))  # noqa: S311 (no secret)

    def _say(self, sentence: str) -> None:
        """Warn once of each thing."""
        if sentence not in self._said and len(self._said) < 100:
            self._said.add(sentence)
            warn("%s", sentence)


@contextlib.contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Whether this process has the lock at *path*, for the block."""
    try:
        import fcntl

        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except (ImportError, OSError):
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
