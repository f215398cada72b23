"""The mirror: what machines shipped, written as spools into the server's home.

ledger (log of chunks, committed) → home/runs/RUN/SEGMENT/FILE, home/machines/NAME/SEGMENT/FILE

So every path that reads runs reads shipped ones too. The log is followed in its order, and a file's
size says how far it is written, so that a crash at any byte, a second replica on the same folder and
a repeated order change nothing. ``mirror.place`` says from where to follow the log after a start;
without it, and without the files, everything is written again.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from pathlib import Path

from trainfare.core.errors import OutsideFailed
from trainfare.core.shipment import MACHINE_MARK, Piece
from trainfare.metering.home import machines_folder, runs_folder
from trainfare.metering.spool import MIRRORED
from trainfare.store.ledger import Ledger
from trainfare.store.stream import Key, read_log, shipper_of

log = logging.getLogger("trainfare")

PLACE = "mirror.place"

HELD_BYTES_MAX = 32 * 2**20
"""Bytes that wait in memory to be written; what comes beyond is read back from the ledger."""

TOGETHER_SECONDS = 0.25
"""What comes within so long is written together, each file once."""

RETRY_SECONDS = 5.0
"""A disk or ledger that refuses is tried again after so long."""

SETTLED_SECONDS = 60.0
"""The place that is kept was reached so long ago: by then the system has written it to the disk."""


def recorded_teams(home: Path, owner: str) -> set[str | None]:
    """The teams for which a home has segments of *owner*, None for those that are no team's.

    Where the ledger does not know a run, this keeps it from whoever would ship it anew.
    """
    teams: set[str | None] = set()
    try:
        for folder in _folder_of(home, owner).iterdir():
            mark = folder / MIRRORED
            teams.add((mark.read_text(encoding="utf-8") or None) if mark.exists() else None)
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError):
        teams.add(None)
    return teams


def _folder_of(home: Path, owner: str) -> Path:
    if owner.startswith(MACHINE_MARK):
        return machines_folder(home) / owner.removeprefix(MACHINE_MARK)
    return runs_folder(home) / owner


class Mirror:
    """A thread that keeps the files of a home up with its ledger."""

    def __init__(
        self,
        home: Path,
        ledger: Ledger,
        told: Callable[[set[str]], None] = lambda _runs: None,
    ) -> None:
        """Write into *home* what is in *ledger*; *told* hears of the runs that were written."""
        self._told = told
        self._home = home
        self._ledger = ledger
        self._due: deque[tuple[int, Sequence[Piece]]] = deque()
        self._held = 0
        self._changed = threading.Condition()
        self._is_open = True
        self._made: set[Path] = set()
        self._torn: set[Key] = set()
        self._place = self._read_place()
        self._settling: deque[tuple[float, int]] = deque([(time.monotonic(), self._place)])
        self._thread = threading.Thread(target=self._live, name="trainfare-mirror", daemon=True)

    def start(self) -> None:
        """Begin: first whatever the ledger holds beyond the files."""
        self._thread.start()

    def take(self, after: int, pieces: Sequence[Piece]) -> None:
        """Write soon the committed *pieces* that follow place *after* of the log; returns at once."""
        size = sum(len(piece.data) for piece in pieces)
        with self._changed:
            if self._held + size <= HELD_BYTES_MAX:
                self._due.append((after, pieces))
                self._held += size
            else:  # only that there is something: it is read from the ledger
                self._due.append((after + len(pieces), ()))
            self._changed.notify()

    def close(self) -> None:
        """Write what is due, then stop; what cannot be written now is written at the next start."""
        with self._changed:
            self._is_open = False
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _live(self) -> None:
        is_behind = True
        while True:
            try:
                if is_behind:
                    self.catch_up()
                    is_behind = False
                due = self._next_due()
                if due is None:
                    return
                self._write_due(due)
                self._settle()
            except (OSError, OutsideFailed) as error:
                log.warning("cannot write shipped runs into %s: %s", self._home, error)
                is_behind = True
                with self._changed:
                    if self._changed.wait_for(lambda: not self._is_open, RETRY_SECONDS):
                        return

    def _next_due(self) -> list[tuple[int, Sequence[Piece]]] | None:
        """What to write next; None once closed and all is written."""
        with self._changed:
            while not self._due:
                if not self._is_open:
                    return None
                self._changed.wait()
            self._changed.wait_for(lambda: not self._is_open, TOGETHER_SECONDS)
            due, self._held = list(self._due), 0
            self._due.clear()
        return due

    def _write_due(self, due: list[tuple[int, Sequence[Piece]]]) -> None:
        """Write groups that continue one another at once; where one is missing, ask the ledger."""
        waiting: list[Piece] = []
        place = self._place
        for after, pieces in due:
            if after > place:
                self._write(waiting, place)
                self.catch_up()
                waiting, place = [], self._place
            if after + len(pieces) > place:
                waiting += pieces[place - after :]
                place = after + len(pieces)
        self._write(waiting, place)

    def catch_up(self) -> None:
        """Follow the log in the ledger to its end."""
        while True:
            with self._ledger.look() as connection:
                place, pieces = read_log(connection, self._place)
            if not pieces:
                return
            self._write(pieces, place)
            if not self._is_open:
                return

    def _write(self, pieces: Sequence[Piece], place: int) -> None:
        """Write pieces of the log up to *place*."""
        files: dict[Key, list[Piece]] = defaultdict(list)
        for piece in pieces:
            files[piece.key].append(piece)
        for key, group in files.items():
            self._append(key, group)
        self._place = place
        self._told({run for run, _, _ in files if not run.startswith(MACHINE_MARK)})

    def path_of(self, key: Key) -> Path:
        """Where a stream is written."""
        owner, segment, file = key
        return _folder_of(self._home, owner) / segment / file

    def _append(self, key: Key, pieces: Sequence[Piece]) -> None:
        """Append what continues the file; pieces of one stream continue one another."""
        path = self.path_of(key)
        self._make_folder(path.parent, key[0])
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(path, flags, 0o644)
        try:
            size = os.fstat(descriptor).st_size
            start = pieces[0].start
            if size < start:
                self._say_torn(key, path)
                return
            data = b"".join(piece.data for piece in pieces)[size - start :]
            done = 0
            while done < len(data):
                done += os.pwrite(descriptor, data[done:], size + done)
        finally:
            os.close(descriptor)

    def _say_torn(self, key: Key, path: Path) -> None:
        """A file that somebody deleted or cut has no place for what follows."""
        if key not in self._torn:
            self._torn.add(key)
            log.warning(
                "%s was cut by somebody; to have it written again delete it and %s, then restart",
                path,
                self._home / PLACE,
            )

    def _make_folder(self, folder: Path, run: str) -> None:
        """Make the folder of a segment, and say in it whose token opened the run."""
        if folder in self._made and folder.is_dir():
            return
        folder.mkdir(parents=True, exist_ok=True)
        with self._ledger.look() as connection:
            team = shipper_of(connection, run)
        (folder / MIRRORED).write_text(team or "", encoding="utf-8")
        if len(self._made) > 100_000:
            self._made.clear()
        self._made.add(folder)

    def _read_place(self) -> int:
        try:
            return int(json.loads((self._home / PLACE).read_bytes())["chunk"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def _settle(self) -> None:
        """Keep from where a next start follows the log."""
        now = time.monotonic()
        if now - self._settling[-1][0] < SETTLED_SECONDS / 4:
            return
        self._settling.append((now, self._place))
        old = itertools.takewhile(lambda one: now - one[0] >= SETTLED_SECONDS, self._settling)
        settled = max((place for _, place in old), default=None)
        if settled is None:
            return
        while len(self._settling) > 1 and now - self._settling[1][0] >= SETTLED_SECONDS:
            self._settling.popleft()
        fresh = self._home / f".{PLACE}.{os.getpid()}"
        fresh.write_text(json.dumps({"chunk": settled}), encoding="utf-8")
        fresh.replace(self._home / PLACE)
