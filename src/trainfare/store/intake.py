"""The intake: one thread writes what machines ship, many requests to a commit.

Whoever puts a parcel is told once it is committed. The log of chunks, read to its end within the
transaction, is the truth about what is here; so replicas on one PostgreSQL may take in the same
stream, and what was sent twice is stored once.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from trainfare.core.caller import NotAllowed
from trainfare.core.errors import OutsideFailed, TrainfareError
from trainfare.core.shipment import Piece, lengths_after
from trainfare.store.clients import Sender, note_senders
from trainfare.store.ledger import Ledger
from trainfare.store.sights import read_holders, shipped_runs
from trainfare.store.stream import Draft, Key, Streams

WAITING_MAX = 5_000
"""Parcels that may wait …"""

WAITING_BYTES_MAX = 64 * 2**20
"""… and their bytes; beyond either, a parcel is refused and its sender tries again."""

GROUP_MAX = 1_000
"""Parcels to one commit …"""

GROUP_BYTES_MAX = 8 * 2**20
"""… and their bytes."""

SENDERS_MAX = 100_000
"""Senders of which it is remembered when they were noted."""

FOLD_SECONDS = 1.0
"""How far behind the log the rows of streams may be."""

QUEUE = "intake"
"""Of several replicas one at a time takes in, so what it reads of the log is all of it."""


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
        stored: Callable[[int, Sequence[Piece]], None] = lambda _after, _pieces: None,
        recorded: Callable[[str], set[str | None]] = lambda _run: set(),
    ) -> None:
        """Write to *ledger*; *decided* and *stored* are called by the writer, after each commit.

        *stored* is told after which place of the log the new pieces are. *recorded* says which teams
        a run is of by its record in the home alone: None for no team's, nothing without a record.
        """
        self._ledger = ledger
        self._decided = decided
        self._stored = stored
        self._recorded = recorded
        self._waiting: deque[Parcel] = deque()
        self._bytes = 0
        self._streams = Streams()
        self._folded_at = time.monotonic()
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
        is_open = True
        while is_open:
            group, is_open = self._take()
            refusal: TrainfareError | None = OutsideFailed("it was not written; send it again")
            try:
                self._write(group, is_last=not is_open)
                refusal = None
            except TrainfareError as error:
                refusal = error
            finally:
                if refusal is not None:
                    for parcel in group:
                        parcel.refusal = refusal
                if group:
                    self._decided(group)

    def _take(self) -> tuple[list[Parcel], bool]:
        """The next group, and whether another may follow; empty where it is time to fold."""
        group: list[Parcel] = []
        size = 0
        with self._changed:
            while not self._waiting and self._is_open:
                if not self._changed.wait(FOLD_SECONDS) and self._streams.unfolded:
                    return group, True
            while self._waiting and len(group) < GROUP_MAX and size < GROUP_BYTES_MAX:
                parcel = self._waiting.popleft()
                group.append(parcel)
                size += parcel.size
            self._bytes -= size
            return group, self._is_open or bool(self._waiting)

    def _write(self, group: Sequence[Parcel], *, is_last: bool = False) -> None:
        """Commit a group; where this raises, nothing of it is stored."""
        now_ns, now = time.time_ns(), time.monotonic()
        is_fold_due = is_last or now - self._folded_at >= FOLD_SECONDS
        senders = self._senders(group, now_ns)
        draft = self._streams.draft()
        with self._ledger.change(QUEUE) as connection:
            draft.catch_up(connection)
            self._keep_off(connection, group)
            draft.find(connection, _wanted(group), now_ns)
            after = draft.through
            added = _added(group, draft)
            draft.append(connection, added)
            note_senders(connection, senders)
            if is_fold_due:
                draft.fold(connection, now_ns)
        draft.keep()
        if is_fold_due:
            self._folded_at = now
        self._seen |= {(sender.name, sender.team or ""): now_ns for sender in senders}
        if added:
            assert after is not None
            self._stored(after, added)

    def _keep_off(self, connection: sa.Connection, group: Sequence[Parcel]) -> None:
        """Refuse what a team sends of runs that nobody shipped yet and that are not its own."""
        bound = [parcel for parcel in group if parcel.team is not None]
        unknown = {
            piece.run
            for parcel in bound
            for piece in parcel.pieces
            if piece.key not in self._streams.known
        }
        fresh = unknown - shipped_runs(connection, unknown)
        holders = read_holders(connection, fresh)
        teams = {run: {holders[run]} if run in holders else self._recorded(run) for run in fresh}
        for parcel in bound:
            strange = (p.run for p in parcel.pieces if not teams.get(p.run, set()) <= {parcel.team})
            _refuse(parcel, next(strange, None))

    def _senders(self, group: Sequence[Parcel], now_ns: int) -> list[Sender]:
        """Who sent, where that was not noted a moment ago."""
        found: dict[tuple[str, str], Sender] = {}
        for parcel in group:
            key = parcel.sender.name, parcel.sender.team or ""
            if now_ns - self._seen.get(key, 0) >= Sender.NOTED_EVERY_NS:
                found[key] = parcel.sender
        if len(self._seen) > SENDERS_MAX:
            self._seen.clear()
        return [found[key] for key in sorted(found)]


def _wanted(group: Sequence[Parcel]) -> dict[Key, str | None]:
    """Every stream that the parcels touch, with the team of the first that does."""
    wanted: dict[Key, str | None] = {}
    for parcel in (one for one in group if one.refusal is None):
        for piece in parcel.pieces:
            wanted.setdefault(piece.key, parcel.team)
    return wanted


def _added(group: Sequence[Parcel], draft: Draft) -> list[Piece]:
    """What the parcels add; says in each how long its streams are, or why it is refused."""
    lengths: dict[Key, int] = {}
    added: list[Piece] = []
    for parcel in group:
        if parcel.team is not None and parcel.refusal is None:
            _refuse(parcel, _strange_run(parcel, draft))
        if parcel.refusal is not None:
            continue
        for piece in parcel.pieces:
            if piece.key not in lengths:
                lengths[piece.key] = draft.length(draft.of(piece.key)[0])
        added += lengths_after(parcel.pieces, lengths)
        parcel.lengths = [lengths[piece.key] for piece in parcel.pieces]
    return added


def _refuse(parcel: Parcel, strange: str | None) -> None:
    if strange is not None:
        parcel.refusal = NotAllowed(
            f"the run {strange!r} is not of the team {parcel.team!r}; "
            "ship it with the token that opened it"
        )


def _strange_run(parcel: Parcel, draft: Draft) -> str | None:
    """A run of *parcel* that is another team's, if one is."""
    return next((p.run for p in parcel.pieces if draft.of(p.key)[1] != parcel.team), None)
