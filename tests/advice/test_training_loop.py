"""The training loop: planted waste is found with its dollars, a clean fleet is left alone."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advice.trips import fleet, trip
from trainfare.advice.gpu_count import find_gpu_counts
from trainfare.advice.remains import Part, Remains
from trainfare.advice.training_loop import RULES, find_slow_loops
from trainfare.advice.trip import hours_per
from trainfare.core.money import Money
from trainfare.core.profile import DeviceProfile

LONG = {"train": 8.0, "setup": 2.0}
PLANTED = {
    "input_bound": {"wait_hours": 4.0},
    "slow_start": {"stages": LONG},
    "checkpoints": {"stages": {"train": 8.0, "checkpoint": 2.0}, "checkpoints": 200},
    "evaluations": {"stages": {"train": 6.0, "eval": 4.0}, "evaluations": 20},
    "low_mfu": {"mfu": 0.2},
    "full_precision": {"dtype": "fp32", "mfu": None},
    "small_batch": {"memory_gb": 20.0, "active": 0.5},
}


def found(trips):
    return {one.rule: one for one in find_slow_loops(trips, Remains())}


def test_a_clean_fleet_is_left_alone():
    assert found(fleet(12)) == {}


def test_unknown_is_not_waste():
    unknown = dict.fromkeys(("wait_hours", "dtype", "mfu", "memory_gb", "active", "device_gb"))
    plain = {"checkpoints": 0, "evaluations": 0, "stages": {"train": 10.0}}
    assert found(fleet(12, **unknown, **plain)) == {}


@pytest.mark.parametrize("rule", PLANTED)
def test_what_is_planted_is_found_and_nothing_else(rule):
    trips = [*fleet(8), trip("r-bad", **PLANTED[rule])]
    one = found(trips)[rule]
    assert list(found(trips)) == [rule]
    assert {stake.slot.owner for stake in one.stakes} == {"run:r-bad"}
    assert Money.zero() < one.saving() < trips[-1].total
    assert one.low <= 1 <= one.high
    assert one.evidence["runs"][0]["run"] == "r-bad"
    assert one.evidence["saving_per_epoch"] is not None


def test_every_rule_has_its_plant_or_its_own_test():
    assert {rule.name for rule in RULES} == {*PLANTED, "communication"}


def test_the_wait_beyond_a_twentieth_is_what_would_not_have_been_paid():
    one = found([trip(wait_hours=4.0)])["input_bound"]
    share = (4.0 - 0.05 * 9.5) / 10
    assert one.saving() == Money.nearest(Fraction(share).limit_denominator(10**9) * 500)
    assert Money.parse(one.evidence["saving_per_epoch"]) == Money.nearest(
        Fraction(one.saving().nano, 10 * 10**9)
    )


def test_a_slow_start_is_held_against_the_best_quarter_of_its_machines():
    one = found([*fleet(8), trip("r-bad", stages=LONG)])["slow_start"]
    assert float(one.saving().nano) == pytest.approx(500e9 * (2.0 - 0.05) / 10, rel=1e-6)
    alone = found(fleet(4, stages=LONG))
    assert "slow_start" not in alone  # all start alike: nobody knows that it could be faster


def test_a_run_that_says_nothing_of_its_stages_is_not_said_to_start_slowly():
    """Without a word all of its time counts as setup."""
    silent = [trip(f"s-{n}", stages={"setup": 10.0, "finish": 0.01}) for n in range(2)]
    quick = [trip(f"q-{n}", stages={"setup": 0.2}) for n in range(5)]
    assert "slow_start" not in found([*fleet(8), *quick, *silent])


def test_tensor_cores_that_are_measured_idle_are_full_precision():
    idle = DeviceProfile(sm_active=900, sm_occupancy=500, tensor_active=0, dram_active=300)
    busy = idle._replace(tensor_active=400)
    assert list(found([trip(profile=idle)])) == ["full_precision"]
    assert found([trip(profile=busy, dtype="fp32")]) == {}
    assert found([trip(dtype="fp32", accelerator="P100")]) == {}


def test_communication_is_found_in_own_scaling():
    def run(n):
        hours = 1.0 + 8.0 / n
        return trip(f"r-{n}", devices=n, stages={"train": hours}, steps=1000, price=10)

    trips = [run(n) for n in (1, 2, 4, 32)]
    one = found(trips)["communication"]
    assert {stake.slot.owner for stake in one.stakes} == {"run:r-32"}
    efficiency = (9.0) / (32 * 1.25)
    part = Fraction(1 - efficiency / 0.5).limit_denominator(10**6)
    assert float(one.saving().nano) == pytest.approx(float(part) * 12.5e9, rel=1e-3)
    assert found(trips[:2]) == {}


def test_what_fewer_accelerators_mend_is_advised_once():
    """Eight are slower and dearer than four: their number is the remedy, and no second one is."""
    hours = {1: 1000, 2: 560, 4: 400, 8: 480}
    trips = [
        trip(f"r-{n}", devices=n, stages={"train": time / 3600}, steps=1000, price=10 * n)
        for n, time in hours.items()
    ]
    [count] = find_gpu_counts(trips, Remains())
    assert {stake.slot.owner for stake in count.stakes} == {"run:r-8"}
    assert "communication" not in found(trips)


def test_a_law_that_misses_its_runs_says_nothing_of_communication():
    hours = {1: 9.0, 2: 40.0, 4: 9.0, 32: 9.0}
    trips = [
        trip(f"r-{n}", devices=n, stages={"train": time}, steps=1000) for n, time in hours.items()
    ]
    assert found(trips) == {}


@pytest.mark.parametrize(
    "facts",
    [
        {"stages": {"setup": 4.0, "train": 6.0}, "active": 0.6},
        {"wait_hours": 0.5, "active": 0.78},
        {"wait_hours": None, "active": 0.5},
    ],
)
def test_idle_time_that_something_else_explains_or_may_is_no_small_batch(facts):
    """Setup without kernels, waiting for data, and a loop of which nobody knows whether it waits."""
    assert "small_batch" not in found([*fleet(4), trip("r-x", memory_gb=20.0, **facts)])


def test_what_is_left_of_idle_time_is_claimed_by_larger_batches():
    """Half is idle: a twentieth is other stages, a hundredth waits for data."""
    one = found([trip(memory_gb=20.0, active=0.5)])["small_batch"]
    assert float(one.saving().nano) == pytest.approx(500e9 * (0.5 - 0.05 - 0.01) / 4, rel=1e-6)


def test_a_job_that_only_evaluates_is_not_told_to_evaluate_less():
    assert found([trip(stages={"setup": 0.1, "eval": 9.9}, evaluations=20)]) == {}


def test_hours_per_unit_are_of_the_train_stage_by_the_clock():
    assert hours_per(trip(machines=2), "steps") == pytest.approx(9.5 / 10_000)


@given(
    plants=st.lists(st.sampled_from([*PLANTED, ""]), min_size=1, max_size=6),
    both=st.booleans(),
)
def test_no_run_saves_more_than_it_paid_whatever_is_wrong_with_it(plants, both):
    trips = [*fleet(6)]
    for number, plant in enumerate(plants):
        facts = dict(PLANTED.get(plant, {}))
        if both:
            facts |= PLANTED["input_bound"] | PLANTED["low_mfu"]
        trips.append(trip(f"r-x{number}", **facts))
    saved = {}
    for one in find_slow_loops(trips, Remains()):
        for stake in one.stakes:
            saved[stake.slot] = saved.get(stake.slot, 0) + stake.saving.nano
    paid = {slot: amount.nano for one in trips for slot, amount in one.paid.items()}
    assert all(saved[slot] <= paid[slot] + len(RULES) for slot in saved)


@given(parts=st.lists(st.floats(-0.5, 1.5), max_size=8))
def test_parts_are_taken_of_what_is_left(parts):
    remains, one, total = Remains(), trip(), 0
    for part in parts:
        stakes, low, high = remains.take([Part(one, part / 2, part, part * 2)])
        assert low <= 1 <= high
        total += sum(stake.saving.nano for stake in stakes)
    left = 1.0
    for part in parts:
        left *= 1 - min(1.0, max(0.0, part))
    assert total == pytest.approx(one.total.nano * (1 - left), abs=5_000)


def test_money_of_two_currencies_is_two_recommendations():
    euro = trip("r-eur", wait_hours=4.0)
    euro = replace(
        euro, currency="EUR", paid={s: Money(m.nano, "EUR") for s, m in euro.paid.items()}
    )
    both = find_slow_loops([trip(wait_hours=4.0), euro], Remains())
    assert sorted(one.currency for one in both) == ["EUR", "USD"]
