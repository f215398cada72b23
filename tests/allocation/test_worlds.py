"""In simulated clusters, whose true cost is known, allocation finds it as far as it can be known."""

from collections import defaultdict
from fractions import Fraction

import pytest

from allocation.lake import NANO, agreed_parts, numbered, write_lake
from allocation.worlds import Fault, errors_by_method, make_world
from trainfare.allocation.engine_duckdb import allocate

SEEDS = [1, 2, 3]


def by_run(world, parts):
    sums = dict.fromkeys(world.true_nano(), 0)
    for (_, run, _, _, _), amounts in parts.items():
        if run is not None:
            sums[run] = sums.get(run, 0) + (amounts[1] or 0)
    return sums


@pytest.mark.parametrize("seed", SEEDS)
def test_with_good_evidence_every_run_gets_its_true_cost_to_the_nano_per_charge(tmp_path, seed):
    world = make_world(seed)
    parts = agreed_parts(tmp_path, world.charges, world.evidence)
    true = world.true_nano()
    found = by_run(world, parts)
    charges = len(world.charges)
    assert found.keys() == true.keys()
    # Paid hours stand in the bill with ten decimals: 2e-10 of an hour's cost, and a nano per part.
    assert all(abs(found[run] - true[run]) < charges + abs(true[run]) / 10**9 for run in true)
    assert {
        method: error.share < Fraction(1, 10**8)
        for method, error in errors_by_method(world, parts).items()
    } == {
        "resource_overlap": True,
        "attached": True,
        "managed_job": True,
    }


@pytest.mark.parametrize("fault", Fault)
def test_faults_move_money_only_as_far_as_they_reach(tmp_path, fault):
    """How much of all that runs got was not theirs, per method, over three worlds."""
    worst = {
        Fault.STALE_TAGS: {"run_tag": 0.05},
        Fault.MISSING_CLAIMS: {"run_tag": 0.10},
        Fault.CLOCK_SKEW: {"resource_overlap": 0.01, "attached": 0.001},
    }.get(fault, {})
    given, excess = 0, defaultdict(Fraction)
    for seed in SEEDS:
        world = make_world(seed, faults=[fault])
        parts = agreed_parts(tmp_path, world.charges, world.evidence)
        for method, error in errors_by_method(world, parts).items():
            given += error.given
            excess[method] += error.excess
    for method, wrong in excess.items():
        assert wrong / given <= worst.get(method, 1e-8), method


def test_a_lost_heartbeat_is_idle_time_and_nobody_else_s_cost(tmp_path):
    good, bad = make_world(1), make_world(1, faults=[Fault.LOST_HEARTBEATS])
    before = by_run(good, agreed_parts(tmp_path, good.charges, good.evidence))
    after = by_run(bad, agreed_parts(tmp_path, bad.charges, bad.evidence))
    assert sum(after.values()) < sum(before.values())
    assert all(after[run] <= before[run] + NANO // 100 for run in before)


def test_stale_tags_are_told(tmp_path):
    world = make_world(2, faults=[Fault.STALE_TAGS])
    path = write_lake(tmp_path / "part.parquet", numbered(world.charges))
    summary = allocate([path], world.evidence, out=tmp_path / "out.parquet")
    assert summary.stale_tag_count > 0
    assert all(stale.tag_run not in stale.runs for stale in summary.stale_tags)


def test_a_world_is_the_same_for_the_same_seed():
    assert make_world(5).charges == make_world(5).charges
    assert make_world(5).charges != make_world(6).charges


def test_the_truth_of_a_world_never_exceeds_its_bill():
    world = make_world(4)
    assert all(sum(shares.values()) <= 1 for shares in world.truth)
