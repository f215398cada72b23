"""A real Spark allocates a bill to the same integers as DuckDB, row by row."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from flows.bills import hour, trainfare, write_bill, write_claims
from integrations import sparks

pytest.importorskip("pyspark")

RULES = """
[[rule]]
name = "support"
match = 'ServiceName = "Amazon EC2" and ResourceId = "bucket"'
shared = "proportional"
scope = 'RegionId = "us-east-1"'

[[rule]]
name = "batch"
match = 'Tags.job regex "^nightly"'
run = "{Tags.job}-{SubAccountId}"
"""


def written(home):
    """The rows of every result in *home*, and how the ledger tells them."""
    files = [p for p in (home / "allocations").rglob("*.parquet") if not p.name.startswith(".")]
    found = [row for path in files for row in pq.read_table(path).to_pylist()]
    rows = [{**row, "face": None} for row in found]  # its number is an engine's own
    return sorted(rows, key=repr)


def started(home, conf, *words):
    """``trainfare allocate`` on Spark, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "trainfare", "allocate", *words, "--format", "json"],
        env={**sparks.environment(conf), "TRAINFARE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def on_spark(home, conf, *words):
    """What ``trainfare allocate`` answers when it is run on Spark."""
    process = started(home, conf, *words)
    out, err = process.communicate(timeout=sparks.PATIENCE * 4)
    assert process.returncode == 0, err
    return json.loads(out)


def wait_for(home, table, process):
    """Wait until an allocation under way has written *table*."""
    folder = home / "allocations" / "2026-10"
    sparks.wait(
        lambda: process.poll() is not None or list(folder.glob(f".spill-*/{table}/_SUCCESS")),
        f"table {table} in {folder}",
    )
    assert process.poll() is None, process.communicate()[1]


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """Two homes with the same bill, claims and rules."""
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    bill = write_bill(
        tmp_path / "bill.csv",
        hour("i-1", 8, "8.000000001"),
        hour("i-1", 9, "-0.100000003", category="Credit"),
        hour("i-2", 8, "3.333333333", tags='{"user:run_id": "My run", "team": "nlp"}'),
        hour("i-3", 23, "1.7", tags='{"job": "nightly-etl"}'),
        hour("bucket", 0, "0.700000007"),
        hour("", 1, "5", category="Tax"),
    )
    claims = write_claims(
        tmp_path / "claims.csv",
        ("a", "i-1", 8, 9.3, "1"),
        ("b", "i-1", 8.2, 9, "0.5"),
        ("c", "i-2", 8, 8.5, "0.3"),
        ("c", "i-lost", 8, 9, "1"),
    )
    made = []
    for name in ("one", "two"):
        home = tmp_path / name
        monkeypatch.setenv("TRAINFARE_HOME", str(home))
        trainfare(home, "bill", "import", bill)
        trainfare(home, "claims", "import", claims)
        (home / "rules.toml").write_text(RULES)
        made.append(home)
    return made


def test_spark_gives_what_duckdb_gives_and_its_result_becomes_current(homes, tmp_path):
    here, there = homes
    expected = trainfare(here, "allocate")
    told = on_spark(there, tmp_path / "conf", "--engine", "spark", "--master", "local[2]")
    assert told == expected
    assert written(there) == written(here)
    assert len(written(here)) > 8
    for words in (["verify"], ["report", "--by", "run,method"], ["explain", "a"]):
        assert trainfare(there, *words) == trainfare(here, *words)
    [folder] = (there / "allocations" / "2026-10").iterdir()  # nothing is left beside it
    assert folder.is_dir()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with sparks.cluster(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.mark.long
def test_spark_connect_gives_what_duckdb_gives(homes, tmp_path):
    here, there = homes
    expected = trainfare(here, "allocate")
    with sparks.connect_server(tmp_path / "connect", "local[2]") as address:
        told = on_spark(there, tmp_path / "conf", "--remote", address)
    assert told == expected
    assert written(there) == written(here)


@pytest.mark.long
def test_every_golden_case_is_the_same_on_a_cluster(cluster, tmp_path):
    """The bills that the room's tests are about, two simulated clusters, and 20 drawn at random."""
    words = ["20", "test_by_hand.py", "test_by_hand_pools.py"]
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "integrations.spark_cases", tmp_path / "cases", cluster.url, *words],
        env={**sparks.environment(tmp_path / "conf"), "PYTHONPATH": paths(root)},
        cwd=root,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads((tmp_path / "cases" / "answer.json").read_text())
    assert answer["different"] == {}
    assert answer["cases"] > 60
    assert answer["rows"] > 400


def paths(root):
    """Where the driver finds the tests, and what else is said about where modules are."""
    return os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.mark.long
def test_a_worker_that_is_killed_costs_time_only(cluster, homes, tmp_path):
    here, there = homes
    trainfare(here, "allocate")
    process = started(there, tmp_path / "conf", "--master", cluster.url)
    wait_for(there, "places", process)
    sparks.kill(cluster.workers[0])
    _, err = process.communicate(timeout=sparks.PATIENCE * 4)
    assert process.returncode == 0, err
    assert written(there) == written(here)
    assert trainfare(there, "verify")["conserved"] is True


@pytest.mark.long
@pytest.mark.parametrize("killed", ["java", "python"])
def test_a_driver_that_is_killed_leaves_the_result_that_was_current(killed, homes, tmp_path):
    here, there = homes
    for home in homes:
        trainfare(home, "allocate")
    before = trainfare(there, "report", "--by", "run")
    more = write_claims(tmp_path / "more.csv", ("late", "i-3", 23, 23.5, "1"))
    for home in homes:
        trainfare(home, "claims", "import", more)
    process = started(there, tmp_path / "conf", "--master", "local[2]")
    wait_for(there, "places", process)
    driver = java_of(process.pid)
    os.kill(driver if killed == "java" else process.pid, signal.SIGKILL)
    _, err = process.communicate(timeout=sparks.PATIENCE)
    if killed == "java":
        assert process.returncode == 3
        assert err.strip().splitlines()[-1].startswith("trainfare: Spark failed (")
    sparks.wait(lambda: not Path(f"/proc/{driver}").exists(), f"end of the driver {driver}")
    assert trainfare(there, "report", "--by", "run") == before
    for left in (there / "allocations" / "2026-10").glob(".spill-*"):
        os.utime(left, (1, 1))  # what was just made might be another's at work
    told = on_spark(there, tmp_path / "conf", "--master", "local[2]")
    expected = trainfare(here, "allocate")
    for answer in (told, expected):  # how much was allocated anew is each engine's own
        for period in answer["periods"]:
            del period["resource_days"], period["whole_because"]
    assert told == expected
    assert not list((there / "allocations" / "2026-10").glob(".spill-*"))
    assert trainfare(there, "report", "--by", "run") == trainfare(here, "report", "--by", "run")


def java_of(parent):
    """The Java process that a Python process started."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with_name = status.read_text().rpartition(")")
        if with_name[2].split()[1] == str(parent) and "(java" in with_name[0]:
            return int(status.parent.name)
    raise AssertionError(f"no Java under {parent}")
