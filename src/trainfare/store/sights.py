"""Sights: one line per run in the ledger, from which lists, searches and counts are answered.

A list never reads a spool: what it filters and sorts by stands in columns, what it prints in one
JSON text. Pages follow one another by key, so that runs which arrive meanwhile shift nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import sqlalchemy as sa

from trainfare.core.errors import BadInput
from trainfare.store.schema import CLAIM, RUN_LABEL, RUN_SIGHT, STREAM

_ROW = RUN_SIGHT.c

ORDERS: Mapping[str, sa.ColumnElement[Any]] = {
    "started": _ROW.started_ns,
    "name": sa.func.coalesce(_ROW.name, ""),
    "status": _ROW.status,
    "duration": _ROW.duration_ns,
    "estimated": sa.func.coalesce(_ROW.estimated_nano, -1),
    "billed": sa.func.coalesce(_ROW.billed_nano, -1),
}
"""What a list can be ordered by; what is unknown comes as the least."""

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Sight:
    """One run as lists show it."""

    run: str
    team: str | None
    name: str | None
    model: str | None
    experiment: str | None
    status: str
    started_ns: int
    ended_ns: int | None
    """None while it runs."""
    duration_ns: int
    currency: str
    estimated_nano: int | None
    billed_nano: int | None
    labels: str
    words: str
    uris: str | None
    summary: str
    until_ns: int | None
    changed_ns: int
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells whether a sight is still true, and beside which others its run was."""

    basis: str
    until_ns: int | None
    started_ns: int
    ended_ns: int | None
    uris: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs a list is asked for; nothing means all."""

    team: str | None = None
    """The only team whose runs may be seen."""
    status: tuple[str, ...] = ()
    model: str | None = None
    experiment: str | None = None
    of_team: str | None = None
    """The team asked for."""
    labels: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    """Words that all stand somewhere in its id, name or labels, in any case."""
    since_ns: int | None = None
    """Started then or later."""
    until_ns: int | None = None
    """Started before."""
    changed_ns: int | None = None
    """Changed later than that."""


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a list."""

    rows: tuple[dict[str, Any], ...]
    """As ``trainfare runs --format json`` prints them."""
    total: int
    """Runs that match, on all pages."""
    next: str | None
    """The cursor of what follows; None at the end."""


def label_lines(labels: Mapping[str, str]) -> str:
    r"""Labels as their column holds them.

    >>> label_lines({"team": "nlp"})
    '\nteam=nlp\n'
    """
    return "".join(f"\n{key}={value}" for key, value in labels.items()) + "\n"


def put_sights(connection: sa.Connection, sights: Sequence[Sight]) -> None:
    """Set the lines of these runs, in the caller's transaction."""
    drop_sights(connection, [one.run for one in sights])
    if sights:
        connection.execute(sa.insert(RUN_SIGHT), [asdict(one) for one in sights])


def drop_sights(connection: sa.Connection, runs: Sequence[str]) -> None:
    """Forget these runs, in the caller's transaction."""
    for first in range(0, len(runs), _BATCH):
        connection.execute(sa.delete(RUN_SIGHT).where(_ROW.run.in_(runs[first : first + _BATCH])))


def mark_of(sight: Sight | sa.Row[*tuple[Any, ...]]) -> Mark:
    """The mark of a sight."""
    uris = tuple(json.loads(sight.uris)) if sight.uris else ()
    return Mark(sight.basis, sight.until_ns, sight.started_ns, sight.ended_ns, uris)


def read_marks(connection: sa.Connection, runs: Collection[str] | None = None) -> dict[str, Mark]:
    """Run → mark, of all or of *runs*."""
    columns = sa.select(
        _ROW.run, _ROW.basis, _ROW.until_ns, _ROW.started_ns, _ROW.ended_ns, _ROW.uris
    )
    asked = (
        [columns] if runs is None else [columns.where(_ROW.run.in_(one)) for one in _parts(runs)]
    )
    return {row.run: mark_of(row) for one in asked for row in connection.execute(one)}


def _parts(runs: Collection[str]) -> Iterable[list[str]]:
    listed = list(runs)
    return (listed[first : first + _BATCH] for first in range(0, len(listed), _BATCH))


def read_page(
    connection: sa.Connection,
    wanted: Wanted,
    *,
    order: str = "-started",
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """The runs that *wanted* names, from *cursor* on.

    Args:
        connection: to the ledger.
        wanted: which runs.
        order: a key of ORDERS, ``-`` before it for the greatest first; the id parts equals.
        limit: so many at most.
        cursor: ``next`` of the page before, of the same question.

    Raises:
        BadInput: there is no such order, or the cursor is not of this list.
    """
    name, is_down = order.lstrip("-"), order.startswith("-")
    if name not in ORDERS:
        raise BadInput(f"cannot order runs by {name!r}; choose from {', '.join(ORDERS)}")
    key = ORDERS[name].label("key")
    where = _where(wanted)
    place = sa.tuple_(ORDERS[name], _ROW.run)
    asked = sa.select(key, _ROW.run).where(*where)
    if cursor is not None:
        after = sa.tuple_(*map(sa.literal, _open_cursor(cursor, order)))
        asked = asked.where(place < after if is_down else place > after)
    ends = [ORDERS[name].desc(), _ROW.run.desc()] if is_down else [ORDERS[name], _ROW.run]
    keys = connection.execute(asked.order_by(*ends).limit(limit + 1)).all()
    shown = keys[:limit]
    is_all = cursor is None and len(keys) <= limit
    count = sa.select(sa.func.count()).select_from(RUN_SIGHT).where(*where)
    total = len(keys) if is_all else connection.execute(count).scalar_one()
    found = _summaries(connection, [row.run for row in shown])
    return Page(
        tuple(found[row.run] for row in shown if row.run in found),
        total,
        _make_cursor(order, shown[-1]) if len(keys) > limit else None,
    )


def read_sights(connection: sa.Connection, runs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Run → its line, as ``trainfare runs --format json`` prints it; unknown ones are left out."""
    return _summaries(connection, runs)


def _summaries(connection: sa.Connection, runs: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {
        row.run: json.loads(row.summary)
        for part in _parts(runs)
        for row in connection.execute(sa.select(_ROW.run, _ROW.summary).where(_ROW.run.in_(part)))
    }


def count_by_status(connection: sa.Connection, wanted: Wanted) -> dict[str, int]:
    """Status → how many runs that *wanted* names stand so."""
    rows = connection.execute(
        sa.select(_ROW.status, sa.func.count()).where(*_where(wanted)).group_by(_ROW.status)
    )
    return {status: count for status, count in rows}  # noqa: C416 (rows are no pairs to mypy)


def newest_change(connection: sa.Connection) -> int:
    """When a sight last changed; 0 where there is none."""
    return connection.execute(sa.select(sa.func.max(_ROW.changed_ns))).scalar_one() or 0


def changed_since(
    connection: sa.Connection, wanted: Wanted, limit: int
) -> list[tuple[int, dict[str, Any]]]:
    """When each of the runs that *wanted* names changed, and its line, the earliest change first."""
    rows = connection.execute(
        sa.select(_ROW.changed_ns, _ROW.summary)
        .where(*_where(wanted))
        .order_by(_ROW.changed_ns)
        .limit(limit)
    )
    return [(row.changed_ns, json.loads(row.summary)) for row in rows]


def find_run(connection: sa.Connection, text: str, team: str | None) -> list[str]:
    """The runs that *text* names, of *team* or of all teams where that is None.

    That is the one of this id, else the latest of this name (or of all, for ``last``), else those
    whose ids begin so, six of them at most.
    """
    mine = [] if team is None else [_ROW.team == team]
    latest = _ROW.started_ns.desc(), _ROW.run.desc()
    for where, ends, limit in (
        ([_ROW.run == text], (), 1),
        ([] if text == "last" else [_ROW.name == text], latest, 1),
        ([_ROW.run.startswith(text, autoescape=True)], (_ROW.run,), 6),
    ):
        asked = sa.select(_ROW.run).where(*where, *mine).order_by(*ends).limit(limit)
        found = list(connection.execute(asked).scalars())
        if found:
            return found
    return []


def shippers_of(connection: sa.Connection, runs: Sequence[str]) -> dict[str, str]:
    """Run → the team whose token shipped it; those that were shipped for no team are left out."""
    return {
        row.run: row.team
        for part in _parts(runs)
        for row in connection.execute(
            sa.select(STREAM.c.run, STREAM.c.team)
            .where(STREAM.c.run.in_(part), STREAM.c.team.is_not(None))
            .distinct()
        )
    }


def read_owners(connection: sa.Connection, runs: Collection[str]) -> dict[str, str | None]:
    """Run → whose it is, from claims where it was not metered; unknown ones are left out."""
    owners: dict[str, str | None] = {}
    claimed = sa.select(RUN_LABEL.c.run, RUN_LABEL.c.value.label("team"))
    for part in _parts(runs):
        where = RUN_LABEL.c.run.in_(part), RUN_LABEL.c.key == "team"
        owners |= {row.run: row.team for row in connection.execute(claimed.where(*where))}
        metered = sa.select(_ROW.run, _ROW.team).where(_ROW.run.in_(part))
        owners |= {row.run: row.team for row in connection.execute(metered)}
    return owners


def read_holders(connection: sa.Connection, runs: Collection[str]) -> dict[str, str | None]:
    """Like :func:`read_owners`, and None for a run that claims name without a team."""
    holders: dict[str, str | None] = {}
    for part in _parts(sorted(runs)):
        claimed = sa.select(CLAIM.c.run).where(CLAIM.c.run.in_(part)).distinct()
        holders |= dict.fromkeys(connection.execute(claimed).scalars())
    return holders | read_owners(connection, sorted(runs))


def shipped_runs(connection: sa.Connection, runs: Collection[str]) -> set[str]:
    """Those of *runs* of which something was shipped."""
    shipped: set[str] = set()
    for part in _parts(sorted(runs)):
        asked = sa.select(STREAM.c.run).where(STREAM.c.run.in_(part)).distinct()
        shipped |= set(connection.execute(asked).scalars())
    return shipped


def team_of(connection: sa.Connection, run: str) -> tuple[bool, str | None]:
    """Whether *run* is known, and whose it is."""
    row = connection.execute(sa.select(_ROW.team).where(_ROW.run == run)).first()
    return (False, None) if row is None else (True, row.team)


def _where(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """Conditions that the list index of the ledger answers by itself."""
    where: list[sa.ColumnElement[bool]] = []
    for column, value in (
        (_ROW.team, wanted.team),
        (_ROW.team, wanted.of_team),
        (_ROW.model, wanted.model),
        (_ROW.experiment, wanted.experiment),
    ):
        if value is not None:
            where.append(column == value)
    if wanted.status:
        where.append(_ROW.status.in_(wanted.status))
    for key, value in wanted.labels.items():
        # Unlike LIKE, replace minds upper and lower case on every database.
        without = sa.func.replace(_ROW.labels, f"\n{key}={value}\n", "")
        where.append(without != _ROW.labels)
    where += [_ROW.words.contains(one, autoescape=True) for one in wanted.text.lower().split()]
    if wanted.since_ns is not None:
        where.append(_ROW.started_ns >= wanted.since_ns)
    if wanted.until_ns is not None:
        where.append(_ROW.started_ns < wanted.until_ns)
    if wanted.changed_ns is not None:
        where.append(_ROW.changed_ns > wanted.changed_ns)
    return where


def _make_cursor(order: str, last: sa.Row[*tuple[Any, ...]]) -> str:
    text = json.dumps([order, last.key, last.run], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _open_cursor(cursor: str, order: str) -> tuple[int | str, str]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        of, key, run = json.loads(text)
    except (binascii.Error, ValueError, TypeError):
        of, key, run = None, None, None
    if order.lstrip("-") in ("name", "status"):
        is_kind = isinstance(key, str)
    else:
        is_kind = type(key) is int and abs(key) < 2**63
    if of != order or not is_kind or not isinstance(run, str):
        raise BadInput("this cursor is not of this list; ask for the first page without a cursor")
    return key, run
