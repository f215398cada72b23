"""Transcripts are read back as they were said, and a log is known by its bytes."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.errors import BadInput
from trainfare.core.machine import Machine
from trainfare.core.run import LogOrigin, StageMark
from trainfare.core.stage import Status
from trainfare.metering.metrics import read_metrics
from trainfare.metering.shelf import Faults, read_run
from trainfare.metering.transcript import (
    Moment,
    Transcript,
    check_transcript,
    digests,
    has_same,
    known_logs,
    store_transcripts,
)

WALL = 1_790_841_600 * 10**9
ONE = Transcript(
    run="log-1",
    segment="log-1-0-0",
    name="bert",
    labels={"team": "nlp"},
    machine=Machine("i-1", "node-1"),
    rank=0,
    started_wall_ns=WALL,
    duration_ns=100,
    stages=(StageMark(0, "setup"), StageMark(10, "train", 3)),
    moments=(Moment(20, 5, 105, 3, {"loss": 2.0}), Moment(None, 9, 109, 3, {"loss": 1.0})),
    samples=64,
    tokens=None,
    price=None,
    status=Status.FAILED,
    error="it broke",
    notes=("read from a log",),
    log=LogOrigin("csv", "a.csv", 7, "ab" * 32, "elapsed", 15, 90),
)


def stored(home, *transcripts, stale=()):
    store_transcripts(home, transcripts, stale)
    (found,) = read_run(home, "log-1", WALL + 1000, Faults(), with_devices=True)
    return found.segment


def test_a_transcript_is_read_back_as_a_segment(tmp_path):
    segment = stored(tmp_path, ONE)
    assert (segment.run, segment.name, segment.labels) == ("log-1", "bert", {"team": "nlp"})
    assert (segment.started_wall_ns, segment.duration_ns) == (WALL, 100)
    assert (segment.status, segment.error) == (Status.FAILED, "it broke")
    assert (segment.steps, segment.first_step, segment.samples) == (9, 100, 64)
    assert segment.log == ONE.log
    assert segment.notes == ("read from a log",)


def test_money_can_be_cut_where_the_timer_ran(tmp_path):
    """The timer's edges are marks of their own, in the stage that they fall into."""
    marks = [(m.at_ns, m.stage, m.epoch, m.steps) for m in stored(tmp_path, ONE).stages]
    assert marks == [
        (0, "setup", None, 0),
        (10, "train", 3, 0),
        (15, "train", 3, 0),
        (90, "train", 3, 5),
    ]


def test_metrics_without_a_time_keep_their_order(tmp_path):
    stored(tmp_path, ONE)
    loss = read_metrics(tmp_path, "log-1")["loss"]
    assert (loss.first, loss.last, loss.last_step, loss.count) == (2.0, 1.0, 109, 2)


def test_what_was_stored_is_known_and_another_price_is_another_transcript(tmp_path):
    stored(tmp_path, ONE)
    assert [(one.run, one.log) for one in known_logs(tmp_path)] == [("log-1", ONE.log)]
    assert has_same(tmp_path, ONE)
    assert not has_same(tmp_path, replace(ONE, labels={"team": "vision"}))
    assert not has_same(tmp_path, replace(ONE, moments=ONE.moments[:1]))


def test_a_newer_transcript_stands_in_place_of_the_older(tmp_path):
    store_transcripts(tmp_path, [ONE, replace(ONE, segment="log-1-0-1", rank=1)], [])
    segment = stored(tmp_path, replace(ONE, duration_ns=200), stale=["log-1/log-1-0-1"])
    assert segment.duration_ns == 200
    assert [p.name for p in (tmp_path / "runs" / "log-1").iterdir()] == ["log-1-0-0"]


@pytest.mark.parametrize(
    "change",
    [
        {"started_wall_ns": -1},
        {"duration_ns": 10**30},
        {"stages": (StageMark(-5, "train"),)},
        {"moments": (Moment(5, 2**70, 1, None, {}),)},
    ],
)
def test_what_could_not_be_read_again_is_not_written(change):
    with pytest.raises(BadInput, match=r"a.csv makes no run: .*; check its times and steps"):
        check_transcript(replace(ONE, **change))


@given(st.binary(max_size=300), st.lists(st.integers(1, 300), max_size=4))
def test_the_digest_of_a_beginning_is_that_of_its_bytes(tmp_path_factory, data, sizes):
    path = tmp_path_factory.mktemp("log") / "a.log"
    path.write_bytes(data)
    found = digests(path, sizes)
    assert found.keys() == {len(data), *(size for size in sizes if size <= len(data))}
    assert found == {size: hashlib.sha256(data[:size]).hexdigest() for size in found}
