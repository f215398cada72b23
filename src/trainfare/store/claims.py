"""Claims in the ledger: who held what, from every source, in any order of arrival.

The same claim arriving again changes nothing. A later word on the same (run, attempt, resource,
start) keeps the later end and, of equal ends, the larger share, so that yesterday's export of a
running job and today's of the ended one give the same ledger in either order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import sqlalchemy as sa

from trainfare.core.claim import Claim
from trainfare.core.errors import BadInput
from trainfare.core.period import Interval
from trainfare.store.schema import CLAIM, RUN_LABEL

PPB = 10**9
"""Shares are kept in billionths."""

BILL_TAGS = "~tags"
"""The source of labels that a bill's tags give; every other source's word goes before it."""

RESOURCE_MAX = 512
"""Signs of a resource's name: SQLite would take more, PostgreSQL would not."""

_BATCH = 5000


@dataclass(frozen=True, slots=True)
class ClaimChange:
    """What adding claims did."""

    added: int
    changed: int
    unchanged: int


def put_claims(
    connection: sa.Connection,
    claims: Iterable[Claim],
    labels: Mapping[str, Mapping[str, str]],
    source: str,
) -> ClaimChange:
    """Add *claims* and the *labels* of their runs, in the caller's transaction."""
    added = changed = unchanged = 0
    fresh: dict[tuple[str, int, str, int], dict[str, object]] = {}
    for claim in claims:
        row = _to_row(claim, source)
        key = (claim.run, claim.attempt, claim.resource_id, claim.interval.start_ns)
        fresh[key] = row if key not in fresh else max(fresh[key], row, key=_rank)
    keys = list(fresh)
    for first in range(0, len(keys), _BATCH):
        known = _known(connection, keys[first : first + _BATCH])
        inserts = []
        for key in keys[first : first + _BATCH]:
            row = fresh[key]
            if key not in known:
                inserts.append(row)
            elif _rank(row) > known[key]:
                connection.execute(sa.update(CLAIM).where(_is(key)).values(**row))
                changed += 1
            else:
                unchanged += 1
        if inserts:
            connection.execute(sa.insert(CLAIM), inserts)
        added += len(inserts)
    _put_labels(connection, labels, source)
    return ClaimChange(added, changed, unchanged)


def put_tag_labels(connection: sa.Connection, labels: Mapping[str, Mapping[str, str]]) -> None:
    """Replace what a bill's tags said of these runs by *labels*, in the caller's transaction."""
    runs = sorted(labels)
    for first in range(0, len(runs), 500):
        own = RUN_LABEL.c.run.in_(runs[first : first + 500])
        connection.execute(sa.delete(RUN_LABEL).where(own, RUN_LABEL.c.source == BILL_TAGS))
    _put_labels(connection, labels, BILL_TAGS)


def read_claims(connection: sa.Connection, interval: Interval | None = None) -> list[Claim]:
    """All claims, or those that touch *interval*, in a fixed order."""
    query = sa.select(CLAIM)
    if interval is not None:
        query = query.where(CLAIM.c.start_ns < interval.end_ns, CLAIM.c.end_ns > interval.start_ns)
    query = query.order_by(CLAIM.c.resource, CLAIM.c.start_ns, CLAIM.c.run, CLAIM.c.attempt)
    return [_from_row(row) for row in connection.execute(query)]


def list_claims(
    connection: sa.Connection, run: str | None = None, limit: int | None = None
) -> list[tuple[Claim, str]]:
    """Claims and their sources by run and time, all or those of *run*, at most *limit*."""
    query = sa.select(CLAIM).order_by(CLAIM.c.run, CLAIM.c.start_ns, CLAIM.c.resource).limit(limit)
    if run is not None:
        query = query.where(CLAIM.c.run == run)
    return [(_from_row(row), row.source) for row in connection.execute(query)]


def read_labels(connection: sa.Connection) -> dict[str, dict[str, str]]:
    """Run → its labels."""
    labels: dict[str, dict[str, str]] = {}
    rows = connection.execute(sa.select(RUN_LABEL).order_by(RUN_LABEL.c.run, RUN_LABEL.c.key))
    for row in rows:
        labels.setdefault(row.run, {})[row.key] = row.value
    return labels


def _from_row(row: sa.Row[tuple[object, ...]]) -> Claim:
    return Claim(
        row.run,
        row.attempt,
        row.resource,
        Interval(row.start_ns, row.end_ns),
        Fraction(row.share_ppb, PPB),
    )


def _to_row(claim: Claim, source: str) -> dict[str, object]:
    """A claim as the ledger has it.

    Raises:
        BadInput: its resource is a text that no ledger can hold.
    """
    if len(claim.resource_id) > RESOURCE_MAX or "\0" in claim.resource_id:
        wrong = "holds NUL" if "\0" in claim.resource_id else f"is longer than {RESOURCE_MAX} signs"
        raise BadInput(
            f"run {claim.run} claims {claim.resource_id[:40]!r}, whose name {wrong}; correct it"
        )
    return {
        "run": claim.run,
        "attempt": claim.attempt,
        "resource": claim.resource_id,
        "start_ns": claim.interval.start_ns,
        "end_ns": claim.interval.end_ns,
        "share_ppb": max(1, round(claim.share * PPB)),
        "source": source,
    }


def _rank(row: Mapping[str, object]) -> tuple[object, object, object]:
    return row["end_ns"], row["share_ppb"], row["source"]


def _is(key: tuple[str, int, str, int]) -> sa.ColumnElement[bool]:
    return sa.and_(
        CLAIM.c.run == key[0],
        CLAIM.c.attempt == key[1],
        CLAIM.c.resource == key[2],
        CLAIM.c.start_ns == key[3],
    )


def _known(
    connection: sa.Connection, keys: list[tuple[str, int, str, int]]
) -> dict[tuple[str, int, str, int], tuple[object, object, object]]:
    runs = sorted({key[0] for key in keys})
    known = {}
    for first in range(0, len(runs), 500):
        query = sa.select(CLAIM).where(CLAIM.c.run.in_(runs[first : first + 500]))
        for row in connection.execute(query):
            key = (row.run, row.attempt, row.resource, row.start_ns)
            known[key] = (row.end_ns, row.share_ppb, row.source)
    return known


def _put_labels(
    connection: sa.Connection, labels: Mapping[str, Mapping[str, str]], source: str
) -> None:
    """A label that two sources give keeps the smaller (source, value), whichever came first."""
    if not labels:
        return
    known: dict[tuple[str, str], tuple[str, str]] = {}
    runs = sorted(labels)
    for first in range(0, len(runs), 500):
        query = sa.select(RUN_LABEL).where(RUN_LABEL.c.run.in_(runs[first : first + 500]))
        known.update({(r.run, r.key): (r.source, r.value) for r in connection.execute(query)})
    inserts = []
    for run in runs:
        for key, value in labels[run].items():
            before = known.get((run, key))
            row = {"run": run, "key": key, "value": value, "source": source}
            if before is None:
                inserts.append(row)
            elif (source, value) < before:
                where = sa.and_(RUN_LABEL.c.run == run, RUN_LABEL.c.key == key)
                connection.execute(sa.update(RUN_LABEL).where(where).values(**row))
    if inserts:
        connection.execute(sa.insert(RUN_LABEL), inserts)
