"""Two servers on one PostgreSQL and one home: either answers, one works, and one may die."""

import json
import signal
import time

import pytest

from server.served import serving
from server.test_ingest import chunk, ship, shipment
from server.test_jobs import eventually, plan

pytest.importorskip("psycopg")


@pytest.fixture
def pair(tmp_path, postgres):
    """(first, second, URL of their database): two servers on an empty one."""
    url = postgres.new_database()
    env = {"TRAINFARE_DATABASE": url}
    home = plan(tmp_path / "home", "[when]\nalerts = '10s'\nallocate = '10s'\n")
    with serving(home, env=env) as first, serving(home, env=env, token=first.token) as second:
        yield first, second, url


def leader_of(server):
    return server.json("/api/v1/jobs")["leader"]


def leads(server, pid):
    leader = leader_of(server)
    return leader is not None and leader.split(":")[1] == str(pid)


def runs_of(postgres, url):
    """(job, start, end, holder) of every run, from the database itself."""
    text = postgres.ask(
        url,
        "SELECT json_agg(json_build_array(job, started_ns, coalesce(ended_ns, until_ns), holder)) "
        "FROM job_result WHERE state <> 'asked'",
    )
    return json.loads(text or "[]")


def test_a_token_made_at_one_opens_the_other(pair):
    first, second, _ = pair
    assert first.json("/api/v1/me") == second.json("/api/v1/me")
    assert leader_of(first) == leader_of(second)


def test_what_is_asked_of_either_is_done_once_by_the_one_that_leads(pair):
    first, second, _ = pair
    leader = eventually(lambda: leader_of(second))
    for server in (first, second):
        server.json("/api/v1/jobs/bills/run", method="POST")

    def look():
        runs = second.json("/api/v1/jobs/bills")["results"]
        return runs if runs and all(one["ended_at"] for one in runs) else None

    for one in eventually(look):
        assert (one["state"], one["holder"]) == ("done", leader)


def test_a_leader_that_is_killed_is_followed_and_no_job_runs_twice_at_once(pair, postgres):
    first, second, url = pair
    eventually(lambda: leads(second, first.process.pid))
    eventually(lambda: len(runs_of(postgres, url)) >= 2)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    killed = time.monotonic()
    eventually(lambda: leads(second, second.process.pid), seconds=60)
    assert time.monotonic() - killed < 60
    before = len(runs_of(postgres, url))
    eventually(lambda: len(runs_of(postgres, url)) >= before + 4)
    runs = sorted(runs_of(postgres, url))
    assert len({holder for *_, holder in runs}) == 2
    for (job, _, end, _), (following, start, _, _) in zip(runs, runs[1:], strict=False):
        assert job != following or end <= start


def test_records_shipped_to_both_are_counted_once(pair):
    first, second, _ = pair
    assert ship(first, shipment(chunk("r-a", 0, b"abc")))[2] == {"accepted": [3]}
    assert ship(second, shipment(chunk("r-a", 0, b"abcdef")))[2] == {"accepted": [6]}
    assert ship(first, shipment(chunk("r-a", 3, b"def")))[2] == {"accepted": [6]}
    assert ship(first, shipment(chunk("r-a", 6, b"ghi")))[2] == {"accepted": [9]}
    file = first.home / "runs" / "r-a" / "s-1" / "samples.bin"
    eventually(lambda: file.exists() and file.read_bytes() == b"abcdefghi")


def test_servers_that_share_postgresql_survive_its_restart(pair, postgres):
    first, second, _ = pair
    eventually(lambda: leader_of(first))
    postgres.restart(how=signal.SIGQUIT)
    for server in (first, second):
        eventually(lambda server=server: server.ask("/readyz")[0] == 200)
        assert server.json("/api/v1/me")["name"] == "first admin"
    eventually(lambda: leader_of(second))
