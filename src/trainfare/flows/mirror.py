"""The mirror: what machines shipped, written as spools into the server's home.

ledger (chunks, committed) → home/runs/RUN/SEGMENT/FILE, home/machines/NAME/SEGMENT/FILE

So every path that reads runs reads shipped ones too. A file's size says how far it is written;
writing is at that place only, and never beyond what is committed, so that a crash at any byte, a
second replica on the same folder and a repeated order change nothing. A deleted file is written
again from the ledger.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path

from trainfare.core.errors import OutsideFailed
from trainfare.core.shipment import MACHINE_MARK, Piece
from trainfare.metering.home import machines_folder, runs_folder
from trainfare.metering.spool import MIRRORED
from trainfare.store.intake import Key, read_stream, read_streams
from trainfare.store.ledger import Ledger

log = logging.getLogger("trainfare")

HELD_BYTES_MAX = 32 * 2**20
"""Bytes that wait in memory to be written; what comes beyond is read back from the ledger."""

RETRY_SECONDS = 5.0
"""A disk or ledger that refuses is tried again after so long."""


class Mirror:
    """A thread that keeps the files of a home up with its ledger."""

    def __init__(self, home: Path, ledger: Ledger) -> None:
        self._home = home
        self._ledger = ledger
        self._due: dict[Key, list[Piece]] = {}
        self._held = 0
        self._changed = threading.Condition()
        self._is_open = True
        self._is_idle = True
        self._made: set[Path] = set()
        self._thread = threading.Thread(target=self._live, name="trainfare-mirror", daemon=True)

    def start(self) -> None:
        """Begin: first whatever the ledger holds beyond the files."""
        self._thread.start()

    def take(self, pieces: Sequence[Piece]) -> None:
        """Write these committed pieces soon; returns at once."""
        with self._changed:
            for piece in pieces:
                due = self._due.setdefault(piece.key, [])
                if self._held + len(piece.data) <= HELD_BYTES_MAX:
                    due.append(piece)
                    self._held += len(piece.data)
            self._changed.notify()

    def close(self) -> None:
        """Write what is due, then stop; what cannot be written now is written at the next start."""
        with self._changed:
            self._is_open = False
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    def _live(self) -> None:
        is_caught_up = False
        while True:
            try:
                if not is_caught_up:
                    self.catch_up()
                    is_caught_up = True
                if not self._write_due():
                    return
            except (OSError, OutsideFailed) as error:
                log.warning("cannot write shipped runs into %s: %s", self._home, error)
                is_caught_up = False
                with self._changed:
                    self._due.clear()
                    self._held = 0
                    if not self._is_open or self._changed.wait_for(self._is_closed, RETRY_SECONDS):
                        return

    def _is_closed(self) -> bool:
        return not self._is_open

    def _write_due(self) -> bool:
        """Write what is due, or wait for it; False once closed and all is written."""
        with self._changed:
            while not self._due:
                if not self._is_open:
                    return False
                self._changed.wait()
            due, self._due, self._held = self._due, {}, 0
        for key, pieces in due.items():
            self._write(key, pieces)
        return True

    def catch_up(self) -> None:
        """Bring every file up to its stream in the ledger."""
        after = 0
        while True:
            with self._ledger.look() as connection:
                streams = read_streams(connection, after)
            if not streams:
                return
            for _, key, length in streams:
                if _size(self.path_of(key)) != length:
                    self._write(key, ())
                if not self._is_open:
                    return
            after = streams[-1][0]

    def path_of(self, key: Key) -> Path:
        """Where a stream is written."""
        owner, segment, file = key
        if owner.startswith(MACHINE_MARK):
            return machines_folder(self._home) / owner.removeprefix(MACHINE_MARK) / segment / file
        return runs_folder(self._home) / owner / segment / file

    def _write(self, key: Key, pieces: Sequence[Piece]) -> None:
        """Append what is committed and not yet in the file."""
        path = self.path_of(key)
        self._make_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            size = _append(descriptor, pieces)
            if not pieces or size < pieces[-1].start + len(pieces[-1].data):
                # Asked after the size, so that a longer file was not written from the ledger.
                with self._ledger.look() as connection:
                    length, kept = read_stream(connection, key, size)
                if size > length:
                    os.ftruncate(descriptor, length)
                _append(descriptor, kept)
        finally:
            os.close(descriptor)

    def _make_folder(self, folder: Path) -> None:
        if folder in self._made and folder.is_dir():
            return
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MIRRORED).touch()
        if len(self._made) > 100_000:
            self._made.clear()
        self._made.add(folder)


def _append(descriptor: int, pieces: Sequence[Piece]) -> int:
    """Write what continues the file, in order; how long it then is."""
    size = os.fstat(descriptor).st_size
    for piece in pieces:
        if piece.start <= size < piece.start + len(piece.data):
            size += _write_all(descriptor, piece.data[size - piece.start :], size)
    return size


def _write_all(descriptor: int, data: bytes | memoryview, at: int) -> int:
    """Write all of *data*, however the disk cuts it; its length."""
    view = memoryview(data)
    done = 0
    while done < len(view):
        done += os.pwrite(descriptor, view[done:], at + done)
    return done


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
