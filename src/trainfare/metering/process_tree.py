"""A process tree: what a process and everything it started have used, never counted twice.

    used(tree) = Σ over living members (own + reaped) + what was lost + what is owed

The kernel adds a child's time to its parent when the parent waits for it, so a child that ends
moves from "living" to "reaped" and the sum stands. Three things would break it, and are handled:

* Between two readings a child may vanish after its parent was read and before the child was. Parents
  are therefore read before their children (a miss, never a double), and the vanished child's last
  counters stay *owed* by its nearest living ancestor until that one's counters have had a further
  reading to show them.
* A parent that ignores SIGCHLD, or that dies before its child, never receives the child's time. What
  is still owed after that reading is *lost* to every living process and kept here for good.
* Readings are not one instant. The sum shown never goes back: it is the largest seen.

A process found once stays a member until it ends, also when its parent dies and it is handed to
init. What a child used between its last reading and its end is lost only where nobody waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from trainfare.metering.processes import Facts

KEPT_OPEN = 16
"""Processes whose descriptors stay open: the training's own descriptors are not ours to use up."""

READ_AT_ONCE = 32
"""Larger trees are read every second, third, … time, so that a reading's CPU time stays bounded."""


class Process(Protocol):
    """One living process, as ``trainfare.metering.processes`` reads it."""

    def read(self) -> Facts | None:
        """The counters now, or None when it is gone."""

    def children(self) -> tuple[list[int], int]:
        """Ids of its living children, and how much work it was to find them."""

    def close(self) -> None:
        """Let descriptors go."""


class TreeReading(NamedTuple):
    """Counters of a tree since its processes began; all but the memory only ever grow."""

    cpu_ns: int
    rss_bytes: int
    """Sum over the living; pages that processes share count once for each of them."""
    read_bytes: int | None
    write_bytes: int | None
    processes: int
    """How many live."""


@dataclass(slots=True)
class _Member:
    process: Process
    facts: Facts


@dataclass(slots=True)
class _Debt:
    """Counters of a vanished process that its nearest living ancestor should soon show."""

    heir: int
    cpu_ns: int
    weight: int
    owed_weight: int
    read_bytes: int
    write_bytes: int
    readings: int = 0

    def pay(self, cpu_ns: int, weight: int) -> tuple[int, int]:
        """Take what is owed out of the heir's gain; return what is left of the gain."""
        paid_ns = min(self.cpu_ns, cpu_ns)
        paid_weight = min(self.owed_weight, weight)
        self.cpu_ns -= paid_ns
        self.owed_weight -= paid_weight
        return cpu_ns - paid_ns, weight - paid_weight

    def owed(self, byte_count: int) -> int:
        """The part of *byte_count* still owed.

        I/O counters do not tell own from reaped, so the weight, which does, stands for them.
        """
        return byte_count * self.owed_weight // self.weight if self.weight else 0


class ProcessTree:
    """The tree under process *pid*, opened with *open_process* (``(pid, keep_open) → Process``)."""

    def __init__(self, pid: int, open_process: Callable[[int, bool], Process]) -> None:
        self.root = pid
        self._open_process = open_process
        self._members: dict[int, _Member] = {}  # parents stand before their children
        self._debts: list[_Debt] = []
        self._lost_ns = self._lost_read = self._lost_write = 0
        self._knows_io = False
        self._until_reading = 0
        self._is_closed = False
        self._last: TreeReading | None = None
        self._add(pid, parent=None)

    @property
    def pids(self) -> frozenset[int]:
        """Ids of the processes known to live."""
        return frozenset(self._members)

    def _add(self, pid: int, *, parent: int | None) -> bool:
        try:
            process = self._open_process(pid, len(self._members) < KEPT_OPEN)
        except OSError:
            return False
        facts = process.read()
        # A child that is no longer this parent's has ended meanwhile, or its id was used again.
        if facts is None or parent not in (None, facts.parent):
            process.close()
            return False
        self._members[pid] = _Member(process, facts)
        self._knows_io = self._knows_io or facts.read_bytes is not None
        return True

    def refresh(self) -> int:
        """Look for new descendants; returns how much work that was.

        The next :meth:`read` reads the whole tree, however large it is.
        """
        work = 0
        waiting = list(self._members)
        for pid in waiting:
            found, took = self._members[pid].process.children()
            work += took
            waiting += [
                child
                for child in found
                if child not in self._members and self._add(child, parent=pid)
            ]
        self._until_reading = 0
        return work

    def read(self) -> TreeReading | None:
        """The tree's counters; after its end the last ones; None when it was never seen alive."""
        if self._is_closed:
            return self._last
        if self._until_reading and self._last is not None:
            self._until_reading -= 1
            return self._last
        self._until_reading = len(self._members) // READ_AT_ONCE
        gone, gains = self._read_members()
        self._owe(gone)
        self._settle(gains)
        if self._last is None and not self._members:
            return None
        self._last = self._sum(self._last)
        return self._last

    def _read_members(self) -> tuple[dict[int, Facts], dict[int, tuple[int, int]]]:
        """Read all; returns the last counters of the vanished and what the others gained reaping."""
        gone: dict[int, Facts] = {}
        gains: dict[int, tuple[int, int]] = {}
        for pid, member in self._members.items():
            facts, before = member.process.read(), member.facts
            if facts is None:
                gone[pid] = before
                continue
            if facts.read_bytes is None and before.read_bytes is not None:
                facts = facts._replace(read_bytes=before.read_bytes, write_bytes=before.write_bytes)
            gained = (
                facts.reaped_ns - before.reaped_ns,
                facts.reaped_weight - before.reaped_weight,
            )
            if gained != (0, 0):
                gains[pid] = gained
            member.facts = facts
        for pid in gone:
            self._members.pop(pid).process.close()
        return gone, gains

    def _owe(self, gone: dict[int, Facts]) -> None:
        """Charge what vanished processes used to their nearest living ancestors."""

        def heir_of(pid: int) -> int:
            while pid in gone:
                pid = gone[pid].parent
            return pid

        for debt in self._debts:
            if debt.heir in gone:
                debt.heir = heir_of(debt.heir)
                debt.readings = 0  # the new heir may itself have been read too early
        for facts in gone.values():
            self._debts.append(
                _Debt(
                    heir=heir_of(facts.parent),
                    cpu_ns=facts.own_ns + facts.reaped_ns,
                    weight=facts.weight,
                    owed_weight=facts.weight,
                    read_bytes=facts.read_bytes or 0,
                    write_bytes=facts.write_bytes or 0,
                )
            )

    def _settle(self, gains: dict[int, tuple[int, int]]) -> None:
        """Let ancestors pay, oldest debts first; two readings on, what is owed is lost."""
        open_debts = []
        for debt in self._debts:
            if debt.heir in gains:
                gains[debt.heir] = debt.pay(*gains[debt.heir])
            debt.readings += 1
            if debt.readings < 2 and debt.heir in self._members:
                open_debts.append(debt)
                continue
            self._lost_ns += debt.cpu_ns
            self._lost_read += debt.owed(debt.read_bytes)
            self._lost_write += debt.owed(debt.write_bytes)
        self._debts = open_debts

    def _sum(self, last: TreeReading | None) -> TreeReading:
        cpu_ns = self._lost_ns + sum(debt.cpu_ns for debt in self._debts)
        read_bytes = self._lost_read + sum(debt.owed(debt.read_bytes) for debt in self._debts)
        write_bytes = self._lost_write + sum(debt.owed(debt.write_bytes) for debt in self._debts)
        rss_bytes = 0
        for member in self._members.values():
            facts = member.facts
            cpu_ns += facts.own_ns + facts.reaped_ns
            rss_bytes += facts.rss_bytes
            read_bytes += facts.read_bytes or 0
            write_bytes += facts.write_bytes or 0
        if last is not None:
            cpu_ns = max(cpu_ns, last.cpu_ns)
            read_bytes = max(read_bytes, last.read_bytes or 0)
            write_bytes = max(write_bytes, last.write_bytes or 0)
        return TreeReading(
            cpu_ns,
            rss_bytes,
            read_bytes if self._knows_io else None,
            write_bytes if self._knows_io else None,
            len(self._members),
        )

    def close(self) -> None:
        """Let all descriptors go; the last reading stays."""
        self._is_closed = True
        for member in self._members.values():
            member.process.close()
