"""The application of commitments against the laws, a slow one in fractions, and the provider's page."""

from fractions import Fraction

import numpy as np
from hypothesis import given

from commitments.worlds import held_worlds
from trainfare.commitments.application import apply, pairs_of, scaled
from trainfare.commitments.demand import Column, Demand, demand_of
from trainfare.commitments.measures import measure
from trainfare.commitments.offer import Holding, Offer

UNIT = 10**9


@given(held_worlds())
def test_every_hour_is_conserved(world):
    demand, held = world
    applied = apply(demand, held)
    hours = demand.first_hour + np.arange(demand.hours)
    for number, one in enumerate(held):
        is_held = (hours >= one.start) & (hours < one.end)
        amounts = applied.used_nano[:, number] + applied.unused_nano[:, number]
        assert (amounts == np.where(is_held, one.amount_nano, 0)).all()
    for part in (
        applied.used_nano,
        applied.unused_nano,
        applied.covered_nano,
        applied.on_demand_nano,
    ):
        assert (part >= 0).all()
    covered = applied.covered_nano.sum(axis=1) + applied.on_demand_nano.sum(axis=1)
    assert (covered == demand.spend_nano.sum(axis=1)).all()


@given(held_worlds())
def test_it_is_what_one_would_do_by_hand(world):
    demand, held = world
    applied = apply(demand, held)
    for hour in range(demand.hours):
        left = [
            one.amount_nano if one.start <= demand.first_hour + hour < one.end else 0
            for one in held
        ]
        open_ = [Fraction(int(value)) for value in demand.spend_nano[hour]]
        for pair in pairs_of(held, demand.columns):
            share = Fraction(pair.rate, pair.price)
            used = min(Fraction(left[pair.holding]), open_[pair.column] * share)
            left[pair.holding] -= used
            open_[pair.column] -= used / share
        # whole nano-units round once per pair, and a step up in one is a step on in the next
        slack = 2 * len(held) * len(demand.columns) * 12
        for number in range(len(held)):
            assert abs(applied.unused_nano[hour, number] - left[number]) <= slack
        assert abs(int(applied.on_demand_nano[hour].sum()) - sum(open_)) <= slack


def test_the_best_saving_is_served_first_and_of_equal_ones_the_lowest_rate():
    columns = [Column("dear", 100), Column("cheap", 10), Column("best", 100)]
    plan = Holding(Offer("aws_compute_savings_plan", "1y", {"dear": 60, "cheap": 6, "best": 50}), 1)
    assert [columns[pair.column].sku for pair in pairs_of([plan], columns)] == [
        "best",
        "cheap",
        "dear",
    ]


def test_narrow_kinds_are_served_before_broad_ones_whatever_they_save():
    columns = [Column("p5", 100)]
    broad = Holding(Offer("aws_compute_savings_plan", "3y", {"p5": 40}), 1)
    narrow = Holding(Offer("aws_ec2_instance_savings_plan", "1y", {"p5": 70}), 1)
    reserved = Holding(Offer("aws_reserved_instance", "1y", {"p5": 80}), 1)
    assert [pair.holding for pair in pairs_of([broad, narrow, reserved], columns)] == [2, 1, 0]


def test_four_lines_at_half_price():
    """Four uses that cost 40 an hour on demand, 25 under a plan: as a provider's page counts."""
    rows = [
        ("2026-01-01T00:00Z", "r5.4xlarge", "4", "1.00"),
        ("2026-01-01T00:00Z", "m5.24xlarge", "1", "24"),
        ("2026-01-01T00:00Z", "fargate", "2", "4"),
        ("2026-01-01T00:00Z", "lambda", "1", "4"),
    ]
    rates = {"r5.4xlarge": 0.5, "m5.24xlarge": 15, "fargate": 2.5, "lambda": 3}
    offer = Offer("aws_compute_savings_plan", "1y", {k: int(v * UNIT) for k, v in rates.items()})
    demand = demand_of(rows)
    assert demand.total_nano == 40 * UNIT
    assert apply(demand, [Holding(offer, 25 * UNIT)]).total_nano == 25 * UNIT
    small = apply(demand, [Holding(offer, 2 * UNIT)])
    assert small.total_nano == 38 * UNIT  # 2 cover 4 of the use with the highest saving
    assert small.covered_nano.sum() == 4 * UNIT


def test_a_rate_above_the_price_is_never_used():
    demand = demand_of([("2026-01-01T00:00Z", "p5", "1", "10")])
    held = [Holding(Offer("azure_savings_plan", "1y", {"p5": 11 * UNIT}), 11 * UNIT)]
    assert apply(demand, held).used_nano.sum() == 0


def test_large_amounts_do_not_overflow():
    values = np.array([2**61, 10**18], dtype=np.int64)
    times, per = 99_999_999_977, 99_999_999_947
    assert scaled(values, times, per).tolist() == [int(v) * times // per for v in values]


@given(held_worlds())
def test_the_measures_agree_with_one_another(world):
    demand, held = world
    found = measure(demand, apply(demand, held))
    assert found.saving_nano == found.covered_nano - found.committed_nano
    if len(held) == 1 and len(demand.columns) == 1 and found.used_nano > 10**6:
        # the identity for one discount: ESR = coverage · (d − (1 − d)(1/utilization − 1))
        d = 1 - Fraction(found.used_nano, found.covered_nano)
        used = found.commitment_utilization
        assert found.effective_savings_rate == found.coverage * (d - (1 - d) * (1 / used - 1))


def test_shares_of_nothing_are_unknown():
    nothing = Demand(0, (Column("p5", 1),), np.zeros((3, 1), dtype=np.int64))
    found = measure(nothing, apply(nothing, []))
    assert (found.coverage, found.commitment_utilization, found.effective_savings_rate) == (
        None,
    ) * 3
