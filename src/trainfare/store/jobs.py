"""Jobs in the ledger: which server leads, what runs now, and how each run of a job ended.

A run of a job is *asked*, *running*, *done* or *failed*. One that runs is held by its server, which
says again and again that it lives; a run whose server has fallen silent counts as failed, and only
then may another begin. All instants are the database's own, so that servers need not agree on the
time.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from trainfare.core.period import SECOND
from trainfare.store.schema import JOB_RESULT, LEASE

QUEUE = "jobs"
"""The queue of changes that these functions belong into."""

LOST = "its server stopped before the job ended"

KEPT = 100
"""So many results of each job are kept."""

MESSAGE_MAX = 4000


@dataclass(frozen=True, slots=True)
class JobResult:
    """One run of one job."""

    id: int
    job: str
    started_ns: int
    """When it began; when it was asked for, while it only is."""
    ended_ns: int | None
    state: str
    message: str
    asked_by: str | None
    holder: str | None
    """The server that ran it."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who leads, and until when it is believed to live."""

    holder: str
    until_ns: int


def now_of(connection: sa.Connection) -> int:
    """The database's time, in nanoseconds since the epoch."""
    if connection.dialect.name == "sqlite":
        return time.time_ns()
    micros = connection.exec_driver_sql(
        "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    ).scalar_one()
    return int(micros) * 1000


def take_lease(connection: sa.Connection, name: str, holder: str, seconds: int) -> bool:
    """Lead for so many seconds from now, unless another does; whether *holder* leads."""
    now_ns = now_of(connection)
    until_ns = now_ns + seconds * SECOND
    is_free = sa.or_(LEASE.c.holder == holder, LEASE.c.until_ns <= now_ns)
    taken = connection.execute(
        sa.update(LEASE)
        .where(LEASE.c.name == name, is_free)
        .values(holder=holder, until_ns=until_ns)
    )
    if taken.rowcount:
        return True
    if find_lease(connection, name) is not None:
        return False
    connection.execute(sa.insert(LEASE).values(name=name, holder=holder, until_ns=until_ns))
    return True


def drop_lease(connection: sa.Connection, name: str, holder: str) -> None:
    """Let another lead at once."""
    connection.execute(sa.delete(LEASE).where(LEASE.c.name == name, LEASE.c.holder == holder))


def find_lease(connection: sa.Connection, name: str) -> Lease | None:
    """Who leads, or led last."""
    row = connection.execute(sa.select(LEASE).where(LEASE.c.name == name)).first()
    return None if row is None else Lease(row.holder, row.until_ns)


def ask_job(connection: sa.Connection, job: str, who: str) -> int:
    """Note that *job* is to run soon; once however often it is asked. Returns the run's id."""
    asked = connection.scalar(
        sa.select(JOB_RESULT.c.id).where(JOB_RESULT.c.job == job, JOB_RESULT.c.state == "asked")
    )
    if asked is not None:
        return int(asked)
    row = {
        "job": job,
        "started_ns": now_of(connection),
        "state": "asked",
        "message": "",
        "asked_by": who,
    }
    return _new_id(connection.execute(sa.insert(JOB_RESULT).values(row)))


def asked_jobs(connection: sa.Connection) -> list[str]:
    """Names of the jobs that are to run soon, the first asked first."""
    rows = connection.execute(
        sa.select(JOB_RESULT.c.job).where(JOB_RESULT.c.state == "asked").order_by(JOB_RESULT.c.id)
    )
    return [row.job for row in rows]


def begin_job(connection: sa.Connection, job: str, holder: str, seconds: int) -> int | None:
    """Begin a run of *job* that counts as alive for so many seconds; its id.

    Returns:
        None where the job runs already, here or elsewhere.
    """
    now_ns = now_of(connection)
    own = sa.and_(JOB_RESULT.c.job == job, JOB_RESULT.c.state == "running")
    connection.execute(
        sa.update(JOB_RESULT)
        .where(own, JOB_RESULT.c.until_ns <= now_ns)
        .values(state="failed", message=LOST, ended_ns=now_ns)
    )
    if connection.scalar(sa.select(JOB_RESULT.c.id).where(own)) is not None:
        return None
    row = {
        "job": job,
        "started_ns": now_ns,
        "state": "running",
        "message": "",
        "holder": holder,
        "until_ns": now_ns + seconds * SECOND,
    }
    asked = sa.and_(JOB_RESULT.c.job == job, JOB_RESULT.c.state == "asked")
    asked_id = connection.scalar(sa.select(JOB_RESULT.c.id).where(asked))
    if asked_id is not None:
        connection.execute(sa.update(JOB_RESULT).where(JOB_RESULT.c.id == asked_id).values(row))
        return int(asked_id)
    return _new_id(connection.execute(sa.insert(JOB_RESULT).values(row)))


def hold_jobs(connection: sa.Connection, ids: Collection[int], seconds: int) -> None:
    """Say that these runs are alive, for so many seconds from now."""
    if ids:
        until_ns = now_of(connection) + seconds * SECOND
        running = sa.and_(JOB_RESULT.c.id.in_(ids), JOB_RESULT.c.state == "running")
        connection.execute(sa.update(JOB_RESULT).where(running).values(until_ns=until_ns))


def end_job(connection: sa.Connection, result_id: int, state: str, message: str) -> None:
    """Note how a run ended, and forget the oldest runs of its job."""
    one = JOB_RESULT.c.id == result_id
    connection.execute(
        sa.update(JOB_RESULT)
        .where(one)
        .values(state=state, message=message[:MESSAGE_MAX], ended_ns=now_of(connection))
    )
    job = connection.scalar(sa.select(JOB_RESULT.c.job).where(one))
    oldest = connection.scalar(
        sa.select(JOB_RESULT.c.id)
        .where(JOB_RESULT.c.job == job)
        .order_by(JOB_RESULT.c.id.desc())
        .offset(KEPT - 1)
        .limit(1)
    )
    if oldest is not None:
        gone = sa.and_(JOB_RESULT.c.job == job, JOB_RESULT.c.id < oldest)
        connection.execute(sa.delete(JOB_RESULT).where(gone, JOB_RESULT.c.state != "running"))


def read_job_results(
    connection: sa.Connection, job: str | None = None, limit: int = KEPT
) -> list[JobResult]:
    """Runs of *job*, the newest first; the newest run of every job where none is named."""
    query = sa.select(JOB_RESULT)
    if job is None:
        newest = sa.select(sa.func.max(JOB_RESULT.c.id)).group_by(JOB_RESULT.c.job)
        query = query.where(JOB_RESULT.c.id.in_(newest))
    else:
        query = query.where(JOB_RESULT.c.job == job)
    now_ns = now_of(connection)
    rows = connection.execute(query.order_by(JOB_RESULT.c.id.desc()).limit(limit))
    return [_from_row(row, now_ns) for row in rows]


def last_starts(connection: sa.Connection) -> dict[str, int]:
    """Job → when its newest run began, in nanoseconds since the epoch."""
    rows = connection.execute(
        sa.select(JOB_RESULT.c.job, sa.func.max(JOB_RESULT.c.started_ns))
        .where(JOB_RESULT.c.state != "asked")
        .group_by(JOB_RESULT.c.job)
    )
    return {row[0]: row[1] for row in rows}


def _from_row(row: sa.Row[tuple[object, ...]], now_ns: int) -> JobResult:
    is_lost = row.state == "running" and row.until_ns is not None and row.until_ns <= now_ns
    return JobResult(
        row.id,
        row.job,
        row.started_ns,
        row.until_ns if is_lost else row.ended_ns,
        "failed" if is_lost else row.state,
        LOST if is_lost else row.message,
        row.asked_by,
        row.holder,
    )


def _new_id(result: sa.CursorResult[tuple[object, ...]]) -> int:
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])
