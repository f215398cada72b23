"""Metered runs as trials: what they logged and paid, and the sweeps of experiments."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from trainfare.advice.history import History, PastRun
from trainfare.advice.sweeps import TRIALS
from trainfare.advice.trial import Span, Sweep, Trial
from trainfare.core.charge import Component
from trainfare.core.recommendation import run_slot
from trainfare.core.run import RunRecord
from trainfare.flows.advice_history import Gathered
from trainfare.metering.metrics import read_series
from trainfare.metering.receipt import Receipt
from trainfare.reports.gain import LOWER_IS_BETTER, parse_metric

HIGHER_IS_BETTER = frozenset(
    [
        *("acc", "accuracy", "auc", "auroc", "bleu", "dice", "em", "f1", "iou", "map", "miou"),
        *("precision", "psnr", "r2", "recall", "return", "reward", "rouge", "score", "ssim"),
        *("top1", "top5"),
    ]
)
"""Words in the names of metrics that trials are compared by; with those of which less is better they
are all: a learning rate is logged too, and says nothing of a trial's worth."""

VALIDATION = frozenset(["val", "valid", "validation", "eval", "dev", "test"])
"""A metric with one of these words in its name goes before one of training data."""

COMMON = 0.8
"""A sweep is compared by a metric that this part of its trials logged."""


def read_trials(gathered: Gathered) -> tuple[list[Trial], list[Sweep]]:
    """Every metered run that was paid for, and the sweeps among them."""
    parents = {parent for receipt in gathered.receipts for parent in receipt.run.parents}
    trials = [
        _trial(gathered, receipt, is_parent=receipt.run.id in parents)
        for receipt in gathered.receipts
        if _is_paid(gathered.history, receipt)
    ]
    groups: dict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        if "experiment" in trial.labels and trial.series:
            groups[trial.experiment].append(trial)
    sweeps = []
    for experiment, group in sorted(groups.items()):
        metric = choose_metric(group) if len(group) >= TRIALS else None
        if metric is not None:
            told = [trial for trial in group if metric in trial.series]
            sweeps.append(Sweep(experiment, metric, parse_metric(metric).is_lower_better, told))
    return trials, sweeps


def choose_metric(trials: Sequence[Trial]) -> str | None:
    """What *trials* are compared by; None where they logged nothing in common that tells.

    Of validation data before of training data, what grows before a loss, then by name.
    """
    counts = Counter(name for trial in trials for name in trial.series)
    told = []
    for name, count in counts.items():
        is_loss = _is_loss(name)
        if count >= COMMON * len(trials) and is_loss is not None:
            told.append((VALIDATION.isdisjoint(_words(name)), is_loss, name))
    return min(told)[2] if told else None


def _is_loss(name: str) -> bool | None:
    """Whether less of a metric is better; None where it does not tell how well a run did."""
    words = _words(name)
    if not words.isdisjoint(LOWER_IS_BETTER):
        return True
    return None if words.isdisjoint(HIGHER_IS_BETTER) else False


def _words(name: str) -> set[str]:
    return set(re.split(r"[^a-z0-9]+", name.lower()))


def _is_paid(history: History, receipt: Receipt) -> bool:
    run = receipt.run.id
    return any(run_slot(run, one, Component.COMPUTE) in history.paid for one in history.periods)


def experiment_of(past: PastRun) -> str:
    """Its experiment with its model and team: other teams use the same name for other work."""
    name = past.labels.get("experiment")
    if not name:
        return past.owner
    about = [f"{key}={past.labels[key]}" for key in ("model", "team") if past.labels.get(key)]
    return f"{name} ({', '.join(about)})" if about else name


def error_of(run: RunRecord) -> str | None:
    """What ended its last attempt; None where nothing is known."""
    return next((one.error for one in run.attempts[-1].segments if one.error), None)


def _trial(gathered: Gathered, receipt: Receipt, *, is_parent: bool) -> Trial:
    run = receipt.run
    past = gathered.history.runs[run.id]
    assert past.interval is not None
    stretches = receipt.estimate.stretches
    is_priced = all(one.estimated_cost is not None for one in stretches)
    data = sorted(
        f"{one.uri} {one.bytes}"
        for segment in run.segments
        for one in segment.artifacts
        if one.role == "dataset"
    )
    series = read_series(gathered.home, run.id)
    told = {name: is_loss for name in series if (is_loss := _is_loss(name)) is not None}
    return Trial(
        run=run.id,
        experiment=experiment_of(past),
        labels=past.labels,
        interval=past.interval,
        ending=past.ending or "",
        spans=tuple(
            Span(
                one.interval,
                one.estimated_cost.nano
                if is_priced and one.estimated_cost is not None
                else int(one.share * one.interval.duration_ns),
            )
            for one in stretches
        ),
        name=None if run.name == run.id else run.name,
        error=error_of(run),
        data=tuple(dict.fromkeys(data)) or None,
        series=series,
        is_parent=is_parent,
        results=frozenset(told),
        losses=frozenset(name for name, is_loss in told.items() if is_loss),
    )
