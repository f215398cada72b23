"""What every framework's callback does with a run, driven without a framework."""

import logging
import pickle
import threading

import numpy as np
import pytest

import trainfare
from trainfare.core.stage import Status
from trainfare.metering.callback import LoopCallback, rows_in, tokens_in
from trainfare.metering.metrics import read_metrics


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    for name in ("TRAINFARE_RUN_ID", "TRAINFARE_PRICE"):
        monkeypatch.delenv(name, raising=False)


def document(callback):
    return callback.run.receipt().to_json()


def stop(callback):
    """As the brake does."""
    callback.run._counters.stop = "budget own: all is spent"


def test_events_of_a_training_become_epochs_steps_and_stages():
    callback = LoopCallback(price="3.6/h")
    callback.begin(model="m", epochs=2, steps=6)
    for epoch in range(2):
        callback.epoch(epoch)
        for _ in range(3):
            callback.step(samples=4)
        callback.enter("eval")
        callback.leave()
    callback.end()
    receipt = document(callback)
    assert (receipt["status"], receipt["steps"], receipt["samples"]) == ("finished", 6, 24)
    assert [one["epoch"] for one in receipt["epochs"]] == [0, 1]
    assert {one["stage"] for one in receipt["stages"]} == {"setup", "train", "eval", "finish"}
    assert receipt["labels"] == {"model": "m"}


def test_a_budget_is_told_by_a_flag_and_never_raised():
    callback = LoopCallback()
    callback.begin()
    assert not callback.should_stop
    stop(callback)
    callback.step()
    assert callback.should_stop
    callback.end()
    assert document(callback)["status"] == "stopped_by_budget"


def test_it_joins_the_run_that_is_live_and_leaves_it_running():
    callback = LoopCallback("inner", model="m")
    with trainfare.track("outer") as run:
        callback.begin()
        callback.step()
        callback.end()
        run.step()
        assert callback.run is run
        assert document(callback)["status"] == "running"
    assert (document(callback)["steps"], document(callback)["name"]) == (2, "outer")


def test_a_training_that_never_said_that_it_ended_does_not_take_in_the_next():
    failed, other = LoopCallback(), LoopCallback()
    for callback in (failed, other, other):
        callback.begin()
        callback.step()
    other.end()
    assert document(failed)["status"] == "failed"
    assert document(other)["steps"] == 1


def test_a_training_that_raised_is_a_failed_run_with_its_words():
    callback = LoopCallback()
    callback.begin()
    callback.end(Status.FAILED, ValueError("the loss exploded"))
    assert document(callback)["status"] == "failed"
    assert callback.run.receipt().run.segments[0].error == "ValueError: the loss exploded"


def test_a_copy_has_no_run_but_the_same_words():
    callback = LoopCallback("n", model="m")
    callback.begin()
    copy = pickle.loads(pickle.dumps(callback))
    callback.end()
    assert (copy.run, copy.is_live) == (None, False)
    copy.begin()
    copy.end()
    assert (copy.run.id != callback.run.id, copy.run.name) == (True, "n")


@pytest.mark.parametrize(
    "words",
    [
        {"price": "cheap"},
        {"budget": "-"},
        {"budget": "1EUR", "price": "3.6/h"},
        {"model": "x" * 300},
        {"labels": {"9": "x"}},
    ],
)
def test_words_that_make_no_sense_are_refused_before_the_training(words):
    with pytest.raises(trainfare.BadInput):
        LoopCallback(**words)


def test_without_a_run_every_event_is_harmless():
    callback = LoopCallback()
    callback.epoch(0)
    callback.step()
    callback.enter("eval")
    callback.leave()
    callback.log({"loss": 1.0})
    callback.flops(per_step=1)
    callback.checkpoint("x")
    callback.end()
    assert callback.wishes() == (False, False)


def test_what_fails_is_said_once_and_the_training_goes_on(caplog):
    callback = LoopCallback()
    callback.begin()
    callback.run.log = callback.run.stage = callback.run.advance = None
    with caplog.at_level(logging.WARNING, logger="trainfare"):
        for _ in range(3):
            callback.log({"loss": 1.0})
            callback.enter("eval")
            callback.step()
    callback.end()
    assert [one.args[0] for one in caplog.records] == ["log", "enter", "step"]


class Saver:
    def save(self, path):
        path.write_bytes(b"x" * 10)
        return "done"


def test_what_an_owner_saves_is_a_checkpoint_and_the_owner_is_given_back(tmp_path):
    callback, owner = LoopCallback(price="1"), Saver()
    callback.begin()
    callback.watch_saves(owner, "save")
    assert owner.save(tmp_path / "last.pt") == "done"
    callback.end()
    assert vars(owner) == {}
    receipt = document(callback)
    assert "checkpoint" in {one["stage"] for one in receipt["stages"]}
    [kept] = receipt["artifacts"]
    assert (kept["uri"].endswith("last.pt"), kept["bytes"]) == (True, 10)


def test_processes_stop_together_though_one_budget_is_spent():
    """Two trainings in two threads, whose votes are counted by a barrier."""
    wishes, barrier = {}, threading.Barrier(2)
    last = {}

    def vote_of(number):
        def vote(stop, checkpoint):
            wishes[number] = stop, checkpoint
            barrier.wait(30)
            told = tuple(any(column) for column in zip(*wishes.values(), strict=True))
            barrier.wait(30)
            return told

        return vote

    def train(number):
        callback = LoopCallback()
        callback.begin(vote=vote_of(number))
        for step in range(10):
            callback.step()
            if number == 1 and step == 4:
                stop(callback)
            if callback.should_stop:
                break
        last[number] = step
        callback.end()

    threads = [threading.Thread(target=train, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert last == {0: 4, 1: 4}


def test_a_wrapper_that_the_owner_had_is_given_back():
    owner, mine = type("Owner", (), {"save": lambda *_: None})(), lambda *_: None
    owner.save = mine
    callback = LoopCallback()
    callback.begin()
    callback.watch_saves(owner, "save")
    assert owner.save is not mine
    callback.end()
    assert owner.save is mine


@pytest.mark.parametrize("batch", [type("Odd", (), {"shape": None})(), {"input_ids": object()}])
def test_a_batch_without_a_size_has_no_known_size(batch):
    assert (rows_in([batch]), tokens_in(batch)) == (None, None)


@pytest.mark.parametrize("steps", [1.0, -5, 10**30, float("nan"), None, "x"])
def test_steps_that_are_no_count_are_said_and_cost_no_record(steps, caplog):
    callback = LoopCallback(price="3.6/h")
    callback.begin()
    callback.step(2)
    callback.step(steps)
    callback.step(np.int64(4))
    callback.end()
    assert document(callback)["steps"] == 6
    assert "is not a whole number" in caplog.text


def test_a_metric_that_is_no_number_costs_the_others_nothing(caplog):
    callback = LoopCallback(price="3.6/h")
    callback.begin()
    callback.log({"loss": 0.5, "huge": 10**400})
    callback.end()
    assert set(read_metrics(callback.run.home, callback.run.id)) == {"loss"}
    assert "metric huge=" in caplog.text
