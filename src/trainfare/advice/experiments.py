"""Experiments: money in runs that failed again, diverged, were made twice, or could have been stopped.

Each rule is a replay with what was known at the time, and claims of a run only what no rule before
it claimed: what the run paid from the moment of the stop on.

    rule              stops                                              at
    duplicate         a run of the configuration, data and seed of a     its start
                      finished one
    failed_again      a run that failed as one of its experiment before  its start
    diverged          a run whose loss is no number for good             the second such value
    stop_early        a sweep's run by the median rule or ASHA           when the rule says so
    plateaued         a run without a new best for ten values            the tenth

A failure that happened once is the price of finding it. Another seed is a replicate, never waste.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from trainfare.advice.board import WORDS, Board, nothing_left
from trainfare.advice.failures import diverged, duplicates, failures
from trainfare.advice.sweeps import plateaued, stopped_early
from trainfare.advice.trial import Sweep, Trial
from trainfare.core.money import Money
from trainfare.core.recommendation import NoAdvice, Recommendation, Slot


def advise_experiments(
    trials: Sequence[Trial],
    sweeps: Sequence[Sweep],
    paid: Mapping[Slot, Money],
    accepted: frozenset[tuple[str, str]] = frozenset(),
) -> Iterator[Recommendation | NoAdvice]:
    """What the rules find, experiment by experiment.

    Args:
        trials: every run that was metered.
        sweeps: those of one experiment and metric, whatever their number.
        paid: what was paid for every slot.
        accepted: (rule, subject) that is spoken of also where nothing is left to save.
    """
    board = Board(paid)
    groups: dict[str, list[Trial]] = defaultdict(list)
    for trial in sorted(trials, key=lambda one: (one.interval, one.run)):
        groups[trial.experiment].append(trial)
    made = {sweep.experiment: sweep for sweep in sweeps}
    for experiment, group in sorted(groups.items()):
        found: list[Recommendation | NoAdvice] = [
            *duplicates(group, board),
            *failures(group, board),
            *diverged(group, board),
        ]
        sweep = made.get(experiment)
        if sweep is not None:
            found += stopped_early(sweep, board)
            found += plateaued(sweep, board)
        told = {one.rule for one in found}
        found += [
            nothing_left(rule, group, board)
            for rule, subject in accepted
            if subject == experiment and rule in WORDS and rule not in told
        ]
        yield from found
