"""The mirror: the files of a home follow the ledger's log, from whatever state a crash left them in."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.rides import ride
from server.teams import relabel
from trainfare.core.budget import make_budget
from trainfare.core.money import Money
from trainfare.core.period import parse_instant
from trainfare.core.shipment import Piece
from trainfare.flows.budget import standings
from trainfare.flows.mirror import PLACE, Mirror
from trainfare.flows.report import make_report
from trainfare.flows.report_json import report_json
from trainfare.flows.sights import Sights
from trainfare.metering.home import runs_folder
from trainfare.metering.shelf import close_dead
from trainfare.store.ledger import open_ledger
from trainfare.store.run_sums import sum_runs
from trainfare.store.stream import Streams

RUN, NODE = ("r-1", "s-1", "samples.bin"), ("@node-1", "s-1", "events.jsonl")
CONTENT = {RUN: bytes(range(200)), NODE: b"n" * 90}


def write(ledger, *pieces, team=None):
    """Put pieces into the log, as the intake does."""
    streams = Streams()
    draft = streams.draft()
    with ledger.change() as connection:
        draft.catch_up(connection)
        draft.find(connection, {piece.key: team for piece in pieces}, 1)
        draft.append(connection, pieces)


def whole(step=17):
    return [
        Piece(*key, at, content[at : at + step])
        for key, content in CONTENT.items()
        for at in range(0, len(content), step)
    ]


def path(home, key):
    owner, *rest = key
    return home.joinpath("machines" if owner[0] == "@" else "runs", owner.strip("@"), *rest)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with open_ledger(tmp_path_factory.mktemp("home")) as one:
        write(one, *whole())
        yield one


def check(home):
    for key, content in CONTENT.items():
        assert path(home, key).read_bytes() == content


@settings(max_examples=50)
@given(there=st.tuples(st.integers(0, 200), st.integers(0, 90)))
def test_a_crash_at_any_byte_is_made_up_for(ledger, tmp_path_factory, there):
    """A file's size says how far it is written, so whatever a crash left of it is continued."""
    home = tmp_path_factory.mktemp("crashed")
    for (key, content), size in zip(CONTENT.items(), there, strict=True):
        path(home, key).parent.mkdir(parents=True)
        path(home, key).write_bytes(content[:size])
    Mirror(home, ledger).catch_up()
    check(home)
    Mirror(home, ledger).catch_up()  # the place is not kept yet: all of it is looked at again
    check(home)


def test_what_was_deleted_is_written_again_without_its_place(ledger, tmp_path):
    (tmp_path / PLACE).write_text('{"chunk": 3}')
    Mirror(tmp_path, ledger).catch_up()
    assert not path(tmp_path, RUN).exists() or path(tmp_path, RUN).read_bytes() == b""
    (tmp_path / PLACE).unlink()
    path(tmp_path, RUN).unlink(missing_ok=True)
    Mirror(tmp_path, ledger).catch_up()
    check(tmp_path)


@settings(max_examples=30)
@given(order=st.permutations(range(4)), seen=st.sets(st.integers(0, 3)))
def test_groups_that_come_late_twice_or_not_at_all_are_made_up_for(
    ledger, tmp_path_factory, order, seen
):
    """What the writer hands over is a hint; what is missing is read from the ledger."""
    home, pieces = tmp_path_factory.mktemp("late"), whole()
    told = []
    mirror = Mirror(home, ledger, told.append)
    mirror.start()
    for number in order:
        if number in seen:
            mirror.take(number * 4, pieces[number * 4 : number * 4 + 4])
    mirror.close()
    Mirror(home, ledger).catch_up()
    check(home)
    assert set().union(*told) <= {"r-1"}


def test_a_reader_that_closes_dead_runs_leaves_mirrored_ones_alone(ledger, tmp_path):
    """The machine that it is of may still write: an end of the server's own would stand in its way."""
    with open_ledger(tmp_path) as own:
        start = b'{"k":"start","v":1,"t":0,"w":1,"run":"r-2","segment":"s","pid":1,"pid_start":"0",'
        start += b'"boot":"b","pidns":"","machine":{"resource_id":"i","hostname":"h"}}\n'
        write(own, Piece("r-2", "s", "events.jsonl", 0, start))
        Mirror(tmp_path, own).catch_up()
        file = path(tmp_path, ("r-2", "s", "events.jsonl"))
        os.utime(file, (1, 1))  # silent for so long that it has ended, by all that is known here
        assert close_dead(tmp_path) == []
        assert file.read_bytes() == start
        file.with_name("mirrored").unlink()
        assert close_dead(tmp_path) == ["r-2"]


def test_a_run_that_a_team_s_token_shipped_is_that_team_s_everywhere(tmp_path):
    """Lists, reports and budgets know one team of a run, and its money is counted there, once."""
    far, home = tmp_path / "far", tmp_path / "home"
    ride(far, "run-a", 8, 9)
    ride(far, "run-b", 8, 9, resource="i-2")
    relabel(far, "run-a", team="zebra")
    relabel(far, "run-b", team="zebra")
    pieces = {
        team: [
            Piece(run, file.parent.name, file.name, 0, file.read_bytes())
            for file in (runs_folder(far) / run).rglob("*.*")
        ]
        for run, team in (("run-a", "okapi"), ("run-b", None))
    }
    with open_ledger(home) as ledger:
        for team, group in pieces.items():
            write(ledger, *group, team=team)
        Mirror(home, ledger).catch_up()
        Sights(home, ledger).settle()
        with ledger.look() as connection:
            listed = {row.team: row.estimated_nano for row in sum_runs(connection, None)}
    report = report_json(make_report(home, ("team",)))
    reported = {row["team"]: Money.parse(row["estimated"]).nano for row in report["rows"]}
    assert reported == listed == {"okapi": 10 * 10**9, "zebra": 10 * 10**9}
    assert report["total_row"]["estimated"] == "20.000000000"
    budgets = [make_budget(f"{one}-all", "1000", scope=f"team={one}") for one in listed]
    stood = standings(home, budgets, at_ns=parse_instant("2026-10-02T00:00:00Z"))
    assert {str(one.budget.scope): one.spent.nano for one in stood} == {
        "team=okapi": 10 * 10**9,
        "team=zebra": 10 * 10**9,
    }
