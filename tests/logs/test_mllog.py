"""MLPerf logs: the time held is from the first event to the last, the timer stands beside it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logs.samples import BENCHMARK, SECOND, ZERO, mllog, refusal, trace, write
from trainfare.core.errors import BadInput
from trainfare.core.stage import Status
from trainfare.logs.mllog import read_mllog
from trainfare.logs.training_log import Clock


def read(tmp_path, text=BENCHMARK):
    (log,) = read_mllog(write(tmp_path, text))
    return log


def marks(log):
    return [(mark.at_ns // SECOND, mark.stage, mark.epoch) for mark in log.stages]


def test_held_from_the_first_event_to_the_last_and_timed_from_run_start_to_run_stop(tmp_path):
    log = read(tmp_path)
    assert (log.clock, log.start_ns, log.duration_ns) == (Clock.WALL, ZERO, 300 * SECOND)
    assert (log.timer.start_ns, log.timer.end_ns) == (60 * SECOND, 280 * SECOND)
    assert (log.model, log.status) == ("toy", Status.FINISHED)


def test_stages_and_epochs_are_where_the_events_put_them(tmp_path):
    assert marks(read(tmp_path)) == [
        (0, "setup", None),
        (60, "train", None),
        (60, "train", 1),
        (160, "train", None),
        (160, "eval", None),
        (180, "train", None),
        (180, "train", 2),
        (280, "train", None),
        (280, "finish", None),
    ]


def test_an_epoch_that_begins_during_an_evaluation_ends_it(tmp_path):
    """SSD evaluates beside the next epoch; counting both would hold the machine twice."""
    text = "".join(
        [
            mllog(0, "run_start"),
            mllog(0, "eval_start"),
            mllog(10, "epoch_start", epoch_num=3),
            mllog(20, "eval_stop"),
            mllog(30, "run_stop"),
        ]
    )
    assert marks(read(tmp_path, text))[1:] == [
        (0, "train", None),
        (0, "eval", None),
        (10, "train", 3),
        (30, "finish", None),
    ]


def test_metrics_are_evaluations_and_tracked_numbers_and_nothing_else(tmp_path):
    text = BENCHMARK + mllog(290, "tracked_stats", {"note": "text", "ok": True, "loss": 2})
    found = [(entry.step, dict(entry.metrics)) for entry in read(tmp_path, text).entries]
    assert found == [
        (None, {"eval_accuracy": 0.5, "loss": 2.0}),
        (7, {"throughput": 12.5}),
    ]


def test_events_of_many_ranks_are_put_in_order_and_two_may_share_a_line(tmp_path):
    lines = BENCHMARK.splitlines(keepends=True)
    mixed = "".join(lines[::-1])
    joined = BENCHMARK.replace("\n:::MLLOG", " :::MLLOG").replace(":::MLLOG", "3: :::MLLOG", 1)
    whole = read(tmp_path)
    for text in (mixed, joined):
        other = read(tmp_path, text)
        assert (other.start_ns, other.duration_ns) == (whole.start_ns, whole.duration_ns)


@pytest.mark.parametrize(
    ("ending", "status", "words"),
    [
        (mllog(280, "run_stop", status="aborted"), Status.FAILED, "run_stop says aborted"),
        ("", Status.KILLED, "the log ends before run_stop"),
    ],
)
def test_how_it_ended_is_what_the_log_says(tmp_path, ending, status, words):
    log = read(tmp_path, mllog(0, "run_start") + mllog(9, "eval_accuracy", 0.1) + ending)
    assert (log.status, log.error) == (status, words)
    assert (log.timer is None) == (ending == "")


def test_every_damaged_event_is_named_by_its_line(tmp_path):
    lines = BENCHMARK.splitlines(keepends=True)
    lines[2] = ':::MLLOG {"time_ms": "soon", "key": "init_start"}\n'
    lines[5] = ":::MLLOG {broken\n"
    with pytest.raises(BadInput) as caught:
        read(tmp_path, "".join(lines))
    text = str(caught.value)
    assert text.startswith("2 problems; nothing was imported")
    assert "train.log row 3: is no :::MLLOG event" in text
    assert "train.log row 6" in text


def test_a_last_event_that_was_cut_short_is_passed_over_and_said(tmp_path):
    log = read(tmp_path, BENCHMARK + ':::MLLOG {"time_ms": 17')
    assert log.duration_ns == 300 * SECOND
    assert log.notes == ("line 15 of train.log is cut short; the log is read up to it",)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_log_or_one_clear_refusal(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("log"), data)
    assert path.name in (refusal(read_mllog, path) or path.name)


@given(st.integers(0, len(BENCHMARK)), st.integers(0, 255))
def test_a_log_cut_anywhere_or_with_one_byte_changed_is_read_or_refused(tmp_path_factory, at, byte):
    folder = tmp_path_factory.mktemp("log")
    damaged = bytearray(BENCHMARK.encode())
    for data in (bytes(damaged[:at]), bytes(damaged[:at]) + bytes([byte]) + damaged[at + 1 :]):
        assert "train.log" in (refusal(read_mllog, write(folder, data)) or "train.log")


@pytest.mark.parametrize(
    "document",
    [
        {"time_ms": 2**70, "key": "run_start"},
        {"time_ms": -1, "key": "run_start"},
        {"time_ms": 1.5, "key": "run_start"},
        {"time_ms": 5, "key": None},
        [1],
    ],
)
def test_times_no_clock_shows_are_refused(tmp_path, document):
    with pytest.raises(BadInput, match="row 1: is no :::MLLOG event"):
        read(tmp_path, f":::MLLOG {json.dumps(document)}\n{BENCHMARK}")


def test_every_published_log_is_held_longer_than_its_timer_says():
    """The claim is the time held: 46 to 84 s more than the score that MLPerf publishes."""
    outside = {}
    for path in sorted(trace("mlperf").glob("*.mllog")):
        (log,) = read_mllog(path)
        assert log.status is Status.FINISHED
        outside[path.name] = (log.duration_ns - (log.timer.end_ns - log.timer.start_ns)) / SECOND
    assert len(outside) == 15
    assert min(outside.values()) > 46
    assert max(outside.values()) < 84
