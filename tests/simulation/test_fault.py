"""Faults do what they say to the records, and nothing to the truth."""

from collections import Counter
from dataclasses import replace

import pytest

from simulation.worlds import world_of
from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND
from trainfare.simulation.fault import ALL_FAULTS, RATES, Faults, Source

CLEAN = {"runs": 120, "days": 5}
ON_RECORDS = ("lost_heartbeats", "missing_claims", "clock_skew", "stale_tags", "wrong_tags")


def with_fault(name, rate=1.0):
    return world_of(7, Faults(**{name: rate}), **CLEAN)


def claims_of(world):
    return {(t.claim.run, t.claim.attempt, t.claim.resource_id): t for t in world.traces}


@pytest.mark.parametrize("name", ON_RECORDS)
def test_a_fault_of_the_records_changes_no_truth(name):
    world = with_fault(name)
    assert world.truth(is_detailed=True) == world_of(7, **CLEAN).truth(is_detailed=True)
    assert world.runs == world_of(7, **CLEAN).runs
    assert {fault.kind for fault in world.faults} == {name}


@pytest.mark.parametrize("name", ON_RECORDS)
def test_every_difference_of_the_records_stands_in_the_ledger(name):
    clean, world = world_of(7, **CLEAN), with_fault(name, 0.3)
    before, after = claims_of(clean), claims_of(world)
    changed = {key for key in before if before[key] != after.get(key)}
    tagged = {
        new.id
        for old, new in zip(clean.machines, world.machines, strict=True)
        if old.tags != new.tags
    }
    subjects = {fault.subject for fault in world.faults}
    assert {run if run in subjects else machine for run, _, machine in changed} | tagged == subjects
    assert set(after) <= set(before)
    assert len(subjects) > 2


def test_lost_heartbeats_cut_metered_claims_short():
    before, after = claims_of(world_of(7, **CLEAN)), claims_of(with_fault("lost_heartbeats"))
    for key, trace in before.items():
        old, new = trace.claim.interval, after[key].claim.interval
        assert new.start_ns == old.start_ns
        if trace.source is Source.METER and old.duration_ns > SECOND:
            assert new.end_ns < old.end_ns
        elif trace.source is not Source.METER:
            assert new == old


def test_a_skewed_clock_shifts_all_claims_of_its_machine_alike():
    before, after = claims_of(world_of(7, **CLEAN)), claims_of(with_fault("clock_skew"))
    shifts = {}
    for key, trace in before.items():
        old, new = trace.claim.interval, after[key].claim.interval
        assert new.duration_ns == old.duration_ns
        shift = new.start_ns - old.start_ns
        assert shifts.setdefault(key[2], shift) == shift
        assert (30 <= abs(shift) // SECOND <= 600) == (trace.source is Source.METER)


def test_missing_claims_leave_nothing_of_a_run():
    world = with_fault("missing_claims", 0.3)
    gone = {fault.subject for fault in world.faults}
    assert gone == {run.id for run in world.runs} - {trace.claim.run for trace in world.traces}
    assert not gone & set(world.jobs.values())


def test_a_stale_tag_names_the_first_run_of_its_machine():
    world = with_fault("stale_tags")
    for fault in world.faults:
        machine = next(m for m in world.machines if m.id == fault.subject)
        users = [
            (attempt.interval.start_ns, run.id)
            for run in world.runs
            for attempt in run.attempts
            for resource_id, _ in attempt.holds
            if resource_id == machine.id
        ]
        assert dict(machine.tags)["run_id"] == min(users)[1]
        assert machine.run is None


def test_a_wrong_tag_names_another_run():
    world = with_fault("wrong_tags")
    own = [machine for machine in world.machines if machine.run is not None]
    assert len(own) == len(world.faults) > 5
    ids = {run.id for run in world.runs}
    assert all(dict(m.tags)["run_id"] in ids - {m.run} for m in own)


def test_tags_on_the_bill_are_those_of_the_machine():
    world = with_fault("stale_tags")
    tags = {machine.place.resource_id: machine.tags for machine in world.machines}
    lines = [line for line in world.lines if line.place.resource_id in tags]
    assert lines
    assert all(line.tags == tags[line.place.resource_id] for line in lines)


def test_late_corrections_are_charged_in_the_next_month_for_this_one():
    world = with_fault("late_corrections")
    late = [each for each in world.final if each.period == world.period.next()]
    assert {each.provider for each in late} == {"aws", "gcp"}
    lines = [line for each in late for line in each.lines]
    assert Counter(f.kind for f in world.faults) == {"late_corrections": len(late)}
    usage = {
        (line.place, line.product, line.interval): line
        for line in world.lines
        if line.kind == "usage"
    }
    for line in lines:
        original = usage[line.place, line.product, line.interval]
        assert line.kind == "correction"
        assert -original.effective_nano < line.effective_nano < 0
        assert line.ownership == original.ownership
        assert world.bill.start_ns <= line.interval.start_ns < world.bill.end_ns


def test_other_lines_do_not_change_when_some_are_corrected():
    world, clean = with_fault("late_corrections"), world_of(7, **CLEAN)
    assert [d for d in world.final if d.period == world.period] == list(clean.final)


@pytest.mark.parametrize("rate", [-0.1, 1.5])
@pytest.mark.parametrize("name", RATES)
def test_a_rate_is_from_0_to_1(name, rate):
    with pytest.raises(BadInput, match=f"{name} {rate} is not a rate"):
        Faults(**{name: rate})


def test_faults_do_not_disturb_one_another():
    """Each has random numbers of its own: the ledger of all is the sum of the ledgers of each."""
    together = world_of(7, replace(ALL_FAULTS, day_grain=False), **CLEAN).faults
    for name in ON_RECORDS:
        alone = with_fault(name, getattr(ALL_FAULTS, name)).faults
        if name == "missing_claims":
            assert [f for f in together if f.kind == name] == list(alone)
        else:  # of a run that is missing altogether, nothing else can go wrong
            assert {f for f in together if f.kind == name} <= set(alone)
