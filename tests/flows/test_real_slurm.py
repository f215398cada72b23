"""A real Slurm with accounting: what jobs meter and what sacct says are one run and one share.

One node, munge, MariaDB, slurmdbd, slurmctld and slurmd, set up for these tests and gone after them.
"""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

pytest.importorskip("duckdb")

from flows.bills import HEADER, trainfare
from slurm import CLUSTER, PROGRAMS, slurm_cluster
from trainfare.core.period import HOUR, BillingPeriod, format_instant, parse_instant

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
HOOKS = ROOT / "examples" / "slurm"
TRAIN = (
    "import time, trainfare\n"
    "with trainfare.track(model='tiny') as run:\n"
    "    for _ in run.steps(range(20)):\n"
    "        time.sleep(0.1)\n"
)

DEAF = (
    "import signal, time, trainfare; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "run = trainfare.track(); [(run.step(), time.sleep(0.1)) for _ in range(10**5)]"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory, need):
    """The cluster, with the hooks of the examples, and a driver that shows two GPUs."""
    for program in PROGRAMS:
        need(program)
    folder = tmp_path_factory.mktemp("site")
    driver = folder / "libnvidia-ml.so.1"
    source = ROOT / "tests" / "metering" / "fake_nvml.c"
    subprocess.run(
        [need("gcc"), "-O1", "-shared", "-fPIC", "-o", str(driver), str(source)], check=True
    )
    words = {
        "TRAINFARE_HOME": folder / "home",
        "TRAINFARE_PRICE": "7.2/h",
        "TRAINFARE_METADATA": "off",
    }
    env_file = folder / "site.env"
    env_file.write_text("".join(f"{name}={value}\n" for name, value in words.items()))
    program = folder / "trainfare"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT}/src exec {sys.executable} -m trainfare "$@"\n'
    )
    program.chmod(0o755)
    (folder / "train.py").write_text(TRAIN)
    hooks = {}
    for name, file in (("TaskProlog", "task_prolog.sh"), ("Epilog", "epilog.sh")):
        hook = folder / file
        hook.write_text(
            f"#!/bin/sh\nTRAINFARE_SITE={env_file} TRAINFARE={program} exec {HOOKS / file}\n"
        )
        hook.chmod(0o755)
        hooks[name] = hook
    with slurm_cluster(hooks) as cluster:
        cluster.home, cluster.train = folder / "home", folder / "train.py"
        cluster.words = {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT}/src",
            "LD_LIBRARY_PATH": str(folder),
            "FAKE_NVML_GPUS": "2",
        }
        yield cluster


def submit(site, script, *words):
    """Submit *script*; in it ``$PYTHON`` is this Python and ``$TRAIN`` a training of two seconds."""
    own = {"PYTHON": sys.executable, "TRAIN": str(site.train)}
    return site.submit(script, *words, env={**site.words, **own})


def receipt(site, run):
    return trainfare(site.home, "receipt", run)


def sync(site, monkeypatch):
    """What the server's job does: asks sacct and scontrol."""
    (site.home / "jobs.toml").write_bytes((HOOKS / "jobs.toml").read_bytes())
    monkeypatch.setenv("SLURM_CONF", site.env["SLURM_CONF"])
    return trainfare(site.home, "jobs", "run", "usage")


def claims(site, run):
    return trainfare(site.home, "claims", "list", "--run", run)["claims"]


def test_a_job_is_one_run_with_the_share_that_it_was_allocated(site, monkeypatch):
    job = submit(
        site,
        "srun -n2 trainfare run --quiet -- $PYTHON $TRAIN",
        "--gres=gpu:1",
        "-n2",
        "--comment=team=nlp seed=3",
    )
    site.await_end(job)
    run = f"slurm-{CLUSTER}-{job}"
    found = receipt(site, run)
    assert found["status"] == "finished", site.outputs()
    assert len(found["attempts"]) == 1
    [resource] = found["attempts"][0]["resources"]
    assert resource["share"] == "0.5"
    assert found["steps"] == 20
    assert found["labels"]["slurm.partition"] == "gpu"
    sync(site, monkeypatch)
    known = claims(site, run)
    assert {claim["source"] for claim in known} == {"metered", "sacct"}
    assert {(claim["resource"], claim["share"]) for claim in known} == {(resource["id"], "0.5")}
    labels = trainfare(site.home, "report", "--by", "team,seed,model")["rows"]
    assert {"team": "nlp", "seed": "3", "model": "tiny"}.items() <= labels[0].items()


def test_a_requeued_job_is_one_run_of_two_attempts_to_both(site, monkeypatch):
    job = submit(
        site,
        "trainfare run --quiet -- $PYTHON $TRAIN\n"
        '[ "$SLURM_RESTART_COUNT" ] || { scontrol requeue $SLURM_JOB_ID; sleep 60; }',
        "--gres=gpu:2",
        "--requeue",
    )
    ran = site.await_end(job, ("COMPLETED", "REQUEUED"))
    assert [state for _, state, *_ in ran] == ["REQUEUED", "COMPLETED"]
    run = f"slurm-{CLUSTER}-{job}"
    assert len(receipt(site, run)["attempts"]) == 2
    sync(site, monkeypatch)
    known = claims(site, run)
    for source in ("metered", "sacct"):
        assert sorted(c["attempt"] for c in known if c["source"] == source) == [1, 2]
    assert {(c["resource"], c["share"]) for c in known} == {(known[0]["resource"], "1")}


def test_each_task_of_an_array_is_a_run(site, monkeypatch):
    job = submit(site, "trainfare run --quiet -- $PYTHON $TRAIN", "--gres=gpu:1", "--array=3-4")
    site.await_end(job)
    sync(site, monkeypatch)
    runs = [f"slurm-{CLUSTER}-{job}-{task}" for task in (3, 4)]
    for run in runs:
        assert receipt(site, run)["attempts"][0]["resources"][0]["share"] == "0.5"
        assert {claim["source"] for claim in claims(site, run)} == {"metered", "sacct"}


def test_a_job_that_was_not_metered_is_claimed_by_what_sacct_says(site, monkeypatch):
    job = submit(site, "sleep 2", "--gres=gpu:1", "--comment=run_id=plain-1 team=vision")
    site.await_end(job)

    def is_claimed():  # slurmdbd may be told of a comment, or of a step's end, a little later
        sync(site, monkeypatch)
        known = trainfare(site.home, "claims", "list")["claims"]
        return "plain-1" in {claim["run"] for claim in known}

    site.await_that(is_claimed)
    [claim] = claims(site, "plain-1")
    assert (claim["share"], claim["resource"], claim["source"]) == ("0.5", site.host, "sacct")


def test_the_epilog_closes_what_the_end_of_a_job_killed(site):
    job = submit(site, f"trap '' TERM; $PYTHON -c '{DEAF}'", "--gres=gpu:1")
    folder = site.home / "runs" / f"slurm-{CLUSTER}-{job}"
    site.await_that(lambda: list(folder.glob("*/events.jsonl")))
    site.run("scancel", job)
    site.await_end(job, ("CANCELLED",))
    [events] = folder.glob("*/events.jsonl")
    site.await_that(lambda: '"end"' in events.read_text())
    assert receipt(site, folder.name)["status"] == "killed"


def test_the_bill_of_the_node_is_given_by_the_shares_that_slurm_allotted(site, monkeypatch):
    job = submit(site, "srun trainfare run --quiet -- $PYTHON $TRAIN", "--gres=gpu:1")
    site.await_end(job)
    sync(site, monkeypatch)
    run = f"slurm-{CLUSTER}-{job}"
    known = claims(site, run)
    [resource] = {claim["resource"] for claim in known}
    start_ns = min(parse_instant(claim["start"]) for claim in known)
    end_ns = max(parse_instant(claim["end"]) for claim in known)
    hour_ns = start_ns // HOUR * HOUR
    hours = -(-(end_ns - hour_ns) // HOUR)
    charges = [charge(resource, hour_ns + n * HOUR) for n in range(hours)]
    bill = site.home / "bill.csv"
    bill.write_text("\n".join([HEADER, *charges]) + "\n")
    trainfare(site.home, "bill", "import", bill, "--source", "ward")
    trainfare(site.home, "allocate")
    assert trainfare(site.home, "verify")["conserved"] is True
    rows = trainfare(site.home, "report", "--by", "run")["rows"]
    [allocated] = [row["allocated"] for row in rows if row["run"] == run]
    # Both sources claim half of the node; together they do so from the earliest start to the end.
    half = Fraction(end_ns - start_ns, HOUR) * Fraction(36, 2)
    assert abs(Fraction(allocated) - half) < Fraction(1, 10**4)


def charge(resource, start_ns):
    """36 dollars for the hour of *resource* that begins at *start_ns*."""
    start, end = format_instant(start_ns), format_instant(start_ns + HOUR)
    month = f"{start[:7]}-01T00:00:00Z"
    following = format_instant(BillingPeriod.parse(start[:7]).interval.end_ns)
    return (
        f"36,36,36,36,USD,acct-1,{month},{following},{start},{end},Usage,Amazon EC2,Compute,AWS,"
        f"{resource},1,Hours,,AWS,sub-1,us-east-1,Virtual Machines"
    )
