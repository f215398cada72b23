"""Small worlds of demand and offers, drawn or made by hand."""

import numpy as np
from hypothesis import strategies as st

from trainfare.commitments.demand import Column, Demand
from trainfare.commitments.offer import Holding, Offer

SKUS = ("p5", "p4", "g5")


@st.composite
def demands(draw, hours=12):
    """A few hours of a few SKUs; prices of whole and of broken units."""
    count = draw(st.integers(1, len(SKUS)))
    columns = tuple(Column(sku, draw(st.integers(1, 10**11))) for sku in SKUS[:count])
    length = draw(st.integers(1, hours))
    cells = draw(st.lists(st.integers(0, 10**13), min_size=length * count, max_size=length * count))
    spend = np.array(cells, dtype=np.int64).reshape(length, count)
    return Demand(draw(st.integers(0, 10**6)), columns, spend)


@st.composite
def offers_for(draw, demand, kinds=("aws_ec2_instance_savings_plan", "aws_compute_savings_plan")):
    """Offers whose rates are between a tenth of the price and a little above it."""
    found = []
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=3)):
        chosen = draw(st.lists(st.sampled_from(demand.columns), min_size=1, unique=True))
        rates = {
            column.sku: max(1, column.price_nano * draw(st.integers(10, 110)) // 100)
            for column in chosen
        }
        found.append(Offer(kind, draw(st.sampled_from(("1y", "3y"))), rates))
    return found


@st.composite
def held_worlds(draw):
    """A demand and what is held, some of it for a part of the hours only."""
    demand = draw(demands())
    held = []
    for offer in draw(offers_for(demand)):
        start = demand.first_hour + draw(st.integers(-2, demand.hours))
        end = start + draw(st.integers(1, demand.hours + 2))
        held.append(Holding(offer, draw(st.integers(0, 10**13)), start, end))
    return demand, held


def random_demand(seed, hours, skus, *, spiky=False):
    """Demand of machines by the hour, with days, weeks and trainings that come and go."""
    random = np.random.default_rng(seed)
    price = random.integers(500, 100_000, skus) * 10**6
    day = 1 + 0.4 * np.sin(np.arange(hours) * 2 * np.pi / 24)
    machines = random.poisson(4 * day[:, None] * random.random(skus))
    if spiky:
        machines = machines * (random.random((hours // 48 + 1, skus)) < 0.15).repeat(48, 0)[:hours]
    columns = tuple(Column(f"sku-{number}", int(price[number])) for number in range(skus))
    return Demand(490_000, columns, (machines * price).astype(np.int64))


def random_offers(seed, demand):
    """A broad plan of one and of three years, a narrow one, and a reservation."""
    random = np.random.default_rng(seed)

    def rates(columns, least, most):
        return {
            one.sku: int(one.price_nano * (1 - random.uniform(least, most))) // 1000 * 1000
            for one in columns
        }

    narrow = demand.columns[: max(1, len(demand.columns) // 3)]
    return [
        Offer("aws_compute_savings_plan", "1y", rates(demand.columns, 0.2, 0.3)),
        Offer("aws_compute_savings_plan", "3y", rates(demand.columns, 0.35, 0.5)),
        Offer("aws_ec2_instance_savings_plan", "1y", rates(narrow, 0.3, 0.6)),
        Offer("aws_reserved_instance", "1y", rates(demand.columns[-1:], 0.35, 0.45)),
    ]
