"""``make demo`` runs through: one real training, one company that is made up, every figure of it true."""

import csv
import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

pytest.importorskip("duckdb")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder of the demo and what it printed, with a training of two seconds."""
    folder = tmp_path_factory.mktemp("demo") / "home"
    told = {
        "TRAINFARE_DEMO_FOLDER": str(folder),
        "TRAINFARE_DEMO_SECONDS": "2",
        "TRAINFARE_METADATA": "off",
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py")],
        env={**os.environ, **told},
        cwd=folder.parent,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder, done.stdout


def test_the_demo_tells_its_story_in_order(demo):
    _, text = demo
    order = [
        " --home home run",
        " --home home receipt",
        "the receipt's compute and data say",
        "/trainfare simulate home/company",
        " sh home/company/import.sh",
        "Conserved to the nano.",
        " --home home report --by team",
        "(idle)",
        " --home home advise show",
        " --home home serve",
        "http://127.0.0.1:8642",
    ]
    places = [text.find(words) for words in order]
    assert -1 not in places, order[places.index(-1)]
    assert places == sorted(places)


def test_commands_that_the_demo_shows_work_where_they_are_copied(demo):
    folder, text = demo
    shown = re.findall(
        r"^\$ (.+ (?:receipt|report .+|advise show .+|sh .+|serve))$", text, re.MULTILINE
    )
    assert len(shown) == 5
    env = {key: value for key, value in os.environ.items() if not key.startswith("TRAINFARE_")}
    for command in shown:
        done = subprocess.run(
            command.replace(" serve", " serve --help"),
            shell=True, cwd=folder.parent, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, ""), command


def test_the_report_of_the_demo_sums_to_the_bill_that_was_made_up(demo):
    folder, text = demo
    with (folder / "company" / "truth.csv").open() as file:
        truth = [row for row in csv.DictReader(file) if row["view"] == "effective"]
    for currency in ("USD", "EUR"):
        table = text.partition(f"effective cost in {currency}")[2]
        (line,) = re.findall(r"^bill .*$", table.partition("Runs own")[0], re.MULTILINE)
        shown = Decimal(re.sub(r"[^0-9.-]", "", line.split()[-3]))  # before its share, as 100.0 %
        made = sum(Decimal(row["amount"]) for row in truth if row["currency"] == currency)
        assert abs(shown - made) < 60  # corrections come with the bill of the next month


def test_the_report_says_what_of_the_shared_costs_stands_in_its_rows(demo):
    """To the proof they are shared; to the report, the label's that a rule gives them to."""
    folder, text = demo
    done = subprocess.run(
        [sys.executable, "-m", "trainfare", "--home", str(folder), "verify", "--format", "json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    [shared] = [
        Decimal(one["shared"])
        for one in json.loads(done.stdout)["periods"]
        if (one["period"], one["currency"], one["view"]) == ("2026-10", "USD", "effective")
    ]
    table = text.partition("effective cost in USD")[2]
    apart, labelled = (
        Decimal(found[0].replace(",", ""))
        for found in (
            re.findall(r"^\(shared\) +\$([\d,.]+)", table, re.MULTILINE),
            re.findall(r"The rows\s+hold\s+\$([\d,.]+)\s+more", table),
        )
    )
    assert labelled > 0
    assert abs(apart + labelled - shared) <= Decimal("0.01")


def test_the_demo_reads_well_at_80_columns(demo):
    _, text = demo
    wide = [line for line in text.splitlines() if len(line) > 80]
    assert [line for line in wide if not line.strip().startswith(("/", "$"))] == []
