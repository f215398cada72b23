"""One server leads and a job runs once at a time, whatever becomes of the servers."""

import threading

import pytest
import sqlalchemy as sa

from trainfare.store import jobs
from trainfare.store.jobs import (
    ask_job,
    asked_jobs,
    begin_job,
    drop_lease,
    end_job,
    find_lease,
    hold_jobs,
    last_starts,
    read_job_results,
    take_lease,
)
from trainfare.store.ledger import open_ledger
from trainfare.store.schema import JOB_RESULT, LEASE


@pytest.fixture
def ledger(tmp_path, new_database):
    with open_ledger(tmp_path, new_database()) as opened:
        yield opened


def do(ledger, function, *words):
    with ledger.change(jobs.QUEUE) as connection:
        return function(connection, *words)


def silence(ledger):
    """As if every server had said nothing for a long time."""
    with ledger.change(jobs.QUEUE) as connection:
        connection.execute(sa.update(LEASE).values(until_ns=1))
        connection.execute(sa.update(JOB_RESULT).values(until_ns=1))


def test_one_leads_until_it_falls_silent(ledger):
    assert do(ledger, take_lease, "jobs", "a", 15)
    assert not do(ledger, take_lease, "jobs", "b", 15)
    assert do(ledger, take_lease, "jobs", "a", 15)
    silence(ledger)
    assert do(ledger, take_lease, "jobs", "b", 15)
    assert not do(ledger, take_lease, "jobs", "a", 15)
    assert do(ledger, find_lease, "jobs").holder == "b"


def test_one_that_leaves_is_followed_at_once(ledger):
    do(ledger, take_lease, "jobs", "a", 15)
    do(ledger, drop_lease, "jobs", "b")
    assert not do(ledger, take_lease, "jobs", "b", 15)
    do(ledger, drop_lease, "jobs", "a")
    assert do(ledger, take_lease, "jobs", "b", 15)


def test_of_many_that_want_to_lead_at_once_one_does(ledger):
    start, leads = threading.Barrier(6), []

    def want(name):
        start.wait(30)
        if do(ledger, take_lease, "jobs", name, 15):
            leads.append(name)

    threads = [threading.Thread(target=want, args=(str(n),)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert leads == [do(ledger, find_lease, "jobs").holder]


def test_a_job_runs_once_at_a_time(ledger):
    first = do(ledger, begin_job, "bills", "a", 15)
    assert do(ledger, begin_job, "bills", "b", 15) is None
    assert do(ledger, begin_job, "alerts", "b", 15) is not None
    do(ledger, end_job, first, "done", "3 bills")
    assert do(ledger, begin_job, "bills", "b", 15) is not None


def test_a_run_whose_server_fell_silent_is_failed_and_may_be_followed(ledger):
    do(ledger, begin_job, "bills", "a", 15)
    silence(ledger)
    [lost] = do(ledger, read_job_results)
    assert (lost.state, lost.message) == ("failed", jobs.LOST)
    second = do(ledger, begin_job, "bills", "b", 15)
    states = [(one.id == second, one.state) for one in do(ledger, read_job_results, "bills")]
    assert states == [(True, "running"), (False, "failed")]


def test_a_run_that_is_held_stays_alive(ledger):
    run = do(ledger, begin_job, "bills", "a", 15)
    silence(ledger)
    do(ledger, hold_jobs, [run], 15)
    assert do(ledger, begin_job, "bills", "b", 15) is None


def test_what_was_asked_twice_runs_once_and_says_who_asked(ledger):
    asked = do(ledger, ask_job, "bills", "ada")
    assert do(ledger, ask_job, "bills", "bob") == asked
    assert do(ledger, asked_jobs) == ["bills"]
    assert do(ledger, last_starts) == {}
    assert do(ledger, begin_job, "bills", "a", 15) == asked
    assert do(ledger, asked_jobs) == []
    do(ledger, end_job, asked, "failed", "no bucket")
    [one] = do(ledger, read_job_results)
    assert (one.asked_by, one.state, one.message, one.holder) == ("ada", "failed", "no bucket", "a")
    assert do(ledger, last_starts) == {"bills": one.started_ns}


def test_the_oldest_results_are_forgotten_job_by_job(ledger, monkeypatch):
    monkeypatch.setattr(jobs, "KEPT", 3)
    for number in range(5):
        do(ledger, end_job, do(ledger, begin_job, "bills", "a", 15), "done", str(number))
    do(ledger, end_job, do(ledger, begin_job, "alerts", "a", 15), "done", "x")
    assert [one.message for one in do(ledger, read_job_results, "bills")] == ["4", "3", "2"]
    assert len(do(ledger, read_job_results, "alerts")) == 1
