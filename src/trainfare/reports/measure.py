"""Measures: unit costs and work as columns of a report, each by both books where there is a bill.

| measure | equation |
|---|---|
| per_run | cost ÷ runs |
| per_epoch, per_step, per_1k_samples, per_1m_tokens | train-stage cost ÷ what the loop counted |
| per_gpu_hour | cost ÷ (accelerators × share × time) |
| stall | machine cost × stalled time ÷ time |
| redone | machine cost of the steps that an earlier attempt had made |
| unfinished | cost of runs that failed, were cancelled, crashed or were stopped |
| lineage | cost of these runs and all that they began from, each once |
| per:METRIC | cost ÷ (best value − first value) |

A group's unit cost is Σ money ÷ Σ work of its runs, never a mean of ratios. A run of which either is
not known is in neither sum, and the cell says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from trainfare.core.errors import BadInput
from trainfare.core.lineage import lineage
from trainfare.core.money import NANO, Money
from trainfare.core.period import HOUR
from trainfare.reports.cell import Column, Kind, Value
from trainfare.reports.gain import Metric, parse_metric
from trainfare.reports.scope import (
    NO_RUN_WHY,
    NOT_METERED_WHY,
    OUTSIDE_WHY,
    Book,
    Grain,
    Scope,
    rate,
)
from trainfare.reports.spend import Spend

PARTS = "these keys cut runs into parts that have no work of their own"

Cell = tuple[Value, str | None]
"""A value, or None and why."""


@dataclass(frozen=True, slots=True)
class _Count:
    unit: str | None
    what: str
    of: Callable[[Spend], int | Fraction | None]


@dataclass(frozen=True, slots=True)
class _Rate:
    count: str
    per: int
    unit: str
    is_train: bool


COUNTS: Mapping[str, _Count] = {
    "hours": _Count("h", "Time in attempts.", lambda s: Fraction(s.machine_ns, HOUR)),
    "gpu_hours": _Count(
        "GPU h",
        "Accelerators × share × time held.",
        lambda s: s.gpu_ns / HOUR if s.gpu_ns else None,
    ),
    "epochs": _Count(None, "Different epochs.", lambda s: s.work.epochs),
    "steps": _Count(None, "Steps made, repeated ones too.", lambda s: s.work.steps),
    "samples": _Count(None, "Samples taken in, as the loop says.", lambda s: s.work.samples),
    "tokens": _Count(None, "Tokens taken in, as the loop says.", lambda s: s.work.tokens),
}

RATES: Mapping[str, _Rate] = {
    "per_run": _Rate("runs", 1, "run", is_train=False),
    "per_epoch": _Rate("epochs", 1, "epoch", is_train=True),
    "per_step": _Rate("steps", 1, "step", is_train=True),
    "per_1k_samples": _Rate("samples", 1000, "1,000 samples", is_train=True),
    "per_1m_tokens": _Rate("tokens", 10**6, "1M tokens", is_train=True),
    "per_gpu_hour": _Rate("gpu_hours", 1, "GPU h", is_train=False),
}

STALL, REDONE, UNFINISHED, LINEAGE = "stall", "redone", "unfinished", "lineage"

AMOUNTS: Mapping[str, str] = {
    STALL: "Train time without a step, or waiting for data.",
    REDONE: "Steps that an earlier attempt had made.",
    UNFINISHED: "Runs that failed, were cancelled, crashed or were stopped by a budget.",
    LINEAGE: "These runs and all that they began from, each once.",
}

METRIC = "per:"

MEASURES = (*COUNTS, *RATES, *AMOUNTS)
"""What can be asked for, besides ``per:METRIC``."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The measures of a report."""

    names: tuple[str, ...]
    """In order."""
    metrics: Mapping[str, Metric]
    """Those of *names* that are metrics."""

    @property
    def needs_samples(self) -> bool:
        """Whether every sample must be read."""
        return STALL in self.names

    @property
    def needs_log(self) -> bool:
        """Whether what the runs logged must be read."""
        return bool(self.metrics) or REDONE in self.names


def ask(names: Sequence[str]) -> Asked:
    """The measures called *names*.

    Raises:
        BadInput: one is unknown, or stands twice.
    """
    metrics = {}
    for name in names:
        if name.startswith(METRIC):
            metrics[name] = parse_metric(name.removeprefix(METRIC))
        elif name not in MEASURES:
            listed = ", ".join(MEASURES)
            raise BadInput(f"there is no measure {name!r}; there are {listed} and per:METRIC")
    twice = {name for name in names if list(names).count(name) > 1}
    if twice:
        raise BadInput(f"the measures name {', '.join(sorted(twice))} twice")
    return Asked(tuple(names), metrics)


def measure_columns(asked: Asked, books: Sequence[Book], currency: str) -> Iterator[Column]:
    """The columns of the measures, in order."""
    for name in asked.names:
        if name in COUNTS:
            count = COUNTS[name]
            kind = Kind.COUNT if count.unit is None else Kind.NUMBER
            yield Column(name, kind, count.unit, what=count.what)
            continue
        if name in asked.metrics:
            metric = asked.metrics[name]
            better = "lower" if metric.is_lower_better else "higher"
            what = f"Best value of {metric.name}; {better} is better."
            yield Column(metric.name, Kind.NUMBER, what=what)
        for book in books:
            yield _money_column(name, asked, book, currency)


def _money_column(name: str, asked: Asked, book: Book, currency: str) -> Column:
    title = _title(name, asked, book)
    if name in RATES:
        one = RATES[name]
        whole = "train stage" if one.is_train else "whole cost"
        return Column(
            title, Kind.RATE, f"{currency}/{one.unit}", what=f"{whole.capitalize()} ÷ {one.count}."
        )
    if name in asked.metrics:
        metric = asked.metrics[name].name
        what = f"Cost ÷ gain of {metric}: best value against the first."
        return Column(title, Kind.RATE, f"{currency}/{metric}", what=what)
    return Column(title, Kind.MONEY, currency, what=AMOUNTS[name])


def _title(name: str, asked: Asked, book: Book) -> str:
    short = f"per_{asked.metrics[name].name}" if name in asked.metrics else name
    return f"{book.value}_{short}"


def measure_cells(
    asked: Asked, books: Sequence[Book], scope: Scope, everything: Scope
) -> Iterator[tuple[str, Cell]]:
    """Column → cell for one line.

    Args:
        asked: the measures.
        books: those there are.
        scope: the line.
        everything: all runs of the report, filtered or not, for lineages.
    """
    for name in asked.names:
        if name in COUNTS:
            yield name, _count(name, scope)
            continue
        metric = asked.metrics.get(name)
        if metric is not None:
            yield metric.name, metric.best(scope)
        for book in books:
            title = _title(name, asked, book)
            if metric is not None:
                yield title, metric.cost_per_gain(scope, book)
            elif name in RATES:
                yield title, _rate(RATES[name], scope, book)
            else:
                yield title, _amount(name, scope, book, everything)


def _count(name: str, scope: Scope) -> Cell:
    what = _work_of(name, scope)
    if isinstance(what, str):
        return None, what
    total, why = scope.sum_work(what, name)
    if total is None:
        return None, why
    if COUNTS[name].unit is None:
        return int(total), why
    return Decimal(round(total * NANO)).scaleb(-9), why


def _work_of(name: str, scope: Scope) -> Callable[[Spend], int | Fraction | None] | str:
    """How to count the work of one run within the line, or why that cannot be."""
    if scope.grain is Grain.RUNS:
        return COUNTS[name].of
    if scope.grain is not Grain.EPOCHS or name != "steps":
        return PARTS
    if scope.epoch is None or not scope.epoch.isdecimal():
        return "outside epochs"

    def steps(spend: Spend) -> int | None:
        return sum(lap.steps for lap in spend.work.laps if str(lap.epoch) == scope.epoch) or None

    return steps


def _rate(one: _Rate, scope: Scope, book: Book) -> Cell:
    part = scope.train_nano if one.is_train else scope.run_nano
    if one.count != "runs":
        what = _work_of(one.count, scope)
        if isinstance(what, str):
            return None, what
        return scope.rate(lambda run: part(run, book), what, one.count, one.per)
    if scope.grain is not Grain.RUNS:
        return None, PARTS
    known = [nano for run in scope.runs if (nano := part(run, book)[0]) is not None]
    _, why = scope.sum_runs(lambda run: part(run, book))
    return (rate(sum(known), len(known), scope.currency) if known else None), why


def _amount(name: str, scope: Scope, book: Book, everything: Scope) -> Cell:
    if scope.grain is not Grain.RUNS:
        return None, PARTS
    if name == LINEAGE:
        return _lineage(scope, book, everything)
    return scope.sum_runs(lambda run: _run_amount(name, scope, book, run))


def _run_amount(name: str, scope: Scope, book: Book, run: str) -> tuple[int | None, str | None]:
    spend = scope.spends.get(run)
    if spend is None:
        return None, NOT_METERED_WHY
    if name == UNFINISHED:
        return scope.run_nano(run, book) if spend.is_unfinished else (0, None)
    share = spend.stalled if name == STALL else spend.redone
    if share is None:
        return None, spend.whys.get(name, f"{name} unknown")
    if not spend.is_whole:
        return None, OUTSIDE_WHY
    nano, why = scope.machine_nano(run, book)
    return (None, why) if nano is None else (round(nano * share), None)


def _lineage(scope: Scope, book: Book, everything: Scope) -> Cell:
    """Unknown where one run of the line is: a version without its pretraining is no answer."""
    if not scope.runs:
        return None, NO_RUN_WHY
    parents = {run: spend.parents for run, spend in scope.spends.items()}
    total = 0
    for run in lineage(scope.runs, parents):
        nano, why = everything.run_nano(run, book)
        if nano is None:
            return None, f"{run}: {why}"
        total += nano
    return Money(total, scope.currency), None
