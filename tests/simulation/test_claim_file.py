"""Records of claims, read back as text: they say what the world recorded."""

import json
from fractions import Fraction

import pytest

from simulation.worlds import rows_in, world_of
from trainfare.core.claim import exact_share
from trainfare.core.period import SECOND, parse_instant
from trainfare.simulation.claim_file import write_claims, write_sagemaker
from trainfare.simulation.fault import ALL_FAULTS, NO_FAULTS, Source

BIG = {"runs": 120, "days": 5}


@pytest.mark.parametrize("faults", [NO_FAULTS, ALL_FAULTS], ids=["clean", "faulty"])
def test_the_generic_file_has_every_claim(faults, tmp_path):
    world = world_of(7, faults, **BIG)
    rows = rows_in(write_claims(world, tmp_path / "claims.csv"))
    assert len(rows) == len(world.traces)
    labels = {run.id: dict(run.labels) for run in world.runs}
    for row, trace in zip(rows, world.traces, strict=True):
        claim = trace.claim
        assert (row["run"], row["resource"]) == (claim.run, claim.resource_id)
        assert parse_instant(row["start"]) == claim.interval.start_ns
        assert parse_instant(row["end"]) == claim.interval.end_ns
        assert Fraction(row["share"]) == claim.share
        assert int(row["attempt"]) == claim.attempt
        assert row["label.team"] == labels[claim.run]["team"]


@pytest.mark.parametrize("source", Source)
def test_sources_can_be_written_apart(source, tmp_path):
    world = world_of(**BIG)
    rows = rows_in(write_claims(world, tmp_path / "some.csv", sources=(source,)))
    assert len(rows) == sum(trace.source is source for trace in world.traces) > 0


def test_a_share_that_no_decimal_holds_is_a_fraction():
    assert exact_share(Fraction(1, 3)) == "1/3"
    assert exact_share(Fraction(3, 8)) == "0.375"


def test_sagemaker_tells_interruptions_and_bills_only_what_ran(tmp_path):
    world = world_of(**BIG)
    jobs = json.loads(write_sagemaker(world, tmp_path / "jobs.json").read_text())
    runs = {run.job: run for run in world.runs if run.job.startswith("arn:")}
    assert {job["TrainingJobArn"] for job in jobs} == set(runs)
    assert any(len(run.attempts) > 1 for run in runs.values())
    for job in jobs:
        attempts = runs[job["TrainingJobArn"]].attempts
        seconds = sum(attempt.interval.duration_ns for attempt in attempts) // SECOND
        assert job["BillableTimeInSeconds"] == seconds <= job["TrainingTimeInSeconds"]
        steps = [step["Status"] for step in job["SecondaryStatusTransitions"]]
        assert steps.count("Interrupted") == len(attempts) - 1
