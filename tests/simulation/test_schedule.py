"""Runs hold what there is, when it is there."""

from collections import defaultdict
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.worlds import SIZES, world_of
from trainfare.core.claim import holdings
from trainfare.core.period import SECOND
from trainfare.simulation.fleet import Venue
from trainfare.simulation.occupancy import true_claims
from trainfare.simulation.schedule import Ending
from trainfare.simulation.world import make_world


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), sizes=st.fixed_dictionaries(SIZES))
def test_no_machine_is_held_beyond_its_size_or_life(seed, sizes):
    """But for the crowded one, whose users all take all of it, claims never exceed a machine."""
    world = make_world(seed, **sizes)
    machines = {machine.id: machine for machine in world.machines}
    claims = defaultdict(list)
    for claim in true_claims(world.runs):
        claims[claim.resource_id].append(claim)
    for resource_id, held in claims.items():
        if resource_id.startswith("arn:"):
            continue
        machine = machines[resource_id]
        for claim in held:
            assert machine.life.start_ns <= claim.interval.start_ns
            assert claim.interval.end_ns <= machine.life.end_ns
            assert (claim.share * machine.type.gpus).denominator == 1
        if not machine.is_crowded:
            effective = {h.share for h in holdings(held)}
            assert effective <= {claim.share for claim in held}


def test_attempts_of_a_run_follow_one_another():
    for run in world_of(runs=120, days=5).runs:
        assert [attempt.number for attempt in run.attempts] == list(range(1, len(run.attempts) + 1))
        for before, after in pairwise(run.attempts):
            assert before.interval.end_ns < after.interval.start_ns
            assert before.ending is Ending.PREEMPTED


def test_times_are_whole_seconds_and_run_ids_are_unique():
    runs = world_of(runs=120, days=5).runs
    edges = [
        edge
        for run in runs
        for attempt in run.attempts
        for edge in (attempt.interval.start_ns, attempt.interval.end_ns)
    ]
    assert all(edge % SECOND == 0 for edge in edges)
    assert len({run.id for run in runs}) == len(runs) == 120


def test_a_dedicated_instance_is_its_runs_from_boot_to_shutdown():
    world = world_of(runs=120, days=5)
    own = [machine for machine in world.machines if machine.run is not None]
    stretches = {claim.resource_id: claim for claim in true_claims(world.runs)}
    assert own
    for machine in own:
        claim = stretches[machine.id]
        assert claim.run == machine.run
        assert claim.share == Fraction(1)
        assert machine.venue is Venue.DEDICATED
        assert machine.life.start_ns < claim.interval.start_ns
        assert claim.interval.end_ns < machine.life.end_ns
        assert dict(machine.tags)["run_id"] == machine.run
