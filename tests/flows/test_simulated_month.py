"""A simulated month is written, imported, allocated and asked, and held against its own truth."""

import csv
import hashlib
import os
import shutil
import subprocess
import sys
from decimal import Decimal

import pytest

from flows.bills import said, trainfare

pytest.importorskip("duckdb")

SMALL = ("--runs", 60, "--days", 2, "--teams", 3, "--period", "2026-09")


@pytest.fixture(autouse=True)
def metadata_off(monkeypatch):
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.setenv("TRAINFARE_HOME", "")  # commands set it; put back afterwards


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    """A small month, imported by the very commands that it names."""
    environment = pytest.MonkeyPatch()
    environment.setenv("TRAINFARE_METADATA", "off")
    environment.setenv("TRAINFARE_HOME", "")
    folder = tmp_path_factory.mktemp("simulated") / "month"
    answer = trainfare(folder / "none", "simulate", folder, *SMALL)
    written, home = digests(folder), folder / "home"
    answers = [trainfare(home, *step) for step in answer["steps"]]
    environment.undo()
    return folder, home, answer, answers, written


def test_the_same_seed_gives_the_same_bytes(tmp_path, month):
    again = tmp_path / "month"
    said(tmp_path / "none", "simulate", again, *SMALL)
    assert digests(again) == month[-1]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    assert "not an empty folder" in trainfare(tmp_path, "simulate", tmp_path, *SMALL, code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_everything_that_the_month_names_is_imported_and_conserved(month):
    _, _, answer, answers, _ = month
    assert answers[-1]["conserved"] is True
    sums = {}
    for row in answers[-1]["periods"]:
        if row["view"] == "billed":
            sums[row["currency"]] = sums.get(row["currency"], 0) + Decimal(row["bill"])
    # A Cost and Usage Report bills covered usage on demand and takes it back, to the cent below.
    assert sums["EUR"] == Decimal(answer["billed"]["EUR"])
    assert abs(sums["USD"] - Decimal(answer["billed"]["USD"])) < 100
    assert all(step[0] in ("bill", "claims", "allocate", "verify") for step in answer["steps"])


def test_runs_have_what_they_truly_cost_where_records_are_right(month):
    folder, home, *_ = month
    truth = {}
    for row in rows_of(folder / "truth.csv"):
        if row["view"] == "effective" and row["run"] and row["currency"] == "USD":
            truth[row["run"]] = truth.get(row["run"], 0) + Decimal(row["amount"])
    found = trainfare(home, "report", "--by", "run")
    allocated = {row["run"]: Decimal(row["allocated"] or 0) for row in found["rows"]}
    near = [run for run in truth if abs(allocated.get(run, 0) - truth[run]) <= truth[run] / 100]
    assert len(near) > len(truth) * 3 // 4


def test_the_readme_and_the_script_name_what_there_is(month):
    folder, *_ = month
    text = (folder / "README.md").read_text()
    for name in ("bills", "claims", "home", "truth.csv", "faults.csv", "planted.csv", "import.sh"):
        assert name in text
        assert (folder / name).exists()


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell here")
def test_the_script_says_the_commands_of_the_answer(month, tmp_path):
    """With a stand-in that writes down what it is asked, from any folder."""
    folder, _, answer, *_ = month
    seen = tmp_path / "seen"
    stand_in = tmp_path / "trainfare"
    stand_in.write_text(
        f'#!{sys.executable}\nimport sys\nprint(*sys.argv[1:], file=open({str(seen)!r}, "a"))\n'
    )
    stand_in.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    script = ["sh", str(folder / "import.sh")]
    subprocess.run(script, cwd=tmp_path, env={**os.environ, "PATH": path}, check=True)
    asked = [" ".join(step).replace(f"{folder}/", "") for step in answer["steps"]]
    assert seen.read_text().splitlines() == [*asked, "report --by team"]
