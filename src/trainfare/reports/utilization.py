"""Utilization: paid GPU time and its money by what the GPUs did, summing to what was paid.

Every nanosecond of a paid GPU and every nano-unit of its money stands in exactly one state:

    busy + low use + unknown + idle + shared + unallocated = paid

A run's money on a machine and day is divided over what its time there was. Time that no claim
covers follows the money: it stands where claims, tags and rules put the rest of the charge. Shares
and means are weighted by GPU time; percentages are never averaged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from trainfare.core.charge import Remainder
from trainfare.core.money import Money


class GpuState(StrEnum):
    """What a paid GPU did."""

    BUSY = "busy"
    """A run held it, and it was not in low use."""
    LOW_USE = "low_use"
    """A run held it while it did nothing for at least the window of low use."""
    UNKNOWN = "unknown"
    """A run held it and nothing measured what it did; never counted as idle."""
    IDLE = "idle"
    """A machine that runs use, at a time when no run held it."""
    SHARED = "shared"
    """A rule gives it to many."""
    UNALLOCATED = "unallocated"
    """It has no known owner."""


HELD = (GpuState.BUSY, GpuState.LOW_USE, GpuState.UNKNOWN)
"""The states of time that a run held."""

_LEFT = {
    Remainder.IDLE: GpuState.IDLE,
    Remainder.SHARED: GpuState.SHARED,
    Remainder.UNUSED_COMMITMENT: GpuState.UNALLOCATED,
    Remainder.UNALLOCATED: GpuState.UNALLOCATED,
}

Slot = tuple[str, int]
"""A machine and a day (days since 1970-01-01)."""

Owner = tuple[bool, str]
"""Whether it is a run, and its id; else the state of what no run has. A run may be called "idle"."""


@dataclass(frozen=True, slots=True)
class OwnedMoney:
    """What one owner has of a machine's charges of one day: a run, or a remainder."""

    slot: Slot
    run: str | None
    remainder: Remainder | None
    currency: str
    nano: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What was measured of a run's GPUs on one machine and day, in GPU-nanoseconds."""

    known_ns: int = 0
    low_ns: int = 0
    active_ns: int = 0
    """Σ activity × time: what a GPU that was busy so long would have been active."""

    def __add__(self, other: Seen) -> Seen:
        return Seen(
            self.known_ns + other.known_ns,
            self.low_ns + other.low_ns,
            self.active_ns + other.active_ns,
        )


UNSEEN = Seen()


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a machine's day that one owner has in one state: GPU time and money."""

    slot: Slot
    run: str | None
    state: GpuState
    gpu_ns: int
    currency: str
    nano: int
    active_ns: int = 0
    """Of measured time: activity × time."""
    known_ns: int = 0
    """How much of the time was measured."""


def pieces_of(
    paid: Mapping[Slot, int],
    money: Iterable[OwnedMoney],
    held: Mapping[Slot, Mapping[str, int]],
    seen: Mapping[tuple[str, Slot], Seen],
    *,
    currency: str = "USD",
) -> list[Piece]:
    """Divide paid GPU time and its money over owners and states.

    Laws: the pieces of a slot sum to its paid time, and those of a slot and currency to its money,
    as integers.

    Args:
        paid: GPU-nanoseconds that were paid for.
        money: what became of the charges of the same slots.
        held: slot → run → GPU-nanoseconds held; where runs hold more than was paid they share it.
        seen: what was measured of a run in a slot.
        currency: of paid time that has no money.

    Returns:
        In order of slots, states and runs, without empty ones.
    """
    owned: dict[Slot, list[OwnedMoney]] = defaultdict(list)
    for one in money:
        owned[one.slot].append(one)
    found: list[Piece] = []
    for slot in sorted(paid.keys() | owned.keys()):
        rows = owned[slot]
        times = _times(paid.get(slot, 0), held.get(slot, {}), rows)
        main = _main_currency(rows, currency)
        for name in sorted({main, *(row.currency for row in rows)}):
            nanos: dict[Owner, int] = defaultdict(int)
            for row in rows:
                if row.currency == name:
                    nanos[_owner(row)] += row.nano
            shown = times if name == main else {}
            for owner in sorted(nanos.keys() | shown.keys()):
                part = (owner, shown.get(owner, 0), nanos.get(owner, 0))
                found.extend(_owner_pieces(slot, name, part, seen))
    return found


def _owner(row: OwnedMoney) -> Owner:
    if row.run is not None:
        return True, row.run
    assert row.remainder is not None
    return False, _LEFT[row.remainder]


def _main_currency(rows: Sequence[OwnedMoney], otherwise: str) -> str:
    """The currency that most of a slot's money is in: its time is shown there."""
    sums: dict[str, int] = defaultdict(int)
    for row in rows:
        sums[row.currency] += abs(row.nano)
    return min(sums, key=lambda name: (-sums[name], name), default=otherwise)


def _times(paid_ns: int, held: Mapping[str, int], rows: Sequence[OwnedMoney]) -> dict[Owner, int]:
    """Owner → GPU time of one slot; the times sum to what was paid."""
    claimed = {run: time_ns for run, time_ns in sorted(held.items()) if time_ns > 0}
    if sum(claimed.values()) > paid_ns:
        claimed = dict(zip(claimed, _split(paid_ns, list(claimed.values())), strict=True))
    times: dict[Owner, int] = {(True, run): time_ns for run, time_ns in claimed.items()}
    rest_ns = paid_ns - sum(claimed.values())
    if not rest_ns:
        return times
    weights: dict[Owner, int] = defaultdict(int)
    for row in rows:
        if row.run not in claimed:
            weights[_owner(row)] += max(0, row.nano)
    if not any(weights.values()):
        weights = {(False, GpuState.IDLE if claimed else GpuState.UNALLOCATED): 1}
    parts = _split(rest_ns, [weights[owner] for owner in sorted(weights)])
    for owner, part in zip(sorted(weights), parts, strict=True):
        times[owner] = times.get(owner, 0) + part
    return times


def _split(whole: int, weights: Sequence[int]) -> list[int]:
    """*whole* in proportion to *weights*, by largest remainders: the split of money."""
    return [part.nano for part in Money(whole).split(weights)]


def _owner_pieces(
    slot: Slot,
    currency: str,
    part: tuple[Owner, int, int],
    seen: Mapping[tuple[str, Slot], Seen],
) -> Iterable[Piece]:
    """The pieces of one owner in one slot: by what was seen, where a run held it."""
    (is_run, name), time_ns, nano = part
    if not is_run:
        if time_ns or nano:
            yield Piece(slot, None, GpuState(name), time_ns, currency, nano)
        return
    busy, low, unknown, active = _measured(time_ns, seen.get((name, slot), UNSEEN))
    parts = _split(nano, [busy, low, unknown]) if time_ns else [0, 0, nano]
    activity = (min(active, busy), min(max(0, active - busy), low), 0)
    for state, gpu_ns, amount, active_ns in zip(
        HELD, (busy, low, unknown), parts, activity, strict=True
    ):
        if gpu_ns or amount:
            known_ns = 0 if state is GpuState.UNKNOWN else gpu_ns
            yield Piece(slot, name, state, gpu_ns, currency, amount, active_ns, known_ns)


def _measured(time_ns: int, seen: Seen) -> tuple[int, int, int, int]:
    """Busy, low, unknown and active time of a run that held GPUs for *time_ns*.

    A meter may have seen more than was held: two runs on one GPU both see all of it. Then its
    proportions count.
    """
    known, low, active = seen.known_ns, seen.low_ns, seen.active_ns
    if known > time_ns:
        low, active, known = low * time_ns // known, active * time_ns // known, time_ns
    return known - low, low, time_ns - known, active


@dataclass(frozen=True, slots=True)
class UseRow:
    """Some pieces together."""

    key: tuple[str, ...]
    run_ids: frozenset[str]
    """The runs that held some of it."""
    gpu_ns: Mapping[GpuState, int]
    """State → GPU-nanoseconds; every state, 0 where there is none."""
    amounts: Mapping[GpuState, Money]
    active_ns: int
    known_ns: int

    @property
    def paid_ns(self) -> int:
        """All of it."""
        return sum(self.gpu_ns.values())

    @property
    def amount(self) -> Money:
        """The money of all of it."""
        parts = list(self.amounts.values())
        return Money.total(parts, parts[0].currency)

    @property
    def gpu_activity(self) -> Fraction | None:
        """Mean activity of the GPU time that was measured, 0 to 1; None where none was."""
        return Fraction(self.active_ns, self.known_ns) if self.known_ns else None


Key = Callable[[Piece], tuple[str, ...]]


def use_rows(pieces: Iterable[Piece], key: Key, currency: str) -> list[UseRow]:
    """The pieces of *currency* grouped by *key*, the dearest first; any grouping sums to the same."""
    groups: dict[tuple[str, ...], list[Piece]] = defaultdict(list)
    for piece in pieces:
        if piece.currency == currency:
            groups[key(piece)].append(piece)
    rows = [_row(name, group, currency) for name, group in groups.items()]
    return sorted(rows, key=lambda row: (-row.amount.nano, -row.paid_ns, row.key))


def total_row(pieces: Iterable[Piece], currency: str) -> UseRow:
    """All pieces of *currency* together."""
    return _row((), [piece for piece in pieces if piece.currency == currency], currency)


def _row(key: tuple[str, ...], group: Sequence[Piece], currency: str) -> UseRow:
    times = dict.fromkeys(GpuState, 0)
    nanos = dict.fromkeys(GpuState, 0)
    for piece in group:
        times[piece.state] += piece.gpu_ns
        nanos[piece.state] += piece.nano
    return UseRow(
        key=key,
        run_ids=frozenset(piece.run for piece in group if piece.run is not None),
        gpu_ns=times,
        amounts={state: Money(nano, currency) for state, nano in nanos.items()},
        active_ns=sum(piece.active_ns for piece in group),
        known_ns=sum(piece.known_ns for piece in group),
    )
