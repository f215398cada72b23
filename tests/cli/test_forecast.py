"""What is said of a forecast: on receipts of runs that go on, on the live screen, in lists."""

import re
import time

import pytest

from cli.recordings import Recorder
from metering.instruments import Clock
from trainfare.metering import event as ev

LABELS = {"model": "bert", "team": "nlp"}


def record(home, run, *, before, steps=(60, 40), ends=True):
    """A run that began so many seconds ago and made these steps, half a minute for each part."""
    clock = Clock()
    clock.wall = time.time_ns() - before * 10**9
    made = Recorder(home, run, clock=clock, labels=LABELS, is_alive=not ends)
    made.meter.add_event(ev.PLAN, steps=100)
    made.stage("train")
    for part in steps:
        made.ride(30, steps=part)
    if ends:
        made.end()


@pytest.fixture
def live(home):
    """A run that is half way, and three before it that slowed down after 60 steps."""
    for number in range(3):
        record(home, f"r-{number}", before=10_000 + 1000 * number)
    record(home, "r-live", before=30, steps=(60,), ends=False)


def test_the_screen_says_in_one_line_what_it_will_have_cost(live, text):
    [line] = [one for one in text("watch", "--once").splitlines() if "forecast" in one]
    figures = "forecast $0.0600 (0.0600–0.0600, 75 %), ends TIME UTC, from 3 earlier runs"
    assert " ".join(re.sub(r"[0-9]+:[0-9]+", "TIME", line).split()) == figures


def test_the_receipt_of_a_run_that_goes_on_has_its_forecast(live, text, answer):
    found = answer("receipt", "r-live")["forecast"]
    assert (found["total"], found["method"], found["runs"]) == ("0.060000000", "profile", 3)
    assert (found["coverage"], found["calibrated_on"]) == (0.75, "runs of this configuration")
    assert (found["remaining_seconds"], found["unit"]) == (30.0, "steps")
    said = text("receipt", "r-live")
    assert re.search(r"forecast +\(0.0600–0.0600, 75 %\), ends .+ \$0.060000\n", said)
    assert "runs of this configuration\n" in said
    assert "from 3 earlier runs" in text("receipt", "r-live", "--format", "html")


def test_lists_have_forecasts_of_live_runs_only(live, answer):
    found = {one["run"]: one["forecast"] for one in answer("runs")["runs"]}
    assert found.pop("r-live")["total"] == "0.060000000"
    assert set(found.values()) == {None}


def test_where_nobody_said_how_much_there_is_the_receipt_says_how_to(home, text):
    made = Recorder(home, "r-live", is_alive=True)
    made.stage("train")
    made.ride(30, steps=30)
    said = " ".join(text("receipt", "r-live").split())
    assert "forecast nobody said how much there is to do: run.expect(steps=…)" in said
