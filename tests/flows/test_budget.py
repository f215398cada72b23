"""Budgets held against the bill: billed where it has arrived, estimated since."""

from decimal import Decimal

import pytest

from flows.bills import trainfare
from flows.rides import charge, instant, ride, write_charges

pytest.importorskip("duckdb")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    return tmp_path / "home"


def spent(home, name, view):
    trainfare(home, "budget", "set", name, "--limit", "1000", "--view", view)
    found = trainfare(home, "budget", "check", name)["budgets"]
    return Decimal(found[0]["spent"])


def test_before_any_bill_only_the_estimate_is_spent(home):
    ride(home, "a", 8, 9)
    assert [spent(home, view, view) for view in ("estimated", "billed", "blended")] == [10, 0, 10]


def test_a_bill_of_the_whole_month_takes_the_place_of_the_estimate(home, tmp_path):
    ride(home, "a", 8, 9)
    trainfare(home, "bill", "import", write_charges(tmp_path / "b.csv", charge(effective="12")))
    trainfare(home, "allocate")
    assert [spent(home, view, view) for view in ("estimated", "billed", "blended")] == [10, 12, 12]


def test_what_came_after_the_last_day_of_an_open_bill_is_estimated(home, tmp_path, monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: instant(27, 0, "11"))
    ride(home, "a", 8, 9, day=20, month="11")
    ride(home, "b", 8, 9, day=26, month="11")
    until = charge("i-9", day=25, month="11")
    bill = write_charges(tmp_path / "b.csv", charge(effective="12", day=20, month="11"), until)
    trainfare(home, "bill", "import", bill)
    trainfare(home, "allocate")
    assert [spent(home, view, view) for view in ("estimated", "billed", "blended")] == [20, 12, 22]


def test_a_budget_of_a_month_counts_that_month_alone(home, monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: instant(27, 0, "11"))
    ride(home, "a", 8, 9, day=31, month="10")
    ride(home, "b", 8, 10, day=20, month="11")
    trainfare(home, "budget", "set", "m", "--limit", "15", "--period", "month", "--carry-over")
    [found] = trainfare(home, "budget", "list")["budgets"]
    assert (Decimal(found["spent"]), Decimal(found["limit"])) == (20, 20)
    assert found["state"] == "over"
