"""Marginal cost: what each gain of a sweep's best value cost, in the order in which trials ended.

    cost per gain = what was paid since the last gain, trials without any included ÷ the gain

Trials that end without a new best are *never better*; what they paid is in the next gain, or in what
was paid since the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from trainfare.advice.early_stop import best_of
from trainfare.advice.trial import Sweep, Trial
from trainfare.core.money import NANO, Money
from trainfare.metering.metrics import Point

SHOWN = 10
"""So many of the last gains are told."""


def marginal_costs(
    sweep: Sweep,
    trials: Sequence[Trial],
    points: Mapping[str, Sequence[Point]],
    cost: Callable[[Trial], int],
    currency: str,
) -> dict[str, Any]:
    """Gains with their costs, and what never got better.

    Args:
        sweep: names the metric.
        trials: those that logged it.
        points: run → its values, less being better.
        cost: what a trial paid, in nano-units.
        currency: of that.
    """
    best: float | None = None
    since = never = never_paid = 0
    gains = []
    for trial in sorted(trials, key=lambda one: (one.interval.end_ns, one.run)):
        paid, reached = cost(trial), best_of(points[trial.run])
        since += paid
        if best is not None and not reached < best:
            never, never_paid = never + 1, never_paid + paid
            continue
        if best is not None and reached > float("-inf") and best < float("inf"):
            gain = Fraction(best) - Fraction(reached)
            per_gain = Money.nearest(Fraction(since, NANO) / gain, currency)
            gains.append(
                {
                    "run": trial.run,
                    "value": reached if sweep.is_lower_better else -reached,
                    "gain": float(gain),
                    "paid": Money(since, currency).text(),
                    "per_gain": per_gain.text(),
                }
            )
        best, since = reached, 0
    return {
        "metric": sweep.metric,
        "best": None if best is None else best if sweep.is_lower_better else -best,
        "never_better": {"runs": never, "paid": Money(never_paid, currency).text()},
        "gains": gains[-SHOWN:],
        "paid_since_the_last_gain": Money(since, currency).text(),
    }
