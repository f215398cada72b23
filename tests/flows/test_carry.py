"""The cost of data by both books and over months, on real records, a real bill and its allocation."""

from decimal import Decimal

import pytest

import trainfare as tf
from flows.bills import said, trainfare
from flows.rides import charge, ride, says, write_charges
from logs.test_dbt import ALL
from logs.test_dbt import write as write_artifacts


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("TRAINFARE_HOME", str(folder))
    monkeypatch.setenv("COLUMNS", "100")
    return folder


def prepare(home, run, start, end, *artifacts, **words):
    ride(home, run, start, end, **words)
    says(home, run, *artifacts, is_data=True)


def train(home, run, start, end, *artifacts, **words):
    ride(home, run, start, end, **words)
    says(home, run, *artifacts)


LAKE = "s3://lake/clean"


def month(home):
    """A data run of two hours, and two trainings that read 3/4 and 1/4 of what it made."""
    prepare(home, "prep", 1, 3, ("output", LAKE, 1, 2.5, {}))
    train(home, "large", 4, 6, ("dataset", LAKE, 1, 4, {"read": 300}), resource="i-2")
    train(home, "small", 4, 5, ("dataset", LAKE, 1, 4, {"read": 100}), resource="i-3")


def column(document, name):
    return {row["run"]: row[name] for row in document["rows"]}


def test_bill_and_estimate_are_carried_each_by_itself_and_both_still_sum(home, tmp_path):
    month(home)
    rows = [charge(at=1, effective="7.01"), charge(at=2, effective="7.02"), charge("x", 9)]
    rows += [charge("i-2", at, effective="11") for at in (4, 5)]
    rows += [charge("i-3", at, effective="5.5") for at in (4, 5)]
    trainfare(home, "bill", "import", write_charges(tmp_path / "b.csv", *rows))
    trainfare(home, "allocate")
    plain = trainfare(home, "report", "--by", "run")
    document = trainfare(home, "report", "--by", "run", "--carry", "bytes")
    for name in ("estimated", "allocated"):
        assert column(document, name) == column(plain, name)
    assert column(document, "estimated_carried_data") == {
        "prep": "-20.000000000",
        "large": "15.000000000",
        "small": "5.000000000",
    }
    assert column(document, "allocated_carried_data") == {
        "prep": "-14.030000000",
        "large": "10.522500000",
        "small": "3.507500000",
    }
    assert document["total"] == plain["total"]
    assert document["total_row"]["allocated_with_data"] == plain["total"]
    parts = [Decimal(row["allocated_with_data"]) for row in document["rows"]]
    parts += [Decimal(amount) for amount in document["remainders"].values()]
    assert sum(parts) == Decimal(plain["total"])
    words = said(home, "explain", "large", "--carry", "bytes")
    assert "300 of 400" in words
    assert "$10.52" in words
    assert trainfare(home, "verify")["conserved"]


def test_by_cost_each_book_weighs_by_itself(home, tmp_path):
    month(home)
    rows = [charge(at=1, effective="8"), charge("i-2", 4, "9"), charge("i-3", 4, "1")]
    trainfare(home, "bill", "import", write_charges(tmp_path / "b.csv", *rows))
    trainfare(home, "allocate")
    document = trainfare(home, "report", "--by", "run", "--carry", "cost")
    assert Decimal(column(document, "allocated_carried_data")["large"]) == Decimal("7.2")
    third = Decimal(column(document, "estimated_carried_data")["small"])
    assert abs(third - Decimal(20) / 3) < Decimal("1e-8")


def test_money_stays_in_its_month_and_over_both_finds_its_reader(home):
    prepare(home, "prep", 1, 3, ("output", LAKE, 31, 2.5, {}), day=31)
    train(home, "late", 4, 6, ("dataset", LAKE, 31, 28, {}), day=1, month="11")
    october = trainfare(home, "report", "--by", "run", "--carry", "even", "--period", "2026-10")
    assert column(october, "estimated_carried_data") == {"prep": "0.000000000"}
    (kept,) = october["carried"]["USD"]["estimated"]["kept"]
    assert kept["why"] == "none of the runs that read it is in this report"
    whole = trainfare(home, "report", "--by", "run", "--carry", "even")
    assert column(whole, "estimated_carried_data")["late"] == "20.000000000"


def test_runs_that_read_each_others_data_keep_it_and_say_so(home):
    prepare(home, "a", 1, 9, ("output", "s3://l/x", 1, 2, {}), ("dataset", "s3://l/y", 1, 4, {}))
    prepare(home, "b", 1, 9, ("output", "s3://l/y", 1, 3, {}), ("dataset", "s3://l/x", 1, 4, {}))
    assert trainfare(home, "report", "--by", "run")["rows"]
    document = trainfare(home, "report", "--by", "run", "--carry", "even")
    kept = document["carried"]["USD"]["estimated"]["kept"]
    assert [one["why"] for one in kept] == [
        "a and b read each other's data in a circle",
        "b and a read each other's data in a circle",
    ]


def test_in_python_too(home):
    month(home)
    table = tf.report("run", carry="first")
    assert {row["run"]: str(row["estimated_carried_data"]) for row in table} == {
        "prep": "-$20.00",
        "large": "$20.00",
        "small": "$0.00",
    }
    with pytest.raises(tf.BadInput, match="is not one of even, bytes, time, cost, first, apart"):
        tf.report("run", carry="twice")


def test_an_invocation_of_dbt_from_its_artifacts_is_carried_to_who_reads_a_table(home, tmp_path):
    target = tmp_path / "lake" / "target"
    target.mkdir(parents=True)
    write_artifacts(target, *ALL)
    words = ("runs", "import", str(target), "--run-id", "lake", "--price", "3600/h")
    (found,) = trainfare(home, *words)["runs"]
    assert (found["from"], found["name"], found["held_seconds"]) == ("dbt", "lake", 20)
    assert trainfare(home, *words)["runs"][0]["state"] == "unchanged"
    train(home, "t", 9, 10, ("dataset", "duckdb://lake/main/words", 1, 9, {}))
    by_stage = trainfare(home, "report", "--by", "stage", "--where", "run=lake")
    stages = {row["stage"]: row["estimated"] for row in by_stage["rows"]}
    assert (stages["data/raw"], stages["data/clean"]) == ("6.000000000", "2.500000000")
    assert trainfare(home, "receipt", "lake")["estimated"]["components"]["data"] == "20.000000000"
    document = trainfare(home, "report", "--by", "run", "--carry", "even")
    assert column(document, "estimated_carried_data")["t"] == "20.000000000"
