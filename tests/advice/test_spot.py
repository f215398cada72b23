"""Spot advice: by the truth of a simulated world, worth it below break-even and not above."""

import random
from dataclasses import replace
from fractions import Fraction

import pytest

from advice.trips import fleet
from trainfare.advice.preemption import expected_hours, trial_hours
from trainfare.advice.preemption_rate import Rate
from trainfare.advice.spot import SpotQuote, find_spot, saving_of, work_hours
from trainfare.advice.spot_trace import Trace, watched
from trainfare.core.period import HOUR
from trainfare.core.recommendation import Confidence, NoAdvice, Recommendation


def quote(rate=None, *, price=20, seen=20, traces=(), is_reference=False):
    known = (
        None if rate is None else Rate(seen + 0.5, (seen + 0.5) / rate, seen, seen / rate, "own")
    )
    return SpotQuote(
        Fraction(price), Fraction(price), Fraction(50), "a list", is_reference, known, traces
    )


def answer(trips, offered):
    [one] = find_spot(trips, lambda _: offered)
    return one


def test_below_break_even_it_is_worth_it_and_saves_what_the_closed_form_says():
    trips = fleet(4)
    one = answer(trips, quote(0.05))
    assert isinstance(one, Recommendation)
    saving = saving_of(trips[0], 0.05, is_best=False)
    part = 1 - 20 * expected_hours(work_hours(trips[0]), 0.05, saving) / (50 * 10)
    assert float(one.saving().nano) == pytest.approx(part * 2000e9, rel=1e-6)
    assert one.evidence["break_even_preemptions_per_hour"] > 0.05
    assert one.title == "Use spot p5.48xlarge for model=llm"
    assert one.confidence is Confidence.HIGH
    assert one.low < 1 < one.high


def test_the_world_bears_the_promise_out():
    """Runs are really drawn on spot at the true rate: what they save is what was promised."""
    trips, chance = fleet(40), random.Random(11)
    one = answer(trips, quote(0.08))
    really = 0.0
    for trip in trips:
        hours = trial_hours(work_hours(trip), 0.08, saving_of(trip, 0.08, is_best=False), chance)
        really += 50 * trip.hours - 20 * hours
    promised = one.saving().nano / 1e9
    assert promised * float(one.low) <= really <= promised * float(one.high)
    assert really == pytest.approx(promised, rel=0.1)


def test_above_break_even_it_is_not_and_says_at_which_rate_it_would_be():
    even = answer(fleet(4), quote(0.05)).evidence["break_even_preemptions_per_hour"]
    one = answer(fleet(4), quote(even * 6))
    assert isinstance(one, NoAdvice)
    assert one.why.startswith(
        "not worth it: spot is 40 % of on demand and breaks even at one loss in"
    )


def test_spot_at_the_price_of_on_demand_is_not_worth_it():
    one = answer(fleet(2), quote(0.01, price=50))
    assert "saving alone costs the rest" in one.why or "breaks even" in one.why


def test_a_run_that_never_saved_is_told_to_save():
    trips = fleet(2, checkpoints=0, stages={"setup": 0.1, "train": 40.0})
    one = answer(trips, quote(0.1))
    assert isinstance(one, Recommendation)
    assert "save every" in one.action
    own = saving_of(trips[0], 0.1, is_best=False)
    assert own.interval_hours == pytest.approx(40.1)


def test_many_machines_are_lost_as_often_as_all_of_them():
    alone, gang = answer(fleet(2), quote(0.02)), answer(fleet(2, machines=8), quote(0.02))
    one, many = (e.evidence["typical_run"]["expected_hours"] for e in (alone, gang))
    assert many > one


@pytest.mark.parametrize(
    ("offered", "why"),
    [(None, "nobody lists such machines as spot"), (quote(None), "nobody knows how often")],
)
def test_what_is_not_known_is_no_advice(offered, why):
    assert why in answer(fleet(2), offered).why


def test_machines_on_spot_or_reserved_already_are_left_alone():
    assert find_spot(fleet(2, option="spot"), lambda _: quote(0.01)) == []
    assert find_spot(fleet(2, option="reserved"), lambda _: quote(0.01)) == []


def test_traces_say_how_often_and_are_replayed():
    day = (True,) * 60 + (False,) * 12
    trace = Trace("made up", HOUR // 12, day * 30)
    one = answer(fleet(2), quote(None, traces=(trace,)))
    assert isinstance(one, Recommendation)
    assert one.assumptions[0] == "30 losses in 150 h of traces"
    assert "greedy with a safety net" in one.checked
    replays = {row["policy"]: row for row in one.evidence["replays"]}
    assert replays["greedy with a safety net"]["late"] == 0
    assert (
        replays["hindsight bound"]["of_on_demand"]
        <= replays["greedy with a safety net"]["of_on_demand"]
    )


def test_what_the_provider_alone_says_is_sure_of_little():
    one = answer(fleet(2), replace(quote(0.001), is_reference=True))
    assert one.confidence is Confidence.LOW
    assert one.risk.endswith("spot prices move")


def test_prices_say_nothing_of_losses():
    seen = Trace("seen", HOUR, (True, True, False, True))
    priced = Trace("priced", HOUR, (True,) * 1000, (Fraction(1),) * 1000)
    assert watched([seen, priced]) == (1, 3.0)
    assert watched([priced]) == (0, 0.0)


def test_a_place_where_machines_are_seldom_to_be_had_is_not_worth_it_by_the_replay():
    """By the closed form alone it pays: losses are rare. The replay waits, and then pays on demand."""
    scarce = Trace("scarce", HOUR // 12, ((True,) * 6 + (False,) * 600) * 20)
    one = answer(fleet(2), quote(0.01, traces=(scarce,)))
    assert isinstance(one, NoAdvice)
    assert one.why.startswith("not worth it:")
    assert "replays on traces" in one.why


def test_the_interval_holds_what_the_replay_saved():
    day = (True,) * 280 + (False,) * 8
    one = answer(fleet(2), quote(0.01, traces=(Trace("made up", HOUR // 12, day * 30),)))
    replay = next(r for r in one.evidence["replays"] if r["policy"] == "greedy with a safety net")
    saved = 1 - float(replay["of_on_demand"])
    paid = sum(stake.saving.nano for stake in one.stakes)
    assert float(one.low) * paid <= saved * sum(t.total.nano for t in fleet(2)) * (1 + 1e-6)
