"""Runs that need not have been: made twice, failed again in the same way, or gone on without a number.

A failure that happened once is the price of finding it. Another seed is a replicate, never waste.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction

from trainfare.advice.board import SHOWN, Board, recommend
from trainfare.advice.trial import Trial
from trainfare.core.money import Money
from trainfare.core.recommendation import Confidence, Kind, NoAdvice, Recommendation, Slot
from trainfare.metering.metrics import Point

CONFIGURATION = ("config_hash", "config")
"""Labels that name a run's configuration; without one nobody knows what was the same."""

DATA = ("data_hash", "data")
"""Labels that name what it read, where it did not say ``run.dataset(…)``."""

APART = (*CONFIGURATION, *DATA, "seed", "version", "name")
"""Labels that are no part of the rest of a configuration, or stand by themselves in the key."""

SAME_VALUES = 10
"""Two runs that say the same of themselves and logged everything alike, with so many values of how
well they did, are the same training. A schedule is no result, and what they say goes first."""

FAILED = ("failed", "crashed")
"""Endings of runs that failed."""

_NUMBERS = re.compile(r"0x[0-9a-f]+|[0-9]+")


def _key(trial: Trial) -> tuple[object, ...] | None:
    """What makes two trainings the same; None where that is not known."""
    configuration, data, seed, *_ = said = stated(trial)
    return None if None in (configuration, data, seed) else said


def stated(trial: Trial) -> tuple[object, ...]:
    """What a run says of itself: configuration, data, seed, version and all other labels."""
    labels = trial.labels
    configuration = next((labels[key] for key in CONFIGURATION if key in labels), None)
    data = next((labels[key] for key in DATA if key in labels), None) or trial.data
    rest = tuple(sorted((k, v) for k, v in labels.items() if k not in APART))
    return configuration, data, labels.get("seed"), labels.get("version"), rest


def _fingerprint(trial: Trial) -> tuple[object, ...] | None:
    """What it says and everything that it logged, where its results are enough to know it by."""
    results = [point.value for name in trial.results for point in trial.series[name]]
    if len(results) < SAME_VALUES or len(set(results)) < SAME_VALUES // 2:
        return None
    values = tuple(
        (name, array("q", [p.step for p in points]).tobytes(), _bytes_of(points))
        for name, points in sorted(trial.series.items())
    )
    return stated(trial), values


def _bytes_of(points: Sequence[Point]) -> bytes:
    """Their values bit by bit, so that a NaN is like itself."""
    return array("d", [point.value for point in points]).tobytes()


def duplicates(group: Sequence[Trial], board: Board) -> Iterator[Recommendation]:
    """Finished runs of one experiment that an earlier finished one had made already."""
    first: dict[tuple[object, ...], Trial] = {}
    claimed: dict[str, dict[Slot, int]] = {}
    pairs, exact = [], 0
    for trial in group:
        if trial.ending != "finished":
            continue
        keys = [("said", _key(trial)), ("logged", _fingerprint(trial))]
        known = [(how, first[how, key]) for how, key in keys if key and (how, key) in first]
        before = next(
            (pair for pair in known if pair[1].interval.end_ns <= trial.interval.start_ns), None
        )
        if before is not None and not trial.is_parent:
            claimed[trial.run] = board.claim(trial, trial.interval.start_ns)
            pairs.append({"run": trial.run, "same_as": before[1].run, "by": before[0]})
            exact += before[0] == "logged"
        for how, key in keys:
            if key:
                first.setdefault((how, key), trial)
    if claimed:
        confidence = Confidence.HIGH if exact == len(claimed) else Confidence.MEDIUM
        evidence = {"pairs": pairs[:SHOWN], "with_the_very_same_values": exact}
        yield recommend("duplicate", group, board, claimed, evidence, confidence=confidence)


def error_kind(error: str) -> str:
    """An error without the numbers in it: what makes two failures the same."""
    return _NUMBERS.sub("#", error)


def failures(group: Sequence[Trial], board: Board) -> Iterator[Recommendation | NoAdvice]:
    """Failed runs of one experiment with an error that one before them had."""
    failed = [trial for trial in group if trial.ending in FAILED and not trial.is_parent]
    if not failed:
        return
    by_error: dict[str, list[Trial]] = defaultdict(list)
    for trial in failed:
        if trial.error:
            by_error[error_kind(trial.error)].append(trial)
    claimed: dict[str, dict[Slot, int]] = {}
    early: list[str] = []
    firsts: list[Trial] = []
    errors = []
    for error, same in sorted(by_error.items()):
        for number, trial in enumerate(same):
            if number == 0 or same[0].interval.end_ns > trial.interval.start_ns:
                firsts += [trial] if len(same) > 1 else []
                continue
            claimed[trial.run] = board.claim(trial, trial.interval.start_ns)
            early += [trial.run] if number <= 2 else []
        if len(same) > 1:
            errors.append({"error": error[:200], "runs": len(same)})
    currency = board.currency_of(claimed.values()) or board.currency(failed)
    amounts: Counter[str] = Counter()
    for trial in failed:
        amounts[trial.ending] += board.cost(trial, currency)
    evidence = {
        "paid_by_ending": {end: Money(nano, currency).text() for end, nano in amounts.items()},
        "failed_runs": len(failed),
    }
    saving = sum(board.amount(slots, currency) for slots in claimed.values())
    first = sum(board.amount(claimed[run], currency) for run in early)
    most = saving + sum(board.cost(trial, currency) for trial in firsts)
    if not saving:
        why = (
            "its runs failed, each in its own way: there was nothing to learn from before"
            if by_error
            else "its runs failed without an error that was recorded: nobody knows whether alike"
        )
        yield NoAdvice(Kind.EXPERIMENTS, "failed_again", group[0].experiment, why, evidence)
        return
    yield recommend(
        "failed_again",
        group,
        board,
        claimed,
        {**evidence, "errors": errors[:SHOWN]},
        low=Fraction(saving - first, saving),
        high=Fraction(most, saving),
        confidence=Confidence.MEDIUM,
    )


def diverged(group: Sequence[Trial], board: Board) -> Iterator[Recommendation]:
    """Runs of one experiment that went on while their loss was no number."""
    claimed = {}
    for trial in group:
        at_ns = lost_at(trial)
        if at_ns is not None and (own := board.claim(trial, at_ns)):
            claimed[trial.run] = own
    if claimed:
        yield recommend("diverged", group, board, claimed, {})


def lost_at(trial: Trial) -> int | None:
    """From when on no loss of *trial* was a number any more; None where one was to the end.

    Other metrics do not tell: the recall of a class that does not occur is no number either.
    """
    losses = [trial.series[name] for name in sorted(trial.losses)]
    times = [at for points in losses if (at := _lost(points)) is not None]
    if not times:
        return None
    at_ns = min(times)
    is_known_later = any(
        point.wall_ns > at_ns and math.isfinite(point.value)
        for points in losses
        for point in points
    )
    return None if is_known_later else at_ns


def _lost(points: Sequence[Point]) -> int | None:
    """When the second of the values came that stayed no number to the end; None where none did."""
    last = len(points)
    while last and not math.isfinite(points[last - 1].value):
        last -= 1
    if last == 0 or len(points) - last < 2:  # one that never was a number is no loss
        return None
    return int(points[last + 1].wall_ns)
