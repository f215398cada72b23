"""What is left of every run of an experiment, as rules claim from it, and what they recommend."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from trainfare.advice.trial import Trial
from trainfare.core.money import Money
from trainfare.core.recommendation import (
    Confidence,
    Effort,
    Kind,
    Recommendation,
    Slot,
    Stake,
)

SHOWN = 10
"""So many runs are named as evidence."""


@dataclass(slots=True)
class Board:
    """What is left of every run, as rules claim from it one after the other."""

    paid: Mapping[Slot, Money]
    cuts: dict[str, int] = field(default_factory=dict)
    """Run → from when on it is claimed."""
    _wholes: dict[str, dict[Slot, int]] = field(default_factory=dict)

    def claim(self, trial: Trial, at_ns: int) -> dict[Slot, int]:
        """Claim what *trial* paid from *at_ns* on and nobody claimed yet."""
        end_ns = self.cuts.get(trial.run, trial.interval.end_ns)
        if at_ns >= end_ns:
            return {}
        self.cuts[trial.run] = at_ns
        return dict(trial.paid_between(at_ns, end_ns, self.paid))

    def whole(self, trial: Trial) -> dict[Slot, int]:
        """Slot → what all of *trial*'s machine time cost."""
        if trial.run not in self._wholes:
            span = trial.interval
            found = dict(trial.paid_between(span.start_ns, span.end_ns, self.paid))
            self._wholes[trial.run] = found
        return self._wholes[trial.run]

    def cost(self, trial: Trial, currency: str) -> int:
        """All of it together that was paid in *currency*."""
        return self.amount(self.whole(trial), currency)

    def amount(self, slots: Mapping[Slot, int], currency: str) -> int:
        """What of *slots* was paid in *currency*: amounts of two are never added."""
        return sum(nano for slot, nano in slots.items() if self.paid[slot].currency == currency)

    def currency(self, trials: Sequence[Trial]) -> str:
        """The one that most of *trials* were paid in."""
        return self.currency_of(map(self.whole, trials)) or "USD"

    def currency_of(self, found: Iterable[Mapping[Slot, int]]) -> str | None:
        """The one that most of *found* was paid in; None where nothing was."""
        sums: Counter[str] = Counter()
        for slots in found:
            for slot, nano in slots.items():
                sums[self.paid[slot].currency] += nano
        return max(sums, key=lambda one: sums[one], default=None)


@dataclass(frozen=True, slots=True)
class Words:
    """What one rule says."""

    title: str
    action: str
    method: str
    effort: Effort
    risk: str
    assumptions: tuple[str, ...] = ()


WORDS = {
    "duplicate": Words(
        "Do not run again what {experiment} has already",
        "Look for a finished run of the same configuration, data and seed before starting one.",
        "runs of the configuration, data and seed of a finished one, or that logged the very same "
        "values: all of what they paid",
        Effort.MEDIUM,
        "A run that is made again to prove that it can be is not waste; dismiss it then.",
        ("another seed is a replicate and never counted",),
    ),
    "failed_again": Words(
        "Mend what makes runs of {experiment} fail again and again",
        "Mend the cause after the first failure, and try a short run before a long one.",
        "failed runs with the error of an earlier one of the experiment: all of what they paid",
        Effort.MEDIUM,
        "None: a failed run that another began from is not counted.",
        ("low: the first two repeats are needed to find the cause; high: the first failure too",),
    ),
    "diverged": Words(
        "Stop runs of {experiment} when their loss is no number",
        "Stop at the second value that is NaN or infinite: every training loop can.",
        "what was paid after the second of the values that stayed no number to the end",
        Effort.LOW,
        "None: no such run came back.",
    ),
    "stop_early": Words(
        "Stop trials of {experiment} early by the {rule} rule",
        "Let the tuner stop trials that fall behind: {setting}.",
        "replay of the {rule} rule in the order in which values came in",
        Effort.LOW,
        "A trial that begins slowly and ends best would be stopped.",
        (
            "low: only trials that began in the second half",
            "high: the other rule, if it keeps the best trial too and saves more",
            "trials that do not name their data or task are of the same",
        ),
    ),
    "plateaued": Words(
        "End runs of {experiment} that no longer get better",
        "Stop a run after ten values without a new best: early stopping with patience 10.",
        "replay of the rule on every run of the experiment",
        Effort.LOW,
        "A run that would have got better later is stopped.",
        ("low: patience of twice as many values",),
    ),
}

_SETTINGS = {
    "median": "Optuna's MedianPruner, or Ray Tune's MedianStoppingRule",
    "asha": "Ray Tune's ASHAScheduler, or Optuna's SuccessiveHalvingPruner, reduction factor 4",
}


def recommend(
    rule: str,
    group: Sequence[Trial],
    board: Board,
    claimed: Mapping[str, Mapping[Slot, int]],
    evidence: Mapping[str, Any],
    *,
    low: Fraction = Fraction(1),
    high: Fraction = Fraction(1),
    confidence: Confidence = Confidence.HIGH,
    checked: str = "",
    by: str = "",
) -> Recommendation:
    """One recommendation on the trials of *group*; *claimed* is run → slot → nano-units.

    It speaks of the currency that most of *claimed* was paid in.
    """
    experiment = group[0].experiment
    currency = board.currency_of(claimed.values()) or board.currency(group)
    words = WORDS[rule]
    told = {"experiment": experiment, "rule": by, "setting": _SETTINGS.get(by, "")}
    stakes: dict[Slot, int] = defaultdict(int)
    for slots in claimed.values():
        for slot, nano in slots.items():
            if board.paid[slot].currency == currency:
                stakes[slot] += nano
    names = {trial.run: trial.name for trial in group}
    sums = Counter({run: board.amount(slots, currency) for run, slots in claimed.items()})
    return Recommendation(
        Kind.EXPERIMENTS,
        rule,
        experiment,
        words.title.format(**told),
        words.action.format(**told),
        method=words.method.format(**told),
        stakes=tuple(Stake(slot, Money(nano, currency)) for slot, nano in stakes.items()),
        scope=tuple(_scope(group, board)),
        low=min(low, Fraction(1)),
        high=max(high, Fraction(1)),
        evidence={
            "runs": len(claimed),
            "dearest": [
                {"run": run, "name": names[run], "saving": Money(nano, currency).text()}
                for run, nano in sums.most_common(SHOWN)
            ],
            **evidence,
        },
        assumptions=words.assumptions,
        confidence=confidence,
        effort=words.effort,
        risk=words.risk,
        checked=checked or f"on all {len(group):,} runs of the experiment",
    )


def _scope(group: Sequence[Trial], board: Board) -> Iterator[Slot]:
    for trial in group:
        yield from board.whole(trial)


def nothing_left(rule: str, group: Sequence[Trial], board: Board) -> Recommendation:
    """Accepted advice with nothing left to save."""
    zero = dict.fromkeys(list(_scope(group, board))[:1], 0)
    return recommend(rule, group, board, {group[0].run: zero}, {}, by="median")
