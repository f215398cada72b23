"""A brief: of an ended run's receipt what reports of whole runs and budgets need, and no more.

    Σ parts of all time + what is kept = the total of the receipt
    spent until a midnight = what spending says, to the nano

A receipt at its full length takes a millisecond to make anew; a brief is read in microseconds. Bytes
that still lie somewhere cost more every hour, so of them the brief holds size, price and since when.
"""

from __future__ import annotations

import json
import socket
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from trainfare.core.charge import Component
from trainfare.core.money import Money
from trainfare.core.period import DAY, BillingPeriod, Interval, hull
from trainfare.core.price import Price
from trainfare.core.run import Artifact, Segment
from trainfare.core.spending import part_until, spent_at
from trainfare.core.stage import Status
from trainfare.core.standing import Spender
from trainfare.core.work import NO_WORK, work_of
from trainfare.metering.artifact import local_path
from trainfare.metering.event import price_to_json
from trainfare.metering.event_value import price_from_json
from trainfare.metering.receipt import Receipt
from trainfare.metering.sizes import size_mark
from trainfare.reports.spend import ALL_TIME, Part, Spend, cuts_of, spend_of, within


class NotAtMidnight(Exception):
    """What was spent until an instant within a day is not in a brief."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that still lie somewhere, at a price."""

    since_ns: int
    bytes: int
    price: Price

    def until(self, now_ns: int) -> tuple[Money, Interval]:
        """What they cost so far, and over which time."""
        held = Interval(self.since_ns, max(self.since_ns, now_ns))
        return self.price.of(self.bytes * held.duration_ns), held


@dataclass(frozen=True, slots=True)
class Brief:
    """An ended run."""

    run: str
    name: str | None
    labels: Mapping[str, str]
    status: str
    ending: str
    currency: str
    is_priced: bool
    """Whether any of its machine time has a price."""
    parts: Mapping[str, tuple[tuple[str, int | None], ...]]
    """Month, or "" for all time → component and nano-units; None beside what has no price."""
    lasted: Interval
    """From the start of its first attempt to the end of the last."""
    begins_ns: int
    until_ns: int
    """When the last of its money was spent, what is kept aside."""
    total: int | None
    """Nano-units of it all, what is kept aside; None where a machine has no price."""
    first_day: int
    spent: tuple[int, ...]
    """Nano-units until the midnights from *first_day* on."""
    places: tuple[tuple[str, int, int], ...]
    """Machine, from, to: where it was beside others."""
    read: tuple[str, ...]
    written: tuple[str, ...]
    """The artifacts that it names."""
    sizes: tuple[tuple[str, int], ...]
    """Artifact → the mark of its size, of those whose size may be found, or found anew, later."""
    kept: tuple[Kept, ...]

    def spend(self, periods: Mapping[str, Interval] | None, now_ns: int) -> Spend:
        """What a report by whole runs and components adds up."""
        names = (ALL_TIME,) if periods is None else tuple(periods)
        parts = [
            self._part(name, Component(component), nano)
            for name in names
            for component, nano in self.parts.get(name, ())
        ]
        for one in self.kept:
            amount, held = one.until(now_ns)
            parts += [
                self._part(name, Component.STORAGE, within(amount, held, inside).nano)
                for name, inside in cuts_of(held, periods)
            ]
        return Spend(
            run=self.run,
            name=self.name,
            labels=self.labels,
            status=self.status,
            ending=self.ending,
            currency=self.currency if self.is_priced else None,
            parts=tuple(parts),
            is_whole=False,
            work=NO_WORK,
            machine_ns=0,
            gpu_ns=Fraction(0),
            stalled=None,
            redone=None,
        )

    def _part(self, period: str, component: Component, nano: int | None) -> Part:
        amount = None if nano is None else Money(nano, self.currency)
        return Part(period, component, None, None, 0, amount, 0)

    def spender(self, now_ns: int) -> Spender:
        """The run as budgets look at it, by its estimate."""
        held = self.until_ns if not self.kept else now_ns
        return Spender(self.run, self.lasted, False, self.spent_within(now_ns), held)

    def spent_within(self, now_ns: int) -> Any:
        """What the run is estimated to have spent within a stretch of time.

        The answer raises NotAtMidnight where the stretch begins or ends within a day of the run.
        """
        lying = [one.until(now_ns) for one in self.kept]

        def until(at_ns: int) -> int:
            return self._until(at_ns) + sum(part_until(*one, at_ns).nano for one in lying)

        def spent(window: Interval) -> Money | None:
            if self.total is None:
                return None
            return Money(until(window.end_ns) - until(window.start_ns), self.currency)

        return spent

    def _until(self, at_ns: int) -> int:
        if at_ns <= self.begins_ns:
            return 0
        if at_ns > self.until_ns:
            return self.total or 0
        day, rest = divmod(at_ns, DAY)
        if rest:
            raise NotAtMidnight
        return self.spent[day - self.first_day]

    def to_text(self) -> str:
        """As the ledger keeps it."""
        document = {name: getattr(self, name) for name in _PLAIN}
        document["lasted"] = [self.lasted.start_ns, self.lasted.end_ns]
        document["kept"] = [[k.since_ns, k.bytes, price_to_json(k.price)] for k in self.kept]
        return json.dumps(document, separators=(",", ":"))

    @staticmethod
    def from_text(text: str) -> Brief:
        """The value of :meth:`to_text`."""
        words = json.loads(text)
        words["lasted"] = Interval(*words["lasted"])
        words["kept"] = tuple(_kept(*one) for one in words["kept"])
        return Brief(**words)


_PLAIN = tuple(name for name in Brief.__slots__ if name not in ("lasted", "kept"))


def _kept(since_ns: int, count: int, price: dict[str, Any]) -> Kept:
    found = price_from_json(price)
    assert isinstance(found, Price)
    return Kept(since_ns, count, found)


def brief_of(receipt: Receipt, home: Path) -> Brief | None:
    """The brief of *receipt*, of a run of *home*; None while the run goes on, or has files on this very machine.

    Those are looked for each time that the run is read, for somebody may have deleted them.
    """
    run = receipt.run
    if run.status is Status.RUNNING or any(map(_is_watched, run.segments)):
        return None
    currency = receipt.estimate.currency
    kept = [
        (one, one.price)
        for segment in run.segments
        for one in segment.artifacts
        if _grows(one) and isinstance(one.price, Price) and one.price.currency == currency
    ]
    fixed = _without(receipt, [one for one, _ in kept])
    artifacts = [one for segment in run.segments for one in segment.artifacts]
    held = [one.held for segment in fixed.run.segments for one in segment.artifacts]
    times = [one.interval for one in run.attempts] + held
    work, whole = work_of(run), hull(times)
    begins_ns, until_ns = whole.start_ns, whole.end_ns
    spend = spend_of(fixed, work)
    months = spend_of(fixed, work, {str(p): p.interval for p in _months(whole)})
    first_day = begins_ns // DAY + 1
    midnights = [day * DAY for day in range(first_day, until_ns // DAY + 1)]
    return Brief(
        run=run.id,
        name=run.name,
        labels=run.labels,
        status=spend.status,
        ending=spend.ending,
        currency=currency,
        is_priced=spend.currency is not None,
        parts=_sums([*spend.parts, *months.parts]),
        lasted=run.interval,
        begins_ns=begins_ns,
        until_ns=until_ns,
        total=None if fixed.estimate.total is None else fixed.estimate.total.nano,
        first_day=first_day,
        spent=tuple(spent_at(fixed.run, fixed.estimate, midnights)),
        places=tuple(
            (s.machine.resource_id, s.interval.start_ns, s.interval.end_ns) for s in run.segments
        ),
        read=tuple(sorted({one.uri for one in artifacts if one.role == "dataset"})),
        written=tuple(sorted({one.uri for one in artifacts if one.role != "dataset"})),
        sizes=tuple(_sizes(home, artifacts)),
        kept=tuple(Kept(one.held.start_ns, one.bytes or 0, price) for one, price in kept),
    )


def _sizes(home: Path, artifacts: Sequence[Artifact]) -> Iterator[tuple[str, int]]:
    unknown = {one.uri for one in artifacts if one.bytes is None}
    for uri in sorted({one.uri for one in artifacts}):
        mark = size_mark(home, uri)
        if mark or (uri in unknown and local_path(uri) is None):
            yield uri, mark


def _is_watched(segment: Segment) -> bool:
    return segment.machine.hostname == socket.gethostname() and any(
        one.is_kept and one.bytes and local_path(one.uri) is not None for one in segment.artifacts
    )


def _grows(one: Artifact) -> bool:
    return one.role != "dataset" and one.is_kept and bool(one.bytes)


def _without(receipt: Receipt, kept: list[Artifact]) -> Receipt:
    """*receipt* as if these were free."""
    if not kept:
        return receipt
    gone, estimate = set(map(id, kept)), receipt.estimate
    attempts = tuple(
        replace(
            attempt,
            segments=tuple(
                replace(s, artifacts=tuple(a for a in s.artifacts if id(a) not in gone))
                for s in attempt.segments
            ),
        )
        for attempt in receipt.run.attempts
    )
    lying = [
        one.price.of(one.byte_ns)
        for one in kept
        if isinstance(one.price, Price) and one.byte_ns is not None
    ]
    storage = estimate.components[Component.STORAGE] or Money.zero(estimate.currency)
    rest = storage - Money.total(lying, estimate.currency)
    return replace(
        receipt,
        run=replace(receipt.run, attempts=attempts),
        estimate=replace(estimate, components={**estimate.components, Component.STORAGE: rest}),
    )


def _months(whole: Interval) -> Iterator[BillingPeriod]:
    month = BillingPeriod.of(whole.start_ns)
    while month.interval.start_ns <= whole.end_ns:
        yield month
        month = month.next()


def _sums(parts: list[Part]) -> dict[str, tuple[tuple[str, int | None], ...]]:
    """What is known of each component of each period, and beside it that some is not."""
    known: dict[tuple[str, str, bool], int] = defaultdict(int)
    for part in parts:
        amount = part.estimated_cost
        key = part.period, part.component.value, amount is not None
        known[key] += amount.nano if amount is not None else 0
    found: dict[str, tuple[tuple[str, int | None], ...]] = {}
    for (period, component, is_known), nano in known.items():
        one = (component, nano if is_known else None)
        found[period] = (*found.get(period, ()), one)
    return found
