"""History: overlap, artifacts and outputs across the runs of one home."""

import os
from dataclasses import replace
from decimal import Decimal

import pytest

from core.segments import segment
from metering.instruments import HOURLY, Clock, instruments, start_event
from trainfare.core.charge import Component
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.machine import Machine
from trainfare.core.stage import Status
from trainfare.metering.history import close_dead, find_run_id, read_receipt, read_receipts, run_ids
from trainfare.metering.identity import process_start
from trainfare.metering.meter import Meter
from trainfare.metering.neighbours import Neighbours
from trainfare.metering.spool import EVENTS, MIRRORED, SAMPLES, Spool

HOST = Machine("i-0abc", "elsewhere", provider="aws", region="us-east-1")
QUICK = {"resource_id": "i-0abc", "hostname": "elsewhere"}


def record(home, run, *, at=0, seconds=10, segment=None, clock=None, act=None, **more):
    """A run of *seconds* that began *at* seconds after a fixed instant; *act* may add events."""
    clock = clock or Clock()
    clock.advance(at)
    name = segment or f"{run}-{at}"
    spool = Spool(home / "runs" / run / name)
    said = {key: more.pop(key) for key in ("network_class",) if key in more}
    event = start_event(
        run, name, name=more.pop("name", None), labels=more.pop("labels", {}), **said
    )
    meter = Meter(spool, instruments(clock, machine=HOST, **more), event)
    meter._open_host()
    meter._tick_host()
    meter._find_place()
    if act:
        act(meter, clock)
    clock.advance(seconds)
    meter.stop("finished")
    return meter


def total(home, run):
    return read_receipt(home, run).estimate.total.text()


def artifact(role, uri, size=2**30):
    def act(meter, clock):
        meter.add_event("artifact", w=clock.wall, role=role, uri=uri, bytes=size)

    return act


def test_runs_at_the_same_time_share_the_machine_whoever_is_asked_for(tmp_path):
    record(tmp_path, "a", seconds=10)
    record(tmp_path, "b", at=5, seconds=10)
    assert total(tmp_path, "a") == "0.007500000"
    assert total(tmp_path, "b") == "0.007500000"
    everyone = [r.estimate.total.text() for r in read_receipts(tmp_path)]
    assert everyone == ["0.007500000", "0.007500000"]
    receipt = read_receipt(tmp_path, "a")
    assert receipt.to_json()["paid_share"] == "0.75"
    assert "\nshared    with other runs on the machine; this one pays for 75.0 % of its" in str(
        receipt
    )


@pytest.mark.parametrize("among", [None, ["b"]])
def test_runs_share_the_machine_also_where_its_clock_is_ahead_of_the_one_that_keeps_them(
    tmp_path, among
):
    """A server writes what was shipped at its own time, an hour before the machine says it began."""
    record(tmp_path, "a", seconds=10)
    record(tmp_path, "b", at=5, seconds=10)
    began = read_receipt(tmp_path, "a").run.segments[0].started_wall_ns
    for folder in tmp_path.glob("runs/*/*"):
        (folder / MIRRORED).write_text("")
        for file in folder.iterdir():
            os.utime(file, ns=(began - 3600 * 10**9,) * 2)
    assert read_receipt(tmp_path, "a", beside=among).estimate.total.text() == "0.007500000"


def sent(home, run):
    receipt = read_receipt(home, run)
    [line] = [one for one in str(receipt).splitlines() if one.startswith("network")]
    return " ".join(line.split()[1:]), receipt.estimate.components[Component.NETWORK]


def test_bytes_are_told_as_the_machine_s_and_priced_only_for_a_run_that_had_it_alone(tmp_path):
    """The kernel counts by network space: what others sent meanwhile is among them."""

    def act(meter, clock):
        meter._host.reading["net_tx_bytes"] += 2**30

    record(tmp_path, "a", act=act, network_class="internet")
    words, amount = sent(tmp_path, "a")
    assert words == f"1.0 GiB sent by the whole machine {amount.display(6)}"
    record(tmp_path, "b", at=5, act=act, network_class="internet")
    words, amount = sent(tmp_path, "a")
    assert (words, amount) == (
        "1.0 GiB sent by the whole machine, 1 other run on it no price",
        None,
    )
    [lacking] = read_receipt(tmp_path, "a").estimate.unpriced
    assert lacking.why == "the bytes are the machine's, and other runs were on it"


def test_a_run_is_in_company_of_one_that_has_just_begun_and_not_of_one_that_came_later(tmp_path):
    record(tmp_path, "a", seconds=10)
    record(tmp_path, "b", at=5, seconds=10)
    record(tmp_path, "c", at=10, seconds=10)
    assert read_receipt(tmp_path, "a").beside == {"b": False}
    assert read_receipt(tmp_path, "b").beside == {"a": False, "c": False}
    late = start_event("d", "d-1", pid=os.getpid(), pid_start=process_start(os.getpid()))
    clock = Clock()
    clock.advance(9)
    Meter(Spool(tmp_path / "runs" / "d" / "d-1"), instruments(clock), late | {"machine": QUICK})
    assert read_receipt(tmp_path, "a").beside == {"b": False, "d": True}


def test_a_run_that_had_its_machine_alone_pays_for_all_of_it_and_says_nothing(tmp_path):
    record(tmp_path, "a", seconds=10)
    receipt = read_receipt(tmp_path, "a")
    assert receipt.to_json()["paid_share"] == "1"
    assert "shared" not in str(receipt)


def test_a_spool_copied_twice_counts_once(tmp_path):
    record(tmp_path, "a", seconds=10)
    source = next((tmp_path / "runs" / "a").iterdir())
    copy = source.with_name("copied")
    copy.mkdir()
    for file in (EVENTS, SAMPLES):
        (copy / file).write_bytes((source / file).read_bytes())
    assert total(tmp_path, "a") == "0.010000000"


@pytest.mark.parametrize("cut", range(0, 1200, 37))
def test_a_spool_cut_at_any_byte_is_readable_or_absent(tmp_path, cut):
    record(tmp_path, "a", seconds=10)
    folder = next((tmp_path / "runs" / "a").iterdir())
    data = (folder / EVENTS).read_bytes()
    (folder / EVENTS).write_bytes(data[:cut])
    first_line = data.index(b"\n")
    if cut < first_line:
        with pytest.raises(NotFound):
            read_receipt(tmp_path, "a")
        return
    close_dead(tmp_path)
    receipt = read_receipt(tmp_path, "a").to_json()
    assert receipt["status"] in ("killed", "finished")
    assert receipt["duration_seconds"] == 10.0
    assert close_dead(tmp_path) == []


def test_a_dataset_is_divided_among_its_readers_and_its_ranks_are_one(tmp_path):
    for run in ("a", "b"):
        record(tmp_path, run, seconds=3600, act=artifact("dataset", "s3://b/data"))
    record(tmp_path, "a", segment="rank1", seconds=3600, act=artifact("dataset", "s3://b/data"))
    alone = Decimal("0.023") / 730
    paid = [
        float(read_receipt(tmp_path, run).to_json()["estimated"]["components"]["storage"])
        for run in ("a", "b")
    ]
    assert paid == pytest.approx([float(alone) / 2] * 2, abs=1e-9)


def test_a_checkpoint_written_again_releases_the_earlier_bytes(tmp_path):
    def twice(meter, clock):
        artifact("checkpoint", "s3://b/last.pt")(meter, clock)
        clock.advance(3600)
        artifact("checkpoint", "s3://b/last.pt")(meter, clock)

    record(tmp_path, "a", act=twice)
    held = read_receipt(tmp_path, "a").to_json()["artifacts"]
    assert [a["until"] is None for a in held] == [False, True]


def test_another_run_that_writes_the_same_path_releases_it_too(tmp_path):
    record(tmp_path, "a", act=artifact("checkpoint", "s3://b/last.pt"))
    record(tmp_path, "b", at=100, act=artifact("checkpoint", "s3://b/last.pt"))
    first = read_receipt(tmp_path, "a").to_json()["artifacts"][0]
    second = read_receipt(tmp_path, "b").to_json()["artifacts"][0]
    assert first["until"] == second["since"]
    assert second["until"] is None


def test_the_run_that_made_the_data_is_named_and_not_added(tmp_path):
    record(tmp_path, "prep", seconds=20, act=artifact("output", "s3://b/tokens"))
    record(tmp_path, "train", at=100, seconds=10, act=artifact("dataset", "s3://b/tokens"))
    receipt = read_receipt(tmp_path, "train").to_json()
    (maker,) = receipt["prepared_by"]
    assert (maker["run"], maker["readers"]) == ("prep", 1)
    assert receipt["estimated"]["components"]["compute"] == "0.010000000"
    assert receipt["estimated"]["components"]["storage"] == "0.000000000"


def test_runs_that_feed_each_other_do_not_go_in_circles(tmp_path):
    def both(meter, clock):
        artifact("output", "s3://b/x")(meter, clock)
        artifact("dataset", "s3://b/x")(meter, clock)

    record(tmp_path, "a", act=both)
    record(tmp_path, "b", at=50, act=both)
    assert read_receipt(tmp_path, "a").prepared_by == ()  # "b" wrote it when "a" had ended
    assert [one.run for one in read_receipt(tmp_path, "b").prepared_by] == ["a"]


def test_a_part_of_what_another_run_made_is_paid_by_its_maker(tmp_path):
    record(tmp_path, "prep", seconds=20, act=artifact("output", "s3://b/tokens"))
    record(tmp_path, "train", at=100, act=artifact("dataset", "s3://b/tokens/part-0"))
    record(tmp_path, "all", at=100, act=artifact("dataset", "s3://b"))
    for run in ("train", "all"):
        receipt = read_receipt(tmp_path, run).to_json()
        assert [one["uri"] for one in receipt["prepared_by"]] == ["s3://b/tokens"]
        assert receipt["estimated"]["components"]["storage"] == "0.000000000"


def test_a_file_that_is_gone_stops_costing_and_is_noted_once(tmp_path, monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "elsewhere")
    path = tmp_path / "last.pt"
    path.write_bytes(b"x")
    record(tmp_path, "a", act=artifact("checkpoint", str(path), size=1))
    assert read_receipt(tmp_path, "a").to_json()["artifacts"][0]["until"] is None
    path.unlink()
    until = read_receipt(tmp_path, "a").to_json()["artifacts"][0]["until"]
    assert until is not None
    assert read_receipt(tmp_path, "a").to_json()["artifacts"][0]["until"] == until


def test_a_run_is_found_by_id_beginning_name_or_last(tmp_path):
    record(tmp_path, "r-aaa", name="first")
    record(tmp_path, "r-aab", at=10, name="again")
    record(tmp_path, "r-b", at=20, name="again")
    assert find_run_id(tmp_path, "r-aaa") == "r-aaa"
    assert find_run_id(tmp_path, "r-b") == "r-b"
    assert find_run_id(tmp_path, "again") == "r-b"
    assert find_run_id(tmp_path, "first") == "r-aaa"
    assert find_run_id(tmp_path, "last") == "r-b"
    with pytest.raises(NotFound, match="2 runs begin with 'r-a'"):
        find_run_id(tmp_path, "r-a")
    with pytest.raises(NotFound, match="no run is called 'x'"):
        find_run_id(tmp_path, "x")


def test_an_empty_home_has_no_runs(tmp_path):
    assert run_ids(tmp_path / "none") == []
    assert read_receipts(tmp_path) == []
    with pytest.raises(NotFound, match="no run was recorded in"):
        find_run_id(tmp_path, "last")


def test_a_spool_of_a_later_version_is_refused_with_the_remedy(tmp_path):
    record(tmp_path, "a")
    path = next((tmp_path / "runs" / "a").iterdir()) / EVENTS
    path.write_bytes(path.read_bytes().replace(b'"v":1', b'"v":9'))
    with pytest.raises(BadInput, match=r"format 9.*pip install -U trainfare"):
        read_receipt(tmp_path, "a")


def test_the_price_of_every_stretch_is_on_the_receipt(tmp_path):
    record(tmp_path, "a")
    (price,) = read_receipt(tmp_path, "a").to_json()["prices"]
    assert (price["amount"], price["unit"]) == (str(HOURLY.amount), "h")


def test_a_run_that_does_not_yet_know_what_the_cloud_calls_its_machine_is_on_it_all_the_same():
    facts = {"host": "host:x"}
    own, new = (
        replace(
            segment(start, run=run, status=Status.RUNNING),
            machine=Machine(name, "node-1", facts=facts),
        )
        for start, run, name in ((0, "a", "i-0abc"), (5, "b", "host:x"))
    )
    assert Neighbours([new]).beside([own]) == [new]
