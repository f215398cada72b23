"""Scenarios, aims, waiting, ladders and planned demand: each against what it stands for."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commitments.worlds import random_demand, random_offers
from trainfare.commitments.backtest import windows_of
from trainfare.commitments.demand import Column, Demand
from trainfare.commitments.kinds import term_hours
from trainfare.commitments.ladder import steps_of, walk
from trainfare.commitments.offer import Holding, Offer
from trainfare.commitments.planned import with_planned
from trainfare.commitments.portfolio import amounts_of, best_portfolio
from trainfare.commitments.risk import assess
from trainfare.commitments.scenarios import (
    BLOCK_HOURS,
    Aim,
    Scenarios,
    aimed_portfolio,
    draw,
    parse_aim,
    tail_of,
)
from trainfare.commitments.single import best_amount, paid
from trainfare.core.errors import BadInput

PLAN = Offer("azure_savings_plan", "1y", {"p5": 65})


def flat(levels, hours=24):
    """One SKU at 100, so many hours at each level."""
    spend = np.repeat(np.array(levels, dtype=np.int64), hours).reshape(-1, 1)
    return Demand(490_000, (Column("p5", 100),), spend)


def test_a_scenario_saves_what_its_hours_would():
    demand = random_demand(3, 900, 3)
    offers = random_offers(3, demand)
    bought = best_portfolio(demand, offers).holdings
    savings = Scenarios(demand, offers, seed=5).savings(amounts_of(bought, offers))
    drawn = draw(demand.hours, seed=5)
    for number in range(0, 500, 83):
        hours = (drawn.starts[number][:, None] + np.arange(BLOCK_HOURS)).reshape(-1)
        level = drawn.levels[drawn.level[number]]
        spend = np.rint(demand.spend_nano[hours] * level).astype(np.int64)
        drawn_demand = Demand(0, demand.columns, spend)
        saved = paid(drawn_demand, ()) - paid(drawn_demand, bought)
        assert savings[number] == pytest.approx(saved / 1e9, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_no_share_of_the_best_on_average_has_a_better_tail(seed):
    demand = random_demand(seed, 1400, 3, spiky=seed == 1)
    offers = random_offers(seed, demand)
    best = best_portfolio(demand, offers).holdings
    scenarios = Scenarios(demand, offers)
    safe = aimed_portfolio(demand, offers, (), best, Aim())
    tail = tail_of(scenarios.savings(amounts_of(safe, offers)))
    assert tail >= 0  # nothing is always a choice
    for share in np.linspace(0, 1.3, 27):
        other = scenarios.savings(amounts_of(best, offers) * share)
        assert tail >= tail_of(other) - 1e-3 * abs(tail)
    everything = scenarios.savings(amounts_of(best, offers))
    bound = aimed_portfolio(demand, offers, (), best, Aim(0.01))
    kept = scenarios.savings(amounts_of(bound, offers))
    assert tail_of(kept) >= -0.01 * scenarios.on_demand.mean() - 1e-6
    assert kept.mean() >= scenarios.savings(amounts_of(safe, offers)).mean() * 0.999
    assert kept.mean() <= max(everything.mean(), kept.mean())


def test_safety_costs_little_where_demand_is_steady():
    """At 35 per cent off, committing for the bad case gives up a little and loses nothing."""
    demand = flat([10**12] * 40)
    free = (Holding(PLAN, best_amount(demand, PLAN)),)
    safe = aimed_portfolio(demand, [PLAN], (), free, Aim())
    assert 0 < sum(one.amount_nano for one in safe) < free[0].amount_nano
    bold, careful = assess(demand, free), assess(demand, safe)
    assert careful.tail > 0 > bold.tail
    assert careful.loss_probability == 0 < bold.loss_probability


@pytest.mark.parametrize("text", ["", "half", "-1", "101", "1%%"])
def test_a_risk_that_does_not_read(text):
    with pytest.raises(BadInput, match="write expected, tail, or a per cent"):
        parse_aim(text)


def test_waiting_costs_its_months_where_nothing_is_to_be_learnt():
    demand = flat([1000] * 40)
    bought = [Holding(PLAN, 650)]
    sure = assess(demand, bought, spread=0)
    assert sure.mean == pytest.approx(0.35)
    assert sure.after_waiting == pytest.approx(0.35 * (1 - 3 * 730 / 8760))
    assert not sure.is_waiting_better


def test_waiting_is_worth_much_where_everything_is_to_be_learnt():
    """A small discount and a demand that may be a quarter or four times: nobody knows enough now."""
    small = Offer("azure_savings_plan", "3y", {"p5": 90})
    unsure = assess(flat([1000] * 40), [Holding(small, 900)], spread=0.8)
    assert unsure.mean < 0.02 < unsure.after_waiting
    assert unsure.is_waiting_better


@given(st.integers(1, 60), st.integers(1, 12), st.sampled_from(["14d", "1y", "3y"]))
def test_parts_sum_to_the_whole_at_even_distances(machines, parts, term):
    one = Holding(Offer("aws_reserved_instance", term, {"p5": 7}), 7 * machines)
    steps = steps_of([one], parts, 1000)
    amounts = [sum(part.amount_nano for part in step) for step in steps]
    assert sum(amounts) == one.amount_nano
    assert max(amounts) - min(amounts) in (0, 7)
    starts = [part.start for step in steps for part in step]
    assert starts[0] == 1000
    assert all(first < second for first, second in pairwise(starts))
    assert starts[-1] < 1000 + term_hours(term)


def wants(amount):
    """A planner that wants so much of the plan to be held."""

    def planner(known, held):
        missing = amount - sum(one.amount_nano for one in held)
        quantum = PLAN.quantum_nano
        return [Holding(PLAN, missing // quantum * quantum)] if missing >= quantum else []

    return planner


def test_a_walk_holds_what_it_buys_to_the_end():
    """Demand stops: all at once loses it all until the end, in parts only what was bought by then."""
    full, none = 10**12, 0
    demand = flat([full] * 20 + [none] * 10, hours=24)
    windows = windows_of(demand.hours, 10, 480, 24)
    planner = wants(65 * 10**10)
    at_once, in_parts = (walk(demand, windows, planner, parts=count) for count in (1, 4))
    assert [one.amount_nano for one in at_once.bought] == [65 * 10**10]
    first, whole = in_parts.bought[0].amount_nano, 65 * 10**10
    assert 0 <= first * 4 - whole < 4 * PLAN.quantum_nano
    assert at_once.on_demand_nano == 0
    assert at_once.paid_nano == 240 * 65 * 10**10
    assert 0 < in_parts.paid_nano < at_once.paid_nano


def test_a_walk_buys_again_what_ended():
    short = Offer("azure_savings_plan", "2d", {"p5": 65})
    demand = flat([10**12] * 10)
    windows = windows_of(demand.hours, 8, 48, 24)

    def planner(known, held):
        return [] if held else [Holding(short, 65 * 10**10)]

    found = walk(demand, windows, planner)
    assert [(one.start - demand.first_hour, one.end - one.start) for one in found.bought] == [
        (48, 48), (96, 48), (144, 48), (192, 48),
    ]  # fmt: skip
    assert found.saved == pytest.approx(0.35)


@given(st.integers(1, 400), st.integers(0, 500), st.integers(1, 900))
def test_planned_demand_is_added_once(hours, gap, length):
    history = Demand(1000, (Column("p5", 100),), np.full((hours, 1), 7, dtype=np.int64))
    later = Demand(1000 + hours + gap, (Column("g5", 9),), np.arange(1, length + 1).reshape(-1, 1))
    found = with_planned(history, [later])
    times, rest = divmod(found.hours, hours)
    assert rest == 0
    assert found.total_nano == times * history.total_nano + later.total_nano
    assert [one.sku for one in found.columns] == ["g5", "p5"]
    if hours >= 168:
        place = int(found.spend_nano[:, 0].argmax()) % hours  # the last planned hour
        assert (1000 + place) % 168 == (later.first_hour + length - 1) % 168


def test_planned_demand_in_the_past_or_in_other_money():
    history = flat([5], hours=48)
    with pytest.raises(BadInput, match="give the hours to come"):
        with_planned(history, [history])
    other = Demand(history.first_hour + 48, history.columns, history.spend_nano, "EUR")
    with pytest.raises(BadInput, match="planned demand is in EUR, demand in USD"):
        with_planned(history, [other])
    assert with_planned(history, []).total_nano == history.total_nano
