"""The log path as a whole: a real writer's folders become runs that bills, claims and reports know."""

import json
from pathlib import Path

import pytest
from tensorboardX import SummaryWriter

from flows.bills import hour, said, trainfare, write_bill
from logs.samples import BENCHMARK, SECOND, ZERO, write
from logs.test_nanogpt import WARM_UP
from trainfare.metering.transcript import known_logs

START = ZERO // SECOND


def train(folder, steps, *, at=0, suffix):
    """A training of 10 s a step that logs every step, as PyTorch users write it."""
    writer = SummaryWriter(str(folder), filename_suffix=suffix)
    for number, step in enumerate(steps):
        writer.add_scalar("train/loss", 1 / (step + 1), step, walltime=START + at + 10 * number)
    writer.close()


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def run_of(home, *words):
    (run,) = trainfare(home, "runs", "import", *words)["runs"]
    return run


def test_a_folder_of_event_files_is_one_run_with_an_attempt_for_each(home, tmp_path):
    """A preempted training goes on from its checkpoint: ten of its steps were made twice."""
    train(tmp_path / "logs" / "bert", range(31), suffix=".first")
    train(tmp_path / "logs" / "bert", range(20, 41), at=3600, suffix=".second")
    run = run_of(home, tmp_path / "logs", "--price", "36/h")
    assert (run["name"], run["held_seconds"], run["steps"]) == ("bert", 500.0, 50)
    receipt = trainfare(home, "receipt", run["run"])
    assert len(receipt["attempts"]) == 2
    assert (receipt["duration_seconds"], receipt["redone_steps"]) == (500.0, 10)
    assert receipt["estimated"]["total"] == "5.000000000"
    assert receipt["estimated_per_step"] == "0.100000000"
    assert receipt["status"] == "finished"
    shown = trainfare(home, "show", run["run"])
    assert shown["metrics"]["train/loss"]["count"] == 52


def test_every_folder_with_event_files_is_a_run_of_its_own(home, tmp_path):
    for name in ("seed-1", "seed-2"):
        train(tmp_path / "logs" / name, range(3), at=len(name), suffix=f".{name}")
    write(tmp_path / "logs", "just notes\n", "readme.txt")
    write(tmp_path / "logs", "x: 1\n", ".hidden/train.log")
    done = trainfare(home, "runs", "import", tmp_path / "logs", "--price", "1/h")
    assert [one["name"] for one in done["runs"]] == ["seed-1", "seed-2"]
    assert done["remarks"] == ["1 files there are no training logs"]


def test_a_new_event_file_in_a_known_folder_joins_its_run(home, tmp_path):
    train(tmp_path / "bert", range(11), suffix=".first")
    before = run_of(home, tmp_path / "bert", "--price", "36/h")
    train(tmp_path / "bert", range(10, 21), at=1000, suffix=".second")
    after = run_of(home, tmp_path / "bert", "--price", "36/h")
    assert (after["run"], after["state"]) == (before["run"], "changed")
    assert trainfare(home, "runs")["total"] == 1
    assert len(trainfare(home, "receipt", after["run"])["attempts"]) == 2


def test_of_a_trainer_s_checkpoints_the_last_is_the_run(home, tmp_path):
    for step, folder in [(50, "checkpoint-50"), (100, "checkpoint-100"), (9, "checkpoint-9")]:
        history = [{"step": n, "loss": 1.0} for n in range(1, step + 1)]
        state = {"log_history": history, "global_step": step, "max_steps": 100}
        write(tmp_path, json.dumps(state), f"out/{folder}/trainer_state.json")
    times = ("--start", "2026-10-01T08:00:00Z", "--end", "2026-10-01T09:00:00Z")
    run = run_of(home, tmp_path / "out", "--price", "36/h", *times)
    assert (run["name"], run["steps"], run["held_seconds"]) == ("out", 100, 3600.0)
    receipt = trainfare(home, "receipt", run["run"])
    assert (receipt["status"], receipt["epochs"], receipt["timer"]) == ("finished", [], None)
    assert any("has no times: stages, epochs and pauses are unknown" in n for n in receipt["notes"])
    assert trainfare(home, "show", run["run"])["metrics"]["loss"]["count"] == 100


def test_the_parts_of_one_training_are_one_run_where_the_user_says_so(home, tmp_path):
    later = BENCHMARK.replace('"time_ms": 17908', '"time_ms": 17909')
    first, second = write(tmp_path, BENCHMARK, "0.txt"), write(tmp_path, later, "1.txt")
    run = run_of(home, first, second, "--run-id", "bert-7", "--price", "36/h")
    assert (run["run"], run["files"]) == ("bert-7", ["0.txt", "1.txt"])
    assert len(trainfare(home, "receipt", "bert-7")["attempts"]) == 2


def test_a_resource_lets_the_bill_find_the_run(home, tmp_path):
    """300 s of an hour of $12 are one dollar, held by the run; the rest of the hour is idle."""
    run = run_of(home, write(tmp_path, BENCHMARK), "--resource", "i-1", "--price", "12/h")
    trainfare(home, "bill", "import", write_bill(tmp_path / "bill.csv", hour("i-1", 8, 12)))
    trainfare(home, "allocate")
    report = trainfare(home, "report", "--by", "run,model")
    (row,) = [one for one in report["rows"] if one["run"] == run["run"]]
    assert (row["model"], row["allocated"]) == ("toy", "1.000000000")
    assert report["remainders"]["idle"] == "11.000000000"
    assert trainfare(home, "verify")["conserved"] is True
    claims = trainfare(home, "claims", "list", "--run", run["run"])["claims"]
    assert [(one["resource"], one["end"]) for one in claims] == [("i-1", "2026-10-01T08:05:00Z")]


def test_every_machine_that_is_named_is_paid_for(home, tmp_path):
    run = run_of(
        home, write(tmp_path, BENCHMARK), "--resource", "a", "--resource", "b", "--price", "36/h"
    )
    receipt = trainfare(home, "receipt", run["run"])
    assert receipt["estimated"]["total"] == "6.000000000"
    assert (receipt["timer"]["seconds"], receipt["timer"]["estimated"]) == (220.0, "4.400000000")
    assert (run["steps"], receipt["epochs"][0]["seconds"]) == (0, 100.0)
    assert trainfare(home, "show", run["run"])["metrics"]["eval_accuracy"]["count"] == 1


def test_a_machine_taken_back_leaves_no_trace(home, tmp_path):
    path = write(tmp_path, BENCHMARK)
    run_of(home, path, "--resource", "a", "--resource", "b", "--price", "36/h")
    run = run_of(home, path, "--price", "36/h")
    assert run["state"] == "changed"
    assert len(known_logs(home)) == 1
    assert trainfare(home, "receipt", run["run"])["estimated"]["total"] == "3.000000000"


def test_a_run_that_was_metered_takes_no_log(home, tmp_path):
    folder = home / "runs" / "r-1" / "r-1-0"
    folder.mkdir(parents=True)
    (folder / "events.jsonl").write_text("{}\n")
    said(home, "runs", "import", write(tmp_path, BENCHMARK), "--run-id", "r-1", code=2)
    assert known_logs(home) == []


def test_a_price_that_was_looked_up_stays_what_it_was(home, tmp_path):
    path = write(tmp_path, BENCHMARK)
    where = ("--instance", "p3.2xlarge", "--region", "us-east-1")
    run = run_of(home, path, *where)
    before = trainfare(home, "receipt", run["run"])["estimated"]["total"]
    trainfare(home, "prices", "set", "--instance", "p3.2xlarge", "--price", "99/h")
    assert trainfare(home, "receipt", run["run"])["estimated"]["total"] == before
    assert run_of(home, path, *where)["state"] == "unchanged"


def test_a_run_without_a_price_is_not_free(home, tmp_path):
    run = run_of(home, write(tmp_path, BENCHMARK))
    receipt = trainfare(home, "receipt", run["run"])
    assert receipt["estimated"]["total"] is None
    assert receipt["timer"]["estimated"] is receipt["timer"]["outside_estimated"] is None
    assert receipt["timer"]["seconds"] == 220.0
    assert receipt["unpriced"][0]["meter"] == "machine time"


def test_a_full_disk_stores_nothing(home, tmp_path, monkeypatch):
    kept = run_of(home, write(tmp_path, BENCHMARK), "--price", "36/h")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    log = tmp_path / "other.log"
    log.write_text(WARM_UP)
    said(home, "runs", "import", log, "--end", "2026-10-01T09:00:00Z", code=3)
    assert [one["run"] for one in trainfare(home, "runs")["runs"]] == [kept["run"]]
    assert not list(home.glob(".import-*"))


def test_another_log_that_begins_like_a_known_one_is_another_run(home, tmp_path):
    """Runs of one seed have the same first line; only a file of the same name may have grown."""
    first = "epoch,time,loss\n0,1790841600,2.5\n1,1790841660,2.0\n"
    before = run_of(home, write(tmp_path, first, "a.csv"))
    other = run_of(home, write(tmp_path, first + "2,1790841700,9.0\n", "b.csv"))
    grown = run_of(home, write(tmp_path, first + "2,1790841720,1.0\n", "a.csv"))
    assert (grown["run"], grown["state"]) == (before["run"], "changed")
    assert (other["run"] != before["run"], other["state"]) == (True, "added")


def test_two_files_that_may_both_be_what_a_log_has_grown_to_are_refused(home, tmp_path):
    first = "epoch,time,loss\n0,1790841600,2.5\n1,1790841660,2.0\n"
    run_of(home, write(tmp_path, first, "one/log.csv"))
    paths = [write(tmp_path, f"{first}2,1790841720,{n}\n", f"{n}/log.csv") for n in ("1", "2")]
    said(home, "runs", "import", *paths, code=2)
    assert trainfare(home, "runs")["total"] == 1
