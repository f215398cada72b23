"""Portfolios: never worse than any of their parts, within the gap they say, and within limits."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from commitments.worlds import random_demand, random_offers
from trainfare.commitments.application import apply
from trainfare.commitments.merged import merge
from trainfare.commitments.offer import Holding, Offer
from trainfare.commitments.portfolio import best_portfolio, upfront_nano
from trainfare.commitments.single import Limits, best_amount, paid


@pytest.mark.parametrize("seed", range(6))
def test_it_is_between_its_bound_and_its_best_part(seed):
    demand = random_demand(seed, 600, 6, spiky=seed % 2 == 1)
    offers = random_offers(seed, demand)
    found = best_portfolio(demand, offers)
    assert found.cost_nano == paid(demand, found.holdings)
    assert found.without_nano == demand.total_nano
    for offer in offers:
        assert found.cost_nano <= paid(demand, [Holding(offer, best_amount(demand, offer))])
    assert found.bound_nano <= found.cost_nano <= found.without_nano
    assert found.gap < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_no_pair_of_amounts_on_a_grid_is_below_the_bound_or_far_below_the_plan(seed):
    demand = random_demand(seed, 200, 3)
    narrow, broad = random_offers(seed, demand)[2], random_offers(seed, demand)[1]
    found = best_portfolio(demand, [narrow, broad], cells=10**6)
    most = best_amount(demand, broad) * 3 // 2
    grid = [most * step // 24 for step in range(25)]
    costs = [
        paid(demand, [Holding(narrow, one), Holding(broad, two)])
        for one, two in product(grid, grid)
    ]
    assert found.bound_nano <= min(costs)
    assert found.cost_nano <= min(costs) * 1.002


def test_what_is_held_is_kept_and_counted():
    demand = random_demand(9, 400, 4)
    offers = random_offers(9, demand)
    first = best_portfolio(demand, offers)
    again = best_portfolio(demand, offers, first.holdings)
    assert again.without_nano == first.cost_nano
    assert again.cost_nano <= first.cost_nano
    assert sum(one.amount_nano for one in again.holdings) < 0.1 * sum(
        one.amount_nano for one in first.holdings
    )


def test_limits_hold_over_all_offers_together():
    demand = random_demand(4, 300, 4)
    offers = random_offers(4, demand)
    free = sum(one.amount_nano for one in best_portfolio(demand, offers).holdings)
    bound = best_portfolio(demand, offers, limits=Limits(most_nano=free // 2))
    assert 0 < sum(one.amount_nano for one in bound.holdings) <= free // 2
    used = best_portfolio(demand, offers, limits=Limits(least_used=0.98))
    if used.holdings:
        applied = apply(demand, used.holdings)
        assert applied.used_nano.sum() >= 0.98 * applied.committed_nano


def test_the_cash_of_the_purchase_is_kept_to():
    demand = random_demand(4, 300, 4)
    offers = [
        replace(one, upfront=upfront)
        for one, upfront in zip(random_offers(4, demand), (0, 100, 50, 100), strict=True)
    ]
    free = best_portfolio(demand, offers)
    cash = upfront_nano(free.holdings) // 3
    assert cash > 0
    kept = best_portfolio(demand, offers, limits=Limits(cash_nano=cash))
    assert 0 < upfront_nano(kept.holdings) <= cash
    assert free.cost_nano <= kept.cost_nano < kept.without_nano
    assert kept.bound_nano >= free.bound_nano
    none = best_portfolio(demand, offers[1:2], limits=Limits(cash_nano=0))
    assert none.holdings == ()


def test_nothing_is_bought_where_nothing_pays():
    demand = random_demand(2, 960, 3, spiky=True)
    offers = [
        Offer(
            "azure_savings_plan",
            "1y",
            {one.sku: one.price_nano * 98 // 100 for one in demand.columns},
        )
    ]
    found = best_portfolio(demand, offers)
    assert found.holdings == ()
    assert found.saving_nano == 0


def test_merged_hours_keep_the_sum_and_never_cost_more():
    demand = random_demand(6, 700, 5)
    merged = merge(demand, [], random_offers(6, demand), 40)
    assert len(merged.weight) == 40
    assert merged.weight.sum() == 700
    assert np.allclose(merged.weight @ merged.spend, demand.spend_nano.sum(axis=0) / 1e9)
    bounds = [
        best_portfolio(demand, random_offers(6, demand), cells=cells).bound_nano
        for cells in (1, 10**6)
    ]
    assert bounds[0] <= bounds[1]
