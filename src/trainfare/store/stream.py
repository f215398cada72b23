"""Streams: the log of all that was taken in, and how long each file of each spool is by it.

Chunks are appended to one log, so that a commit writes few pages however many files it is about.
The lengths of streams are folded into their rows from time to time; until then they follow from the
end of the log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from trainfare.core.shipment import Piece
from trainfare.store.schema import CHUNK, FOLDED, STREAM

Key = tuple[str, str, str]
"""Run, segment and file."""

KNOWN_MAX = 200_000
"""Streams that are remembered."""

_ADD = {
    "sqlite": "INSERT INTO chunk (id, stream, start, data) VALUES (?, ?, ?, ?)",
    "postgresql": "INSERT INTO chunk (id, stream, start, data) VALUES (%s, %s, %s, %s)",
}
_OPEN = {
    "sqlite": "INSERT INTO stream (run, segment, file, length, team, changed_ns)"
    " VALUES (?, ?, ?, ?, ?, ?)",
    "postgresql": "INSERT INTO stream (run, segment, file, length, team, changed_ns)"
    " VALUES (%s, %s, %s, %s, %s, %s)",
}
_FOLD = {
    "sqlite": "UPDATE stream SET length = ?, changed_ns = ? WHERE id = ?",
    "postgresql": "UPDATE stream SET length = %s, changed_ns = %s WHERE id = %s",
}


@dataclass(slots=True)
class Streams:
    """What is known of the streams of a ledger at one place of its log.

    A copy is worked on within a transaction, and kept where that was committed.
    """

    through: int | None = None
    """The last chunk that is in this; None before anything was read."""
    known: dict[Key, tuple[int, str | None]] = field(default_factory=dict)
    """Stream → its number, and whose it is."""
    lengths: dict[int, int] = field(default_factory=dict)
    unfolded: set[int] = field(default_factory=set)

    def draft(self) -> Draft:
        """A layer over this, for one transaction."""
        return Draft(self)


class Draft:
    """Changes to :class:`Streams` that become true with a commit."""

    def __init__(self, base: Streams) -> None:
        self._base = base
        self.through = base.through
        self._known: dict[Key, tuple[int, str | None]] = {}
        self._lengths: dict[int, int] = {}
        self._folded: dict[int, int] = {}
        self._is_folded = False

    def keep(self) -> None:
        """The transaction was committed."""
        base = self._base
        base.through = self.through
        base.known |= self._known
        for number, length in self._folded.items():
            base.lengths.setdefault(number, length)
        base.lengths |= self._lengths
        base.unfolded |= self._lengths.keys()
        if self._is_folded:
            base.unfolded.clear()
            if len(base.known) > KNOWN_MAX:
                base.known.clear()
                base.lengths.clear()

    def catch_up(self, connection: sa.Connection) -> None:
        """Learn what others have added, and after a start what was not folded."""
        if self.through is None:
            self.through = int(connection.execute(sa.select(FOLDED.c.chunk)).scalar_one())
        last = connection.execute(sa.select(sa.func.max(CHUNK.c.id))).scalar() or 0
        if last == self.through:
            return
        end = sa.func.max(CHUNK.c.start + sa.func.length(CHUNK.c.data))
        rows = connection.execute(
            sa.select(CHUNK.c.stream, end).where(CHUNK.c.id > self.through).group_by(CHUNK.c.stream)
        )
        self._lengths |= {int(stream): int(length) for stream, length in rows}
        self.through = int(last)

    def find(
        self, connection: sa.Connection, wanted: Mapping[Key, str | None], now_ns: int
    ) -> None:
        """Know the streams *wanted*; those that are new are opened for the team that is named."""
        unknown = sorted(key for key in wanted if key not in self._base.known)
        if not unknown:
            return
        found = _read(connection, unknown)
        teams = {key[0]: team for key, (_, team, _) in found.items()}
        new = [key for key in unknown if key not in found]
        for key in new:
            teams.setdefault(key[0], wanted[key])
        if new:
            rows = [(*key, 0, teams[key[0]], now_ns) for key in new]
            connection.exec_driver_sql(_OPEN[connection.dialect.name], rows)
            found = _read(connection, unknown)
        for key in unknown:
            number, team, length = found[key]
            self._known[key] = number, team
            self._folded[number] = length

    def of(self, key: Key) -> tuple[int, str | None]:
        """The number of a stream that was found, and its team."""
        return self._known.get(key) or self._base.known[key]

    def length(self, number: int) -> int:
        """How long the stream of that number is."""
        for newer in (self._lengths, self._base.lengths):
            if number in newer:
                return newer[number]
        return self._folded[number]

    def append(self, connection: sa.Connection, pieces: Sequence[Piece]) -> None:
        """Put *pieces*, each the continuation of its stream, at the end of the log."""
        assert self.through is not None
        rows = []
        for place, piece in enumerate(pieces, self.through + 1):
            number, _ = self.of(piece.key)
            rows.append((place, number, piece.start, piece.data))
            self._lengths[number] = piece.start + len(piece.data)
        if rows:
            connection.exec_driver_sql(_ADD[connection.dialect.name], rows)
            self.through += len(rows)

    def fold(self, connection: sa.Connection, now_ns: int) -> None:
        """Bring the rows of streams up to here."""
        changed = self._base.unfolded | self._lengths.keys()
        if not changed:
            return
        rows = [(self.length(number), now_ns, number) for number in sorted(changed)]
        connection.exec_driver_sql(_FOLD[connection.dialect.name], rows)
        connection.execute(FOLDED.update().values(chunk=self.through))
        self._is_folded = True


def _read(connection: sa.Connection, keys: Sequence[Key]) -> dict[Key, tuple[int, str | None, int]]:
    """Number, team and folded length of every stream of the runs that *keys* are of."""
    runs = sorted({run for run, _, _ in keys})
    found: dict[Key, tuple[int, str | None, int]] = {}
    for part in (runs[at : at + 500] for at in range(0, len(runs), 500)):
        for row in connection.execute(sa.select(STREAM).where(STREAM.c.run.in_(part))):
            found[row.run, row.segment, row.file] = row.id, row.team, int(row.length)
    return found


def shipper_of(connection: sa.Connection, run: str) -> str | None:
    """The team whose token opened *run*; None where it was no team's, or nobody shipped it."""
    asked = sa.select(STREAM.c.team).where(STREAM.c.run == run, STREAM.c.team.is_not(None)).limit(1)
    return connection.execute(asked).scalar()


def read_log(connection: sa.Connection, after: int, limit: int = 1000) -> tuple[int, list[Piece]]:
    """The pieces that follow place *after* of the log, in order, and the place of the last."""
    rows = connection.execute(
        sa.select(CHUNK, STREAM.c.run, STREAM.c.segment, STREAM.c.file)
        .join(STREAM, STREAM.c.id == CHUNK.c.stream)
        .where(CHUNK.c.id > after)
        .order_by(CHUNK.c.id)
        .limit(limit)
    ).all()
    pieces = [Piece(row.run, row.segment, row.file, row.start, bytes(row.data)) for row in rows]
    return (rows[-1].id if rows else after), pieces
