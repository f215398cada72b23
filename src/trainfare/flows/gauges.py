"""The gauges path: what a server knows at this moment, as numbers for monitoring systems.

ledger → sums by team, runs that go on, jobs, bills → gauges

Monitoring systems know only floating-point numbers: these are for charts and alarms, never for
books. What is unknown has no point: a run without a price is counted, not drawn as 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trainfare.core.money import NANO
from trainfare.core.period import SECOND
from trainfare.store.deliveries import newest_change_ns
from trainfare.store.jobs import read_job_results
from trainfare.store.ledger import Ledger
from trainfare.store.run_sums import RunSum, runs_now, sum_runs

RUNS_MAX = 1_000
"""So many running runs have points of their own, the dearest first: a bound on series."""

RUN_LABELS = ("run", "name", "team", "model", "experiment")


@dataclass(frozen=True, slots=True)
class Gauge:
    """One measure with a point for each combination of its labels."""

    name: str
    about: str
    unit: str
    """In UCUM, as OpenTelemetry wants it; 1 for counts and for money, whose currency is a label."""
    labels: tuple[str, ...]
    points: tuple[tuple[tuple[str, ...], float], ...]


def read_gauges(ledger: Ledger, team: str | None = None) -> list[Gauge]:
    """Everything at this moment; what is *team*'s alone where it is not None."""
    with ledger.look() as connection:
        sums = sum_runs(connection, team)
        now = runs_now(connection, team, RUNS_MAX)
        jobs = [] if team is not None else read_job_results(connection)
        delivered_ns = 0 if team is not None else newest_change_ns(connection)
    labels = {
        one.run: (one.run, one.name or "", one.team or "", one.model or "", one.experiment or "")
        for one in now
    }
    found = [
        *_sums(sums),
        Gauge(
            "trainfare_run_estimated_money",
            "Estimated so far for a run that goes on.",
            "1",
            (*RUN_LABELS, "currency"),
            tuple(
                ((*labels[one.run], one.currency), one.estimated_nano / NANO)
                for one in now
                if one.estimated_nano is not None
            ),
        ),
        Gauge(
            "trainfare_run_seconds",
            "How long a run that goes on has lasted.",
            "s",
            RUN_LABELS,
            tuple((labels[one.run], one.duration_ns / SECOND) for one in now),
        ),
        Gauge(
            "trainfare_job_is_good",
            "1 where the last run of a job of the server was done, 0 where it failed.",
            "1",
            ("job",),
            tuple(
                ((one.job,), float(one.state == "done"))
                for one in jobs
                if one.state in ("done", "failed")
            ),
        ),
        Gauge(
            "trainfare_job_ended_seconds",
            "When the last run of a job of the server ended, as seconds since 1970.",
            "s",
            ("job",),
            tuple(((one.job,), one.ended_ns / SECOND) for one in jobs if one.ended_ns is not None),
        ),
        Gauge(
            "trainfare_bill_changed_seconds",
            "When a bill was last delivered or replaced, as seconds since 1970.",
            "s",
            (),
            (((), delivered_ns / SECOND),) if delivered_ns else (),
        ),
    ]
    return [gauge for gauge in found if gauge.points]


def _sums(sums: Sequence[RunSum]) -> Iterable[Gauge]:
    """Counts by team and status, money by team and currency."""
    runs: Counter[tuple[str, ...]] = Counter()
    unpriced: Counter[tuple[str, ...]] = Counter()
    estimated: Counter[tuple[str, ...]] = Counter()
    billed: Counter[tuple[str, ...]] = Counter()
    for one in sums:
        team, money = one.team or "", (one.team or "", one.currency)
        runs[team, one.status] += one.runs
        if one.unpriced:
            unpriced[(team,)] += one.unpriced
        if one.unpriced < one.runs:
            estimated[money] += one.estimated_nano
        if one.unbilled < one.runs:
            billed[money] += one.billed_nano
    yield Gauge("trainfare_runs", "Runs by status.", "1", ("team", "status"), _points(runs, 1))
    yield Gauge(
        "trainfare_unpriced_runs",
        "Runs without a price, which no money counts.",
        "1",
        ("team",),
        _points(unpriced, 1),
    )
    yield Gauge(
        "trainfare_estimated_money",
        "Estimated for all runs.",
        "1",
        ("team", "currency"),
        _points(estimated, NANO),
    )
    yield Gauge(
        "trainfare_billed_money",
        "Billed for all runs whose bill has come.",
        "1",
        ("team", "currency"),
        _points(billed, NANO),
    )


def _points(
    counts: Counter[tuple[str, ...]], unit: int
) -> tuple[tuple[tuple[str, ...], float], ...]:
    return tuple((labels, count / unit) for labels, count in sorted(counts.items()))
