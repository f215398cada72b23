"""Gauges: what is known at this moment, as numbers for monitoring systems.

They know only floating-point numbers: these are for charts and alarms, never for books. What is
unknown has no point: a run without a price is counted, not drawn as 0. A server and a home without
one tell the same gauges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trainfare.core.money import NANO
from trainfare.core.period import SECOND
from trainfare.core.run_sum import RunNow, RunSum

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


def run_gauges(sums: Sequence[RunSum], now: Sequence[RunNow]) -> Iterator[Gauge]:
    """The gauges of runs: counts and money of all, and those that go on one by one."""
    labels = {
        one.run: (one.run, one.name or "", one.team or "", one.model or "", one.experiment or "")
        for one in now
    }
    yield from _sums(sums)
    yield Gauge(
        "trainfare_run_estimated_money",
        "Estimated so far for a run that goes on.",
        "1",
        (*RUN_LABELS, "currency"),
        tuple(
            ((*labels[one.run], one.currency), one.estimated_nano / NANO)
            for one in now
            if one.estimated_nano is not None
        ),
    )
    yield Gauge(
        "trainfare_run_seconds",
        "How long a run that goes on has lasted.",
        "s",
        RUN_LABELS,
        tuple((labels[one.run], one.duration_ns / SECOND) for one in now),
    )


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
