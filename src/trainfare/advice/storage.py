"""Storage: kept bytes that nobody reads, that lie twice, or in a class made for more reads.

Each remedy is replayed on every kept datum with the price that it was estimated at:

    unread_checkpoints  all but the newest checkpoint of an ended run, read by nobody, from a week
                        after the end of the run on
    duplicate_data      of datasets with one name and exactly one size, all but the dearest; of
                        shards the folder's name too
    colder_class        what is 30 days old moves to the infrequent class:
                        (p − p′) × bytes × time − retrieval of later reads − the rest of 30 days
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from trainfare.core.money import Money
from trainfare.core.period import DAY, BillingPeriod, Interval
from trainfare.core.price import GIB, Price
from trainfare.core.recommendation import (
    Confidence,
    Effort,
    Kind,
    NoAdvice,
    Recommendation,
    Slot,
    Stake,
    data_slot,
)

GRACE_NS = 7 * DAY
"""Checkpoints of an ended run are deleted after a week: time to look at it. No source."""

LATE_GRACE_NS = 30 * DAY
"""The low end waits for a month."""

COLD_NS = 30 * DAY
"""The least age at which S3 moves an object to Standard-IA, and for how long at least the infrequent
classes of S3 and Google are paid."""

SMALL = 128 * 1024
"""Smaller objects are billed as 128 KB in S3 Standard-IA, so they stay."""

TWIN = GIB
"""Two files of one name and exactly one size of at least a GiB are taken for the same."""

_NUMBERED = re.compile(r"[0-9](\.[A-Za-z.]+)?$")
"""Names of shards: ``shard_0007.bin``, ``train-00001-of-01024.tar.gz``."""

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that a run wrote or read and that storage holds."""

    uri: str
    role: str
    """checkpoint, dataset or output."""
    owner: str
    run: str
    run_end_ns: int
    bytes: int
    held: Interval
    price: Price
    is_newest: bool = True
    """Whether it is the last checkpoint of its run."""
    reads: tuple[int, ...] = ()
    """When runs began to read it."""
    colder: Price | None = None
    """Of the infrequent class there; None where it has none, or is in it already."""
    retrieval_per_gb: Fraction | None = None
    """What reading a GB from that costs."""
    paid_ns: int | None = None
    """How much of *held* its run pays for; None is all of it."""

    def paid_by_month(self, since_ns: int = 0) -> Iterator[tuple[Slot, Fraction]]:
        """Slot → exact nano-units of keeping it from an instant on."""
        part = self.held.clip(Interval(since_ns, max(since_ns, self.held.end_ns)))
        whole_ns = self.held.duration_ns
        if part is None or not whole_ns:
            return
        share = Fraction(whole_ns if self.paid_ns is None else self.paid_ns, whole_ns)
        period = BillingPeriod.of(part.start_ns)
        while period.interval.start_ns < part.end_ns:
            inside = part.overlap_ns(period.interval)
            exact = self.price.per_quantum * self.bytes * inside * share * 10**9
            yield data_slot(self.uri, str(period)), exact
            period = period.next()


def advise_storage(
    kept: Sequence[Kept], paid: Mapping[Slot, Money]
) -> Iterator[Recommendation | NoAdvice]:
    """What storage could have cost less.

    Args:
        kept: every datum that runs keep, with its price.
        paid: what was paid for every slot.
    """
    books, done = _Books(kept, paid), set[str]()
    yield from _checkpoints(kept, books, done)
    yield from _duplicates(kept, books, done)
    yield from _colder(kept, books, done)


class _Books:
    """What keeping data really cost: a bill may have less for a month than its prices say."""

    def __init__(self, kept: Sequence[Kept], paid: Mapping[Slot, Money]) -> None:
        exact: dict[Slot, Fraction] = defaultdict(Fraction)
        for one in kept:
            for slot, nano in one.paid_by_month():
                if slot in paid and paid[slot].currency == one.price.currency:
                    exact[slot] += nano
        self._parts = {
            slot: min(Fraction(1), Fraction(max(0, paid[slot].nano)) / nano)
            for slot, nano in exact.items()
            if nano
        }

    def by_month(self, one: Kept, since_ns: int = 0) -> Iterator[tuple[Slot, Fraction]]:
        """Slot → exact nano-units of what was paid for keeping *one* from an instant on."""
        for slot, nano in one.paid_by_month(since_ns):
            if self._parts.get(slot):
                yield slot, nano * self._parts[slot]

    def since(self, one: Kept, since_ns: int) -> Fraction:
        """All of it together."""
        return sum((nano for _, nano in self.by_month(one, since_ns)), Fraction(0))


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    action: str
    method: str
    assumptions: tuple[str, ...]
    confidence: Confidence
    risk: str


_WORDS = {
    "unread_checkpoints": _Words(
        "Delete earlier checkpoints of {subject}",
        "Keep the newest checkpoint of a run, and delete the others a week after its end.",
        "kept bytes × their price, from a week after the end of the run on",
        (
            "a checkpoint that no metered run read is read by nobody",
            "low: after 30 days; high: at once",
        ),
        Confidence.MEDIUM,
        "An earlier checkpoint may be the better model; keep the best one, too.",
    ),
    "duplicate_data": _Words(
        "Keep one copy of {subject}",
        "Let all runs read one copy, and delete the others.",
        "files of one name and exactly one size of at least 1 GiB: all but the dearest, for as long "
        "as runs read them",
        (
            "files of one name and exactly one size are the same",
            "what copies cost while no metered run reads them is not known, and not in it",
            "low: nothing, they differ after all",
        ),
        Confidence.LOW,
        "Compare checksums before deleting. Copies in other regions may be there on purpose.",
    ),
    "colder_class": _Words(
        "Move old data of {subject} to the infrequent class",
        "A lifecycle rule of the bucket: to the infrequent class after 30 days.",
        "difference of the listed prices × bytes × time, less retrieval and the least duration",
        ("requests and the move itself cost next to nothing for large files", "low: half of it"),
        Confidence.MEDIUM,
        "Reads cost retrieval from then on.",
    ),
}


def _recommend(
    rule: str,
    subject: str,
    stakes: Mapping[Slot, Fraction],
    found: Sequence[Kept],
    interval: tuple[Fraction, Fraction],
) -> Recommendation:
    words, currency = _WORDS[rule], found[0].price.currency
    sums = Counter({one.uri: one.bytes for one in found})
    return Recommendation(
        Kind.STORAGE,
        rule,
        subject,
        words.title.format(subject=subject),
        words.action,
        method=words.method,
        stakes=tuple(Stake(slot, Money(int(nano), currency)) for slot, nano in stakes.items()),
        low=min(interval[0], Fraction(1)),
        high=max(interval[1], Fraction(1)),
        evidence={
            "files": len(sums),
            "gb": round(sum(sums.values()) / GIB, 3),
            "largest": [
                {"uri": uri, "gb": round(size / GIB, 3)} for uri, size in sums.most_common(SHOWN)
            ],
        },
        assumptions=words.assumptions,
        confidence=words.confidence,
        effort=Effort.LOW,
        risk=words.risk,
        checked=f"{len(sums):,} files that metered runs keep",
    )


def _checkpoints(kept: Sequence[Kept], books: _Books, done: set[str]) -> Iterator[Recommendation]:
    groups: dict[tuple[str, str], list[Kept]] = defaultdict(list)
    for one in kept:
        if one.role == "checkpoint" and not one.is_newest and not one.reads:
            groups[one.owner, one.price.currency].append(one)
    for (owner, _), group in sorted(groups.items()):
        stakes: dict[Slot, Fraction] = defaultdict(Fraction)
        late = high = Fraction(0)
        for one in group:
            for slot, nano in books.by_month(one, one.run_end_ns + GRACE_NS):
                stakes[slot] += nano
                done.add(one.uri)
            late += books.since(one, one.run_end_ns + LATE_GRACE_NS)
            high += books.since(one, one.run_end_ns)
        saving = sum(stakes.values())
        if saving:
            own = [one for one in group if one.uri in done]
            yield _recommend(
                "unread_checkpoints", owner, stakes, own, (late / saving, high / saving)
            )


def _duplicates(kept: Sequence[Kept], books: _Books, done: set[str]) -> Iterator[Recommendation]:
    groups: dict[tuple[str, str, int, str], dict[str, list[Kept]]] = defaultdict(dict)
    for one in kept:
        if one.role == "dataset" and one.bytes >= TWIN:
            key = (*_set_and_name(one.uri), one.bytes, one.price.currency)
            groups[key].setdefault(one.uri, []).append(one)
    sets: dict[tuple[str, str], list[Kept]] = defaultdict(list)
    for (name, _, _, currency), copies in sorted(groups.items()):
        costs = {uri: sum(books.since(one, 0) for one in group) for uri, group in copies.items()}
        stays = max(sorted(copies), key=lambda uri: costs[uri])
        spare = [one for uri, group in sorted(copies.items()) if uri != stays for one in group]
        sets[name, currency] += spare
    for (name, _), own in sorted(sets.items()):
        stakes: dict[Slot, Fraction] = defaultdict(Fraction)
        for one in own:
            for slot, nano in books.by_month(one):
                stakes[slot] += nano
                done.add(one.uri)
        if stakes:
            yield _recommend("duplicate_data", name, stakes, own, (Fraction(0), Fraction(1)))


def _set_and_name(uri: str) -> tuple[str, str]:
    """The dataset that a file is of, and its name in it: a numbered file is one of a folder's.

    Shards of any two datasets may have one name and one size, so their folder's name counts too.
    """
    folder, _, name = uri.rstrip("/").rpartition("/")
    return (folder.rpartition("/")[2] if _NUMBERED.search(name) else name), name


def _colder(
    kept: Sequence[Kept], books: _Books, done: set[str]
) -> Iterator[Recommendation | NoAdvice]:
    groups: dict[tuple[str, str], list[Kept]] = defaultdict(list)
    for one in kept:
        is_cold = one.role != "dataset" and one.uri not in done and one.bytes >= SMALL
        if is_cold and one.colder is not None and one.colder.currency == one.price.currency:
            groups[one.owner, one.price.currency].append(one)
    for (owner, currency), group in sorted(groups.items()):
        stakes: dict[Slot, Fraction] = defaultdict(Fraction)
        lost, moved = Fraction(0), []
        for one in group:
            gains, extra = _gain(one, books)
            if sum(gains.values()) <= 0:
                continue
            moved.append(one)
            lost += extra
            for slot, nano in gains.items():
                stakes[slot] += nano
        gross = sum(stakes.values(), Fraction(0))
        if gross > lost:
            net = {slot: nano * (gross - lost) / gross for slot, nano in stakes.items()}
            yield _recommend("colder_class", owner, net, moved, (Fraction(1, 2), Fraction(1)))
        elif moved:
            why = (
                "reads and the least duration of the infrequent class would cost more than it saves"
            )
            told = {
                "saved": Money(int(gross), currency).text(),
                "lost": Money(int(lost), currency).text(),
            }
            yield NoAdvice(Kind.STORAGE, "colder_class", owner, why, told)


def _gain(one: Kept, books: _Books) -> tuple[dict[Slot, Fraction], Fraction]:
    """What the infrequent class saves of a datum by slot, and what it costs more, in nano-units."""
    assert one.colder is not None
    moved_ns = one.held.start_ns + COLD_NS
    part = 1 - one.colder.per_quantum / one.price.per_quantum
    gains = {slot: nano * part for slot, nano in books.by_month(one, moved_ns) if part > 0}
    if not gains:
        return {}, Fraction(0)
    reads = sum(at >= moved_ns for at in one.reads)
    retrieval = (one.retrieval_per_gb or Fraction(0)) * Fraction(one.bytes * reads, GIB) * 10**9
    missing_ns = max(0, COLD_NS - (one.held.end_ns - moved_ns))
    least = one.colder.per_quantum * one.bytes * missing_ns * 10**9
    return gains, retrieval + least
