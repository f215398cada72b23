"""A real Spark allocates a bill to the same integers as DuckDB, row by row."""

import json
import subprocess
import sys

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
    rows = [tuple(row.values()) for path in files for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=repr)


def on_spark(home, conf, *words):
    """What ``trainfare allocate`` answers when it is run on Spark in a process of its own."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "trainfare",
            "allocate",
            "--engine",
            "spark",
            *words,
            "--format",
            "json",
        ],
        env={**sparks.environment(conf), "TRAINFARE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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
    told = on_spark(there, tmp_path / "conf", "--master", "local[2]")
    assert told == expected
    assert written(there) == written(here)
    assert len(written(here)) > 8
    for words in (["verify"], ["report", "--by", "run,method"], ["explain", "a"]):
        assert trainfare(there, *words) == trainfare(here, *words)
    [folder] = (there / "allocations" / "2026-10").iterdir()  # nothing is left beside it
    assert folder.is_dir()
