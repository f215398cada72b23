"""Who truly held a machine: against a count of its GPUs, second by second."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction

from simulation.worlds import world_of
from trainfare.core.charge import Remainder
from trainfare.core.period import SECOND, Interval
from trainfare.simulation.fleet import Venue
from trainfare.simulation.occupancy import occupancies


def test_owners_are_counted_second_by_second():
    """The ownership of an hour is what a patient clerk with a stopwatch would write down."""
    world = world_of(runs=120, days=2)
    held = occupancies(world.machines, world.runs, world.bill)
    machines = [m for m in world.machines if m.venue in (Venue.POOL, Venue.SLURM)]
    start_ns = world.bill.start_ns + 9 * 3600 * SECOND + 1234 * SECOND
    end_ns = start_ns + 600 * SECOND
    seen = 0
    for machine in machines:
        counted = Counter()
        for at_ns in range(start_ns, end_ns, SECOND):
            shares = Counter()
            for run in world.runs:
                for attempt in run.attempts:
                    if attempt.interval.start_ns <= at_ns < attempt.interval.end_ns:
                        for resource_id, share in attempt.holds:
                            if resource_id == machine.id:
                                shares[run.id] += share
            whole = max(Fraction(1), sum(shares.values(), Fraction(0)))
            for run, share in shares.items():
                counted[run] += share / whole
        owners = held[machine.id].ownership(start_ns, end_ns)
        found = {run: Fraction(weight * 600, owners.capacity) for run, weight in owners.runs}
        assert found == counted
        seen += len(found)
    assert seen > 2


def test_a_machine_that_no_run_ever_held_has_no_known_owner():
    world = world_of()
    forgotten = next(m for m in world.machines if m.venue is None and not m.serves_all)
    serving = next(m for m in world.machines if m.serves_all)
    pooled = next(m for m in world.machines if m.venue is Venue.SLURM)
    held = occupancies([forgotten, serving, pooled], [], world.bill)
    assert held[forgotten.id].rest is held[pooled.id].rest is Remainder.UNALLOCATED
    assert held[serving.id].rest is Remainder.SHARED


def test_what_nobody_held_is_idle_where_somebody_else_did():
    world = world_of()
    machine = next(m for m in world.machines if m.venue is Venue.AZURE)
    run = next(run for run in world.runs if run.venue is Venue.AZURE)
    hour = Interval(world.bill.start_ns, world.bill.start_ns + 3600 * SECOND)
    half = Interval(hour.start_ns, hour.start_ns + 1800 * SECOND)
    attempt = replace(run.attempts[0], interval=half, holds=((machine.id, Fraction(1, 2)),))
    held = occupancies([machine], [replace(run, attempts=(attempt,))], world.bill)
    owners = held[machine.id].ownership(hour.start_ns, hour.end_ns)
    parts = {part.run or part.remainder: part.nano for part in owners.divided(1000)}
    assert parts == {run.id: 250, Remainder.IDLE: 750}
