"""The best amount of one offer: brute force, the quantile law, the solver, and its limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commitments.worlds import demands, offers_for, random_demand, random_offers
from trainfare.commitments.application import apply
from trainfare.commitments.demand import Column, Demand
from trainfare.commitments.offer import Holding, Offer
from trainfare.commitments.portfolio import best_portfolio
from trainfare.commitments.single import Limits, best_amount, paid


@given(st.data())
def test_no_amount_is_better(data):
    demand = data.draw(demands(hours=6))
    offer = data.draw(offers_for(demand, kinds=("aws_compute_savings_plan",)))[0]
    best = best_amount(demand, offer)
    cost = paid(demand, [Holding(offer, best)])
    assert cost <= paid(demand, [])
    # every bend of the cost, in the steps that can be bought, and a few amounts between
    quantum = offer.quantum_nano
    tried = {0, best + quantum, max(0, best - quantum), best // 2, best * 2}
    for hour in demand.spend_nano:
        sums = np.cumsum(sorted(hour))
        tried |= {int(value * share) for value in sums for share in (0.1, 0.3, 0.5, 0.9, 1)}
    for amount in tried:
        rounding = demand.hours * len(demand.columns) * 12
        assert cost <= paid(demand, [Holding(offer, amount // quantum * quantum)]) + rounding


@pytest.mark.parametrize("discount", [0.2, 0.37, 0.5, 0.7])
@pytest.mark.parametrize("refund", [0.0, 0.5, 0.9])
def test_with_one_sku_it_is_a_quantile(discount, refund):
    random = np.random.default_rng(7)
    spend = (random.gamma(2.0, 5.0, 8760) * 1e9).astype(np.int64).reshape(-1, 1)
    demand = Demand(0, (Column("p5", 10**10),), spend)
    offer = Offer(
        "azure_savings_plan",
        "1y",
        {"p5": round(10**10 * (1 - discount))},
        refund=round(100 * refund),
    )
    best = best_amount(demand, offer)
    below = float((spend * (1 - discount) <= best).mean())
    quantile = discount / (discount + (1 - discount) * (1 - refund))
    assert below == pytest.approx(quantile, abs=0.002)


@pytest.mark.parametrize("seed", range(8))
def test_the_solver_finds_the_same(seed):
    demand = random_demand(seed, 400, 4)
    offer = random_offers(seed, demand)[seed % 3]
    best = paid(demand, [Holding(offer, best_amount(demand, offer))])
    found = best_portfolio(demand, [offer], cells=10**6)
    assert found.bound_nano == pytest.approx(best, rel=1e-6)  # 0.001 an hour is the least step
    assert best - found.bound_nano >= -demand.hours * 8


def test_machines_are_bought_whole():
    demand = random_demand(3, 500, 2)
    offer = Offer("aws_reserved_instance", "1y", {"sku-0": demand.columns[0].price_nano * 6 // 10})
    best = best_amount(demand, offer)
    assert best > 0
    assert best % offer.quantum_nano == 0
    for count in range(20):
        assert paid(demand, [Holding(offer, best)]) <= paid(
            demand, [Holding(offer, count * offer.quantum_nano)]
        )


def test_limits_are_kept():
    demand = random_demand(5, 800, 3)
    offer = random_offers(5, demand)[1]
    free = best_amount(demand, offer)
    assert best_amount(demand, offer, limits=Limits(most_nano=free // 3)) <= free // 3
    used = Limits(least_used=0.9)
    kept = best_amount(demand, offer, limits=used)
    assert 0 < kept < free
    more = [Holding(offer, kept + offer.quantum_nano)]
    assert apply(demand, more).used_nano.sum() < 0.9 * apply(demand, more).committed_nano


def test_demand_that_comes_and_goes_is_not_worth_a_small_discount():
    spend = np.zeros((1000, 1), dtype=np.int64)
    spend[::10] = 10**11
    demand = Demand(0, (Column("p5", 10**11),), spend)
    assert best_amount(demand, Offer("azure_savings_plan", "1y", {"p5": 7 * 10**10})) == 0


def test_an_offer_for_something_else_is_not_bought():
    demand = random_demand(1, 10, 1)
    assert best_amount(demand, Offer("azure_savings_plan", "1y", {"other": 1})) == 0
