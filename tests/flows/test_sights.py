"""Sights say of every run what its receipt says, and go on saying so as the home changes."""

import json
import os
import shutil
import time

import pytest

from flows.rides import charge, ride, says, write_charges
from trainfare.core.errors import BadInput
from trainfare.flows.allocation import allocate_periods
from trainfare.flows.bill import import_bills
from trainfare.flows.months import with_bills
from trainfare.flows.report import make_report
from trainfare.flows.report_json import report_json
from trainfare.flows.sights import Sights, news_of
from trainfare.metering.history import read_receipts
from trainfare.metering.home import runs_folder
from trainfare.metering.sizes import Size, remember
from trainfare.store.ledger import open_ledger
from trainfare.store.sights import Wanted, find_run, read_page, read_sights


@pytest.fixture
def ledger(tmp_path):
    with open_ledger(tmp_path) as one:
        yield one


def settle(sights):
    settled = []
    while True:
        done = sights.settle()
        settled += done.settled
        if not done.left:
            return settled


def shown(ledger, **words):
    with ledger.look() as connection:
        return [row["run"] for row in read_page(connection, Wanted(**words)).rows]


def lines(ledger):
    with ledger.look() as connection:
        return list(read_page(connection, Wanted(), order="started", limit=1000).rows)


def printed(home):
    """What ``trainfare runs`` prints."""
    now = time.time_ns()
    return json.loads(
        json.dumps([one.to_summary() for one in with_bills(home, read_receipts(home, now_ns=now))])
    )


def test_lines_say_what_receipts_say(tmp_path, ledger):
    ride(tmp_path, "run-a", 8, 10)
    ride(tmp_path, "run-b", 9, 11)  # on the same machine, so each has a part of it
    ride(tmp_path, "run-c", 9, 11, resource="i-2", price=None)
    assert set(settle(Sights(tmp_path, ledger))) == {"run-a", "run-b", "run-c"}
    assert lines(ledger) == printed(tmp_path)


def test_what_did_not_change_is_not_settled_again(tmp_path, ledger):
    ride(tmp_path, "run-a", 8, 10)
    sights = Sights(tmp_path, ledger)
    assert settle(sights) == ["run-a"]
    assert settle(sights) == []
    assert settle(Sights(tmp_path, ledger)) == []  # after a restart


def test_a_run_that_turns_up_late_changes_those_it_shared_a_machine_with(tmp_path, ledger):
    ride(tmp_path, "run-a", 8, 10)
    ride(tmp_path, "run-x", 15, 16)
    sights = Sights(tmp_path, ledger)
    settle(sights)
    ride(tmp_path, "run-b", 9, 11)
    assert set(settle(sights)) == {"run-a", "run-b"}
    assert lines(ledger) == printed(tmp_path)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_record_that_comes_on_late_changes_those_it_shared_a_machine_with(
    tmp_path, ledger, is_restarted
):
    ride(tmp_path, "run-a", 8, 10)
    ride(tmp_path, "run-b", 7, 9)
    ride(tmp_path, "run-x", 8, 10, resource="i-2")
    sights = Sights(tmp_path, ledger)
    settle(sights)
    if is_restarted:
        sights = Sights(tmp_path, ledger)
        settle(sights)
    shutil.rmtree(runs_folder(tmp_path) / "run-b")
    ride(tmp_path, "run-b", 7, 11)  # two more hours of it are shipped
    assert set(settle(sights)) - {"run-x"} == {"run-a", "run-b"}
    assert lines(ledger) == printed(tmp_path)


def test_a_clock_set_back_between_two_attempts_hides_no_neighbour(tmp_path, ledger):
    """The second attempt of run-a began after the first, at an earlier hour."""
    for attempt, (start, end) in enumerate([(12, 13), (8, 10)], start=1):
        ride(tmp_path, "run-a", start, end, attempt=attempt, facts={"boot": "boot:1"})
        [file] = (runs_folder(tmp_path) / "run-a").glob(f"run-a-{attempt}-*/events.jsonl")
        mono = f'{{"mono":{attempt * 10**14},'
        file.write_text(file.read_text().replace("{", mono, 1))
    ride(tmp_path, "run-b", 9, 11)
    ride(tmp_path, "run-c", 12, 14)
    [one] = [r for r in read_receipts(tmp_path, now_ns=time.time_ns()) if r.run.id == "run-a"]
    first, second = (attempt.interval.start_ns for attempt in one.run.attempts)
    assert first > second
    sights = Sights(tmp_path, ledger)
    settle(sights)
    assert lines(ledger) == printed(tmp_path)
    assert "run-a" in sights.beside("run-b")
    assert "run-a" in sights.beside("run-c")


def test_a_maker_that_turns_up_late_changes_those_that_read_a_part_of_what_it_made(
    tmp_path, ledger
):
    for run, place in (("part", "s3://b/x/part-0"), ("other", "s3://b/xy")):
        ride(tmp_path, run, 12, 14, resource=f"i-{run}")
        says(tmp_path, run, ("dataset", place, 1, 12, {"bytes": 2**40}))
    sights = Sights(tmp_path, ledger)
    settle(sights)
    ride(tmp_path, "maker", 8, 10)
    says(tmp_path, "maker", ("output", "s3://b/x", 1, 9, {"bytes": 2**40}))
    settled = set(settle(sights))
    assert ({"maker", "part"} <= settled, sights.beside("part")) == (
        True,
        {"maker", "other", "part"},
    )
    shown_now = {row["run"]: row for row in lines(ledger)}
    storage = {run: row["estimated"]["components"]["storage"] for run, row in shown_now.items()}
    assert storage["part"] == "0.000000000"
    assert float(storage["other"]) > 0


def test_a_bill_changes_the_runs_of_its_month_alone(tmp_path, ledger):
    ride(tmp_path, "run-a", 8, 9)
    ride(tmp_path, "run-z", 8, 9, month="09")
    sights = Sights(tmp_path, ledger)
    settle(sights)
    import_bills(tmp_path, [str(write_charges(tmp_path / "bill.csv", charge()))])
    allocate_periods(tmp_path)
    assert settle(sights) == ["run-a"]
    assert lines(ledger) == printed(tmp_path)


def test_runs_that_are_gone_leave_the_list(tmp_path, ledger):
    ride(tmp_path, "run-a", 8, 10)
    ride(tmp_path, "run-b", 8, 10)
    sights = Sights(tmp_path, ledger)
    settle(sights)
    shutil.rmtree(runs_folder(tmp_path) / "run-a")
    settle(sights)
    assert shown(ledger) == ["run-b"]


def test_a_folder_that_holds_no_run_is_no_line_and_stops_nothing(tmp_path, ledger):
    (runs_folder(tmp_path) / "run-a" / "s").mkdir(parents=True)
    (runs_folder(tmp_path) / "run-a" / "s" / "events.jsonl").write_bytes(b"\x00nothing\n" * 9)
    ride(tmp_path, "run-b", 8, 10)
    settle(Sights(tmp_path, ledger))
    assert shown(ledger) == ["run-b"]


def test_spools_are_left_as_they_were(tmp_path, ledger):
    ride(tmp_path, "run-a", 8, 10)
    before = {p: p.read_bytes() for p in runs_folder(tmp_path).rglob("*") if p.is_file()}
    settle(Sights(tmp_path, ledger))
    assert before == {p: p.read_bytes() for p in runs_folder(tmp_path).rglob("*") if p.is_file()}


def test_many_runs_are_settled_in_rounds_the_latest_first(tmp_path, ledger, monkeypatch):
    monkeypatch.setattr("trainfare.flows.sights.BATCH", 2)
    for number in range(5):
        ride(tmp_path, f"run-{number}", 8 + number, 9 + number)
    sights = Sights(tmp_path, ledger)
    assert sights.settle().settled == ("run-4", "run-3")
    assert set(settle(sights)) == {"run-0", "run-1", "run-2"}


@pytest.fixture
def five(tmp_path, ledger):
    """Five runs of two teams, an hour apart."""
    for number in range(5):
        ride(tmp_path, f"run-{number}", 8 + number, 9 + number, resource=f"i-{number}")
        folder = next((runs_folder(tmp_path) / f"run-{number}").iterdir())
        head, *rest = (folder / "events.jsonl").read_text().splitlines()
        start = json.loads(head)
        start["name"] = f"bert_{number}"
        start["labels"] = {"team": "nlp" if number % 2 else "Vision", "seed": str(number)}
        (folder / "events.jsonl").write_text("\n".join([json.dumps(start), *rest, ""]))
    settle(Sights(tmp_path, ledger))
    return ledger


def test_pages_follow_one_another_and_miss_nothing(five):
    for order in ("started", "-started", "name", "-estimated", "billed", "status", "duration"):
        found, cursor = [], None
        with five.look() as connection:
            while True:
                page = read_page(connection, Wanted(), order=order, limit=2, cursor=cursor)
                found += [row["run"] for row in page.rows]
                cursor = page.next
                if cursor is None:
                    break
        assert sorted(found) == [f"run-{number}" for number in range(5)]
        assert page.total == 5
        if "started" in order or order == "name":
            assert found == sorted(found, reverse=order.startswith("-"))


@pytest.mark.parametrize("cursor", ["", "x", "bnVsbA", "WyItc3RhcnRlZCIsInEiLCJyIl0", "é"])
def test_a_cursor_of_another_list_is_refused(five, cursor):
    with five.look() as connection, pytest.raises(BadInput, match="not of this list"):
        read_page(connection, Wanted(), cursor=cursor)


def test_an_unknown_order_names_those_there_are(five):
    with five.look() as connection, pytest.raises(BadInput, match="choose from started, name"):
        read_page(connection, Wanted(), order="colour")


def test_lists_are_filtered(five):
    assert shown(five, team="nlp") == ["run-3", "run-1"]
    assert shown(five, team="nlp", of_team="Vision") == []
    assert shown(five, labels={"team": "Vision", "seed": "2"}) == ["run-2"]
    assert shown(five, labels={"team": "vision"}) == []
    assert shown(five, labels={"seed": "_"}) == []
    assert shown(five, text="VISION bert_4") == ["run-4"]
    assert shown(five, text="run%") == []
    assert shown(five, status=("running",)) == []
    assert shown(five, status=("running", "finished"), text="2") == ["run-2"]


def test_a_run_is_found_by_what_a_team_sees(five):
    with five.look() as connection:
        assert find_run(connection, "run-2", None) == ["run-2"]
        assert find_run(connection, "run-2", "nlp") == []
        assert find_run(connection, "last", "nlp") == ["run-3"]
        assert find_run(connection, "bert_4", None) == ["run-4"]
        assert find_run(connection, "run-", "nlp") == ["run-1", "run-3"]
        assert find_run(connection, "run_", None) == []
        assert set(read_sights(connection, ["run-1", "none"])) == {"run-1"}


def test_news_come_with_deeds_and_with_runs(tmp_path, ledger):
    before = news_of(tmp_path, ledger)
    assert news_of(tmp_path, ledger) == before
    ride(tmp_path, "run-a", 8, 10)
    settle(Sights(tmp_path, ledger))
    after = news_of(tmp_path, ledger)
    assert (after.books, after.runs > before.runs) == (before.books, True)
    (tmp_path / "budgets.json").write_text("{}")
    os.utime(tmp_path / "budgets.json", ns=(1, 1))
    budgeted = news_of(tmp_path, ledger).books
    assert budgeted != after.books
    remember(tmp_path, "s3://b/x", Size(7, 1, 9))
    assert news_of(tmp_path, ledger).books != budgeted


def test_half_a_character_in_a_name_stops_nothing(tmp_path, ledger):
    ride(tmp_path, "run-a", 8, 10)
    ride(tmp_path, "run-b", 8, 10, resource="i-2")
    path = next((runs_folder(tmp_path) / "run-a").iterdir()) / "events.jsonl"
    head, rest = path.read_bytes().split(b"\n", 1)
    start = {**json.loads(head), "name": "caf\ud800", "labels": {"model": "\udcff", "team": "nlp"}}
    path.write_bytes(json.dumps(start).encode() + b"\n" + rest)
    settle(Sights(tmp_path, ledger))
    assert {row["run"]: row["name"] for row in lines(ledger)} == {
        "run-a": "caf\ufffd",
        "run-b": "run-b",
    }
    assert lines(ledger) == printed(tmp_path)
    assert shown(ledger, team="nlp", text="caf\ufffd") == ["run-a"]
    assert {
        row["team"]: row["runs"] for row in report_json(make_report(tmp_path, ("team",)))["rows"]
    } == {
        "nlp": 1,
        "(no label)": 1,
    }
