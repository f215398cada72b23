"""Right-size: numbers, types, shapes and places that would have been cheaper, and refusals."""

from dataclasses import replace
from fractions import Fraction

import pytest

from advice.trips import fleet, trip
from trainfare.advice.gpu_count import find_gpu_counts
from trainfare.advice.gpu_type import find_gpu_types
from trainfare.advice.machine_shape import Passage, find_moves, find_shapes
from trainfare.advice.offer import Offer
from trainfare.advice.remains import Remains
from trainfare.core.money import Money
from trainfare.core.price import NoPrice
from trainfare.core.recommendation import Confidence, Kind, NoAdvice, Recommendation, settle


def scaled(law, counts, **facts):
    """Runs of 1,000 steps that keep to *law* on so many accelerators at $10 an hour each."""
    return [
        trip(f"r-{n}", devices=n, stages={"train": law(n)}, steps=1000, price=10 * n, **facts)
        for n in counts
    ]


def only(answers):
    [one] = answers
    return one


def offer(instance="p5.48xlarge", price=50, region="us-east-1", accelerator="H100", **facts):
    return Offer("aws", region, instance, "on_demand", accelerator, facts.pop("devices", 8),
                 Fraction(price), source="a list", **facts)  # fmt: skip


def test_more_accelerators_are_a_choice_until_an_hour_is_worth_something():
    trips = scaled(lambda n: 1 + 8 / n, (1, 2, 4, 8))
    one = only(find_gpu_counts(trips, Remains()))
    assert isinstance(one, NoAdvice)
    assert one.why.startswith(
        "a choice, no waste: from 1 to 8 accelerators an hour sooner costs 10.00"
    )
    assert [row["on_front"] for row in one.evidence["counts"]] == [True] * 4
    assert one.evidence["counts"][0]["estimated_per_step"] == "0.090000000"


def test_a_stated_worth_of_an_hour_has_an_optimum():
    """min (p·n + v)·t(n): with v = 40 and p = 10 it is √(4·8/1) = 5.7, of 1, 2, 4, 8 the 4."""
    trips = scaled(lambda n: 1 + 8 / n, (1, 2, 4, 8))
    one = only(find_gpu_counts(trips, Remains(), Fraction(40)))
    assert isinstance(one, Recommendation)
    assert "4 accelerators" in one.title
    assert {stake.slot.owner for stake in one.stakes} == {"run:r-8"}
    assert float(one.saving().nano) == pytest.approx((8 * 2 - 4 * 3) * 10e9, rel=1e-3)


def test_a_number_that_another_beats_in_both_is_advised_against():
    trips = scaled(lambda n: 0.5 + 8 / n + 0.5 * n, (1, 2, 4, 16))
    one = only(find_gpu_counts(trips, Remains()))
    assert isinstance(one, Recommendation)
    assert {stake.slot.owner for stake in one.stakes} == {"run:r-16"}
    assert one.confidence is Confidence.HIGH
    assert "every one of 4 past runs" in one.checked


@pytest.mark.parametrize(
    ("trips", "why"),
    [
        (scaled(lambda n: 9 / n, (1, 2)), "a fit needs 3"),
        (scaled(lambda n: 9 / n + (n == 2) * 30, (1, 2, 4)), "misses a run by"),
        ([*scaled(lambda n: 9 / n, (1, 2)), trip("r-x", steps=None, epochs=None, devices=4)],
         "no common unit"),
    ],
)  # fmt: skip
def test_too_little_is_refused_with_its_reason(trips, why):
    one = only(find_gpu_counts(trips, Remains()))
    assert isinstance(one, NoAdvice)
    assert why in one.why


def test_own_runs_say_which_type_is_cheaper():
    old = {"accelerator": "A100-80GB", "instance": "p4de.24xlarge", "price": 27}
    trips = [trip("r-slow", **old, tokens=4000), *fleet(2, tokens=10_000)]
    one = only(find_gpu_types(trips, lambda _: [], Remains()))
    assert one.rule == "gpu_type"
    assert one.title == "Use H100 for model=llm"
    assert {stake.slot.owner for stake in one.stakes} == {"run:r-slow"}
    part = 1 - (50 / 10_000) / (27 / 4000)
    assert float(one.saving().nano) == pytest.approx(part * 270e9, rel=1e-6)


@pytest.mark.parametrize(
    ("counts", "why"),
    [
        ([{"steps": 2000}], "one run on a type, counted in steps"),
        ([{"steps": 2000}, {"steps": 4000}], "its runs on A100-80GB differ 2-fold"),
    ],
)
def test_steps_that_may_not_be_the_same_work_compare_no_types(counts, why):
    old = {"accelerator": "A100-80GB", "instance": "p4de.24xlarge", "price": 27}
    trips = [trip(f"r-o{n}", **old, **one) for n, one in enumerate(counts)]
    one = only(find_gpu_types([*fleet(2), *trips], lambda _: [], Remains()))
    assert isinstance(one, NoAdvice)
    assert why in one.why


def test_runs_that_are_quicker_than_data_sheets_allow_did_other_work():
    old = {"accelerator": "A100-80GB", "instance": "p4de.24xlarge", "price": 27}
    trips = [trip("r-slow", **old, tokens=1000), *fleet(2, tokens=10_000)]
    one = only(find_gpu_types(trips, lambda _: [], Remains()))
    assert isinstance(one, NoAdvice)
    assert one.why.startswith("not believed: own runs on H100 would take 0.1× the hours of A100")


def test_the_type_that_is_used_stays_where_it_is_the_cheapest():
    dear = trip("r-dear", accelerator="A100-80GB", instance="p4de.24xlarge", price=27, tokens=4000)
    one = only(find_gpu_types([*fleet(30, tokens=10_000), dear], lambda _: [], Remains()))
    assert isinstance(one, NoAdvice)
    assert "mostly used" in one.why


def test_data_sheets_advise_only_where_even_the_dear_end_is_cheaper():
    """H100 does in 0.32 to 0.61 of the time what A100-80GB does."""
    old = fleet(2, accelerator="A100-80GB", instance="p4de.24xlarge", price=27)
    here = offer("p4de.24xlarge", 27, accelerator="A100-80GB")
    robust = only(find_gpu_types(old, lambda _: [here, offer(price=40)], Remains()))
    assert robust.rule == "gpu_type_estimated"
    assert robust.confidence is Confidence.LOW
    assert robust.checked == "not checked: no past run used it"
    ratios = (312 / 989 * 40 / 27, 2039 / 3350 * 40 / 27)
    middle = (ratios[0] * ratios[1]) ** 0.5
    assert float(robust.saving().nano) == pytest.approx((1 - middle) * 540e9, rel=1e-4)
    doubtful = only(find_gpu_types(old, lambda _: [here, offer(price=55)], Remains()))
    assert isinstance(doubtful, NoAdvice)


def test_a_type_that_is_not_listed_or_memory_that_was_not_measured_is_not_compared():
    old = fleet(2, accelerator="A100-80GB", instance="p4de.24xlarge", price=27)
    one = only(find_gpu_types(old, lambda _: [offer(price=40)], Remains()))
    assert "nobody lists p4de.24xlarge there" in one.why
    blind = fleet(2, accelerator="A100-80GB", instance="p4de.24xlarge", memory_gb=None)
    one = only(find_gpu_types(blind, lambda _: [offer(price=1)], Remains()))
    assert "was not measured" in one.why
    tight = fleet(2, accelerator="A100-80GB", instance="p4de.24xlarge", price=27, memory_gb=79.0)
    here = offer("p4de.24xlarge", 27, accelerator="A100-80GB")
    small = offer("p4d.24xlarge", 1, accelerator="A100")
    assert isinstance(only(find_gpu_types(tight, lambda _: [here, small], Remains())), NoAdvice)


SMALL = {"accelerator": "A10G", "devices": 1, "instance": "g5.16xlarge", "price": 4}
SHAPES = [
    offer("g5.16xlarge", 4, accelerator="A10G", devices=1, cpus=64, memory_gb=256),
    offer("g5.4xlarge", 2, accelerator="A10G", devices=1, cpus=16, memory_gb=64),
    offer("g5.xlarge", 1, accelerator="A10G", devices=1, cpus=4, memory_gb=16),
]


def test_a_smaller_machine_is_advised_where_what_was_used_fits_with_room():
    trips = fleet(2, **SMALL, cpu_hours=40.0, host_gb=20.0)
    one = only(find_shapes(trips, lambda _: SHAPES, Remains()))
    assert one.title == "Use g5.4xlarge for model=llm"
    assert one.saving() == Money.parse("40")
    assert one.evidence["cpus_used"] == 4


def test_a_smaller_machine_without_room_is_not():
    one = only(find_shapes(fleet(2, **SMALL, cpu_hours=400.0), lambda _: SHAPES, Remains()))
    assert "no smaller machine has room to spare" in one.why
    one = only(find_shapes(fleet(2, **SMALL, host_gb=None), lambda _: SHAPES, Remains()))
    assert "not every run tells" in one.why


def test_a_shared_machine_is_not_resized():
    trips = fleet(2, **SMALL, cpu_hours=40.0, host_gb=20.0, share=Fraction(1, 2))
    assert find_shapes(trips, lambda _: SHAPES, Remains()) == []


PLACES = [
    offer(price=50),
    offer(price=40, region="us-east-2"),
    offer(price=45, region="eu-north-1"),
]


def passage(price):
    """So many nano-dollars a KiB."""
    return lambda _, size: Passage(Money(price * size // 1024), "a tariff")


def test_a_cheaper_region_pays_for_the_move_of_the_data_once():
    one = only(find_moves(fleet(4), lambda _: PLACES, passage(5), Remains()))
    assert one.title == "Move to us-east-2: model=llm on p5.48xlarge"
    moving = 5 * 2**31
    assert one.evidence["moving_once"] == Money(moving).text()
    assert float(one.saving().nano) == pytest.approx(0.2 * 2000e9 - moving, rel=1e-6)
    assert one.evidence["hours_to_move"] == pytest.approx(2 * 2**40 / 1.25e8 / 3600, abs=0.01)


@pytest.mark.parametrize(
    ("facts", "price", "why"),
    [
        ({}, 300, "not worth it: moving 2,048 GB costs $644.25 of $400.00 saved"),
        ({"read_bytes": None}, 5, "how much data would move was not recorded"),
    ],
)
def test_a_move_that_does_not_pay_is_not_advised(facts, price, why):
    one = only(find_moves(fleet(4, **facts), lambda _: PLACES, passage(price), Remains()))
    assert isinstance(one, NoAdvice)
    assert why in one.why


def test_without_a_price_of_moving_nothing_is_moved():
    none = NoPrice("aws/us-east-1/network/inter_region", "nobody lists it; state it: trainfare …")
    one = only(find_moves(fleet(4), lambda _: PLACES, lambda _, __: none, Remains()))
    assert one.why == "us-east-2 is 20 % cheaper, but nobody lists it; state it: trainfare …"


def test_a_move_costs_the_same_whatever_earlier_advice_leaves():
    """$2,000 were paid. Idle leaves 30 %: a fifth of $600 less the whole $10.74 of the move."""
    trips = fleet(4)
    paid = {slot: amount for one in trips for slot, amount in one.paid.items()}
    idle = Recommendation(
        Kind.IDLE, "low_use", "x", "", "", method="",
        stakes=tuple(stake for one in trips for stake in one.stake(0.7)),
    )  # fmt: skip
    move = only(find_moves(trips, lambda _: PLACES, passage(5), Remains()))
    granted = {one.recommendation.kind: one for one in settle([idle, move], paid, 1)}
    one = granted[Kind.RIGHTSIZE]
    assert float(one.saving.nano) == pytest.approx(0.2 * 600e9 - 5 * 2**31, rel=1e-6)
    assert one.saving_low == one.saving == one.saving_high
    more = replace(idle, stakes=tuple(stake for one in trips for stake in one.stake(0.98)))
    granted = {one.recommendation.kind: one for one in settle([more, move], paid, 1)}
    assert granted[Kind.RIGHTSIZE].saving == Money.zero()
