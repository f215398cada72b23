"""The solver as an oracle, and all amounts of small worlds: what is certified must hold.

The oracle shares every hour as would be cheapest, over all hours and with whole machines; nothing of
the planner is in it. So the bound is at most the oracle's cost, and that at most the plan's.
"""

from itertools import product

import highspy
import numpy as np
import pytest

from commitments.worlds import random_demand
from trainfare.commitments.application import apply
from trainfare.commitments.bound import price_bound
from trainfare.commitments.estimate import Estimator
from trainfare.commitments.offer import AMOUNT_MAX, Holding, Offer
from trainfare.commitments.portfolio import amounts_of, best_portfolio, bought_of, needs_of
from trainfare.commitments.single import best_amount, paid

BATCHES, EACH = 20, 15


def oracle(demand, offers):
    """The least cost in units that amounts of *offers* can have, reservations whole."""
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("mip_rel_gap", 1e-9)
    inf = highspy.kHighsInf
    amounts = []
    for offer in offers:
        lost = demand.hours * (1 - offer.refund / 100)
        scale = offer.quantum_nano / 1e9 if offer.is_count else 1.0
        amounts.append((len(amounts), scale))
        solver.addVar(0, inf)
        solver.changeColCost(len(amounts) - 1, lost * scale)
        if offer.is_count:
            solver.changeColIntegrality(len(amounts) - 1, highspy.HighsVarType.kInteger)
    column = len(offers)
    for hour in demand.spend_nano / 1e9:
        uses = {k: [] for k in range(len(demand.columns))}
        for at, offer in enumerate(offers):
            mine = []
            for k, one in enumerate(demand.columns):
                rate = offer.rates.get(one.sku)
                if rate is None or rate >= one.price_nano:
                    continue
                ratio = rate / one.price_nano
                solver.addVar(0, inf)
                solver.changeColCost(column, -(1 - ratio * offer.refund / 100))
                uses[k].append(column)
                mine.append((column, ratio))
                column += 1
            index = np.array([at, *(c for c, _ in mine)], dtype=np.int32)
            value = np.array([-amounts[at][1], *(r for _, r in mine)])
            solver.addRow(-inf, 0, len(index), index, value)
        for k, some in uses.items():
            index = np.array(some, dtype=np.int32)
            solver.addRow(-inf, float(hour[k]), len(index), index, np.ones(len(index)))
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return solver.getInfo().objective_function_value + demand.total_nano / 1e9


def drawn(seed):
    """A demand of some twenty hours, and two to four offers of which some are whole machines."""
    random = np.random.default_rng(seed)
    demand = random_demand(seed, int(random.integers(8, 25)), int(random.integers(1, 4)))
    offers = []
    for kind in random.choice(
        ["aws_compute_savings_plan", "aws_ec2_instance_savings_plan", "aws_reserved_instance"],
        int(random.integers(2, 5)),
    ):
        some = list(demand.columns)
        if kind == "aws_reserved_instance":
            some = [some[int(random.integers(len(some)))]]
        elif kind == "aws_ec2_instance_savings_plan":
            some = some[: max(1, len(some) - 1)]
        rates = {one.sku: int(one.price_nano * random.uniform(0.4, 0.9)) for one in some}
        refund = int(random.choice([0, 0, 0, 50]))
        offers.append(Offer(str(kind), "1y", rates, refund=refund))
    return demand, offers


@pytest.mark.parametrize("batch", range(BATCHES))
def test_the_certified_gap_holds_on_three_hundred_worlds(batch):
    for seed in range(batch * EACH, (batch + 1) * EACH):
        demand, offers = drawn(seed)
        found = best_portfolio(demand, offers, cells=10**6)
        least = oracle(demand, offers)
        assert found.bound_nano / 1e9 <= least * (1 + 1e-7) + 1e-6, seed
        assert least <= found.cost_nano / 1e9 * (1 + 1e-7) + 1e-6, seed
        assert found.cost_nano / 1e9 <= least * (1 + found.gap) * (1 + 1e-7) + 1e-6, seed


def test_prices_read_off_any_amounts_are_a_bound():
    """Good amounts give a tight one, and bad amounts still a true one."""
    for seed in range(40):
        demand, offers = drawn(seed)
        least = oracle(demand, offers)
        random = np.random.default_rng(seed)
        most = needs_of(demand, offers) * 2
        for amounts in (most * 0, most, most * random.random(len(offers))):
            assert price_bound(demand, offers, (), amounts) <= least * (1 + 1e-7) + 1e-6, seed
        held = bought_of(offers, most / 4)[:1]
        bound = price_bound(demand, offers, held, most / 4)
        cheapest = best_portfolio(demand, offers, held, cells=10**6).cost_nano / 1e9
        assert bound <= cheapest * (1 + 1e-7) + 1e-6, seed


@pytest.mark.parametrize("seed", range(4))
def test_many_reservations_are_certified_tightly(seed):
    """Sixty offers, of which the longer term is always cheaper: few purchases, and a small gap."""
    demand = random_demand(seed, 1500, 20, spiky=seed % 2 == 1)
    random = np.random.default_rng(seed)
    offers = [
        Offer("aws_reserved_instance", term, {one.sku: int(one.price_nano * random.uniform(*rate))})
        for term, rate in (("1y", (0.6, 0.7)), ("3y", (0.4, 0.55)))
        for one in demand.columns
    ]
    rates = {one.sku: int(one.price_nano * random.uniform(0.5, 0.8)) for one in demand.columns}
    offers.append(Offer("aws_compute_savings_plan", "1y", rates))
    found = best_portfolio(demand, offers)
    assert found.gap < 0.02
    terms = {one.offer.term for one in found.holdings if one.offer.is_count}
    assert terms <= {"3y"}


def test_a_full_refund_and_the_largest_amounts_stay_in_bounds():
    demand = random_demand(2, 60, 2)
    rates = {one.sku: one.price_nano // 2 for one in demand.columns}
    offer = Offer("own", "1y", rates, refund=100)
    found = best_portfolio(demand, [offer])
    assert found.cost_nano == pytest.approx(demand.total_nano / 2, rel=1e-6)
    assert found.gap < 1e-6
    held = [Holding(offer, AMOUNT_MAX)] * 3
    applied = apply(demand, held)
    assert applied.total_nano == pytest.approx(demand.total_nano / 2, rel=1e-6)
    assert (applied.refund_nano >= 0).all()


def test_merged_hours_bound_the_oracle_too():
    for seed in range(20):
        demand, offers = drawn(seed)
        bounds = [best_portfolio(demand, offers, cells=cells).bound_nano for cells in (1, 10**6)]
        assert max(bounds) / 1e9 <= oracle(demand, offers) * (1 + 1e-7) + 1e-6


@pytest.mark.parametrize("seed", range(12))
def test_no_counts_of_machines_are_cheaper(seed):
    """Three reservations, every count of each: the plan is the best of all or as near as nothing."""
    demand = random_demand(seed + 50, 30, 3)
    random = np.random.default_rng(seed)
    offers = [
        Offer(
            "aws_reserved_instance", "1y", {one.sku: int(one.price_nano * random.uniform(0.4, 0.8))}
        )
        for one in demand.columns
    ]
    found = best_portfolio(demand, offers)
    machines = (demand.spend_nano / [one.price_nano for one in demand.columns]).max(axis=0)
    counts = [range(int(most) + 2) for most in machines]
    least = min(
        paid(
            demand, [Holding(o, n * o.quantum_nano) for o, n in zip(offers, some, strict=True) if n]
        )
        for some in product(*counts)
    )
    assert found.cost_nano == least


@pytest.mark.parametrize("seed", range(12))
def test_no_amounts_under_the_providers_order_are_much_cheaper(seed):
    """A narrow and a broad plan and a reservation on a fine grid, priced as the provider would."""
    demand, _ = random_demand(seed + 80, 20, 2), None
    random = np.random.default_rng(seed)
    first, second = demand.columns
    offers = [
        Offer("aws_reserved_instance", "1y", {first.sku: int(first.price_nano * 0.55)}),
        Offer("aws_ec2_instance_savings_plan", "1y",
              {second.sku: int(second.price_nano * random.uniform(0.5, 0.7))}),
        Offer("aws_compute_savings_plan", "1y",
              {one.sku: int(one.price_nano * random.uniform(0.6, 0.8)) for one in demand.columns}),
    ]  # fmt: skip
    found = best_portfolio(demand, offers)
    estimator = Estimator(demand, offers)
    most = [max(best_amount(demand, one), one.quantum_nano) * 1.4 / 1e9 for one in offers]
    grid = product(
        np.arange(0, most[0] + 1e-9, offers[0].quantum_nano / 1e9),
        np.linspace(0, most[1], 25),
        np.linspace(0, most[2], 25),
    )
    least = min(estimator.paid(np.array(some)) for some in grid)
    assert found.cost_nano / 1e9 <= least * 1.004


def test_estimates_are_what_is_counted():
    for seed in range(60):
        demand, offers = drawn(seed)
        random = np.random.default_rng(seed)
        amounts = random.uniform(0, demand.spend_nano.sum(axis=1).mean() / 1e9, len(offers))
        bought = bought_of(offers, amounts)
        held = bought[:1]
        estimate = Estimator(demand, offers, held).paid(amounts_of(bought, offers))
        assert estimate == pytest.approx(paid(demand, [*held, *bought]) / 1e9, rel=1e-9)


def test_what_comes_back_is_counted_once():
    demand = random_demand(1, 50, 2)
    offer = Offer("own", "1y", {one.sku: one.price_nano // 2 for one in demand.columns}, refund=40)
    amount = offer.quantum_nano * (best_amount(demand, offer) // offer.quantum_nano)
    with_it = apply(demand, [Holding(offer, amount)])
    unused = int(with_it.unused_nano.sum())
    assert int(with_it.refund_nano.sum()) == pytest.approx(0.4 * unused, abs=demand.hours)
    plain = Offer("own", "1y", offer.rates)
    assert paid(demand, [Holding(plain, amount)]) - with_it.total_nano == with_it.refund_nano.sum()
    assert best_amount(demand, plain) < amount  # a refund moves the quantile up
