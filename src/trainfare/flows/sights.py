"""The sights path: spools of a home → one line per run in the ledger, kept true.

A run is looked at again when its spool changed, while it goes on, when a bill or a price that it
may be priced with changed, and when a run that went on beside it turns up late. Nothing is written
into a spool: those of other machines are theirs.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from trainfare.core.dataset import places
from trainfare.core.period import HOUR, SECOND, BillingPeriod
from trainfare.core.stage import Status
from trainfare.flows.brief import brief_of
from trainfare.flows.briefs import brief_sign, price_signs
from trainfare.flows.forecast import Forecaster, with_forecasts
from trainfare.flows.months import with_bills
from trainfare.flows.sight import sight_of
from trainfare.flows.spans import FAR_NS, Reach, Spans, is_near, reach_of, wide
from trainfare.metering.budget_shelf import budgets_file
from trainfare.metering.history import read_some
from trainfare.metering.home import runs_folder
from trainfare.metering.receipt import Receipt
from trainfare.metering.shelf import run_span, spool_signs
from trainfare.store.allocations import current_allocations
from trainfare.store.briefs import briefed_runs, drop_briefs, put_briefs
from trainfare.store.contracts import newest_contract
from trainfare.store.decisions import newest_decision
from trainfare.store.deliveries import current_since, newest_change_ns
from trainfare.store.ledger import Ledger
from trainfare.store.sights import (
    Mark,
    drop_sights,
    mark_of,
    newest_change,
    put_sights,
    read_marks,
    shippers_of,
)

BATCH = 100
"""So many runs are settled in one transaction."""

WALKED = 500
"""So many of the runs that have ended are looked after in one round, in turn."""

UNREADABLE_NS = 15 * SECOND
"""After so long a run that could not be read is looked at again."""

KINDS = (".json", ".toml", ".csv")
"""The files right in a home that answers are made from end so."""

NOT_ASKED = ("alerts.json", "commitments.json")
"""Alerts and plans tell what answers say; no answer is made from them but their own."""

_Signs = tuple[tuple[str, int, int], ...]
_Basis = Callable[[_Signs, tuple[int, int]], str]


@dataclass(frozen=True, slots=True)
class Round:
    """What one look at the home did."""

    settled: tuple[str, ...]
    """The runs whose lines changed."""
    left: int
    """Runs that are known to wait for the next round."""


@dataclass(frozen=True, slots=True)
class News:
    """What answers about a home are made from, as it stands; another when something changed."""

    books: object
    """Bills, allocations, budgets, prices, rules, sizes: what changes by a deed."""
    runs: int
    """When the line of a run last changed."""


def news_of(home: Path, ledger: Ledger) -> News:
    """How the home of a server stands."""
    with ledger.look() as connection:
        changed_ns, seen_ns = newest_change_ns(connection), newest_change(connection)
        decided = newest_decision(connection), newest_contract(connection)
    own = tuple(
        one for one in _signs_of(home) if one[0].endswith(KINDS) and one[0] not in NOT_ASKED
    )
    beside = (_signs_of(home / "prices"), _sign(home / "sizes"))
    return News((changed_ns, decided, own, *beside), seen_ns)


class Sights:
    """Keeps the lines of one home; one thread calls :meth:`settle`, any may call :meth:`note`."""

    def __init__(self, home: Path, ledger: Ledger) -> None:
        self._home, self._ledger = home, ledger
        self._marks: dict[str, Mark] = {}
        self._spans = Spans({})
        self._is_open = False
        self._noted: set[str] = set()
        self._noted_before: set[str] = set()
        self._lock = threading.Lock()
        self._reaches: dict[str, Reach] = {}
        self._listed_ns = -1
        self._waiting: dict[str, bool] = {}
        """Run → whether to settle it even where its own spool is as it was."""
        self._walk: list[str] = []
        self._forecaster: tuple[object, Forecaster] | None = None

    def note(self, runs: Iterable[str]) -> None:
        """Something of these runs is new: look at them next."""
        with self._lock:
            self._noted.update(runs)

    def beside(self, run: str) -> set[str] | None:
        """The only other runs that bear on *run*; None where that is not known yet."""
        if run not in self._marks:
            return None
        marks = dict(self._marks) if self._marks[run].uris else {}
        return set(self._sharing([run], marks))

    def settle(self, now_ns: int | None = None) -> Round:
        """Look at what is due and set the lines of at most BATCH runs.

        Raises:
            OutsideFailed: the ledger cannot be read or written.
        """
        now_ns = time.time_ns() if now_ns is None else now_ns
        if not self._is_open:
            with self._ledger.look() as connection:
                self._marks = read_marks(connection)
                # An earlier version left lines without briefs.
                self._waiting |= dict.fromkeys(self._marks.keys() - briefed_runs(connection), True)
            self._spans = Spans({run: _span(mark) for run, mark in self._marks.items()})
            self._is_open = True
        self._list()
        basis = self._basis()
        chosen: dict[str, _Signs] = {}
        due = self._due(now_ns)
        for place, run in enumerate(due):
            if len(chosen) == BATCH:
                self._put_off(due[place:])
                break
            signs = spool_signs(self._home, run)
            mark, is_forced = self._marks.get(run), self._waiting.pop(run, False)
            if (
                mark is None
                or is_forced
                or (mark.until_ns or FAR_NS) <= now_ns
                or mark.basis != basis(signs, self._spans.of(run))
            ):
                chosen[run] = signs
        self._set(chosen, basis, now_ns)
        return Round(tuple(chosen), len(self._waiting))

    def _list(self) -> None:
        """Notice runs that came and went; a listing of an unchanged folder is spared."""
        try:
            listed_ns = runs_folder(self._home).stat().st_mtime_ns
            if listed_ns == self._listed_ns:
                return
            there = {one.name for one in runs_folder(self._home).iterdir()}
        except OSError:
            return
        gone = [run for run in self._spans.spans if run not in there]
        with self._ledger.change() as connection:
            drop_sights(connection, gone)
            drop_briefs(connection, gone)
        for run in gone:
            self._marks.pop(run, None)
            self._waiting.pop(run, None)
            self._reaches.pop(run, None)
        new = {run: run_span(self._home, run) for run in there - self._spans.spans.keys()}
        spans = {run: wide(began, ended) for run, (began, ended) in new.items()}
        for run, (began, ended) in new.items():
            self._reaches[run] = Reach(began, began if ended is None else ended, None)
        for span in spans.values():
            # A run that turns up late may have shared a machine with one that was settled alone.
            beside = self._spans.beside(*span)
            self._waiting |= {run: True for run in beside if run in self._marks}
        self._spans = self._spans.changed(spans, gone)
        newest_first = sorted(new, key=lambda run: new[run][0], reverse=True)
        self._waiting = {**dict.fromkeys(newest_first, False), **self._waiting}
        self._listed_ns = listed_ns

    def _due(self, now_ns: int) -> list[str]:
        """What to look at: noted, running, waiting, and the next few of all others in turn."""
        with self._lock:
            # Twice, for what was noted may be written a moment later.
            noted = self._noted | self._noted_before
            self._noted_before, self._noted = self._noted, set()
        until = {run: mark.until_ns for run, mark in self._marks.items() if mark.until_ns}
        passing = sorted((run for run in until if until[run] <= now_ns), key=until.__getitem__)
        if not self._walk:
            self._walk = sorted(self._spans.spans, reverse=True)
        walked, self._walk = self._walk[:WALKED], self._walk[WALKED:]
        # Half of a batch is for what goes on, so that neither it nor what waits starves the other.
        first = [*noted, *passing[: BATCH // 2], *islice(self._waiting, BATCH)]
        return list(dict.fromkeys([*first, *passing, *walked]))

    def _put_off(self, runs: Sequence[str]) -> None:
        """What found no place in this round waits for the next."""
        for run in runs:
            self._waiting.setdefault(run, False)

    def _basis(self) -> _Basis:
        """How to tell what a line is made from, as bills and prices stand now."""
        with self._ledger.look() as connection:
            delivered = current_since(connection)
            allocated = {one.period: one.since_ns for one in current_allocations(connection)}
        prices = _signs_of(self._home / "prices")
        bills = [
            (BillingPeriod.parse(period).interval, delivered.get(period), allocated.get(period))
            for period in sorted({*delivered, *allocated})
        ]

        def of(signs: _Signs, span: tuple[int, int]) -> str:
            touched = [
                one for one in bills if one[0].start_ns < span[1] and span[0] < one[0].end_ns
            ]
            return hashlib.sha256(repr((signs, prices, touched)).encode()).hexdigest()

        return of

    def _set(self, chosen: Mapping[str, _Signs], basis: _Basis, now_ns: int) -> None:
        if not chosen:
            return
        beside = set(self._sharing(chosen, self._marks))
        receipts, _ = read_some(self._home, list(chosen), beside, now_ns=now_ns)
        briefs = self._briefs(receipts, chosen)
        receipts = self._completed(receipts, now_ns)
        with self._ledger.look() as connection:
            teams = shippers_of(connection, list(chosen))
        sights = {
            one.run.id: sight_of(one, team=teams.get(one.run.id), now_ns=now_ns) for one in receipts
        }
        marks = {run: Mark("", now_ns + UNREADABLE_NS, 0, 0) for run in chosen if run not in sights}
        marks |= {run: mark_of(one) for run, one in sights.items()}
        spans = {run: _span(mark) for run, mark in marks.items()}
        sights = {
            run: replace(one, basis=basis(chosen[run], spans[run])) for run, one in sights.items()
        }
        with self._ledger.change() as connection:
            put_sights(connection, list(sights.values()))
            drop_sights(connection, [run for run in chosen if run not in sights])
            put_briefs(connection, briefs)
            drop_briefs(connection, [run for run in chosen if run not in briefs])
        marks |= {run: mark_of(one) for run, one in sights.items()}
        self._waiting |= {run: True for run in self._touched(receipts) if run not in chosen}
        fresh = [run for run, mark in marks.items() if mark.uris != self._uris_of(run)]
        self._marks |= marks
        # What these name was not known when they, and those that name it too, were looked at.
        self._waiting |= dict.fromkeys(_naming(fresh, self._marks), True)
        moved = {run: span for run, span in spans.items() if not is_near(self._spans.of(run), span)}
        self._spans = self._spans.changed(moved, ())

    def _sharing(self, runs: Collection[str], marks: Mapping[str, Mark]) -> Iterable[str]:
        """Runs that went on at the time of any of *runs*, or name what one names, or a part of it."""
        for run in runs:
            yield from self._spans.beside(*self._spans.of(run))
        yield from _naming(runs, marks)

    def _touched(self, receipts: Sequence[Receipt]) -> Iterator[str]:
        """Runs on the machines of *receipts* at a time of which these say something new.

        What is shipped late, or of a run that goes on, may be of a time at which another was
        settled as if it had been alone.
        """
        for one in receipts:
            new = reach_of(one)
            old = self._reaches.get(one.run.id) or self._known_reach(one.run.id)
            self._reaches[one.run.id] = new
            began, ended = new.since(old)
            for run in self._spans.beside(began, ended) if began < ended else ():
                other = self._reaches.get(run) or self._known_reach(run)
                if other is not None and run != one.run.id and other.meets(new, began, ended):
                    yield run

    def _known_reach(self, run: str) -> Reach | None:
        """How far a run was read before this process began, if that was to its end."""
        mark = self._marks.get(run)
        if mark is None or mark.ended_ns is None:
            return None
        return Reach(mark.started_ns, mark.ended_ns, None)

    def _uris_of(self, run: str) -> tuple[str, ...]:
        return self._marks[run].uris if run in self._marks else ()

    def _briefs(
        self, receipts: Sequence[Receipt], chosen: Mapping[str, _Signs]
    ) -> dict[str, tuple[str, str]]:
        """Run → sign and text of its brief, of those that have ended."""
        prices = price_signs(self._home)
        made = {one.run.id: brief_of(one, self._home) for one in receipts}
        return {
            run: (brief_sign(chosen[run], prices), one.to_text())
            for run, one in made.items()
            if one is not None
        }

    def _completed(self, receipts: Sequence[Receipt], now_ns: int) -> list[Receipt]:
        """With bills where a run has ended, and forecasts where it goes on."""
        going = [one for one in receipts if one.run.status is Status.RUNNING]
        ended = [one for one in receipts if one.run.status is not Status.RUNNING]
        if going:
            key = (_sign(budgets_file(self._home)), now_ns // HOUR)
            if self._forecaster is None or self._forecaster[0] != key:
                self._forecaster = key, Forecaster(self._home)
            going = with_forecasts(self._home, going, self._forecaster[1])
        return [*with_bills(self._home, ended), *going]


def _naming(runs: Iterable[str], marks: Mapping[str, Mark]) -> Iterator[str]:
    """Runs that name an artifact that one of *runs* names, a part of it, or what it is a part of."""
    named = {uri.rstrip("/") for run in runs if run in marks for uri in marks[run].uris}
    around = {place for uri in named for place in places(uri)}
    for run, mark in marks.items() if named else ():
        if any(uri in around or _is_in(uri, named) for uri in mark.uris):
            yield run


def _is_in(uri: str, named: Collection[str]) -> bool:
    """Whether *uri* is one of these names, or lies in one; quicker than ``places`` for very many."""
    while uri:
        if uri in named:
            return True
        uri = uri.rpartition("/")[0]
    return False


def _span(mark: Mark) -> tuple[int, int]:
    return wide(mark.started_ns, mark.ended_ns)


def _signs_of(folder: Path) -> tuple[tuple[str, object], ...]:
    """What changes when a file right in *folder* does."""
    try:
        return tuple((one.name, _sign(one)) for one in sorted(folder.iterdir()))
    except OSError:
        return ()


def _sign(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
