"""Back-tests: no look ahead, hindsight is best, and real demand gives the figures measured before."""

import csv
import gzip
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from commitments.worlds import random_demand, random_offers
from trainfare.commitments.application import apply
from trainfare.commitments.backtest import (
    SHARES,
    Window,
    backtest,
    cautious_plan,
    shrunk,
    summary_of,
    windows_of,
)
from trainfare.commitments.demand import Column, Demand, demand_of
from trainfare.commitments.ladder import walk_policies
from trainfare.commitments.offer import Holding, Offer
from trainfare.commitments.policies import policies
from trainfare.commitments.risk import assess, stop_loss_premium
from trainfare.commitments.single import paid

TRACES = Path(__file__).parents[3] / "shared" / "data" / "traces" / "demand"


def test_tested_hours_are_never_planned_on():
    demand = random_demand(1, 1200, 3)
    offers = random_offers(1, demand)
    [tested] = backtest(demand, offers, [Window(0, 900, 1200)])
    changed = demand.spend_nano.copy()
    changed[900:] *= 7
    other = Demand(demand.first_hour, demand.columns, changed)
    [again] = backtest(other, offers, [Window(0, 900, 1200)])
    assert again.bought == tested.bought
    assert again.promised == tested.promised
    assert again.on_demand_nano == 7 * tested.on_demand_nano


@pytest.mark.parametrize("seed", range(3))
def test_nobody_beats_hindsight(seed):
    demand = random_demand(seed, 1500, 3, spiky=seed == 2)
    for tested in backtest(demand, random_offers(seed, demand), windows_of(1500, 2, 700, 300)):
        assert min(tested.paid_nano.values()) == tested.paid_nano["hindsight"]
        assert tested.regret_nano >= 0
        assert tested.paid_nano["nothing"] == tested.on_demand_nano


def test_windows_do_not_overlap_and_stop_where_history_does():
    windows = windows_of(1000, 24, 300, 100)
    assert len(windows) == 7
    assert windows[-1].end == 1000
    assert all(one.end == two.middle for one, two in zip(windows, windows[1:], strict=False))
    assert windows_of(100, 3, 90, 20) == []


def test_a_project_that_ended_is_not_committed_to():
    """Demand that was there for two thirds of history and is gone: the later hours say so."""
    spend = np.full((1200, 1), 10**11, dtype=np.int64)
    spend[300:] = 0
    demand = Demand(0, (Column("p5", 10**11),), spend)
    bought, share = cautious_plan(demand, [Offer("azure_savings_plan", "1y", {"p5": 7 * 10**10})])
    assert (bought, share) == ((), 0.0)


def test_shares_are_whole_quanta():
    offer = Offer("aws_reserved_instance", "1y", {"p5": 7})
    assert [one.amount_nano for one in shrunk([Holding(offer, 21)], 0.7)] == [14]
    assert shrunk([Holding(offer, 7)], 0.9) == ()
    assert SHARES[0] == 0
    assert SHARES[-1] == 1


def test_risk_is_ordered_and_nothing_has_none():
    demand = random_demand(8, 2000, 2)
    bought, _ = cautious_plan(demand, random_offers(8, demand))
    risk = assess(demand, bought)
    assert risk.tail <= risk.low <= risk.mean <= risk.high
    assert 0 <= risk.loss_probability <= 1
    nothing = assess(demand, ())
    assert (nothing.mean, nothing.low, nothing.high, nothing.tail) == (0, 0, 0, 0)
    assert assess(demand, bought) == risk  # the same seed


def test_a_stop_loss_is_worth_what_months_lost():
    spend = np.full((1460, 1), 10**9, dtype=np.int64)
    spend[730:] = 0
    demand = Demand(0, (Column("p5", 10**9),), spend)
    held = [Holding(Offer("azure_savings_plan", "1y", {"p5": 6 * 10**8}), 6 * 10**8)]
    assert stop_loss_premium(demand.window(0, 730), held) == 0
    assert stop_loss_premium(demand.window(730, 1460), held) == pytest.approx(0.6 * 730)
    assert 0 < stop_loss_premium(demand, held) < 0.6 * 730


def _series(name, column):
    """Hourly means of one of the real series."""
    path = TRACES / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"the demand series {path.name} is not here")
    sums = {}
    with gzip.open(path, "rt") as lines:
        for row in csv.DictReader(lines):
            hour = row[next(iter(row))][:13] + ":00:00"
            total, count = sums.get(hour, (Decimal(0), 0))
            sums[hour] = total + Decimal(row[column]), count + 1
    rows = [(hour, "gpu", f"{total / n:.6f}", "1") for hour, (total, n) in sums.items()]
    return demand_of(rows, name)


@pytest.mark.parametrize(
    ("name", "column", "discount", "best", "mean"),
    [
        ("philly_hourly_active_nodes", "active_nodes", 25, 20.7, 15.0),
        ("philly_hourly_active_nodes", "active_nodes", 40, 34.5, 31.5),
        ("philly_subset_hourly_gpu_demand", "gpus", 25, 3.8, -7.9),
        ("philly_subset_hourly_gpu_demand", "gpus", 40, 13.4, 10.3),
        ("philly_subset_hourly_gpu_demand", "gpus", 60, 34.8, 34.7),
    ],
)
def test_real_demand_planned_on_its_first_half(name, column, discount, best, mean):
    demand = _series(name, column)
    offer = Offer("aws_compute_savings_plan", "1y", {"gpu": (100 - discount) * 10**7})
    half = demand.hours // 2
    [tested] = backtest(demand, [offer], [Window(0, half, demand.hours)])
    rate = {k: 100 * (1 - v / tested.on_demand_nano) for k, v in tested.paid_nano.items()}
    assert rate["hindsight"] == pytest.approx(best, abs=0.06)
    assert rate["mean"] == pytest.approx(mean, abs=0.06)
    assert rate["plan"] >= 0
    assert rate["plan"] >= 0.55 * rate["hindsight"]
    assert abs(rate["minimum"]) < 1


REAL = {
    "steady": ("philly_hourly_active_nodes", "active_nodes"),
    "bursty": ("philly_subset_hourly_gpu_demand", "gpus"),
    "full": ("helios_earth_vc6YE_minutely_2020-05", "running_gpu_num"),
}


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("discount", [25, 40])
def test_on_real_demand_regret_is_bounded_and_nothing_is_never_far_better(name, discount):
    demand = _series(*REAL[name])
    offer = Offer("aws_compute_savings_plan", "1y", {"gpu": (100 - discount) * 10**7})
    half = demand.hours // 2
    windows = windows_of(demand.hours, 6, half, (demand.hours - half) // 6)
    tested = backtest(demand, [offer], windows)
    found = summary_of(tested)
    base = sum(one.on_demand_nano for one in tested)
    best = base - sum(one.paid_nano["hindsight"] for one in tested)
    assert found.backtested + found.regret == pytest.approx(best / base)
    assert found.backtested > -0.01
    assert found.regret < {"steady": 0.05, "bursty": 0.16, "full": 0.02}[name]


@pytest.mark.parametrize(("name", "discount"), [("steady", 25), ("bursty", 25), ("bursty", 40)])
def test_a_year_bought_on_a_short_look_back_does_worse_than_the_plan(name, discount):
    """Held to the end of its term: what one window wanted is paid for in all that follow."""
    demand = _series(*REAL[name])
    offer = Offer("aws_compute_savings_plan", "1y", {"gpu": (100 - discount) * 10**7})
    half = demand.hours // 2
    windows = windows_of(demand.hours, 6, half, (demand.hours - half) // 6)
    walked = walk_policies(demand, [offer], windows)
    saved = {policy: one.saved for policy, one in walked.items()}
    assert max(saved.values()) == saved["hindsight"]
    assert saved["nothing"] == 0
    assert saved["plan"] > max(saved[f"last_{days}_days"] for days in (7, 30, 60))
    assert saved["plan"] > -0.02


def test_people_without_a_plan_buy_kind_by_kind():
    """Two reservations for two machines, and a plan for what they leave; the plan beats none alone."""
    demand = random_demand(11, 24 * 40, 3)
    always = 3 * np.array([one.price_nano for one in demand.columns])
    demand = replace(demand, spend_nano=demand.spend_nano + always)
    first, second, _ = demand.columns
    offers = [
        Offer("aws_compute_savings_plan", "1y",
              {one.sku: one.price_nano * 75 // 100 for one in demand.columns}),
        Offer("aws_reserved_instance", "1y", {first.sku: first.price_nano * 60 // 100}),
        Offer("aws_reserved_instance", "1y", {second.sku: second.price_nano * 60 // 100}),
        Offer("aws_reserved_instance", "1y", {second.sku: second.price_nano * 90 // 100}),
    ]  # fmt: skip
    bought = {name: policy(demand) for name, policy in policies(offers).items()}
    assert bought["nothing"] == []
    for name, some in bought.items():
        if name != "nothing":
            assert {one.offer.name for one in some} >= {offers[1].name, offers[2].name}
            assert offers[3] not in [one.offer for one in some]  # another is cheaper everywhere
            assert paid(demand, some) < paid(demand, some[:1]) < demand.total_nano
    left = apply(demand, bought["last_60_days"]).on_demand_nano
    assert left.sum() < apply(demand, bought["last_60_days"][:2]).on_demand_nano.sum()


def test_windows_in_which_nothing_ran_have_no_summary():
    demand = Demand(0, (Column("p5", 1),), np.zeros((1000, 1), dtype=np.int64))
    offer = Offer("azure_savings_plan", "1y", {"p5": 1})
    tested = backtest(demand, [offer], windows_of(1000, 2, 500, 200))
    assert summary_of(tested) is None
    assert [one.paid_nano["plan"] for one in tested] == [0, 0]
