"""Trials made by hand: what they logged, when, and what they cost."""

from advice.histories import PERIOD, hours
from trainfare.advice.experiments import advise_experiments
from trainfare.advice.trial import Span, Sweep, Trial
from trainfare.core.money import Money
from trainfare.core.period import HOUR
from trainfare.core.recommendation import NoAdvice, run_slot, settle
from trainfare.metering.metrics import Point


def make_trial(run, values=(), *, start=0, length=None, ending="finished", price=1, **words):
    """A run that logs one value an hour at *price* an hour; (trial, its money)."""
    length = length or max(1, len(values))
    interval = hours(start, start + length)
    series = {}
    if values:
        series[words.pop("metric", "val_loss")] = [
            Point(interval.start_ns + (n + 1) * HOUR, (n + 1) * 100, value)
            for n, value in enumerate(values)
        ]
    words.setdefault("labels", {"experiment": "lr"})
    words.setdefault("results", frozenset(series))
    words.setdefault("losses", words["results"])
    trial = Trial(
        run,
        words["labels"].get("experiment", "none"),
        words.pop("labels"),
        interval,
        ending,
        (Span(interval, 10**9),),
        series=words.pop("series", series),
        **words,
    )
    return trial, {run_slot(run, PERIOD): Money(price * 10**9 * length)}


def advised(*made, is_lower_better=True, metric="val_loss", accepted=frozenset()):
    """(rule) → the advice, or the reason why there is none, on trials of one experiment."""
    trials = [trial for trial, _ in made]
    paid = {slot: amount for _, own in made for slot, amount in own.items()}
    told = [trial for trial in trials if metric in trial.series]
    sweeps = [Sweep("lr", metric, is_lower_better, told)] if told else []
    found = list(advise_experiments(trials, sweeps, paid, accepted))
    advice = settle([one for one in found if not isinstance(one, NoAdvice)], paid, 1)
    answer = {one.recommendation.rule: one for one in advice}
    return answer | {one.rule: one for one in found if isinstance(one, NoAdvice)}
