"""All runs of a home for reports and budgets: ended ones in brief, the others by their receipts.

A brief stands only while everything that it was made from does: its own spools, the home's prices,
and what other runs recorded of the same machines and files. What changed, goes on, or shares a
machine or a file with such a run is read anew, so both ways say the same to the nano.
"""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainfare.core.dataset import is_made
from trainfare.core.period import Interval
from trainfare.core.run import Segment
from trainfare.flows.bill import has_analytics, has_ledger
from trainfare.flows.brief import Brief
from trainfare.metering.history import read_history, read_some
from trainfare.metering.home import runs_folder
from trainfare.metering.receipt import Receipt
from trainfare.metering.shelf import Faults, read_run, spool_signs
from trainfare.metering.sizes import size_mark

FEW = 300
"""So few runs are read as fast as a ledger is opened."""

Signs = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Known:
    """Every run of a home, in one of two ways."""

    briefs: Sequence[Brief]
    receipts: Sequence[Receipt]
    now_ns: int
    remarks: Sequence[str] = ()
    """On records that cannot be read."""


def brief_sign(signs: Signs, prices: object) -> str:
    """What changes when a brief may no longer say what its receipt does.

    Args:
        signs: of its spools.
        prices: what changes when the home's prices do.
    """
    from trainfare import __version__

    return hashlib.sha256(repr((__version__, signs, prices)).encode()).hexdigest()


def price_signs(home: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes when the prices of *home* do."""
    signs = []
    try:
        for one in sorted((home / "prices").iterdir()):
            found = one.stat()
            signs.append((one.name, found.st_size, found.st_mtime_ns))
    except OSError:
        return tuple(signs)
    return tuple(signs)


def read_known(home: Path, now_ns: int | None = None) -> Known:
    """The runs of *home*, all by their receipts where nothing keeps briefs of them."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    kept = _kept(home)
    if not kept:
        receipts, remarks = read_history(home, now_ns=now_ns)
        return Known((), receipts, now_ns, remarks)
    prices = price_signs(home)
    briefs: dict[str, Brief] = {}
    rest: set[str] = set()
    for run in _names(home):
        sign, text = kept.get(run, ("", ""))
        brief = None
        if text and sign == brief_sign(spool_signs(home, run), prices):
            brief = Brief.from_text(text)
        if brief and all(size_mark(home, uri) == mark for uri, mark in brief.sizes):
            briefs[run] = brief
        else:
            rest.add(run)
    rest |= _shared_growth(briefs.values())
    stored = [
        one.segment for run in rest for one in read_run(home, run, now_ns, Faults()) if run in rest
    ]
    rest |= _touched(briefs.values(), stored)
    if len(rest) > len(briefs) // 2:
        receipts, remarks = read_history(home, now_ns=now_ns)
        return Known((), receipts, now_ns, remarks)
    beside = _beside(briefs, rest, stored)
    receipts, remarks = read_some(home, sorted(rest), beside, now_ns=now_ns)
    return Known([one for run, one in briefs.items() if run not in rest], receipts, now_ns, remarks)


def read_within(
    home: Path, spans: Sequence[Interval], named: Container[str], now_ns: int | None = None
) -> list[Receipt]:
    """The receipts of the runs that went on within any of *spans*, and of those that are *named*.

    Others may be among them; where nothing keeps briefs, all are.
    """
    known = read_known(home, now_ns)
    briefs = {one.run: one for one in known.briefs}
    chosen = {
        one.run
        for one in known.briefs
        if one.run in named
        or any(s.start_ns <= one.lasted.end_ns and one.lasted.start_ns < s.end_ns for s in spans)
    }
    receipts, _ = read_some(home, sorted(chosen), _beside(briefs, chosen, ()), now_ns=known.now_ns)
    return sorted(
        [*known.receipts, *receipts],
        key=lambda one: (one.run.interval.start_ns, one.run.id),
    )


def _kept(home: Path) -> Mapping[str, tuple[str, str]]:
    if not (has_ledger(home) and has_analytics()) or len(_names(home)) < FEW:
        return {}
    from trainfare.store.briefs import read_briefs
    from trainfare.store.ledger import open_ledger

    with open_ledger(home) as ledger, ledger.look() as connection:
        return read_briefs(connection)


def _names(home: Path) -> list[str]:
    try:
        return sorted(one.name for one in runs_folder(home).iterdir())
    except OSError:
        return []


def _shared_growth(briefs: Iterable[Brief]) -> set[str]:
    """Runs whose files grow in cost and that another run names too: who wrote last decides."""
    named: dict[str, set[str]] = defaultdict(set)
    growing = []
    for one in briefs:
        for uri in (*one.read, *one.written):
            named[uri].add(one.run)
        growing += [one] if one.kept else []
    return {one.run for one in growing if any(len(named[uri]) > 1 for uri in one.written)}


Span = tuple[int, int]


@dataclass(slots=True)
class _Scene:
    """Where and when some runs were, and which files they named."""

    spans: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    """Machine → times."""
    read: dict[str, list[Span]] = field(default_factory=lambda: defaultdict(list))
    """Dataset → times."""
    written: set[str] = field(default_factory=set)

    def add_segment(self, one: Segment) -> None:
        """Take in a segment."""
        span = one.interval.start_ns, one.interval.end_ns
        self.spans[one.machine.resource_id].append(span)
        for artifact in one.artifacts:
            if artifact.role == "dataset":
                self.read[artifact.uri].append(span)
            else:
                self.written.add(artifact.uri)

    def add_brief(self, one: Brief) -> None:
        """Take in a run."""
        for place, began, ended in one.places:
            self.spans[place].append((began, ended))
        for uri in one.read:
            self.read[uri].append((one.lasted.start_ns, one.lasted.end_ns))
        self.written.update(one.written)

    def has(self, one: Brief) -> bool:
        """Whether anything of it bears on *one*, or *one* on it."""
        return (
            any(
                began < other_end and other_began < ended
                for place, began, ended in one.places
                for other_began, other_end in self.spans.get(place, ())
            )
            or any(uri in self.written for uri in one.written)
            or bool(self.written and any(is_made(uri, self.written) for uri in one.read))
            or bool(one.written and any(is_made(uri, one.written) for uri in self.read))
            or any(
                began < one.lasted.end_ns and one.lasted.start_ns < ended
                for uri in one.read
                for began, ended in self.read.get(uri, ())
            )
        )


def _touched(briefs: Iterable[Brief], segments: Sequence[Segment]) -> set[str]:
    """The runs that were beside any of *segments*: on a machine at its time, or by a file."""
    scene = _Scene()
    for one in segments:
        scene.add_segment(one)
    return {one.run for one in briefs if scene.has(one)} if segments else set()


def _beside(briefs: Mapping[str, Brief], rest: set[str], stored: Sequence[Segment]) -> list[str]:
    """The runs that bear on the receipts of *rest*."""
    scene = _Scene()
    for run in rest & briefs.keys():
        scene.add_brief(briefs[run])
    near = _touched(briefs.values(), stored)
    if scene.spans:
        near |= {one.run for one in briefs.values() if scene.has(one)}
    return sorted(near - rest)
