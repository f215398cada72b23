"""A simulated month goes through the whole product, and every answer is held against its truth."""

import hashlib
import os
import shutil
import subprocess
import sys
from fractions import Fraction

import pytest
from bench.month import (
    advice_hits,
    alert_hits,
    attribution,
    budget_hits,
    conservation,
    estimates_off,
    idle_claimed,
    planted_in,
    runs_off,
    told,
    walk,
)

from flows.bills import said, trainfare
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.flows.simulated_month import Size, simulate_month

pytest.importorskip("duckdb")

SMALL = Size(runs=150, days=3, teams=3, period="2026-09")
SURE = ("duplicate", "failed_again", "diverged", "never_used", "unread_checkpoints")
"""Habits that no run has by chance."""


@pytest.fixture(autouse=True)
def metadata_off(monkeypatch):
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    monkeypatch.setenv("TRAINFARE_HOME", "")  # commands set it; put back afterwards


def walked_in(folder, size):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TRAINFARE_METADATA", "off")
        environment.setenv("TRAINFARE_HOME", "")
        return walk(folder, size)


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """A small month with faults and waste, brought in by the very commands that it names."""
    return walked_in(tmp_path_factory.mktemp("simulated") / "month", SMALL)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A smaller one without either."""
    size = Size(runs=60, days=2, teams=3, period="2026-09", faults="none", waste=0)
    return walked_in(tmp_path_factory.mktemp("clean") / "month", size)


def right_share(walked):
    """The part of all money that is with its true owner."""
    errors = attribution(walked)
    return Fraction(sum(one.right for one in errors), sum(one.nano for one in errors))


def test_made_up_lines_bills_and_parts_are_the_same_to_the_nano(walked, clean):
    for one in (walked, clean):
        rows = conservation(one)
        assert len(rows) >= 2
        assert all(made == bill == parts for _, made, bill, parts in rows)
        assert one.answers["verify"]["conserved"] is True


def test_money_finds_its_owner(walked):
    assert right_share(walked) > Fraction(95, 100)
    off = runs_off(walked)
    assert sum(one < Fraction(1, 100) for one in off) > len(off) * 3 // 4
    assert len(estimates_off(walked)) > 10


def test_without_faults_allocation_is_the_truth(clean):
    """But for what scrapes of DCGM, a quarter of an hour apart, say of the ends of pods."""
    assert right_share(clean) > Fraction(995, 1000)


def test_what_was_planted_is_found(walked):
    rows = planted_in(walked)
    hits = [budget_hits(walked, rows), alert_hits(walked, rows), *advice_hits(walked, rows)]
    assert [one for one in hits if one.found != one.planted or not one.planted] == []


def test_runs_that_waste_nothing_are_not_accused(walked, clean):
    for one in (walked, clean):
        others = {
            hit.kind.removeprefix("advice "): hit.others
            for hit in advice_hits(one, planted_in(one))
        }
        assert {habit: others[habit] for habit in SURE} == dict.fromkeys(SURE, 0)
        claimed, idle = idle_claimed(one)
        assert 0 < claimed <= idle


def test_the_scores_are_told(walked):
    text = told(walked)
    assert "NO" not in text
    for words in ("2026-09 EUR", "resource_overlap", "advice duplicate", "Processor seconds"):
        assert words in text


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_and_the_command_says_what_it_wrote(tmp_path):
    once = simulate_month(tmp_path / "once", Size(runs=40, days=2, teams=2, period="2026-09"))
    words = ("--runs", 40, "--days", 2, "--teams", 2, "--period", "2026-09")
    answer = trainfare(tmp_path, "simulate", tmp_path / "again", *words)
    assert digests(tmp_path / "once") == digests(tmp_path / "again")
    assert answer["billed"] == {unit: amount.text() for unit, amount in once.billed().items()}
    assert (answer["runs"], answer["period"]) == (40, "2026-09")
    assert all(Money.parse(amount, unit).nano for unit, amount in answer["billed"].items())
    text = said(tmp_path, "simulate", tmp_path / "told", *words)
    assert "trainfare report --by team" in text
    for name in ("bills", "claims", "home", "truth.csv", "faults.csv", "planted.csv", "import.sh"):
        assert name in text
        assert name in (tmp_path / "told" / "README.md").read_text()
        assert (tmp_path / "told" / name).exists()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    assert "not an empty folder" in trainfare(tmp_path, "simulate", tmp_path, code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(BadInput, match="faults 'all' are not one of"):
        simulate_month(tmp_path / "new", Size(faults="all"))


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell here")
def test_the_script_says_the_commands_of_the_answer(tmp_path):
    """With a stand-in that writes down what it is asked, from any folder."""
    month = simulate_month(tmp_path / "a month", Size(runs=10, days=1, teams=2, period="2026-09"))
    seen = tmp_path / "seen"
    stand_in = tmp_path / "trainfare"
    write = f"print(*sys.argv[1:], file=open({str(seen)!r}, 'a'))"
    stand_in.write_text(f"#!{sys.executable}\nimport sys\n{write}\n")
    stand_in.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    script = ["sh", str(month.folder / "import.sh")]
    subprocess.run(script, cwd=tmp_path, env={**os.environ, "PATH": path}, check=True)
    asked = [" ".join(step).replace(f"{month.folder}/", "") for step in month.steps]
    assert seen.read_text().splitlines() == [*asked, "report --by team"]


@pytest.mark.long
def test_a_large_month_with_many_faults_holds_too(tmp_path):
    """5,000 runs of 40 teams: a company with three clouds and a Slurm cluster."""
    one = walked_in(tmp_path / "month", Size(runs=5000, teams=40, period="2026-09", faults="many"))
    print(told(one))
    assert all(made == bill == parts for _, made, bill, parts in conservation(one))
    assert right_share(one) > Fraction(4, 5)
    hits = {hit.kind.removeprefix("advice "): hit for hit in advice_hits(one, planted_in(one))}
    assert all(hits[habit].others <= hits[habit].planted // 5 for habit in SURE)
    assert sum(hits[habit].found for habit in SURE) > sum(hits[h].planted for h in SURE) // 2
