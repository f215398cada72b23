"""Plans: every choice's money is its price times its hours; limits and risks decide the order."""

import math
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.advice.offer import (
    Offer,
    Span,
    Speed,
    roofline_ratios,
    roofline_speed,
    too_fast,
    with_rooflines,
)
from trainfare.advice.plan import (
    ACROSS,
    Limits,
    Work,
    best_saving,
    chance_spot_above,
    hours_on,
    plan,
)
from trainfare.advice.preemption import Saving, expected_hours, trials
from trainfare.advice.preemption_rate import Rate
from trainfare.advice.scaling import Scaling
from trainfare.core.money import Money
from trainfare.prices.accelerators import models

SPEED = Speed("H100", Span(90, 100, 120), "stated", is_measured=False)
WORK = Work({"H100": SPEED}, base_count=8)
ON_DEMAND = Offer("aws", "us-east-1", "p5.48xlarge", "on_demand", "H100", 8, Fraction(55))
SPOT = replace(ON_DEMAND, option="spot", price_per_hour=Fraction(20))
YEAR = replace(ON_DEMAND, option="commit_1y", price_per_hour=Fraction(40))


def rate(mean, shape=50.0):
    return Rate(shape, shape / mean, 0, 0, "known")


def test_on_demand_is_price_times_hours():
    [one] = plan(WORK, [ON_DEMAND], Limits(), lambda _: None)
    assert one.hours == Span(90 / 8, 12.5, 15)
    assert (one.low.text(), one.expected.text()) == ("618.750000000", "687.500000000")
    assert (one.late, one.over, one.is_on_front) == (0, 0, True)


def test_spot_pays_for_what_is_done_again():
    [one] = plan(WORK, [SPOT], Limits(), lambda _: rate(0.1))
    saving = best_saving(WORK, 12.5, 0.1)
    assert one.hours.middle == expected_hours(12.5, 0.1, saving) > 12.5
    assert one.expected == Money.nearest(
        Fraction(round(one.hours.middle * 3.6e12), 3600 * 10**9) * 20
    )
    assert one.interval_hours == saving.interval_hours


def test_spot_of_which_nobody_knows_the_losses_is_left_out():
    assert plan(WORK, [SPOT], Limits(), lambda _: None) == []


def test_a_gang_is_lost_as_often_as_its_machines_together():
    found = plan(WORK, [SPOT], Limits(devices_max=32), lambda _: rate(0.1))
    assert {one.machines: round(one.rate.mean, 6) for one in found} == {1: 0.1, 2: 0.2, 4: 0.4}


def test_a_commitment_is_asked_for_its_whole_term():
    [one] = plan(WORK, [YEAR], Limits(budget=Money.parse("1000")), lambda _: None)
    assert one.expected == Money.parse("40") * 8760
    assert one.over == 1
    assert "this job uses 0.1 % of it" in one.notes[0]


def test_what_keeps_the_limits_comes_first_then_the_cheapest():
    found = plan(WORK, [SPOT, ON_DEMAND, YEAR], Limits(), lambda _: rate(0.1))
    assert [one.offer.option for one in found] == ["spot", "on_demand", "commit_1y"]
    slow = replace(SPOT, region="slow")
    often = plan(
        WORK,
        [SPOT, ON_DEMAND],
        Limits(deadline_hours=15.5),
        lambda o: rate(0.5) if o != slow else None,
    )
    assert [one.offer.option for one in often] == ["on_demand", "spot"]
    assert often[1].late > 0.1


def test_what_cannot_be_in_time_is_named_by_how_soon_it_ends():
    limits = Limits(devices_max=32, deadline_hours=0.1)
    found = plan(WORK, [ON_DEMAND], limits, lambda _: None)
    assert {one.late for one in found} == {1}
    assert [one.machines for one in found] == [4, 2, 1]


def test_what_an_hour_is_worth_decides_how_many():
    offers = [ON_DEMAND]
    few = plan(WORK, offers, Limits(devices_max=32), lambda _: None)[0]
    many = plan(
        WORK, offers, Limits(devices_max=32, value_per_hour=Money.parse("500")), lambda _: None
    )[0]
    assert (few.machines, many.machines) == (1, 4)


def test_own_scaling_stands_before_an_assumption():
    law = Scaling(1.0, 8.0, 0.0, (1, 2, 8), 0.0)
    work = replace(WORK, scaling=law)
    span, said = hours_on(work, SPEED, 4)
    assert (span.middle, said) == (pytest.approx(12.5 * 3 / 2), [])
    assert hours_on(work, SPEED, 16)[1] == ["own scaling was seen on 1 to 8 only"]
    assert "scaling assumed" in hours_on(WORK, SPEED, 16)[1][0]


@given(
    hours=st.floats(5, 60), mean=st.sampled_from([0.01, 0.05, 0.2]), restart=st.floats(0.05, 0.5),
    beyond=st.floats(1.01, 1.6),
)  # fmt: skip
def test_the_chance_of_being_late_is_that_of_trials(hours, mean, restart, beyond):
    saving = Saving(1.0, 0.05, restart)
    whole = math.ceil(hours)
    limit = expected_hours(whole, 0, saving) * beyond
    drawn = trials(whole, mean, saving, count=800, seed=3)
    share = sum(one > limit for one in drawn) / len(drawn)
    assert chance_spot_above(whole, mean, saving, limit) == pytest.approx(share, abs=0.13)


@given(limit=st.floats(0, 30), low=st.floats(1, 10), up=st.floats(0, 5), more=st.floats(0, 5))
def test_chances_fall_with_the_limit(limit, low, up, more):
    span = Span(low, low + up, low + up + more)
    assert 0 <= span.chance_above(limit + 1) <= span.chance_above(limit) <= 1


def test_a_roofline_lies_between_arithmetic_and_bandwidth():
    a100, h100 = models()["A100-80GB"], models()["H100"]
    ratios = roofline_ratios(a100, h100, "bf16")
    assert ratios == (pytest.approx(312 / 989), pytest.approx(2039 / 3350))
    speed = roofline_speed(
        Speed("A100-80GB", Span(100, 100, 100), "own", is_measured=True), a100, h100, "bf16"
    )
    assert speed.device_hours.low == pytest.approx(100 * 312 / 989)
    assert speed.device_hours.high == pytest.approx(100 * 2039 / 3350)
    assert not speed.is_measured
    assert speed.basis.startswith("roofline estimate from A100-80GB: 1.6× to 3.2× as fast")


def test_data_sheets_of_two_makers_are_not_compared():
    assert roofline_ratios(models()["H100"], models()["MI300X"], "bf16") is None
    assert roofline_ratios(models()["H100"], models()["B200"], "bf16") is None  # no bandwidth known


def test_machines_beyond_those_tried_lose_speed_and_say_so():
    """Four machines of one accelerator are no machine of four."""
    work = Work({"H100": SPEED}, base_count=4)
    one, _ = hours_on(work, SPEED, 4, 1)
    apart, said = hours_on(work, SPEED, 4, 4)
    assert one.middle == 25
    assert apart.middle == pytest.approx(25 / ACROSS.middle**2)
    assert (apart.low, apart.high) == (
        pytest.approx(90 / 4 / ACROSS.high**2), pytest.approx(120 / 4 / ACROSS.low**2)
    )  # fmt: skip
    assert "with each doubling of machines" in said[0]
    assert hours_on(work, SPEED, 32, 4)[0].middle == pytest.approx(100 / 32 / 0.95**3)
    assert hours_on(replace(work, base_machines=4), SPEED, 4, 4) == (one, [])
    law = replace(work, scaling=Scaling(0.0, 1.0, 0.0, (1, 2, 4), 0.0))
    assert hours_on(law, SPEED, 4, 2)[0].middle == pytest.approx(25 / ACROSS.middle)


def test_rooflines_start_from_the_accelerator_that_the_work_ran_on():
    wide = Speed("H100", Span(90, 100, 130), "own", is_measured=True)
    sharp = Speed("A10G", Span(900, 900, 900), "own", is_measured=True)
    found = with_rooflines(wide, [sharp], "bf16")
    assert (found["H100"], found["A10G"]) == (wide, sharp)
    assert "from H100" in found["A100-80GB"].basis
    assert found["A100-80GB"].device_hours.middle > 100


@given(st.floats(0.01, 100), st.floats(0.5, 1))
def test_a_slower_accelerator_is_not_believed_to_be_faster(factor, kept):
    own = Speed("H100", Span(100, 100, 100), "own", is_measured=True)
    one = Speed("A10G", Span(100, 100, 100).times(factor), "own", is_measured=True)
    why = too_fast(one, own, "bf16", kept)
    assert (why is not None) == (one.device_hours.middle * 1.25 / 100 < kept)
    assert why is None or "own runs on A10G" in why
