"""Recordings: damaged, foreign and copied spools never stop a command, and never cost less."""

import json
import os
import shutil

import pytest

from metering.instruments import start_event
from metering.test_history import HOST, artifact, record, total
from trainfare.core.errors import BadInput
from trainfare.core.plain import plain
from trainfare.metering import shelf
from trainfare.metering.event import machine_to_json
from trainfare.metering.history import (
    close_dead,
    find_run_id,
    first_words,
    read_history,
    read_receipt,
    read_receipts,
    run_ids,
)
from trainfare.metering.metrics import read_metrics
from trainfare.metering.receipt_text import receipt_csv, receipt_text
from trainfare.metering.recording import make_recording, read_recording, to_segment
from trainfare.metering.spool import EVENTS

WALL = 1_790_000_000 * 10**9
START = {
    "k": "start",
    "v": 1,
    "t": 0,
    "w": WALL,
    **start_event("evil", "s", machine=machine_to_json(HOST)),
}
END = {"k": "end", "t": 10**9, "w": WALL, "status": "finished"}
HELD = {"k": "artifact", "t": 1, "w": WALL, "role": "output", "uri": "/x", "bytes": 1}
PRICE = {"sku": "x", "amount": "1", "unit": "h", "currency": "USD"}


def without(event, name):
    return {key: value for key, value in event.items() if key != name}


DAMAGED = {
    "later format": [START | {"v": 2}],
    "no wall clock": [without(START, "w")],
    "wall clock beyond dates": [START | {"w": 10**30}],
    "process in words": [START | {"pid": "../x"}],
    "rank in words": [START | {"rank": "x"}],
    "carbon in words": [START | {"carbon": "x"}],
    "name is a number": [START | {"name": 5}],
    "labels are a list": [START | {"labels": [1]}],
    "no machine": [START | {"machine": None}],
    "machine without a name": [START | {"machine": {"resource_id": None, "hostname": None}}],
    "another kind first": [END, START],
    "share of nothing": [
        START,
        {"k": "machine", "t": 0, "machine": START["machine"], "share": "1/0"},
    ],
    "no share": [START, {"k": "machine", "t": 0, "machine": START["machine"], "share": "0"}],
    "no time": [START, {"k": "stage", "stage": "x"}],
    "time not a number": [START, {"k": "stage", "stage": "x", "t": float("nan")}],
    "time before the start": [START, END | {"t": -1}],
    "odd status": [START, END | {"status": "exploded"}],
    "stage is a list": [START, {"k": "stage", "t": 0, "stage": ["x"]}],
    "kind is a list": [START, {"k": ["x"], "t": 0}],
    "negative price": [START, {"k": "price", "t": 0, "price": PRICE | {"amount": "-5"}}],
    "endless price": [START, {"k": "price", "t": 0, "price": PRICE | {"amount": "1e99999"}}],
    "artifact without a time": [START, without(HELD, "w")],
    "odd counters": [START, {"k": "network", "t": 1, "interfaces": {"e": [1]}}],
    "note is a number": [START, {"k": "note", "t": 1, "text": 5}],
}


def put(home, events, run="evil", segment="s"):
    folder = home / "runs" / run / segment
    folder.mkdir(parents=True, exist_ok=True)
    text = events if isinstance(events, str) else "".join(json.dumps(e) + "\n" for e in events)
    (folder / EVENTS).write_text(text)
    return folder


def read_everything(home):
    """What every command reads; the receipts and the remark on what could not be read."""
    close_dead(home)
    for run_id in run_ids(home):
        first_words(home, run_id)
        read_metrics(home, run_id)
        for folder in shelf.segment_folders(home, run_id):
            read_recording(folder)
    find_run_id(home, "good")
    receipt = read_receipt(home, "good")
    assert receipt_csv(receipt)
    assert receipt_text(receipt)
    return read_history(home)


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_record_is_skipped_with_one_remark(tmp_path, name):
    record(tmp_path, "good")
    put(tmp_path, DAMAGED[name])
    receipts, remarks = read_everything(tmp_path)
    assert [one.run.id for one in receipts] == ["good"]
    assert len(remarks) == 1
    assert remarks[0].startswith("1 record cannot be read: evil/s, ")
    assert f"· {remarks[0]}"[:30] in receipt_text(read_receipt(tmp_path, "good"))
    with pytest.raises(BadInput, match=r"run 'evil' in .*: 1 record cannot be read"):
        read_receipt(tmp_path, "evil")


def test_half_a_character_is_read_as_one_that_can_be_written(tmp_path):
    record(tmp_path, "good")
    put(tmp_path, [START | {"name": "caf\udcff"}])
    receipts, remarks = read_everything(tmp_path)
    assert [(one.run.id, one.run.name) for one in receipts] == [
        ("evil", "caf\ufffd"),
        ("good", None),
    ]
    assert remarks == []
    receipt_text(read_receipt(tmp_path, "evil")).encode()


def test_deep_json_stops_nobody(tmp_path):
    record(tmp_path, "good")
    put(tmp_path, json.dumps(START) + "\n" + "[" * 200_000 + "\n")
    assert "good" in {one.run.id for one in read_everything(tmp_path)[0]}


def test_a_pipe_in_place_of_a_record_holds_nobody_up(tmp_path):
    record(tmp_path, "good")
    folder = tmp_path / "runs" / "evil" / "s"
    folder.mkdir(parents=True)
    os.mkfifo(folder / EVENTS)
    assert len(read_everything(tmp_path)[0]) == 1


@pytest.mark.parametrize("uri", ["s3://[x", "file://[x", "x" * 5000])
def test_an_address_that_cannot_be_parsed_does_no_harm(tmp_path, monkeypatch, uri):
    monkeypatch.setattr("socket.gethostname", lambda: HOST.hostname)
    record(tmp_path, "good", act=artifact("checkpoint", uri))
    (receipt,), remarks = read_everything(tmp_path)
    assert remarks == []
    assert receipt.to_json()["artifacts"][0]["uri"] == uri


@pytest.mark.parametrize("size", [-(10**15), 1.5, "7", True, None])
def test_a_size_that_is_no_count_of_bytes_is_unknown(size):
    events = "".join(json.dumps(e) + "\n" for e in (START, HELD | {"bytes": size}, END))
    recording = make_recording(events.encode(), b"")
    (one,) = to_segment(recording, alive=False, now_wall_ns=WALL).artifacts
    assert one.bytes is None


def test_a_copied_run_counts_once(tmp_path):
    record(tmp_path, "good", seconds=10)
    shutil.copytree(tmp_path / "runs" / "good", tmp_path / "runs" / "good-backup")
    receipts, remarks = read_everything(tmp_path)
    assert [one.estimate.total.text() for one in receipts] == ["0.010000000"]
    assert "it is a copy of a record of the run 'good'" in remarks[0]
    with pytest.raises(BadInput, match="copy"):
        read_receipt(tmp_path, "good-backup")


def test_a_folder_that_may_not_be_seen_or_is_gone_is_skipped(tmp_path, monkeypatch):
    record(tmp_path, "good")
    put(tmp_path, [START, END])
    whole = type(tmp_path).iterdir

    def guarded(path):
        if path.name == "evil":
            raise PermissionError(13, "Permission denied", str(path))
        return whole(path)

    monkeypatch.setattr(type(tmp_path), "iterdir", guarded)
    receipts, remarks = read_everything(tmp_path)
    assert ([one.run.id for one in receipts], remarks) == (["good"], [])


def test_a_home_that_cannot_be_written_is_read_in_silence(tmp_path, monkeypatch, caplog):
    folder = put(tmp_path, [START], run="evil")
    monkeypatch.setattr("os.access", lambda *_: False)
    assert close_dead(tmp_path) == []
    assert read_receipt(tmp_path, "evil").to_json()["status"] == "killed"
    assert "end" not in (folder / EVENTS).read_text()
    assert caplog.text == ""


def test_an_ended_record_is_not_read_again_to_close_it(tmp_path, monkeypatch):
    record(tmp_path, "good")
    monkeypatch.setattr(shelf, "read_stored", lambda *_: pytest.fail("read again"))
    assert close_dead(tmp_path) == []


def test_a_killed_run_lasted_as_long_as_its_samples_though_its_end_was_written_from_fewer(tmp_path):
    """Its file was cut on its machine, whose agent closed it; the server has all that was shipped."""
    for run, at, status in (("whole", 0, "finished"), ("cut", 5, "killed")):
        record(tmp_path, run, at=at, seconds=10)
        events = tmp_path / "runs" / run / f"{run}-{at}" / EVENTS
        lines = [json.loads(line) for line in events.read_text().splitlines()]
        end = lines.pop() | {"t": 10**9, "status": status}
        put(tmp_path, [*lines, end], run, f"{run}-{at}")
    lasted = {one.run.id: one.to_json()["duration_seconds"] for one in read_receipts(tmp_path)}
    assert lasted == {"whole": 1.0, "cut": 10.0}
    record(
        tmp_path, "beside", at=12, seconds=10
    )  # three of its seconds are shared with the cut one
    assert total(tmp_path, "beside") == "0.008500000"


def test_of_many_runs_each_meets_only_those_of_its_time(tmp_path):
    for number in range(30):
        record(tmp_path, f"r{number:02d}", at=number * 5, seconds=10)
    totals = [one.estimate.total.text() for one in read_receipts(tmp_path)]
    assert totals == ["0.007500000", *["0.005000000"] * 28, "0.007500000"]
    assert total(tmp_path, "r07") == "0.005000000"


def test_nothing_that_was_recorded_moves_the_cursor(tmp_path):
    record(tmp_path, "good", name="\x1b[2J\x1b]0;own\x07x\ny", labels={"model": "\x9b31m"})
    receipt = read_receipt(tmp_path, "good")
    shown = receipt_text(receipt)
    assert plain(shown.replace("\n", "")) == shown.replace("\n", "")
    assert "[2J" in shown


def test_the_total_row_of_the_csv_has_an_empty_name(tmp_path):
    record(tmp_path, "good")
    assert receipt_csv(read_receipt(tmp_path, "good")).splitlines()[-1].startswith("good,total,,")
