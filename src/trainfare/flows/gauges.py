"""The gauges path: what a server knows at this moment, as numbers for monitoring systems.

ledger → sums by team, runs that go on, jobs, bills → gauges
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trainfare.core.period import SECOND
from trainfare.core.run_sum import RunNow, RunSum
from trainfare.flows.gauge import RUNS_MAX, Gauge, run_gauges
from trainfare.store.deliveries import newest_change_ns
from trainfare.store.jobs import JobResult, read_job_results
from trainfare.store.ledger import Ledger
from trainfare.store.run_sums import runs_now, sum_runs


def read_gauges(ledger: Ledger, team: str | None = None) -> list[Gauge]:
    """Everything at this moment; what is *team*'s alone where it is not None."""
    with ledger.look() as connection:
        sums = sum_runs(connection, team)
        now = runs_now(connection, team, RUNS_MAX)
        jobs = [] if team is not None else read_job_results(connection)
        delivered_ns = 0 if team is not None else newest_change_ns(connection)
    return [one for one in server_gauges(sums, now, jobs, delivered_ns) if one.points]


def server_gauges(
    sums: Sequence[RunSum],
    now: Sequence[RunNow],
    jobs: Sequence[JobResult],
    delivered_ns: int,
) -> Iterator[Gauge]:
    """Every gauge there is, those without a point as well."""
    yield from run_gauges(sums, now)
    yield Gauge(
        "trainfare_job_is_good",
        "1 where the last run of a job of the server was done, 0 where it failed.",
        "1",
        ("job",),
        tuple(
            ((one.job,), float(one.state == "done"))
            for one in jobs
            if one.state in ("done", "failed")
        ),
    )
    yield Gauge(
        "trainfare_job_ended_seconds",
        "When the last run of a job of the server ended, as seconds since 1970.",
        "s",
        ("job",),
        tuple(((one.job,), one.ended_ns / SECOND) for one in jobs if one.ended_ns is not None),
    )
    yield Gauge(
        "trainfare_bill_changed_seconds",
        "When a bill was last delivered or replaced, as seconds since 1970.",
        "s",
        (),
        (((), delivered_ns / SECOND),) if delivered_ns else (),
    )
