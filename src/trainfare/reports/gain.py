"""Gains: what a metric gained, and what that cost.

    gain = best value − first value       (first − best where lower is better)
    cost per gain = cost ÷ gain

Of a group of runs the first value is the first that its earliest run logged, and the best is of all
of them: runs that failed or led nowhere cost too. Of an epoch the gain is over the best value of all
epochs before it, which makes its cost per gain the marginal one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from trainfare.core.errors import BadInput
from trainfare.core.money import NANO, Money
from trainfare.reports.scope import Book, Grain, Scope, rate

LOWER_IS_BETTER = frozenset(
    [
        "loss",
        "error",
        "err",
        "perplexity",
        "ppl",
        "nll",
        "bpb",
        "bpc",
        "wer",
        "cer",
        "eer",
        "rmse",
        "mse",
        "mae",
        "mape",
        "fid",
        "kl",
    ]
)
"""A metric with one of these words in its name is better when it is lower; ``:min`` or ``:max``
behind the name says otherwise."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A logged metric and which way is better."""

    name: str
    is_lower_better: bool

    def best(self, scope: Scope) -> tuple[Decimal | None, str | None]:
        """The best value that the line reached, rounded to nine places."""
        reached = self._reached(scope)
        if reached is None:
            return None, self._no_log(scope)
        return Decimal(round(reached[1] * NANO)).scaleb(-9), None

    def cost_per_gain(self, scope: Scope, book: Book) -> tuple[Money | None, str | None]:
        """Money per whole unit of the metric gained."""
        if scope.grain is Grain.PARTS:
            return None, "these keys cut runs into parts that log nothing of their own"
        if scope.grain is Grain.EPOCHS and len(scope.runs) > 1:
            return None, "an epoch's gain is one run's: report by run,epoch"
        reached = self._reached(scope)
        if reached is None:
            return None, self._no_log(scope)
        first, best = reached
        gain = first - best if self.is_lower_better else best - first
        if gain <= 0:
            return None, f"{self.name} did not get better than before"
        amount, why = scope.sum_runs(lambda run: scope.run_nano(run, book))
        return (None if amount is None else rate(amount.nano, gain, scope.currency)), why

    def better(self, one: Fraction, other: Fraction) -> Fraction:
        """The better of two values."""
        return min(one, other) if self.is_lower_better else max(one, other)

    def _no_log(self, scope: Scope) -> str:
        where = "in this epoch" if scope.grain is Grain.EPOCHS else "by any run here"
        return f"no {self.name} was logged {where}"

    def _reached(self, scope: Scope) -> tuple[Fraction, Fraction] | None:
        """The value to gain over, and the best one reached."""
        if scope.grain is Grain.PARTS:
            return None
        before: Fraction | None = None
        best: Fraction | None = None
        for epoch, value in self._values(scope):
            if scope.grain is Grain.RUNS or epoch == scope.epoch:
                before = value if before is None else before
                best = value if best is None else self.better(best, value)
            elif best is None:
                before = value if before is None else self.better(before, value)
        return None if before is None or best is None else (before, best)

    def _values(self, scope: Scope) -> Iterator[tuple[str | None, Fraction]]:
        """(epoch, value) of all runs of the line, the earliest run first; no NaN, no infinity."""
        points = [
            (point.wall_ns, spend.epoch_at(point.wall_ns), point.value)
            for run in scope.runs
            if (spend := scope.spends.get(run)) is not None
            for point in spend.series.get(self.name, ())
            if math.isfinite(point.value)
        ]
        for _, epoch, value in sorted(points, key=lambda point: point[0]):
            yield (None if epoch is None else str(epoch)), Fraction(value)


def parse_metric(text: str) -> Metric:
    """Read ``NAME``, ``NAME:min`` or ``NAME:max``.

    >>> parse_metric("val_loss").is_lower_better, parse_metric("score:min").is_lower_better
    (True, True)

    Raises:
        BadInput: no name, or another direction.
    """
    name, _, direction = text.partition(":")
    if not name or direction not in ("", "min", "max"):
        raise BadInput(f"per:{text} is not per:METRIC, per:METRIC:min or per:METRIC:max")
    words = re.split(r"[^a-z0-9]+", name.lower())
    is_lower = direction == "min" or (not direction and not LOWER_IS_BETTER.isdisjoint(words))
    return Metric(name, is_lower)
