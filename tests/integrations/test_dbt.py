"""A real dbt builds tables in DuckDB; a training that reads one carries what went into it."""

import json
import os
import subprocess
import sys

import pytest

import trainfare
from trainfare.core.carry import CarryRule
from trainfare.flows.report import make_report
from trainfare.metering.history import read_receipt, read_receipts

pytest.importorskip("dbt.adapters.duckdb", reason="dbt-duckdb is not installed")

FILES = {
    "dbt_project.yml": (
        'name: lake\nversion: "1.0"\nprofile: lake\nmodels: {lake: {+materialized: table}}\n'
    ),
    "profiles.yml": (
        "lake:\n  target: dev\n  outputs: {dev: {type: duckdb, path: lake.duckdb, threads: 2}}\n"
    ),
    "models/raw.sql": "select range as id, hash(range) as token from range(200000)",
    "models/clean.sql": "select token % 1000 as token from {{ ref('raw') }} where id % 2 = 0",
    "models/words.sql": "select token, count(*) as n from {{ ref('clean') }} group by token",
    "models/beside.sql": "select count(*) as n from {{ ref('raw') }}",
}


def build(folder, home, *arguments):
    env = {
        "TRAINFARE_HOME": str(home),
        "TRAINFARE_PRICE": "3.6",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "0",
    }
    return subprocess.run(
        [sys.executable, "-m", "trainfare.integrations.dbt", "-q", *arguments],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "lake"
    (folder / "models").mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def test_what_dbt_built_is_carried_into_the_training_that_reads_a_table(project, tmp_path):
    home = tmp_path / "home"
    done = build(project, home, "run", "--profiles-dir", ".")
    assert done.returncode == 0, done.stdout + done.stderr
    (prep,) = read_receipts(home)
    assert (prep.run.name, prep.run.is_data) == ("dbt run", True)
    stages = set(prep.estimate.by_stage())
    assert stages <= {"data", *(f"data/{name}" for name in ("raw", "clean", "words", "beside"))}
    assert {"data/raw", "data/clean", "data/words"} <= stages
    with trainfare.track(run_id="t", price="3.6") as run:
        run.dataset("duckdb://lake/main/words")
    report = make_report(home, ("run",), carry=CarryRule.EVEN)
    (carried,) = report.carried["USD"].values()
    (kept,) = [one for one in carried.kept if one.nano]
    assert kept.output == "duckdb://lake/main/beside"
    row = next(row for row in report.tables[0] if row["run"] == "t")
    whole = read_receipt(home, prep.run.id).estimate.total
    assert row["estimated_carried_data"].nano == whole.nano - kept.nano > 0


def test_a_model_that_fails_fails_the_run_with_dbts_own_exit_code(project, tmp_path):
    (project / "models" / "clean.sql").write_text("select nothing from {{ ref('raw') }}")
    assert build(project, tmp_path / "home", "run", "--profiles-dir", ".").returncode == 1
    (prep,) = read_receipts(tmp_path / "home")
    assert prep.run.status.value == "failed"
    outputs = json.dumps([one.uri for s in prep.run.segments for one in s.artifacts])
    assert "main/raw" in outputs
    assert "main/clean" not in outputs
