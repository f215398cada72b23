"""What a server does by itself: at its time, once, with its result kept."""

import os
import signal
import stat
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from flows.bills import hour, write_bill
from server.served import serving
from trainfare.core.errors import BadInput
from trainfare.flows.jobs import JOBS
from trainfare.server.scheduler import Scheduler, next_due, trigger_of
from trainfare.store import jobs as book
from trainfare.store.ledger import open_ledger


def eventually(look, seconds=90):
    """What *look* answers as soon as it is true."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.2)
    return found


def last(server, name):
    [job] = [one for one in server.json("/api/v1/jobs")["jobs"] if one["name"] == name]
    return job["last"]


def ended(server, name, after=0):
    def look():
        one = last(server, name)
        return one if one and one["ended_at"] and one["id"] > after else None

    return eventually(look)


def plan(home, text):
    home.mkdir(parents=True, exist_ok=True)
    (home / "jobs.toml").write_text(text)
    return home


def test_a_new_job_waits_for_its_hour_and_not_for_a_whole_day():
    daily = trigger_of(JOBS["prices"], "1d")
    cron = trigger_of(JOBS["prices"], "0 0 29 2 *")
    now = datetime.now(UTC)
    assert next_due(daily, None) - now < timedelta(minutes=1)
    assert (next_due(cron, None).month, next_due(cron, None).day) == (2, 29)
    day_ago = int((now - timedelta(days=1, hours=1)).timestamp()) * 10**9
    assert next_due(daily, day_ago) < now


OFF = '[when]\nallocate = "off"\nalerts = "off"\n'


def test_a_bill_that_arrives_is_pulled_allocated_and_looked_at(tmp_path):
    place = tmp_path / "bills"
    place.mkdir()
    write_bill(place / "october.csv", hour("i-1", 8, "8.00"))
    home = plan(tmp_path / "home", f"{OFF}bills = '0 0 29 2 *'\n[[bill]]\nplace = '{place}'\n")
    with serving(home) as server:
        asked = server.json("/api/v1/jobs/bills/run", method="POST")
        assert asked["state"] == "asked"
        done = ended(server, "bills")
        assert (done["state"], done["asked_by"]) == ("done", "first admin")
        assert done["message"].endswith("2026-10: 1 rows")
        assert ended(server, "allocate")["message"] == "allocated 2026-10"
        assert ended(server, "alerts")["state"] == "done"
        server.json("/api/v1/jobs/bills/run", method="POST")
        assert ended(server, "bills", done["id"])["message"] == "1 as before"
        token = server.token
    with serving(home, token=token) as again:
        assert last(again, "allocate")["message"] == "allocated 2026-10"
        runs = again.json("/api/v1/jobs/bills")["results"]
        assert [one["state"] for one in runs] == ["done", "done"]


def test_a_missed_run_is_done_once_at_the_start_and_none_before_its_time(tmp_path):
    home = plan(tmp_path / "home", "[when]\nallocate = '1h'\nalerts = '1h'\n")
    with open_ledger(home) as ledger, ledger.change() as connection:
        for name in ("allocate", "alerts"):
            one = book.begin_job(connection, name, "earlier", 15)
            book.end_job(connection, one, "done", "before")
        connection.exec_driver_sql(
            "UPDATE job_result SET started_ns = started_ns - 5 * 3600 * 1000000000 "
            "WHERE job = 'allocate'"
        )
    with serving(home) as server:
        assert ended(server, "allocate", 1)["message"] == "no bill is here yet"
        runs = server.json("/api/v1/jobs/allocate")["results"]
        assert len(runs) == 2, "five runs were missed and one makes up for them"
        assert last(server, "alerts")["message"] == "before"


def test_a_failure_is_kept_with_its_sentence_and_others_go_on(tmp_path):
    home = plan(
        tmp_path / "home",
        f"{OFF}[[bill]]\nplace = '{tmp_path}/nowhere'\n[[bill]]\nplace = '{tmp_path}/bill.csv'\n",
    )
    write_bill(tmp_path / "bill.csv", hour("i-1", 8, "8.00"))
    with serving(home) as server:
        server.json("/api/v1/jobs/bills/run", method="POST")
        failed = ended(server, "bills")
        assert failed["state"] == "failed"
        assert "nowhere; check the path" in failed["message"]
        assert "2026-10: 1 rows" in failed["message"]


def test_jobs_are_for_those_who_see_all_teams_and_asked_for_by_admins(tmp_path):
    home = plan(tmp_path / "home", OFF)
    with serving(home) as server:
        with open_ledger(home) as ledger, ledger.change() as connection:
            from trainfare.store.tokens import add_token

            reader, _ = add_token(connection, "r", frozenset({"read"}), created_by="test")
            bound, _ = add_token(
                connection, "b", frozenset({"admin"}), team="nlp", created_by="test"
            )
        assert server.ask("/api/v1/jobs", token=reader)[0] == 200
        assert server.ask("/api/v1/jobs/bills/run", method="POST", token=reader)[0] == 403
        for path, method in (("", "GET"), ("/bills", "GET"), ("/bills/run", "POST")):
            assert server.ask(f"/api/v1/jobs{path}", method=method, token=bound)[0] == 403
        assert server.ask("/api/v1/jobs/none/run", method="POST")[0] == 404


def test_a_plan_that_is_wrong_stops_the_start_with_one_sentence(tmp_path):
    home = plan(tmp_path / "home", "[when]\nbills = '1 fortnight'\n")
    with open_ledger(home) as ledger, pytest.raises(BadInput, match=r"'1 fortnight' is no time"):
        Scheduler(home, None, ledger)
    plan(home, "[when]\nbills = '99 * * * *'\n[[bill]]\nplace = 'x'\n")
    with open_ledger(home) as ledger, pytest.raises(BadInput, match=r"bills '99 \* \* \* \*'"):
        Scheduler(home, None, ledger)


def hanging_slurm(tmp_path, monkeypatch):
    """A sacct that never answers, and the file in which it leaves its process id."""
    program, pid = tmp_path / "bin" / "sacct", tmp_path / "pid"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho $$ > {pid}.new; mv {pid}.new {pid}\nexec sleep 1000\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return pid


SLURM = f"{OFF}[[usage]]\nfrom = 'slurm'\ngpus_per_node = 8\ncpus_per_node = 64\n"


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_job_that_hangs_is_stopped_with_all_it_started(tmp_path, monkeypatch):
    pid = hanging_slurm(tmp_path, monkeypatch)
    home = plan(tmp_path / "home", SLURM)
    with open_ledger(home) as ledger:
        scheduler = Scheduler(home, None, ledger)
        state, message, following = scheduler._do(1, replace(JOBS["usage"], limit_seconds=6))
    assert (state, message, following) == ("failed", "stopped: it took longer than 6 s", [])
    assert eventually(lambda: is_gone(pid.read_text().strip()))


def test_a_job_that_hangs_keeps_no_other_waiting(tmp_path, monkeypatch):
    pid = hanging_slurm(tmp_path, monkeypatch)
    home = plan(tmp_path / "home", SLURM)
    with serving(home) as server:
        server.json("/api/v1/jobs/usage/run", method="POST")
        eventually(pid.exists)
        server.json("/api/v1/jobs/alerts/run", method="POST")
        assert ended(server, "alerts")["state"] == "done"
        assert last(server, "usage")["state"] == "running"
    assert eventually(lambda: is_gone(pid.read_text().strip()))


def test_a_job_dies_with_its_server(tmp_path, monkeypatch):
    """Else the next server would do beside it what it still does."""
    pid = hanging_slurm(tmp_path, monkeypatch)
    home = plan(tmp_path / "home", SLURM)
    with serving(home) as server:
        server.json("/api/v1/jobs/usage/run", method="POST")
        eventually(pid.exists)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        assert eventually(lambda: is_gone(pid.read_text().strip()))
