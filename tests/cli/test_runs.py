"""``trainfare runs``: the latest first, filtered by label and status."""

import pytest

from cli.recordings import Recorder, record_training
from metering.instruments import Clock


def record(home, run, *, at=0, **more):
    clock = Clock()
    clock.advance(at)
    return record_training(home, run, clock=clock, epochs=1, **more)


@pytest.fixture
def three(home, frozen):
    record(home, "r-1", name="a.py", labels={"model": "bert", "team": "nlp", "seed": "1"})
    record(
        home, "r-2", at=60, name="b.py", labels={"model": "gpt", "experiment": "lr", "team": "nlp"}
    )
    made = Recorder(home, "r-3", clock=None, is_alive=True)
    made.ride(5)


def test_the_list_reads_as_agreed(three, text, golden):
    golden("runs", text("runs"))


def test_the_latest_run_stands_first(three, answer):
    found = answer("runs")
    assert ([one["run"] for one in found["runs"]], found["total"]) == (["r-2", "r-3", "r-1"], 3)


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        (["--team", "nlp"], ["r-2", "r-1"]),
        (["--team", "nlp", "--model", "gpt"], ["r-2"]),
        (["--experiment", "lr"], ["r-2"]),
        (["--label", "seed=1"], ["r-1"]),
        (["--status", "running"], ["r-3"]),
        (["--status", "failed"], []),
        (["--limit", "1"], ["r-2"]),
    ],
)
def test_options_choose_runs(three, answer, options, runs):
    assert [one["run"] for one in answer("runs", *options)["runs"]] == runs


def test_a_run_in_the_list_costs_what_its_receipt_says(three, answer):
    """Low use needs every sample, so the list, which reads the last minute, does not claim it."""
    for one in answer("runs")["runs"]:
        full = answer("receipt", one["run"])
        assert "low_use" not in one["estimated"]
        assert one["estimated"].items() <= full["estimated"].items()
        for key in ("name", "labels", "status", "duration_seconds", "steps", "currency"):
            assert one[key] == full[key]


def test_no_runs_and_no_match_are_said_in_words(home, frozen, text, answer):
    assert text("runs").startswith("No runs yet. Start one: trainfare run")
    assert answer("runs") == {"runs": [], "total": 0}
    record(home, "r-1")
    assert text("runs", "--team", "none") == "No run matches.\n"


def test_a_list_cut_short_says_so(three, text):
    assert text("runs", "--limit", "2").endswith("\n\n1 earlier runs; --limit shows more.\n")


def test_a_run_whose_process_is_gone_is_closed_by_looking(home, frozen, answer):
    made = Recorder(home, "r-gone")
    made.ride(7)
    made.spool.close()
    found = answer("runs")["runs"][0]
    assert (found["status"], found["duration_seconds"]) == ("killed", 7.0)
    assert '"k":"end"' in (made.folder / "events.jsonl").read_text()


@pytest.mark.parametrize("options", [["--limit", "0"], ["--label", "seed"], ["--status", "odd"]])
def test_wrong_words_get_one_sentence(home, say, options):
    code, out, err = say("runs", *options)
    assert (code, out, err.count("\n")) == (2, "", 1)
