"""Slurm's accounting as text: requeues, steps, GPUs once with and once without their type."""

import csv
import re
from collections import Counter

from simulation.worlds import rows_in, world_of
from trainfare.simulation.fleet import Venue
from trainfare.simulation.slurm_file import write_nodes, write_sacct

BIG = {"runs": 200, "days": 5}


def jobs_of(tmp_path):
    path = write_sacct(world_of(**BIG), tmp_path / "sacct.txt")
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="|"))


def test_each_requeue_is_a_record_of_the_same_job(tmp_path):
    jobs = [job for job in jobs_of(tmp_path) if "." not in job["JobID"]]
    stretches = Counter(job["JobID"] for job in jobs)
    runs = [run for run in world_of(**BIG).runs if run.venue is Venue.SLURM]
    assert stretches == Counter({run.job: len(run.attempts) for run in runs} | {"999999": 1})
    assert max(stretches.values()) > 1
    assert {job["State"].split()[0] for job in jobs} >= {"PREEMPTED", "COMPLETED", "PENDING"}


def test_steps_repeat_what_their_job_holds(tmp_path):
    jobs = jobs_of(tmp_path)
    steps = [job for job in jobs if job["JobID"].endswith((".batch", ".extern"))]
    whole = [job for job in jobs if "." not in job["JobID"] and job["State"] != "PENDING"]
    assert len(steps) == 2 * len(whole)


def test_typed_gpus_are_the_same_gpus_again(tmp_path):
    for job in jobs_of(tmp_path):
        if job["AllocTRES"]:
            total = int(re.search(r"gres/gpu=(\d+)", job["AllocTRES"])[1])
            typed = sum(map(int, re.findall(r"gres/gpu:\w+=(\d+)", job["AllocTRES"])))
            assert total == typed > 0


def test_wide_jobs_have_bracketed_host_lists_and_comments_name_some_runs(tmp_path):
    jobs = jobs_of(tmp_path)
    assert any(re.fullmatch(r"gpu\[\d{3},\d{3}\]", job["NodeList"]) for job in jobs)
    comments = {bool(job["Comment"]) for job in jobs if "." not in job["JobID"]}
    assert comments == {True, False}


def test_the_inventory_has_every_node_of_both_clusters(tmp_path):
    rows = rows_in(write_nodes(world_of(**BIG), tmp_path / "nodes.csv"))
    machines = {machine.node: machine for machine in world_of(**BIG).machines if machine.node}
    assert {row["node"] for row in rows} == set(machines)
    for row in rows:
        assert row["resource"] == machines[row["node"]].id
        assert int(row["gpus"]) == machines[row["node"]].type.gpus
