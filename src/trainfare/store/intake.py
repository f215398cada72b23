"""The intake: one thread writes what machines ship, many requests to a commit.

Whoever puts a parcel is told once it is committed. The length of a stream, read within the
transaction, is the truth about what is here; so replicas on one PostgreSQL may take in the same
stream, and what was sent twice is stored once.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from trainfare.core.caller import NotAllowed
from trainfare.core.errors import OutsideFailed, TrainfareError
from trainfare.core.shipment import Piece, lengths_after
from trainfare.store.clients import Sender, note_senders
from trainfare.store.ledger import Ledger
from trainfare.store.schema import STREAM

WAITING_MAX = 5_000
"""Parcels that may wait …"""

WAITING_BYTES_MAX = 64 * 2**20
"""… and their bytes; beyond either, a parcel is refused and its sender tries again."""

GROUP_MAX = 1_000
"""Parcels to one commit …"""

GROUP_BYTES_MAX = 8 * 2**20
"""… and their bytes."""

KNOWN_MAX = 200_000
"""Streams whose number is remembered."""

QUEUE = "intake"
"""Of several replicas one at a time takes in, so the length that it reads is the truth."""

Key = tuple[str, str, str]

_LENGTHS = {
    "sqlite": "SELECT id, length FROM stream WHERE id IN (SELECT value FROM json_each(?))",
    "postgresql": "SELECT id, length FROM stream WHERE id = ANY(%s::int[])",
}
_ADD = {
    "sqlite": "INSERT INTO chunk (stream, start, data) VALUES (?, ?, ?)",
    "postgresql": "INSERT INTO chunk (stream, start, data) VALUES (%s, %s, %s)",
}
_GROW = {
    "sqlite": "UPDATE stream SET length = ?, changed_ns = ? WHERE id = ?",
    "postgresql": "UPDATE stream SET length = %s, changed_ns = %s WHERE id = %s",
}


class Busy(OutsideFailed):
    """More waits to be written than may; the sender is to come again."""


@dataclass(slots=True, eq=False)
class Parcel:
    """What one request brings; *lengths* or *refusal* is set once it is decided."""

    pieces: Sequence[Piece]
    team: str | None
    """The only team that its sender may write for; None is any."""
    sender: Sender
    mark: Any = None
    """The caller's own, to know it again."""
    lengths: list[int] = field(default_factory=list)
    """How long the stream of each piece now is, in the order of the pieces."""
    refusal: TrainfareError | None = None

    @property
    def size(self) -> int:
        """Bytes that it brings."""
        return sum(len(piece.data) for piece in self.pieces)


class Intake:
    """A bounded queue and the thread that empties it into the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        decided: Callable[[Sequence[Parcel]], None],
        stored: Callable[[Sequence[Piece]], None] = lambda _pieces: None,
    ) -> None:
        """Write to *ledger*; *decided* and *stored* are called by the writer, after each commit."""
        self._ledger = ledger
        self._decided = decided
        self._stored = stored
        self._waiting: deque[Parcel] = deque()
        self._bytes = 0
        self._known: dict[Key, tuple[int, str | None]] = {}
        self._seen: dict[tuple[str, str], int] = {}
        self._is_open = True
        self._changed = threading.Condition()
        self._thread = self._start()

    def _start(self) -> threading.Thread:
        thread = threading.Thread(target=self._live, name="trainfare-intake", daemon=True)
        thread.start()
        return thread

    def put(self, parcel: Parcel) -> None:
        """Take *parcel* in; it is decided later.

        Raises:
            Busy: too much waits already, or the server is stopping.
        """
        size = parcel.size
        with self._changed:
            if not self._is_open:
                raise Busy("the server is stopping; send it again later")
            if len(self._waiting) >= WAITING_MAX or self._bytes + size > WAITING_BYTES_MAX:
                raise Busy("more is being sent than can be written; send it again later")
            self._waiting.append(parcel)
            self._bytes += size
            self._changed.notify()
            if not self._thread.is_alive():  # a fault of our own ended it, and was printed
                self._thread = self._start()

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._changed:
            self._is_open = False
            self._changed.notify()
        self._thread.join()

    def _live(self) -> None:
        while group := self._take():
            refusal: TrainfareError | None = OutsideFailed("it was not written; send it again")
            try:
                added = self._write(group)
                refusal = None
                self._stored(added)
            except TrainfareError as error:
                refusal = error
            finally:
                if refusal is not None:
                    for parcel in group:
                        parcel.refusal = refusal
                self._decided(group)

    def _take(self) -> list[Parcel]:
        """The next group; empty once closed and nothing waits."""
        group: list[Parcel] = []
        size = 0
        with self._changed:
            while not self._waiting:
                if not self._is_open:
                    return group
                self._changed.wait()
            while self._waiting and len(group) < GROUP_MAX and size < GROUP_BYTES_MAX:
                parcel = self._waiting.popleft()
                group.append(parcel)
                size += parcel.size
            self._bytes -= size
        return group

    def _write(self, group: Sequence[Parcel]) -> list[Piece]:
        """Commit a group; what it added. Where this raises, nothing of it is stored."""
        now_ns = time.time_ns()
        fresh: dict[Key, tuple[int, str | None]] = {}
        senders = self._senders(group, now_ns)
        with self._ledger.change(QUEUE) as connection:
            self._find_streams(connection, group, fresh, now_ns)
            known = fresh | {}
            known.update((key, self._known[key]) for key in _keys(group) if key in self._known)
            _refuse_strangers(group, known)
            welcome = [parcel for parcel in group if parcel.refusal is None]
            added = _append(connection, welcome, known, now_ns)
            note_senders(connection, senders)
        if len(self._known) > KNOWN_MAX:
            self._known.clear()
        self._known |= fresh
        self._seen |= {(sender.name, sender.team or ""): now_ns for sender in senders}
        return added

    def _senders(self, group: Sequence[Parcel], now_ns: int) -> list[Sender]:
        """Who sent, where that was not noted a moment ago."""
        found: dict[tuple[str, str], Sender] = {}
        for parcel in group:
            key = parcel.sender.name, parcel.sender.team or ""
            if now_ns - self._seen.get(key, 0) >= Sender.NOTED_EVERY_NS:
                found[key] = parcel.sender
        if len(self._seen) > KNOWN_MAX:
            self._seen.clear()
        return [found[key] for key in sorted(found)]

    def _find_streams(
        self,
        connection: sa.Connection,
        group: Sequence[Parcel],
        fresh: dict[Key, tuple[int, str | None]],
        now_ns: int,
    ) -> None:
        """Fill *fresh* with the streams that are not yet known; new ones are opened."""
        unknown: dict[Key, str | None] = {}
        for parcel in group:
            for piece in parcel.pieces:
                if piece.key not in self._known:
                    unknown.setdefault(piece.key, parcel.team)
        for key in sorted(unknown):
            fresh[key] = _find_stream(connection, key) or _open_stream(
                connection, key, unknown[key], now_ns
            )


def _keys(group: Sequence[Parcel]) -> set[Key]:
    return {piece.key for parcel in group for piece in parcel.pieces}


def _find_stream(connection: sa.Connection, key: Key) -> tuple[int, str | None] | None:
    run, segment, file = key
    is_it = (STREAM.c.run == run) & (STREAM.c.segment == segment) & (STREAM.c.file == file)
    row = connection.execute(sa.select(STREAM.c.id, STREAM.c.team).where(is_it)).first()
    return None if row is None else (row.id, row.team)


def _open_stream(
    connection: sa.Connection, key: Key, team: str | None, now_ns: int
) -> tuple[int, str | None]:
    """A new stream; it is the team's whose the run already is, else of the sender's team."""
    run, segment, file = key
    other = connection.execute(sa.select(STREAM.c.team).where(STREAM.c.run == run).limit(1)).first()
    owner = team if other is None else other.team
    row = {
        "run": run,
        "segment": segment,
        "file": file,
        "length": 0,
        "team": owner,
        "changed_ns": now_ns,
    }
    made = connection.execute(STREAM.insert().values(row)).inserted_primary_key
    assert made is not None
    return int(made[0]), owner


def _refuse_strangers(group: Sequence[Parcel], known: Mapping[Key, tuple[int, str | None]]) -> None:
    """Refuse parcels that touch a run of another team, each as a whole."""
    for parcel in group:
        if parcel.team is None:
            continue
        for piece in parcel.pieces:
            if known[piece.key][1] != parcel.team:
                parcel.refusal = NotAllowed(
                    f"the run {piece.run!r} is not of the team {parcel.team!r}; "
                    "ship it with the token that opened it"
                )
                break


def _append(
    connection: sa.Connection,
    group: Sequence[Parcel],
    known: Mapping[Key, tuple[int, str | None]],
    now_ns: int,
) -> list[Piece]:
    """Store what the parcels add, and say in each how long its streams are; returns what is new."""
    keys = {known[key][0]: key for key in _keys(group)}
    if not keys:
        return []
    dialect = connection.dialect.name
    numbers = sorted(keys)
    asked = json.dumps(numbers) if dialect == "sqlite" else numbers
    rows = connection.exec_driver_sql(_LENGTHS[dialect], (asked,)).all()
    lengths = {keys[row[0]]: int(row[1]) for row in rows}
    before = dict(lengths)
    added: list[Piece] = []
    for parcel in group:
        added += lengths_after(parcel.pieces, lengths)
        parcel.lengths = [lengths[piece.key] for piece in parcel.pieces]
    if added:
        chunks = [(known[one.key][0], one.start, one.data) for one in added]
        connection.exec_driver_sql(_ADD[dialect], chunks)
        grown = [
            (length, now_ns, known[key][0])
            for key, length in lengths.items()
            if length != before[key]
        ]
        connection.exec_driver_sql(_GROW[dialect], grown)
    return added


def read_stream(connection: sa.Connection, key: Key, start: int = 0) -> tuple[int, list[Piece]]:
    """How long a stream is (0: there is none), and its bytes from *start* on, in order."""
    run, segment, file = key
    is_it = (STREAM.c.run == run) & (STREAM.c.segment == segment) & (STREAM.c.file == file)
    row = connection.execute(sa.select(STREAM.c.id, STREAM.c.length).where(is_it)).first()
    if row is None:
        return 0, []
    return int(row.length), _read_chunks(connection, row.id, key, start)


def _read_chunks(connection: sa.Connection, stream: int, key: Key, start: int) -> list[Piece]:
    from trainfare.store.schema import CHUNK

    # Chunks do not overlap: the last one that begins at or before *start* holds it.
    first = (
        sa.select(sa.func.max(CHUNK.c.start))
        .where(CHUNK.c.stream == stream, CHUNK.c.start <= start)
        .scalar_subquery()
    )
    rows = connection.execute(
        sa.select(CHUNK.c.start, CHUNK.c.data)
        .where(CHUNK.c.stream == stream, CHUNK.c.start >= first)
        .order_by(CHUNK.c.start)
    )
    return [Piece(*key, row.start, bytes(row.data)) for row in rows]


def read_streams(
    connection: sa.Connection, after: int = 0, limit: int = 1000
) -> list[tuple[int, Key, int]]:
    """(Number, file, length) of the streams after number *after*, in order."""
    rows = connection.execute(
        sa.select(STREAM.c.id, STREAM.c.run, STREAM.c.segment, STREAM.c.file, STREAM.c.length)
        .where(STREAM.c.id > after)
        .order_by(STREAM.c.id)
        .limit(limit)
    )
    return [(row.id, (row.run, row.segment, row.file), int(row.length)) for row in rows]
