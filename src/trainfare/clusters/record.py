"""Claim records: what a reader found out, beside the claim itself, and what it left out and why.

A reader never accepts half a file. Rows that are legitimately not claims (a pending job, a step, an
idle row) are skipped and counted by reason; a row that is wrong is a problem, and any problem
refuses the whole file with all of them in one message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from trainfare.core.claim import Claim
from trainfare.core.labels import make_labels
from trainfare.core.period import Interval
from trainfare.core.run import (
    DeviceUse,
)
from trainfare.core.stage import Status
from trainfare.core.tally import BadRecords, Tally

KEPT_IN_MEMORY = 20_000
"""A source with more records than this is read again when they are used, not held: a record with
its labels takes about 1 kB, so a million-line file would otherwise hold a gigabyte."""

LATEST_NS = 2**63 - 1
"""The last instant that the ledger's 64-bit columns hold, in the year 2262."""

WRONG_SHAPE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)
"""What goes wrong while taking a foreign record apart that is not of the shape it should be."""

_VALUE_MAX = 256
_KEY_MAX = 63
_NO_KEY = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """One claim and what its source says about the run that makes it."""

    run: str
    attempt: int
    resource_id: str
    interval: Interval
    share: Fraction
    labels: Mapping[str, str]
    source: str
    """The kind of source: sacct, opencost, sagemaker, vertex, azureml, dcgm or csv."""
    source_row: int | None = None
    """Counts data rows (or items of a JSON list, or lines of Prometheus text) from 1."""
    status: Status | None = None
    """How this attempt stands; ``running`` means that *interval* ends at the time of reading."""
    activity: tuple[DeviceUse, ...] = ()
    """What the accelerators did; offsets count from the start of *interval*."""
    activity_source: str | None = None
    """The metric that *activity* was read from."""
    reported: Mapping[str, str] = field(default_factory=dict)
    """The source's own figures, as text, for later comparison; never added to anything."""

    def claim(self) -> Claim:
        """The claim alone, as allocation takes it."""
        return Claim(self.run, self.attempt, self.resource_id, self.interval, self.share)


Parse = Callable[[Tally], Iterator[ClaimRecord]]
"""A reader's pass over its source: fills a tally and yields records; may be repeated."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole, accepted source."""

    kind: str
    records: Iterable[ClaimRecord]
    """May be gone through any number of times; a large source is parsed again each time."""
    count: int
    skipped: Mapping[str, int]
    """Reason → rows that are not claims."""
    notes: tuple[str, ...]
    """Assumptions that the reader made, to be shown to the user."""


@dataclass(frozen=True, slots=True)
class _Again:
    """Records that are parsed anew each time someone goes through them."""

    parse: Parse
    file: str

    def __iter__(self) -> Iterator[ClaimRecord]:
        tally = Tally(self.file)
        yield from self.parse(tally)
        if tally.problems:
            raise BadRecords(tuple(tally.problems), tally.problem_count)


def make_reading(kind: str, file: str, parse: Parse, *, kept: int = KEPT_IN_MEMORY) -> Reading:
    """Go through a source once; refuse it whole if anything in it is wrong.

    Args:
        kind: of source.
        file: its name, for messages.
        parse: the reader's pass.
        kept: up to so many records stay in memory; more are parsed again when used.

    Raises:
        BadRecords: with every problem found.
    """
    tally = Tally(file)
    first: list[ClaimRecord] = []
    count = 0
    for record in parse(tally):
        count += 1
        if not 0 <= record.interval.start_ns <= record.interval.end_ns <= LATEST_NS:
            tally.refuse(
                f"is a claim on {record.resource_id} outside the years 1970 to 2262; check its times",
                record.source_row,
            )
        if count <= kept:
            first.append(record)
        elif first:
            first.clear()
    if tally.problem_count:
        raise BadRecords(tuple(tally.problems), tally.problem_count)
    records: Iterable[ClaimRecord] = tuple(first) if count <= kept else _Again(parse, file)
    return Reading(kind, records, count, dict(tally.skipped), tuple(tally.notes))


def clean_labels(pairs: Mapping[str, object]) -> Mapping[str, str]:
    """Labels from a foreign system's words: made printable and cut to fit; empty ones left out.

    Keys keep their letters; other characters become ``_``; a key that does not begin with a letter
    is left out.

    >>> dict(clean_labels({"app.kubernetes.io/name": "gpt", "user": "", "9": "x"}))
    {'app.kubernetes.io_name': 'gpt'}
    """
    clean: dict[str, str] = {}
    for key, value in pairs.items():
        text = clean_text(value)
        name = _clean_key(key)
        if text and name:
            clean[name] = text
    return make_labels(clean)


def clean_text(value: object) -> str:
    r"""*value* as a label can hold it: printable, stripped, at most 256 characters.

    >>> clean_text(" two\nlines "), clean_text(None)
    ('two lines', '')
    """
    text = "" if value is None else str(value)
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return text.strip()[:_VALUE_MAX].rstrip()


@lru_cache(maxsize=4096)
def _clean_key(key: str) -> str:
    name = _NO_KEY.sub("_", key)[:_KEY_MAX]
    return name if name[:1].isalpha() else ""
