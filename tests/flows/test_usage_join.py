"""What a scheduler says of a metered run joins what the meter recorded: one machine, all labels."""

import pytest

pytest.importorskip("duckdb")

from clusters.exports import SACCT_HEADER, sacct_row
from flows.bills import trainfare
from flows.rides import ride

RUN = "slurm-hpc-7"


def sacct(home, *rows):
    file = home / "jobs.txt"
    file.write_text("\n".join([SACCT_HEADER, *rows]) + "\n")
    words = ("--gpus-per-node", 8, "--cpus-per-node", 96)
    return trainfare(home, "claims", "import", file, *words)


def resources(home, run=RUN):
    known = trainfare(home, "claims", "list", "--run", run)["claims"]
    return [(claim["source"], claim["resource"], claim["share"]) for claim in known]


def test_a_node_is_the_machine_that_the_run_was_metered_on(tmp_path):
    ride(tmp_path, RUN, 10, 11, resource="i-1", share="1/2")
    sacct(tmp_path, sacct_row(nodes="node-1"))
    # The same claim from both, so it is known once.
    assert resources(tmp_path) == [("sacct", "i-1", "0.5")]


def test_another_runs_node_keeps_its_name(tmp_path):
    ride(tmp_path, "r-else", 10, 11, resource="i-1")
    sacct(tmp_path, sacct_row(nodes="node-1"))
    assert resources(tmp_path) == [("sacct", "node-1", "0.5")]


def test_a_node_that_came_again_as_another_machine_is_told_by_time(tmp_path):
    ride(tmp_path, RUN, 8, 9, resource="i-1", share="1/2")
    ride(tmp_path, RUN, 10, 11, resource="i-2", share="1/2")
    first = sacct_row(times="2026-10-01T08:00:00|2026-10-01T09:00:00|01:00:00", nodes="node-1")
    sacct(tmp_path, first, sacct_row(nodes="node-1"))
    assert [(resource, share) for _, resource, share in resources(tmp_path)] == [
        ("i-1", "0.5"),
        ("i-2", "0.5"),
    ]


def test_what_the_scheduler_knows_of_a_metered_run_is_among_its_labels(tmp_path):
    ride(tmp_path, RUN, 10, 11, resource="i-1")
    sacct(tmp_path, sacct_row(nodes="node-1"))
    [row] = trainfare(tmp_path, "report", "--by", "team,slurm.user,run")["rows"]
    assert {"team": "nlp", "slurm.user": "ada", "run": RUN}.items() <= row.items()
