"""Spot advice: which runs would have been cheaper on machines that may be taken away, and which not.

    saved part of a run = 1 − spot price · E[T] / (on-demand price · its hours)

E[T] is computed with the run's own interval between checkpoints, its own time to save and its own
time to start, as they were measured; where it never saved, with the best interval, which is then
part of the advice. The runs of one kind of work on one type of machine are one subject.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from trainfare.advice.plan import DEFAULT_CHECKPOINT_HOURS, DEFAULT_RESTART_HOURS
from trainfare.advice.preemption import (
    Saving,
    break_even_rate,
    expected_hours,
    optimal_interval,
    trials,
)
from trainfare.advice.preemption_rate import Rate, find_rate
from trainfare.advice.spot_policies import Outcome, compare
from trainfare.advice.spot_replay import Errand
from trainfare.advice.spot_trace import Trace, watched
from trainfare.advice.trip import Trip
from trainfare.core.money import Money
from trainfare.core.period import HOUR
from trainfare.core.plain import percent
from trainfare.core.recommendation import Confidence, Effort, Kind, NoAdvice, Recommendation

RULE = "spot_machines"

WORTH_MIN = 0.05
"""Less than a twentieth is no reason to make a training interruptible: our own judgement."""

SLACK = 2.0
"""Replays give a run twice its time: nobody knows what else waited for it."""

TRIALS = 300
"""Draws of the typical run: enough to place the ninth of ten."""

SEEN_ENOUGH = 5
"""So many own losses make a rate that is measured rather than believed."""


@dataclass(frozen=True, slots=True)
class SpotQuote:
    """What a type of machine costs on spot in one place, and how often it is taken away."""

    price_per_hour: Fraction
    high: Fraction
    """In the dearest zone."""
    on_demand: Fraction
    source: str
    is_reference: bool
    rate: Rate | None
    traces: tuple[Trace, ...] = ()


QuoteOf = Callable[[Trip], SpotQuote | None]
"""The quote for a run's machines; None where nobody lists them as spot."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One run on spot: what it would have saved of what it paid."""

    trip: Trip
    saving: Saving
    part: float
    worst: float
    best: float


def find_spot(trips: Iterable[Trip], quote_of: QuoteOf) -> list[Recommendation | NoAdvice]:
    """One answer for every kind of work on every type of machine that was bought on demand."""
    groups: dict[tuple[str, str, str], list[Trip]] = defaultdict(list)
    for trip in trips:
        # What a commitment or an own rate pays for is no on-demand machine.
        if trip.option in (None, "on_demand") and trip.instance and trip.provider and trip.hours:
            where = f"{trip.provider} {trip.region or 'unknown region'}"
            groups[trip.family, trip.instance, where].append(trip)
    found = []
    for (family, instance, where), group in sorted(groups.items()):
        subject = f"{family} on {instance} of {where}"
        quote = quote_of(group[0])
        found.append(_advise(subject, group, quote))
    return found


def _advise(
    subject: str, group: Sequence[Trip], quote: SpotQuote | None
) -> Recommendation | NoAdvice:
    if quote is None:
        return NoAdvice(Kind.SPOT, RULE, subject, "nobody lists such machines as spot there")
    rate = quote.rate or _rate_of(quote.traces)
    if rate is None:
        why = "nobody knows how often such machines are taken away: no own spot hours, no trace"
        return NoAdvice(Kind.SPOT, RULE, subject, why)
    cases = [_case(trip, quote, rate, is_best=False) for trip in group]
    middle = sorted(cases, key=lambda one: one.trip.hours)[len(cases) // 2]
    gained = _case(middle.trip, quote, rate, is_best=True).part - middle.part
    is_own = _worth(cases) >= WORTH_MIN and gained <= WORTH_MIN
    if not is_own:
        cases = [_case(trip, quote, rate, is_best=True) for trip in group]
    typical = sorted(cases, key=lambda one: one.trip.hours)[len(cases) // 2]
    evidence = _evidence(group, quote, rate, typical)
    if _worth(cases) < WORTH_MIN:
        why = _why_not(quote, rate, typical)
        return NoAdvice(Kind.SPOT, RULE, subject, why, evidence)
    outcomes = _replayed([case for case in cases if case.part > 0], quote)
    evidence["replays"] = [one.to_json() for one in outcomes]
    if outcomes and _replayed_part(outcomes) < WORTH_MIN:
        why = f"not worth it: {_replay_words(outcomes)}"
        return NoAdvice(Kind.SPOT, RULE, subject, why, evidence)
    return _recommend(subject, cases, quote, rate, evidence, outcomes, is_own=is_own)


def _rate_of(traces: Sequence[Trace]) -> Rate | None:
    return find_rate(0, 0, watched=watched(traces))


def _case(trip: Trip, quote: SpotQuote, rate: Rate, *, is_best: bool) -> _Case:
    saving = saving_of(trip, rate.mean * trip.machines, is_best=is_best)
    work = work_hours(trip)

    # A discount that the run had makes it cheaper than the list; a dearer own price is no reason.
    full = float(quote.on_demand)
    paid = min(full, trip.paid_per_hour or full) * trip.hours

    def part(mean: float, price: float) -> float:
        hours = expected_hours(work, mean * trip.machines, saving)
        return 1 - price * hours / paid if math.isfinite(hours) else -math.inf

    price, high = float(quote.price_per_hour), float(quote.high)
    return _Case(
        trip,
        saving,
        part(rate.mean, price),
        part(rate.high, high),
        part(rate.low, price),
    )


def work_hours(trip: Trip) -> float:
    """Its hours without those in which it saved."""
    saved = trip.stage_hours.get("checkpoint", 0.0) / max(1, trip.machines)
    return max(trip.hours - saved, 1e-9)


def saving_of(trip: Trip, rate: float, *, is_best: bool) -> Saving:
    """How the run saved, as measured; or how it should at *rate*."""
    spent = trip.stage_hours.get("checkpoint", 0.0) / max(1, trip.machines)
    checkpoint = (
        spent / trip.checkpoints if trip.checkpoints and spent else DEFAULT_CHECKPOINT_HOURS
    )
    setup = trip.stage_hours.get("setup", 0.0) / max(1, trip.machines) / max(1, trip.attempts)
    restart = max(setup, DEFAULT_RESTART_HOURS)
    work = work_hours(trip)
    if is_best:
        interval = min(optimal_interval(checkpoint, rate), work)
    else:
        interval = work / trip.checkpoints if trip.checkpoints else work
    return Saving(max(interval, 1e-6), checkpoint, restart)


def _worth(cases: Sequence[_Case]) -> float:
    """The saved part of all that the runs which gain had paid, out of what all had paid."""
    paid = sum(case.trip.total.nano for case in cases)
    saved = sum(case.trip.total.nano * max(0.0, case.part) for case in cases)
    return saved / paid if paid else 0.0


def _recommend(
    subject: str,
    cases: Sequence[_Case],
    quote: SpotQuote,
    rate: Rate,
    evidence: dict[str, Any],
    outcomes: Sequence[Outcome],
    *,
    is_own: bool,
) -> Recommendation:
    gaining = [case for case in cases if case.part > 0]
    stakes = [stake for case in gaining for stake in case.trip.stake(case.part)]
    low, high = _ends(gaining)
    if outcomes:
        low = min(
            low, Fraction(_replayed_part(outcomes) / _worth(gaining)).limit_denominator(10**6)
        )
    every = statistics.median(case.saving.interval_hours for case in gaining) * 60
    save = "and save as often as the runs do" if is_own else f"and save every {every:,.0f} minutes"
    has_resumed = any(case.trip.attempts > 1 for case in gaining)
    return Recommendation(
        Kind.SPOT,
        RULE,
        subject,
        title=f"Use spot {cases[0].trip.instance} for {cases[0].trip.family}",
        action=f"Ask for spot machines {save}; go on from the last checkpoint when one is taken.",
        method="price × expected hours in closed form, with each run's own checkpoints and start",
        stakes=tuple(stakes),
        low=low,
        high=high,
        evidence=evidence,
        assumptions=(
            rate.basis,
            f"spot at {float(quote.price_per_hour):g}/h: {quote.source}",
            "losses come independently of each other, and a machine is soon found again",
        ),
        confidence=_confidence(quote, rate),
        effort=Effort.LOW if has_resumed and is_own else Effort.MEDIUM,
        risk=_risk(quote, rate, gaining[len(gaining) // 2]),
        checked=_checked(gaining, outcomes),
    )


def _ends(cases: Sequence[_Case]) -> tuple[Fraction, Fraction]:
    """The ends of the interval as parts of what is expected."""
    middle = sum(case.trip.total.nano * case.part for case in cases)
    ends = []
    for part in ("worst", "best"):
        saved = sum(case.trip.total.nano * max(-1.0, getattr(case, part)) for case in cases)
        ends.append(Fraction(saved / middle).limit_denominator(10**6))
    return min(ends[0], Fraction(1)), max(ends[1], Fraction(1))


def _confidence(quote: SpotQuote, rate: Rate) -> Confidence:
    if quote.is_reference or not (rate.seen_hours or quote.traces):
        return Confidence.LOW
    return Confidence.HIGH if rate.seen >= SEEN_ENOUGH else Confidence.MEDIUM


def _evidence(
    group: Sequence[Trip], quote: SpotQuote, rate: Rate, typical: _Case
) -> dict[str, Any]:
    saving, trip = typical.saving, typical.trip
    work = work_hours(trip)
    drawn = trials(work, rate.mean * trip.machines, saving, count=TRIALS, seed=1)
    ratio = float(quote.price_per_hour / quote.on_demand) if quote.on_demand else math.inf
    even = break_even_rate(work, trip.hours, ratio, saving)
    return {
        "runs": [trip.run for trip in group][:10],
        "run_count": len(group),
        "machine_hours": round(sum(trip.machine_hours for trip in group), 3),
        "paid": Money.total((trip.total for trip in group), group[0].currency).text(),
        "spot_over_on_demand": round(ratio, 4),
        "preemptions_per_hour": [round(each, 6) for each in (rate.low, rate.mean, rate.high)],
        "break_even_preemptions_per_hour": None if even is None else round(even / trip.machines, 6),
        "typical_run": {
            "run": trip.run,
            "hours": round(trip.hours, 3),
            "checkpoint_every_hours": round(saving.interval_hours, 4),
            "checkpoint_hours": round(saving.checkpoint_hours, 5),
            "restart_hours": round(saving.restart_hours, 4),
            "best_interval_hours": _finite(
                optimal_interval(saving.checkpoint_hours, rate.mean * trip.machines)
            ),
            "expected_hours": _finite(expected_hours(work, rate.mean * trip.machines, saving)),
            "drawn_hours_nine_of_ten": _finite(drawn[int(0.9 * len(drawn))]),
        },
    }


def _finite(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _why_not(quote: SpotQuote, rate: Rate, typical: _Case) -> str:
    trip = typical.trip
    ratio = float(quote.price_per_hour / quote.on_demand) if quote.on_demand else math.inf
    even = break_even_rate(work_hours(trip), trip.hours, ratio, typical.saving)
    if even is None:
        return f"not worth it: spot is {percent(ratio, 0)} of on demand, and saving alone costs the rest"
    even /= trip.machines
    return (
        f"not worth it: spot is {percent(ratio, 0)} of on demand and breaks even at one loss in "
        f"{1 / even:,.3g} h; one in {1 / rate.mean:,.3g} h is expected"
    )


def _risk(quote: SpotQuote, rate: Rate, case: _Case) -> str:
    longer = expected_hours(work_hours(case.trip), rate.high * case.trip.machines, case.saving)
    words = f"a run of {case.trip.hours:,.1f} h may take {longer:,.1f} h and waits besides"
    return f"{words}; spot prices move" if quote.is_reference else words


def _replayed(cases: Sequence[_Case], quote: SpotQuote) -> list[Outcome]:
    """The typical run on the traces of its type, by every policy."""
    if not quote.traces:
        return []
    case = sorted(cases, key=lambda one: one.trip.hours)[len(cases) // 2]
    trip, saving = case.trip, case.saving
    errand = Errand(
        round(work_hours(trip) * HOUR),
        round(SLACK * (trip.hours + saving.restart_hours) * HOUR),
        max(1, round(saving.interval_hours * HOUR)),
        round(saving.checkpoint_hours * HOUR),
        round(saving.restart_hours * HOUR),
    )
    prices = (quote.price_per_hour * trip.machines, quote.on_demand * trip.machines)
    return compare(errand, quote.traces, prices, currency=trip.currency)


def _checked(cases: Sequence[_Case], outcomes: Sequence[Outcome]) -> str:
    counted = f"computed for each of {len(cases)} past runs"
    if not outcomes:
        return f"{counted}; no trace of such machines is here to replay them on"
    return f"{counted}; {_replay_words(outcomes)}"


def _replayed_part(outcomes: Sequence[Outcome]) -> float:
    """What the policy that keeps its deadline saved in the replays, as a part of on demand."""
    return 1 - float(_kept(outcomes).ratio)


def _kept(outcomes: Sequence[Outcome]) -> Outcome:
    return next(one for one in outcomes if one.policy == "greedy with a safety net")


def _replay_words(outcomes: Sequence[Outcome]) -> str:
    best = _kept(outcomes)
    return (
        f"{best.rides} replays on traces with twice the time: greedy with a safety net "
        f"cost {percent(best.ratio, 0)} of on demand, at worst {percent(best.worst, 0)}, "
        f"{best.late} late"
    )
