"""``trainfare runs import``: a log becomes a run like any other, once, and says what it needs."""

import json
import re
import shlex
from pathlib import Path

import pytest

from logs.samples import BENCHMARK, trace, write
from logs.test_nanogpt import WARM_UP


@pytest.fixture
def benchmark(tmp_path):
    return write(tmp_path, BENCHMARK, "result_0.txt")


def test_a_log_becomes_a_run_with_receipt_epochs_and_metrics(home, answer, benchmark):
    done = answer("runs", "import", benchmark, "--price", "36/h", "--team", "nlp")
    (run,) = done["runs"]
    assert (run["state"], run["from"], run["files"]) == ("added", "mllog", ["result_0.txt"])
    assert (run["held_seconds"], run["timer_seconds"]) == (300.0, 220.0)
    receipt = answer("receipt", run["run"])
    assert receipt["labels"] == {"model": "toy", "team": "nlp"}
    assert receipt["estimated"]["total"] == "3.000000000"
    assert {one["stage"]: one["estimated"] for one in receipt["stages"]} == {
        "setup": "0.600000000",
        "train": "2.000000000",
        "eval": "0.200000000",
        "finish": "0.200000000",
    }
    assert [(one["epoch"], one["estimated"]) for one in receipt["epochs"]] == [
        (1, "1.000000000"),
        (2, "1.000000000"),
    ]
    assert answer("show", run["run"])["metrics"]["eval_accuracy"]["last"] == 0.5


def test_the_inner_timer_and_the_time_held_stand_side_by_side(home, answer, text, benchmark):
    """MLPerf's score leaves out what the machine was paid for besides."""
    answer("runs", "import", benchmark, "--price", "36/h")
    assert answer("receipt")["timer"] == {
        "name": "run_start to run_stop",
        "seconds": 220.0,
        "estimated": "2.200000000",
        "outside_seconds": 80.0,
        "outside_estimated": "0.800000000",
    }
    shown = text("receipt")
    assert "3 min 40 s by the log's own timer (run_start to run_stop)" in shown
    assert "1 min 20 s held besides, in the total" in shown


def test_what_the_scheduler_held_is_longer_than_the_log(home, answer, benchmark):
    answer(
        *("runs", "import", benchmark, "--price", "36/h"),
        *("--start", "2026-10-01T07:59:00Z", "--end", "2026-10-01T08:06:00Z"),
    )
    receipt = answer("receipt")
    assert receipt["duration_seconds"] == 420.0
    assert receipt["timer"]["outside_estimated"] == "2.000000000"
    assert receipt["stages"][0] == {"stage": "setup", "seconds": 120.0, "estimated": "1.200000000"}


def test_the_same_log_twice_changes_nothing_and_other_words_change_the_run(home, answer, benchmark):
    first = answer("runs", "import", benchmark, "--price", "36/h")
    again = answer("runs", "import", benchmark, "--price", "36/h")
    assert [one["state"] for one in again["runs"]] == ["unchanged"]
    dearer = answer("runs", "import", benchmark, "--price", "72/h")
    assert dearer["runs"][0]["state"] == "changed"
    assert answer("runs")["total"] == 1
    assert answer("receipt", first["runs"][0]["run"])["estimated"]["total"] == "6.000000000"


def test_a_log_that_has_grown_replaces_what_was_read_of_it(home, answer, tmp_path):
    lines = BENCHMARK.splitlines(keepends=True)
    path = write(tmp_path, "".join(lines[:7]), "result_0.txt")
    before = answer("runs", "import", path, "--price", "36/h")["runs"][0]
    path.write_text(BENCHMARK)
    after = answer("runs", "import", path, "--price", "36/h")["runs"][0]
    assert (after["run"], after["state"]) == (before["run"], "changed")
    assert answer("runs")["total"] == 1
    assert answer("receipt")["estimated"]["total"] == "3.000000000"


def test_a_copy_of_a_log_counts_once(home, answer, benchmark, tmp_path):
    copy = write(tmp_path, BENCHMARK, "copies/result_0.txt")
    done = answer("runs", "import", benchmark, copy, "--price", "36/h")
    assert len(done["runs"]) == 1
    assert done["remarks"] == [f"{copy} holds what {benchmark} holds; it counts once"]


def test_a_timer_without_a_wall_clock_says_what_it_needs(home, say, answer, tmp_path):
    path = write(tmp_path, WARM_UP)
    code, _, err = say("runs", "import", path)
    assert (code, err.count("\n")) == (2, 1)
    assert "train.log has no wall clock" in err
    assert "add --start or --end" in err
    run = answer("runs", "import", path, "--price", "36/h", "--end", "2026-10-01T09:00:00Z")
    assert run["runs"][0]["started_at"] == "2026-10-01T08:43:54.540Z"
    receipt = answer("receipt")
    assert (receipt["timer"]["seconds"], receipt["timer"]["outside_seconds"]) == (0.46, 965.0)
    assert receipt["timer"]["outside_estimated"] == "9.650000000"
    assert receipt["steps"] == 12


def test_one_damaged_file_stores_nothing_of_the_others(home, say, answer, benchmark, tmp_path):
    bad = write(tmp_path, BENCHMARK.replace('"value": 0.5', '"value": '), "result_1.txt")
    code, _, err = say("runs", "import", benchmark, bad)
    assert code == 2
    assert "result_1.txt row 9: is no :::MLLOG event" in err
    assert answer("runs")["total"] == 0
    assert not list(home.glob("runs/*"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--start", "2026-10-01T08:00:01Z"], "--start and --end must enclose them"),
        (["--end", "2026-10-01T08:04:59Z"], "--start and --end must enclose them"),
        (["--start", "yesterday"], "--start: 'yesterday' is not an RFC 3339 time"),
        (["--run-id", "Not One"], "run id 'Not One' is not"),
        (["--key", "loss=x"], "key 'loss=x' is not MEANING=COLUMN"),
        (["--time-zone", "Mars/Olympus"], "time zone 'Mars/Olympus' is not known here"),
        (["--label", "x"], "label 'x' is not key=value"),
    ],
)
def test_wrong_words_get_one_sentence(home, say, benchmark, options, words):
    code, out, err = say("runs", "import", benchmark, *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


def test_options_of_the_list_before_import_are_refused(home, say, benchmark):
    code, _, err = say("runs", "--team", "nlp", "import", benchmark)
    assert code == 2
    assert "--team before import is an option of the list" in err


def test_the_home_may_be_named_after_every_word(tmp_path, text, benchmark):
    home = tmp_path / "elsewhere"
    text("runs", "import", benchmark, "--home", home)
    assert json.loads(text("runs", "--home", home, "--format", "json"))["total"] == 1


def test_a_log_of_one_run_is_not_given_to_another(home, say, answer, benchmark):
    answer("runs", "import", benchmark, "--run-id", "bert-1")
    code, _, err = say("runs", "import", benchmark, "--run-id", "bert-2")
    assert code == 2
    assert "is already the run bert-1; a log is of one run" in err


def test_the_published_benchmarks_cost_what_their_machine_was_held_for(home, answer):
    """Fifteen logs: the score's money and the rest sum to the run's, to the nano."""
    done = answer("runs", "import", trace("mlperf"), "--price", "98.32/h")
    assert len(done["runs"]) == 15
    for run in done["runs"]:
        receipt = answer("receipt", run["run"])
        held_ns = round(run["held_seconds"] * 10**9)
        nano = {
            name: int(receipt["timer"][name].replace(".", ""))
            for name in ("estimated", "outside_estimated")
        }
        total = int(receipt["estimated"]["total"].replace(".", ""))
        assert nano["estimated"] + nano["outside_estimated"] == total
        assert abs(total - 98_320_000_000 * held_ns / (3600 * 10**9)) <= 1
        assert nano["outside_estimated"] > 10**9  # more than a dollar each


PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "bring-runs-you-already-have.md"
FILES = {
    "result_0.txt": BENCHMARK,
    "metrics.jsonl": '{"step":1,"timestamp":1790841600}\n{"step":2,"timestamp":1790841660}\n',
    "lightning_logs/version_0/metrics.csv": "epoch,time\n0,1790841600\n1,1790841660\n",
    "train.log": WARM_UP,
    "history.csv": "epoch,wall,loss\n1,0.5,2.0\n2,1.0,1.0\n",
    "steps.jsonl": '{"step":1,"when":"2026-10-01 08:00"}\n{"step":2,"when":"2026-10-01 08:05"}\n',
}
"""A log for every command of the page."""


def test_every_command_of_the_how_to_runs(home, tmp_path, monkeypatch, text):
    for name, content in FILES.items():
        write(tmp_path, content, name)
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^trainfare (runs import .*)$", PAGE.read_text(), re.MULTILINE)
    assert len(commands) == 7
    for command in commands:
        assert "added" in (found := text(*shlex.split(command))) or "changed" in found
