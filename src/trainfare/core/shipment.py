"""Shipments: pieces of a spool on their way from the machine that trains to a server.

A piece is bytes of one file of one segment, from one offset on. Its place names it for ever, so that
a piece may be sent twice, in other cuts or in another order, and counts once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trainfare.core.errors import BadInput

FILES = ("events.jsonl", "samples.bin", "metrics.jsonl")
"""The files of a spool, in the order in which they are sent: what a run is comes first."""

MACHINE_MARK = "@"
"""How the owner of a piece begins that is a machine's own record and no run's."""

BATCH_BYTES = 2**20
"""A shipment carries at most so many bytes of spools, before compression."""

_OWNER = re.compile(r"[a-z0-9-]{1,63}|@[a-z0-9-]{1,62}")
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_OFFSET_MAX = 2**60


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of one file of a spool."""

    run: str
    """A run's id, or ``@`` and a machine's name."""
    segment: str
    file: str
    start: int
    data: bytes | memoryview

    @property
    def key(self) -> tuple[str, str, str]:
        """The file it is of."""
        return self.run, self.segment, self.file


def check_place(run: str, segment: str, file: str, start: int) -> None:
    """Pass where a piece can be, so that its place is safe as a path.

    Raises:
        BadInput: it is none of the spool's files, or a name has another form.

    >>> check_place("r-1", "s-1", "events.jsonl", 0)
    """
    if not _OWNER.fullmatch(run):
        raise BadInput(f"run id {run!r} is not 1 to 63 of a-z, 0-9 and '-'")
    if not _SEGMENT.fullmatch(segment):
        raise BadInput(f"segment id {segment!r} is not 1 to 128 of a-z, 0-9, '.', '_' and '-'")
    if file not in FILES:
        raise BadInput(f"{file!r} is no file of a spool; there are {', '.join(FILES)}")
    if not 0 <= start <= _OFFSET_MAX:
        raise BadInput(f"offset {start} is not from 0 to 2**60")


def new_part(piece: Piece, length: int) -> Piece | None:
    """What *piece* adds to a file of which *length* bytes are known, or None.

    A piece that begins after the end adds nothing: what lies between must come first.

    >>> new_part(Piece("r", "s", "samples.bin", 0, b"abc"), 2).data
    b'c'
    >>> new_part(Piece("r", "s", "samples.bin", 5, b"abc"), 2) is None
    True
    """
    known = length - piece.start
    if known < 0 or known >= len(piece.data):
        return None
    if known == 0:
        return piece
    return Piece(piece.run, piece.segment, piece.file, length, piece.data[known:])


def lengths_after(pieces: Sequence[Piece], lengths: dict[tuple[str, str, str], int]) -> list[Piece]:
    """What *pieces* add in their order; *lengths* (0 where absent) are brought up to date."""
    added = []
    for piece in pieces:
        part = new_part(piece, lengths.get(piece.key, 0))
        if part is not None:
            added.append(part)
            lengths[piece.key] = part.start + len(part.data)
    return added
