"""Trackers hear what a run costs from a thread of their own, and no tracker can harm the training."""

import logging
import threading

import pytest

import trainfare
from trainfare.core.run import TrackerRun
from trainfare.metering import teller
from trainfare.metering.history import read_receipt
from trainfare.metering.ongoing import live_run
from trainfare.metering.teller import tell_costs


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    return tmp_path


class Notebook:
    """A tracker that writes down what it is told."""

    def __init__(self, run):
        run.tracked("notebook", "page-1", place="shelf", url="http://shelf/page-1")
        self.told, self.concluded, self.met = [], [], 0
        self.heard = threading.Event()

    def meet(self):
        self.met += 1

    def tell(self, figures, step):
        self.told.append((step, figures))
        self.heard.set()

    def conclude(self, receipt, figures):
        self.concluded.append((receipt, figures))


def told_by(make, **said):
    made = []
    run = tell_costs(lambda run: made.append(make(run)) or made[0], "notebook", **said)
    return run, made[0]


def test_a_tracker_is_told_while_the_run_goes_on_and_once_at_its_end():
    with trainfare.track(price="3600/h") as run:
        joined, book = told_by(Notebook, every_seconds=0.01)
        assert joined is run
        run.step()
        assert book.heard.wait(30)
    [(receipt, figures)] = book.concluded
    assert book.met == 1
    assert receipt.run.status.value == "finished"
    assert figures["trainfare/estimated_cost_USD"] == receipt.estimate.total.nano / 1e9 > 0
    assert (
        figures["trainfare/estimated_compute_cost_USD"] <= figures["trainfare/estimated_cost_USD"]
    )
    live = book.told[0][1]["trainfare/estimated_cost_USD"]
    assert 0 < live <= figures["trainfare/estimated_cost_USD"]


def test_where_no_run_is_live_one_begins_and_leaving_it_ends_it():
    assert live_run() is None
    run, book = told_by(Notebook, every_seconds=3600)
    with run:
        assert live_run() is run
    assert live_run() is None
    assert len(book.concluded) == 1


def test_a_run_that_was_begun_elsewhere_is_not_ended_by_telling_of_it(home):
    with trainfare.track() as run:
        told_by(Notebook, every_seconds=3600)
    assert read_receipt(home, run.id).run.status.value == "finished"


def test_what_a_tracker_calls_the_run_is_kept_on_it_once(home):
    with trainfare.track() as run:
        run.tracked("notebook", "page-1")
        told_by(Notebook, every_seconds=3600)
    receipt = read_receipt(home, run.id)
    assert receipt.run.trackers == (
        TrackerRun("notebook", "page-1", "shelf", "http://shelf/page-1"),
    )
    assert receipt.to_json()["trackers"] == [
        {"system": "notebook", "run": "page-1", "place": "shelf", "url": "http://shelf/page-1"}
    ]
    assert "notebook http://shelf/page-1" in str(receipt)


def test_a_price_that_nobody_knows_is_no_figure(monkeypatch, home):
    with trainfare.track(instance="no-such-machine") as run:
        _, book = told_by(Notebook, every_seconds=3600)
    assert {key.rpartition("/")[2] for key in book.concluded[0][1]} == {"seconds"}
    assert run.cost is None


class Broken(Notebook):
    def tell(self, figures, step):
        self.heard.set()
        raise OSError("the shelf fell")

    conclude = tell


def test_a_tracker_that_breaks_is_warned_of_once_and_the_run_goes_on(caplog, home):
    with trainfare.track() as run:
        _, book = told_by(Broken, every_seconds=0.001)
        assert book.heard.wait(30)
        run.step()
    assert read_receipt(home, run.id).run.status.value == "finished"
    [record] = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert "the shelf fell" in record.getMessage()


def test_a_tracker_that_cannot_be_made_is_warned_of_and_the_run_goes_on(caplog, home):
    def make(run):
        raise ValueError("no shelf")

    with trainfare.track() as run:
        assert tell_costs(make, "notebook", 1.0) is run
    assert "no costs go to notebook: ValueError: no shelf" in caplog.text
    assert read_receipt(home, run.id).run.status.value == "finished"


def test_the_end_of_a_run_does_not_wait_for_a_tracker_that_hangs(monkeypatch, caplog):
    monkeypatch.setattr(teller, "LAST_SECONDS", 0.05)
    release = threading.Event()

    class Hanging(Notebook):
        def conclude(self, receipt, figures):
            release.wait(60)

    with trainfare.track():
        told_by(Hanging, every_seconds=3600)
    assert "it took no last word" in caplog.text
    release.set()


def test_meeting_a_tracker_that_hangs_holds_nobody_up(monkeypatch, caplog):
    monkeypatch.setattr(teller, "LAST_SECONDS", 0.05)
    release = threading.Event()

    class Hanging(Notebook):
        def meet(self):
            self.heard.set()
            release.wait(60)

    with trainfare.track() as run:
        _, book = told_by(Hanging, every_seconds=0.001)
        assert book.heard.wait(30)
        run.step()
    assert (book.told, book.concluded) == ([], [])
    assert caplog.text.count("did not take the costs") == 1
    release.set()


def test_a_tracker_that_was_away_is_met_before_it_is_told(caplog):
    class Late(Notebook):
        def meet(self):
            super().meet()
            if self.met < 3:
                raise OSError("nobody there")

    with trainfare.track():
        _, book = told_by(Late, every_seconds=0.001)
        assert book.heard.wait(30)
    assert book.met == 3
    assert len(book.concluded) == 1
    assert caplog.text.count("nobody there") == 1


def test_what_follows_the_end_may_fail(caplog):
    def fail():
        raise RuntimeError("too late")

    with trainfare.track() as run:
        run.when_ended(fail)
    assert "what was to follow the run failed: RuntimeError: too late" in caplog.text
