"""``trainfare commit``: plans from files and from bills, and every wrong file with its place."""

import json
import os
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest

DEMAND = "hour,sku,quantity,on_demand_price\n"
RATES = """sku,kind,term,rate
p5,aws_compute_savings_plan,1y,70
p5,aws_compute_savings_plan,3y,45
p5,aws_reserved_instance,1y,62
"""


def trainfare(home, *words):
    environment = {**os.environ, "TRAINFARE_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "trainfare", "commit", *map(str, words)],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip


def hours(machines):
    """A file's lines: so many machines of one kind in each hour."""
    lines = [
        f"2026-{1 + hour // 24 // 28:02d}-{1 + hour // 24 % 28:02d}T{hour % 24:02d}:00:00Z,p5,{count},100"
        for hour, count in enumerate(machines)
    ]
    return DEMAND + "\n".join(lines) + "\n"


@pytest.fixture
def steady(tmp_path):
    random = np.random.default_rng(1)
    (tmp_path / "demand.csv").write_text(hours(8 + random.poisson(1, 24 * 28)))
    (tmp_path / "rates.csv").write_text(RATES)
    return tmp_path


def test_steady_demand_is_bought_for_and_proven(steady):
    words = ("--demand", steady / "demand.csv", "--rates", steady / "rates.csv")
    found = json.loads(trainfare(steady, "plan", *words, "--format", "json").stdout)
    assert found["buy"] is True
    assert [(one["kind"], one["term"]) for one in found["plan"]] == [
        ("aws_reserved_instance", "1y")
    ]
    assert 8 <= found["plan"][0]["machines"] <= 10
    assert (
        Decimal(found["cost_without"]) - Decimal(found["cost_with"]) == Decimal(found["saving"]) > 0
    )
    assert all(Decimal(one["saving"]) > 0 for one in found["backtest"])
    assert found["gap"] < 0.01
    longer = json.loads(
        trainfare(steady, "plan", *words, "--longest", "3y", "--format", "json").stdout
    )
    assert [one["term"] for one in longer["plan"]] == ["3y"]
    assert Decimal(longer["saving"]) > Decimal(found["saving"])


def test_what_a_person_sees(steady):
    words = ("--demand", steady / "demand.csv", "--rates", steady / "rates.csv")
    done = trainfare(steady, "plan", *words)
    assert done.returncode == 0, done.stderr
    for text in (
        "Buy",
        "aws reserved instance",
        "× p5",
        "later hours",
        "hindsight",
        "nothing",
        "scenarios",
    ):
        assert text in done.stdout
    done = trainfare(steady, "backtest", *words, "--windows", "3")
    assert done.stdout.count("2026-01-") == 3
    assert "In all: promised" in done.stdout
    assert "held to the end of its term" in done.stdout


def test_a_back_test_sums_its_windows_and_walks_through_history(steady):
    words = ("--demand", steady / "demand.csv", "--rates", steady / "rates.csv")
    done = trainfare(steady, "backtest", *words, "--windows", "3", "--format", "json")
    found = json.loads(done.stdout)
    assert len(found["windows"]) == 3
    base, saved, regret = (
        sum(Decimal(one[key]) for one in found["windows"])
        for key in ("on_demand", "saving", "regret")
    )
    assert found["backtested_rate"] == pytest.approx(float(saved / base), abs=1e-6)
    assert found["regret_rate"] == pytest.approx(float(regret / base), abs=1e-6)
    held = found["held_to_term"]
    assert Decimal(held["nothing"]["saving"]) == 0 < Decimal(held["plan"]["saving"])
    assert Decimal(held["plan"]["saving"]) <= Decimal(held["hindsight"]["saving"])


def test_demand_that_comes_and_goes_gets_nothing_and_the_reason(tmp_path):
    (tmp_path / "demand.csv").write_text(
        hours([40 if hour % 168 < 20 else 0 for hour in range(672)])
    )
    (tmp_path / "rates.csv").write_text(RATES)
    words = ("--demand", tmp_path / "demand.csv", "--rates", tmp_path / "rates.csv")
    done = trainfare(tmp_path, "plan", *words)
    assert "Buy nothing" in done.stdout
    assert "in at least 62 % of all hours" in done.stdout


def test_a_commitment_of_ones_own_is_priced(steady):
    words = ("--demand", steady / "demand.csv", "--rates", steady / "rates.csv", "--format", "json")
    buy = ("--buy", "aws_reserved_instance:1y=2", "--buy", "aws_compute_savings_plan:1y=70")
    found = json.loads(trainfare(steady, "simulate", *words, *buy).stdout)
    assert Decimal(found["saving"]) == 672 * (2 * (100 - 62) + (100 - 70))
    assert found["commitment_utilization"] == 1.0


def test_of_two_machines_of_one_kind_and_term_it_is_said_which(steady):
    (steady / "rates.csv").write_text(RATES + "p4,aws_reserved_instance,1y,9\n")
    words = ("--demand", steady / "demand.csv", "--rates", steady / "rates.csv")
    choices = "write one of 'aws_reserved_instance 1y p4=2', 'aws_reserved_instance 1y p5=2'"
    for end in (
        ("simulate", *words, "--buy", "aws_reserved_instance:1y=2"),
        ("record", "res-7", "aws_reserved_instance:1y=2", *words[2:], "--start", "2026-01-01"),
    ):
        done = trainfare(steady, *end)
        assert done.returncode == 2
        assert f"'aws_reserved_instance:1y' is 2 offers; {choices}" in done.stderr
    buy = ("--buy", "aws_reserved_instance 1y p5=2")
    found = json.loads(trainfare(steady, "simulate", *words, *buy, "--format", "json").stdout)
    assert Decimal(found["saving"]) == 672 * 2 * (100 - 62)
    which = ("aws_reserved_instance 1y p4=2", "--start", "2026-01-01", "--format", "json")
    kept = json.loads(trainfare(steady, "record", "res-7", *which, *words[2:]).stdout)
    assert (kept["skus"], kept["commitment_per_hour"]) == (["p4"], "18.000000000")
    (steady / "rates.csv").write_text(
        "sku,kind,term,rate,upfront\np5,own,1y,3,0\np5,own,1y,2,100\n"
    )
    done = trainfare(steady, "simulate", *words, "--buy", "own:1y=2")
    assert "give each a name of its own in the column group" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rates", "{}/none.csv"], "none.csv: it cannot be read"),
        (["--rates", "{}/demand.csv"], "demand.csv: no column kind, term, rate"),
        (["--rates", "{}/bad.csv"], "bad.csv: row 2, column kind is empty"),
        (["--rates", "{}/other.csv"], "no commitment has a rate for what ran (p5)"),
        (["--rates", "{}/rates.csv", "--most", "much"], "'much' is not a number"),
        (["--rates", "{}/rates.csv", "--period", "2026-01"], "give either --demand or --period"),
    ],
)
def test_what_is_wrong_is_one_sentence(steady, words, said):
    (steady / "bad.csv").write_text("sku,kind,term,rate\np5,,1y,3\n")
    (steady / "other.csv").write_text("sku,kind,term,rate\np6,azure_savings_plan,1y,3\n")
    words = [word.format(steady) for word in words]
    done = trainfare(steady, "plan", "--demand", steady / "demand.csv", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_bill_it_says_what_to_do(tmp_path):
    done = trainfare(tmp_path, "status")
    assert done.returncode == 2
    assert "import one (trainfare bill import)" in done.stderr


@pytest.mark.parametrize("count", [1, 2, 30, 335])
def test_a_few_hours_cannot_be_tested_so_nothing_is_bought_yet(tmp_path, count):
    (tmp_path / "demand.csv").write_text(hours([4] * count))
    (tmp_path / "rates.csv").write_text(RATES.replace("aws_reserved_instance", "own_plan"))
    words = ("--demand", tmp_path / "demand.csv", "--rates", tmp_path / "rates.csv")
    done = trainfare(tmp_path, "plan", *words, "--format", "json")
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert not found["buy"]
    assert found["plan"] == found["backtest"] == []
    hours_text = "1 hour" if count == 1 else f"{count} hours"
    assert f"nothing yet: {hours_text} of history cannot be tested" in found["why"]


def test_amounts_beyond_64_bits_in_all_are_exact(tmp_path):
    (tmp_path / "demand.csv").write_text(hours([100] * 672).replace(",100,100", ",100,140000"))
    (tmp_path / "rates.csv").write_text("sku,kind,term,rate\np5,reserved_contract,1y,90000\n")
    words = (
        "--demand",
        tmp_path / "demand.csv",
        "--rates",
        tmp_path / "rates.csv",
        "--format",
        "json",
    )
    found = json.loads(
        trainfare(tmp_path, "simulate", *words, "--buy", "reserved_contract=50").stdout
    )
    assert Decimal(found["cost_without"]) == 672 * 100 * 140000
    assert Decimal(found["saving"]) == 672 * 50 * 50000
    assert found["coverage"] == 0.5
    for amount, said in (("99999999999999", "from 0 to 100,000,000"), ("0.5", "whole number")):
        done = trainfare(tmp_path, "simulate", *words, "--buy", f"reserved_contract={amount}")
        assert done.returncode == 2
        assert said in done.stderr


def test_a_plan_for_the_bad_case_in_parts_with_little_cash(steady):
    rates = RATES.replace("rate\n", "rate,upfront\n").replace(",70", ",70,100")
    rates = rates.replace(",45", ",45,50").replace(",62", ",62,")
    (steady / "rates.csv").write_text(rates)
    words = ("--demand", steady / "demand.csv", "--rates", steady / "rates.csv", "--format", "json")
    plain = json.loads(trainfare(steady, "plan", *words).stdout)
    assert (plain["ladder"], plain["upfront"]) == (None, "0.000000000")
    more = ("--risk", "tail", "--ladder", "3", "--cash", "100", "--most", "300000/month")
    found = json.loads(trainfare(steady, "plan", *words, *more, "--windows", "2").stdout)
    assert found["risk"]["saving_rate_worst"] >= plain["risk"]["saving_rate_worst"]
    assert found["plan"][0]["machines"] <= 300000 // 730 // 62
    steps = found["ladder"]["steps"]
    assert [step[0]["from"] for step in steps] == [
        "2026-01-29T00:00:00Z", "2026-05-30T16:00:00Z", "2026-09-29T08:00:00Z",
    ]  # fmt: skip
    assert sum(one["machines"] for step in steps for one in step) == found["plan"][0]["machines"]
    assert found["ladder"]["walked_in_parts_rate"] < found["ladder"]["walked_at_once_rate"]
    text = trainfare(steady, "plan", *words[:-2], "--ladder", "3", "--windows", "2").stdout
    for said in ("in parts, from", "Walked through history", "Waiting 3 months"):
        assert said in text


def test_demand_that_is_known_to_come_is_planned_for(steady):
    later = hours([0] * 672 + [40] * 336).splitlines()[673:]
    (steady / "planned.csv").write_text(DEMAND + "\n".join(later) + "\n")
    words = ("--demand", steady / "demand.csv", "--rates", steady / "rates.csv", "--format", "json")
    plain = json.loads(trainfare(steady, "plan", *words).stdout)
    found = json.loads(
        trainfare(steady, "plan", *words, "--planned", steady / "planned.csv").stdout
    )
    added = Decimal(found["on_demand"]) - Decimal(plain["on_demand"])
    assert added == 40 * 336 * 100
    assert found["plan"][0]["machines"] > plain["plan"][0]["machines"]
    assert found["backtest"] == plain["backtest"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--risk", "much"], "a risk of 'much': write expected, tail, or a per cent"),
        (["--most", "3/week"], "--most '3/week': write an amount an hour, or with /month"),
        (["--cash", "1e-12"], "--cash '1e-12': write an amount of at least 0"),
        (["--planned", "{}/demand.csv"], "give the hours to come"),
    ],
)
def test_wishes_that_cannot_be_are_one_sentence(steady, words, said):
    words = [word.format(steady) for word in words]
    sources = ("--demand", steady / "demand.csv", "--rates", steady / "rates.csv")
    done = trainfare(steady, "plan", *sources, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (["--most", "0.0001"], "--most leaves no room"),
        (["--cash", "0"], "--cash leaves no room"),
        (["--least-used", "100", "--most", "0.0001"], "the whole of --most, --least-used"),
    ],
)
def test_the_limit_that_forbids_a_purchase_is_named(steady, limits, named):
    (steady / "demand.csv").write_text(hours([hour % 8 and 8 for hour in range(672)]))
    (steady / "paid.csv").write_text(
        "sku,kind,term,rate,upfront\np5,aws_compute_savings_plan,1y,70,100\n"
    )
    words = ("--demand", steady / "demand.csv", "--rates", steady / "paid.csv", *limits)
    done = trainfare(steady, "plan", *words)
    assert done.returncode == 0, done.stderr
    assert named in done.stdout
    assert "of all hours" not in done.stdout


def test_a_limit_that_is_no_number_is_refused(steady):
    words = ("--demand", steady / "demand.csv", "--rates", steady / "rates.csv")
    done = trainfare(steady, "plan", *words, "--least-used", "nan")
    assert done.returncode == 2
    assert "--least-used nan" in done.stderr
