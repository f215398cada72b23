"""The spool never raises into the training and loses nothing that fits in its memory."""

import errno
import logging
import os

import pytest

from trainfare.metering import spool as spool_module
from trainfare.metering.spool import EVENTS, METRICS, SAMPLES, Spool, last_record_bytes, read_lines


@pytest.fixture
def full_disk(monkeypatch):
    """A disk that refuses writes while ``state['full']``; part of a write fits where stated."""
    state = {"full": True, "fits": 0}
    real_write = os.write

    def write(descriptor, data):
        if state["full"] and state["fits"]:
            return real_write(descriptor, data[: state["fits"]])
        if state["full"]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real_write(descriptor, data)

    monkeypatch.setattr(spool_module.os, "write", write)
    return state


def test_records_are_on_disk_as_soon_as_they_are_added(tmp_path):
    spool = Spool(tmp_path / "s")
    spool.add_sample(b"x" * 96)
    spool.add_event({"k": "start"})
    assert (tmp_path / "s" / SAMPLES).read_bytes() == b"x" * 96
    assert read_lines((tmp_path / "s" / EVENTS).read_bytes()) == [{"k": "start"}]


def test_a_full_disk_warns_once_and_everything_is_written_when_there_is_room(
    tmp_path, full_disk, caplog
):
    spool = Spool(tmp_path / "s")
    with caplog.at_level(logging.WARNING, "trainfare"):
        for number in range(5):
            spool.add_sample(bytes([number]) * 96)
    assert len(caplog.records) == 1
    assert "No space left" in caplog.text
    assert spool.pending_bytes(SAMPLES) == b"".join(bytes([n]) * 96 for n in range(5))
    full_disk["full"] = False
    spool.add_sample(bytes([5]) * 96)
    data = (tmp_path / "s" / SAMPLES).read_bytes()
    assert data == b"".join(bytes([n]) * 96 for n in range(6))
    assert spool.lost == 0


def test_part_of_a_record_is_cut_off_so_that_records_stay_aligned(tmp_path, full_disk):
    spool = Spool(tmp_path / "s")
    full_disk.update(full=False)
    spool.add_sample(b"a" * 96)
    full_disk.update(full=True, fits=40)
    spool.add_sample(b"b" * 96)
    assert (tmp_path / "s" / SAMPLES).read_bytes() == b"a" * 96
    full_disk.update(full=False)
    spool.close()
    assert (tmp_path / "s" / SAMPLES).read_bytes() == b"a" * 96 + b"b" * 96


def test_the_memory_for_pending_writes_is_bounded_and_the_loss_is_counted(
    tmp_path, full_disk, monkeypatch
):
    monkeypatch.setattr(spool_module, "PENDING_MAX", 10)
    spool = Spool(tmp_path / "s")
    for number in range(25):
        spool.add_sample(bytes([number]) * 96)
    assert spool.lost == 15
    assert spool.pending_bytes(SAMPLES)[:1] == bytes([15])


def test_a_flood_of_metrics_never_costs_a_run_its_events(tmp_path, full_disk, monkeypatch):
    monkeypatch.setattr(spool_module, "PENDING_MAX", 10)
    spool = Spool(tmp_path / "s")
    spool.add_event({"k": "start"})
    for step in range(25):
        spool.add_metric({"step": step})
    spool.add_event({"k": "end"})
    full_disk.update(full=False)
    spool.close()
    events = read_lines((tmp_path / "s" / EVENTS).read_bytes())
    assert [one["k"] for one in events] == ["start", "end"]


def test_a_burst_between_two_beats_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(spool_module, "PENDING_MAX", 1000)
    monkeypatch.setattr(spool_module, "WAITING_MAX", 100)
    spool = Spool(tmp_path / "s")
    spool.is_deferred = True
    for step in range(5000):
        spool.add_metric({"step": step})
    spool.close()
    lines = read_lines((tmp_path / "s" / METRICS).read_bytes())
    assert [one["step"] for one in lines] == list(range(5000))
    assert spool.lost == 0


def test_a_home_that_is_a_file_never_raises(tmp_path, caplog):
    (tmp_path / "home").write_text("not a folder")
    spool = Spool(tmp_path / "home" / "runs" / "r")
    spool.add_event({"k": "start"})
    spool.close()
    assert "training goes on" in caplog.text


def test_a_forked_child_writes_nothing(tmp_path):
    spool = Spool(tmp_path / "s")
    spool.add_event({"k": "start"})
    child = os.fork()
    if child == 0:
        spool.add_event({"k": "child"})
        spool.close()
        os._exit(0)
    os.waitpid(child, 0)
    spool.add_event({"k": "parent"})
    kinds = [e["k"] for e in read_lines((tmp_path / "s" / EVENTS).read_bytes())]
    assert kinds == ["start", "parent"]


def test_a_closed_spool_takes_nothing_more(tmp_path):
    spool = Spool(tmp_path / "s")
    spool.add_event({"k": "start"})
    spool.close()
    spool.add_event({"k": "late"})
    assert len(read_lines((tmp_path / "s" / EVENTS).read_bytes())) == 1


def test_the_last_records_are_read_without_a_torn_tail(tmp_path):
    path = tmp_path / SAMPLES
    path.write_bytes(b"".join(bytes([n]) * 96 for n in range(5)) + b"torn")
    assert last_record_bytes(path, 2) == bytes([3]) * 96 + bytes([4]) * 96
    assert last_record_bytes(tmp_path / "none") == b""


def test_lines_that_are_no_objects_are_passed_over():
    assert read_lines(b'[1]\n{"a":1}\nnull\n{"b"') == [{"a": 1}]
