"""Sweeps: trials that a rule would have stopped early, and runs that no longer got better.

Only a rule that would have kept the best trial is recommended; what it would have done to the other
winners, and what the other rule would have done, is told beside it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from trainfare.advice.board import SHOWN, Board, recommend
from trainfare.advice.early_stop import PATIENCE, RULES, Outcome, best_of, plateau, replay
from trainfare.advice.failures import stated
from trainfare.advice.marginal import marginal_costs
from trainfare.advice.trial import Sweep, Trial
from trainfare.core.money import Money
from trainfare.core.recommendation import Confidence, Kind, NoAdvice, Recommendation
from trainfare.metering.metrics import Point

TRIALS = 6
"""A sweep of fewer trials is not replayed: the median rule needs five others."""

TASK = ("task", "dataset", "benchmark", "language", "fold", "split")
"""Labels that tell apart what was trained for, beside the data: values of two are not compared."""

HARMED_MOST = Fraction(1, 20)
"""The plateau rule is not advised where more than this part of the runs would have lost a better
value: a customary level, as of a test at 5 %."""


def stopped_early(sweep: Sweep, board: Board) -> Iterator[Recommendation | NoAdvice]:
    """What the rules of early stopping would have saved, and whom they would have stopped."""
    points = {trial.run: sweep.points(trial) for trial in sweep.trials}
    told = [trial for trial in sweep.trials if points[trial.run]]
    if len(told) < TRIALS:
        return
    trials = _of_one_task(told)
    if why := _why_not_compared(trials):
        yield NoAdvice(Kind.EXPERIMENTS, "stop_early", sweep.experiment, why, {"runs": len(told)})
        return
    points = {trial.run: points[trial.run] for trial in trials}
    currency = board.currency(trials)
    evidence: dict[str, Any] = marginal_costs(
        sweep, trials, points, lambda trial: board.cost(trial, currency), currency
    )
    outcomes, savings = {}, {}
    spared = _replicates_of_the_best(trials, points)
    for rule in RULES:
        outcomes[rule] = replay(rule, points, spared)
        savings[rule] = _cost_after(trials, outcomes[rule], board)
    evidence["rules"] = {
        rule: {
            "stopped": len(one.stopped),
            "saving": Money(sum(savings[rule].values()), board.currency(trials)).text(),
            "best_kept": one.is_best_kept,
            "winners": one.winners,
            "winners_killed": one.winners_killed,
        }
        for rule, one in outcomes.items()
    }
    kept = [rule for rule in RULES if outcomes[rule].is_best_kept and any(savings[rule].values())]
    if not kept:
        why = (
            "either rule would have killed the best trial"
            if any(any(found.values()) for found in savings.values())
            else "neither rule would have stopped a trial"
        )
        yield NoAdvice(Kind.EXPERIMENTS, "stop_early", sweep.experiment, why, evidence)
        return
    chosen = max(kept, key=lambda rule: sum(savings[rule].values()))
    outcome = outcomes[chosen]
    middle_ns = sorted(trial.interval.start_ns for trial in trials)[len(trials) // 2]
    claimed = {
        trial.run: board.claim(trial, outcome.stopped[trial.run])
        for trial in trials
        if trial.run in outcome.stopped
    }
    saving = sum(savings[chosen].values())
    late = sum(
        savings[chosen].get(trial.run, 0)
        for trial in trials
        if trial.interval.start_ns >= middle_ns
    )
    most = max(sum(savings[rule].values()) for rule in kept)
    yield recommend(
        "stop_early",
        trials,
        board,
        claimed,
        evidence,
        low=Fraction(late, saving),
        high=Fraction(most, saving),
        confidence=Confidence.MEDIUM if not outcome.winners_killed else Confidence.LOW,
        checked=f"replayed on {_number(trials, told)} trials: the best is kept, "
        f"{outcome.winners_killed} of the {outcome.winners} best would have been stopped",
        by=chosen,
    )


def _why_not_compared(trials: Sequence[Trial]) -> str:
    """Why *trials* of one task are no sweep; empty where they are."""
    if len(trials) < TRIALS:
        return "its runs are of different data or tasks, and what they logged cannot be compared"
    count = len({_configuration(trial) for trial in trials})
    if count >= TRIALS:
        return ""
    of = "one configuration" if count == 1 else f"{count} configurations"
    return (
        f"as far as they say its {len(trials)} runs are replicates of {of}, and another seed is no "
        "waste; a label config_hash tells configurations apart"
    )


def _number(trials: Sequence[Trial], told: Sequence[Trial]) -> str:
    if len(trials) == len(told):
        return f"{len(trials):,}"
    return f"the {len(trials):,} of one task among {len(told):,}"


def _of_one_task(trials: Sequence[Trial]) -> list[Trial]:
    """The most trials that say the same of their data and task; those that say nothing are alike."""
    groups: dict[object, list[Trial]] = defaultdict(list)
    for trial in trials:
        _, data, *_ = stated(trial)
        task = tuple(trial.labels.get(key) for key in TASK)
        groups[data, task].append(trial)
    return max(groups.values(), key=len)


def _configuration(trial: Trial) -> object:
    """What its replicates have in common with it; itself alone where it does not say enough."""
    configuration, _, seed, _, rest = stated(trial)
    return trial.run if configuration is None and seed is None else (configuration, rest)


def _replicates_of_the_best(
    trials: Sequence[Trial], points: Mapping[str, Sequence[Point]]
) -> frozenset[str]:
    """What repeats the best trial: how it varies is what replicates are for, so none is stopped."""
    best = min(trials, key=lambda trial: (best_of(points[trial.run]), trial.run))
    own = _configuration(best)
    return frozenset(
        trial.run for trial in trials if trial is not best and _configuration(trial) == own
    )


def _cost_after(trials: Sequence[Trial], outcome: Outcome, board: Board) -> dict[str, int]:
    """Run → what stopping it would have saved, beside whatever was claimed before."""
    return {
        trial.run: _rest(trial, outcome.stopped[trial.run], board)
        for trial in trials
        if trial.run in outcome.stopped
    }


def plateaued(sweep: Sweep, board: Board) -> Iterator[Recommendation | NoAdvice]:
    """What patience would have saved, and what it would have lost."""
    claimed, harmed, losses = {}, 0, []
    points = {trial.run: sweep.points(trial) for trial in sweep.trials}
    best = min((best_of(found) for found in points.values()), default=math.inf)
    is_best_lost = False
    stops = {}
    for trial in sweep.trials:
        at_ns = plateau(points[trial.run])
        if at_ns is None or at_ns >= trial.interval.end_ns:
            continue
        reached = best_of([point for point in points[trial.run] if point.wall_ns <= at_ns])
        later = best_of(points[trial.run])
        stops[trial.run] = at_ns
        if later < reached:
            harmed += 1
            losses.append({"run": trial.run, "at_stop": abs(reached), "at_end": abs(later)})
            is_best_lost = is_best_lost or later <= best
    if not stops:
        return
    evidence = {"stopped": len(stops), "got_better_later": harmed, "losses": losses[:SHOWN]}
    if is_best_lost or harmed > HARMED_MOST * len(stops):
        why = f"{harmed} of {len(stops)} runs that stood still got better later"
        yield NoAdvice(Kind.EXPERIMENTS, "plateaued", sweep.experiment, why, evidence)
        return
    late = sum(
        _rest(trial, plateau(points[trial.run], 2 * PATIENCE), board) for trial in sweep.trials
    )
    for trial in sweep.trials:
        if trial.run in stops and (own := board.claim(trial, stops[trial.run])):
            claimed[trial.run] = own
    saving = sum(sum(slots.values()) for slots in claimed.values())
    if saving:
        yield recommend(
            "plateaued",
            sweep.trials,
            board,
            claimed,
            evidence,
            low=Fraction(late, saving),
            confidence=Confidence.MEDIUM,
        )


def _rest(trial: Trial, at_ns: int | None, board: Board) -> int:
    """What *trial* paid from an instant on that nobody claimed; 0 where it was never stopped."""
    if at_ns is None:
        return 0
    end_ns = board.cuts.get(trial.run, trial.interval.end_ns)
    return sum(nano for _, nano in trial.paid_between(at_ns, end_ns, board.paid))
