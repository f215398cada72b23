"""Whose a run is: no token of one team writes into what is another's, however it came here."""

import json
import time

import pytest

from cli.commands import call
from server.served import serving
from server.test_ingest import chunk, ship, shipment
from server.two_teams import FOREIGN, OWN, fill
from trainfare.server.part import PARTS

NOBODY = "r-nobody"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A home of two teams and a run without any label, which were all recorded in the home."""
    home = tmp_path_factory.mktemp("gate") / "home"
    fill(home)
    assert call(home, "run", "--run-id", NOBODY, "--price", "3.6/h", "--", "true").returncode == 0
    machine = home / "machines" / "node-zebra" / "s-1"
    machine.mkdir(parents=True)
    (machine / "samples.bin").write_bytes(b"")
    with serving(home) as one:
        until = time.monotonic() + 60
        while one.json("/api/v1/runs")["total"] < 3:
            assert time.monotonic() < until, "the server never listed them"
            time.sleep(0.1)
        yield one


@pytest.fixture(scope="module")
def own(server):
    """The secret of okapi's token."""
    body = {"name": "okapi-node", "scopes": ["ingest", "read"], "team": OWN}
    return server.json("/api/v1/tokens", method="POST", body=body)["secret"]


@pytest.mark.parametrize("run", [f"r-{FOREIGN}", f"c-{FOREIGN}", NOBODY, "@node-zebra"])
@pytest.mark.parametrize("segment", ["s-new", None])
def test_a_team_writes_into_no_run_of_the_home_that_is_not_its_own(server, own, run, segment):
    """Neither beside its segments nor at the end of one; and the refusal leaves nothing behind."""
    folder = server.home / ("machines/node-zebra" if run[0] == "@" else f"runs/{run}")
    there = sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []
    name = segment or (there[0] if there else "s-1")
    files = sorted(folder.rglob("*"))
    mine = chunk(f"r-{name.lower()[:20]}-beside")
    status, _, answer = ship(server, shipment(mine, chunk(run, segment=name)), token=own)
    assert (status, answer["error"]["type"]) == (403, "not_allowed")
    assert f"the run {run!r} is not of the team {OWN!r}" in answer["error"]["message"]
    assert sorted(folder.rglob("*")) == files
    assert server.ask(f"/api/v1/runs/r-{FOREIGN}", token=own)[0] == 404
    assert ship(server, shipment(chunk(run, 0, b"", segment=name)), token=own)[0] == 403


def test_a_team_writes_into_its_own_runs_and_new_ones_and_who_is_of_no_team_into_all(server, own):
    assert ship(server, shipment(chunk(f"r-{OWN}", segment="s-new")), token=own)[0] == 200
    assert ship(server, shipment(chunk(f"c-{OWN}")), token=own)[0] == 200
    assert ship(server, shipment(chunk("r-fresh")), token=own)[0] == 200
    assert ship(server, shipment(chunk("@node-fresh")), token=own)[0] == 200
    every = [chunk(run, segment="s-all") for run in (f"r-{FOREIGN}", f"r-{OWN}", NOBODY, "r-fresh")]
    assert ship(server, shipment(*every))[2] == {"accepted": [96] * 4}


PAGES = (
    *("/", "/runs", f"/runs/{NOBODY}", f"/compare?run={NOBODY}&run=r-{OWN}", "/resources"),
    *("/teams", "/experiments", "/prices", "/advice", "/commitments", "/bills", "/budgets"),
    *("/settings", "/words", "/runs?status=finished&order=name"),
)


def test_every_page_and_part_stands_where_a_run_has_no_labels(server):
    """What a run may lack, no page takes for granted; every part has a shape, or is not there."""
    page = {"Accept": "text/html"}
    for path in PAGES:
        status, _, body = server.ask(path, headers=page)
        assert status == 200, path
        assert b"Trainfare made a mistake" not in body, path
    words = f"run={NOBODY}&first={NOBODY}&second=r-{OWN}&charge=none&experiment=none&metric=loss"
    for name in PARTS:
        until = time.monotonic() + 120
        while b"aria-busy" in (answer := server.ask(f"/parts/{name}?{words}"))[2]:
            assert time.monotonic() < until, name
            time.sleep(0.1)
        assert answer[0] == 200, name
        assert b"Trainfare made a mistake" not in answer[2], name
    assert NOBODY.encode() in server.ask("/parts/run_table")[2]


@pytest.mark.parametrize(
    "path",
    [
        "/runs?since=2300-01-01T00:00:00Z",
        "/runs?since=0001-01-01T00:00:00Z",
        "/runs?until=2262-05-01T00:00:00Z",
        "/report?as_of=9999-12-31T23:59:60Z",
        "/statement?as_of=9999-01-01T00:00:00Z",
        "/reconcile?as_of=0001-01-01T00:00:00Z",
    ],
)
def test_a_time_that_no_clock_of_ours_reaches_is_refused_with_a_sentence(server, path):
    status, _, body = server.ask("/api/v1" + path)
    assert status == 400
    assert "too far away" in json.loads(body)["error"]["message"]
