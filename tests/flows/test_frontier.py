"""The frontier path: real records, logged metrics and bills."""

import pytest

import trainfare as tf
from cli.recordings import Recorder
from flows.bills import said, trainfare
from flows.rides import charge, ride, write_charges
from metering.instruments import Clock
from trainfare.core.price import NoPrice


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    monkeypatch.setenv("TRAINFARE_HOME", str(folder))
    monkeypatch.setenv("COLUMNS", "80")
    return folder


def train(home, run, values, *, seconds=100, status="finished", at=0, **more):
    clock = Clock()
    clock.advance(at)
    made = Recorder(home, run, clock=clock, **more)
    made.stage("train", 0)
    for value in values:
        made.ride(seconds, steps=10)
        made.log(accuracy=value)
    made.end(status)


def standing(home, *words):
    rows = trainfare(home, "frontier", *words)["rows"]
    return {row["run"]: (row["frontier"], row["note"]) for row in rows}


def test_time_and_cost_to_a_target_are_compared(home):
    train(home, "r-fast", [0.5, 0.95], at=0)
    train(home, "r-slow", [0.1, 0.5, 0.93, 0.99], at=1000)
    train(home, "r-never", [0.5, 0.6], at=2000)
    document = trainfare(home, "frontier", "--metric", "accuracy", "--target", "0.9")
    rows = {row["run"]: row for row in document["rows"]}
    assert (rows["r-fast"]["estimated"], rows["r-fast"]["frontier"]) == ("0.200000000", "yes")
    assert (rows["r-slow"]["estimated"], rows["r-slow"]["frontier"]) == ("0.300000000", "no")
    assert rows["r-never"]["frontier"] == ""
    words = said(home, "frontier", "--metric", "accuracy", "--target", "0.9")
    assert "did not reach 0.9" in words
    assert "until accuracy was at least 0.9" in words


def test_a_run_that_failed_after_it_reached_the_target_has_reached_it(home):
    train(home, "r-1", [0.95], status="failed")
    assert standing(home, "--metric", "accuracy", "--target", "0.9")["r-1"] == ("yes", None)
    assert standing(home)["r-1"][0] == ""


def test_missing_prices_and_logs_are_said(home):
    train(home, "r-1", [0.95])
    train(home, "r-2", [0.95], at=1000, price=NoPrice("x", "nobody said"))
    train(home, "r-3", [], at=2000)
    words = said(home, "frontier", "--metric", "accuracy")
    assert "no price was known" in words
    assert "no accuracy was logged" in words


def test_only_runs_of_one_question_are_compared_where_it_is_named(home):
    train(home, "r-1", [0.9], labels={"experiment": "lr"})
    train(home, "r-2", [0.9], at=1000, labels={"experiment": "depth"})
    table = tf.frontier(where={"experiment": "lr"}, metric="accuracy", target=0.5)
    assert [row["run"] for row in table] == ["r-1"]
    assert "no metered run matches" in trainfare(home, "frontier", "--where", "team=x", code=2)
    assert "needs its metric" in trainfare(home, "frontier", "--target", "1", code=2)


def test_bills_count_once_they_have_arrived_for_all(home, tmp_path):
    ride(home, "r-1", 8, 9)
    ride(home, "r-2", 9, 10)
    trainfare(
        home,
        "bill",
        "import",
        write_charges(tmp_path / "b.csv", charge(at=8, effective="9"), charge(at=9, effective="7")),
    )
    trainfare(home, "allocate")
    rows = trainfare(home, "frontier")["rows"]
    assert {row["run"]: (row["allocated"], row["frontier"]) for row in rows} == {
        "r-1": ("9.000000000", "no"),
        "r-2": ("7.000000000", "yes"),
    }
    ride(home, "r-3", 8, 9, month="11")
    assert "estimated" in trainfare(home, "frontier")["rows"][0]
