"""The scheduler: one of the servers of a ledger leads, and does the jobs when they are due.

The leader renews its lease every few seconds; when it falls silent another takes over and catches
up: what should have run meanwhile runs once. Every job is a process of its own, so that it takes no
breath from requests, can be stopped when it hangs, and dies with its server.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.core.period import SECOND
from trainfare.flows.job_plan import interval_ns
from trainfare.flows.jobs import JOBS, Job, load_plan, time_of
from trainfare.store import jobs as book
from trainfare.store.ledger import Ledger

LEASE = "jobs"
LEASE_SECONDS = 15
"""A leader that was silent for so long leads no more."""

RENEWED_SECONDS = 5
LOOK_SECONDS = 1
"""Between two looks at what people ask for."""

AT_ONCE = 2
"""So many jobs run at the same time."""

RUNS_SHOWN = 20

FIRST_SECONDS = 20
"""A job that never ran waits for so long, so that a start is quick."""

log = logging.getLogger("trainfare")


@dataclass(frozen=True, slots=True)
class Board:
    """What stands about jobs in the ledger, and when each is due."""

    leader: str | None
    """The server that does them; None where none lives."""
    times: Mapping[str, str | None]
    """Job → when it runs by itself."""
    due_ns: Mapping[str, int]
    last: Mapping[str, book.JobResult]
    """Job → its newest run."""


class Scheduler:
    """Leads or follows for as long as a server runs."""

    def __init__(self, home: Path, database: str | None, ledger: Ledger) -> None:
        """Read the plan.

        Raises:
            BadInput: ``jobs.toml`` is wrong.
        """
        self.home, self.database, self.ledger = home, database, ledger
        self.holder = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(3)}"
        self.leads = False
        plan = load_plan(home)
        self._times = {job.name: time_of(job, plan) for job in JOBS.values()}
        self._triggers = {job.name: trigger_of(job, self._times[job.name]) for job in JOBS.values()}
        self._is_started = False
        self._renewed = -float(LEASE_SECONDS)
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        # APScheduler's own words about late and skipped runs say what the results say better.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        self._clock = BackgroundScheduler(
            timezone=UTC,
            executors={
                "default": ThreadPoolExecutor(AT_ONCE),
                "look": ThreadPoolExecutor(1),
            },
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def start(self) -> None:
        """Begin to follow, and lead as soon as nobody else does."""
        self._clock.add_job(
            self._look, "interval", seconds=LOOK_SECONDS, executor="look", id="look",
            next_run_time=datetime.now(UTC),
        )  # fmt: skip
        self._clock.start()
        self._is_started = True

    def stop(self) -> None:
        """Stop what runs, and let another lead at once."""
        if not self._is_started:
            return
        self._clock.remove_all_jobs()
        self._stop_running()
        self._clock.shutdown(wait=True)
        if self.leads:
            with contextlib.suppress(OutsideFailed), self.ledger.change(book.QUEUE) as connection:
                book.drop_lease(connection, LEASE, self.holder)
        self.leads = False

    def read_board(self) -> Board:
        """How all jobs stand."""
        with self.ledger.look() as connection:
            lease = book.find_lease(connection, LEASE)
            is_alive = lease is not None and lease.until_ns > book.now_of(connection)
            last = {one.job: one for one in book.read_job_results(connection)}
            starts = book.last_starts(connection)
        due_ns = {
            name: int(next_due(trigger, starts.get(name)).timestamp()) * SECOND
            for name, trigger in self._triggers.items()
            if trigger is not None
        }
        return Board(lease.holder if lease and is_alive else None, self._times, due_ns, last)

    def read_runs(self, name: str) -> list[book.JobResult]:
        """The last runs of a job, the newest first."""
        with self.ledger.look() as connection:
            return book.read_job_results(connection, name, RUNS_SHOWN)

    def ask(self, name: str, who: str) -> int:
        """Have a job done soon, by whichever server leads; the id of the run."""
        with self.ledger.change(book.QUEUE) as connection:
            return book.ask_job(connection, name, who)

    def _look(self) -> None:
        """Renew the lease when it is time, and do what people ask for."""
        try:
            with self.ledger.look() as connection:
                lease = book.find_lease(connection, LEASE)
                is_free = lease is None or lease.until_ns <= book.now_of(connection)
                asked = book.asked_jobs(connection)
            if is_free or time.monotonic() - self._renewed >= RENEWED_SECONDS:
                self._renew()
            if self.leads:
                for name in asked:
                    self._soon(name)
        except OutsideFailed as error:
            if self.leads and time.monotonic() - self._renewed >= LEASE_SECONDS:
                log.warning("event=lease_lost holder=%s why=%s", self.holder, error)
                self._follow()

    def _renew(self) -> None:
        begun = time.monotonic()
        with self.ledger.change(book.QUEUE) as connection:
            leads = book.take_lease(connection, LEASE, self.holder, LEASE_SECONDS)
            if leads:
                with self._lock:
                    running = list(self._running)
                book.hold_jobs(connection, running, LEASE_SECONDS)
        self._renewed = begun
        if leads and not self.leads:
            self._lead()
        elif self.leads and not leads:
            self._follow()

    def _lead(self) -> None:
        log.info("event=leads holder=%s", self.holder)
        with self.ledger.look() as connection:
            starts = book.last_starts(connection)
        self.leads = True
        for name, trigger in self._triggers.items():
            if trigger is not None:
                self._clock.add_job(
                    self._run, trigger, args=[name], id=name, replace_existing=True,
                    next_run_time=next_due(trigger, starts.get(name)),
                )  # fmt: skip

    def _follow(self) -> None:
        self.leads = False
        for name in JOBS:
            for key in (name, f"asked {name}"):
                if self._clock.get_job(key) is not None:
                    self._clock.remove_job(key)
        self._stop_running()

    def _soon(self, name: str) -> None:
        """Run a job now, besides its own times."""
        key = f"asked {name}"
        if name in JOBS and self._clock.get_job(key) is None:
            self._clock.add_job(self._run, args=[name], id=key, next_run_time=datetime.now(UTC))

    def _run(self, name: str) -> None:
        """Do one job in a process of its own, and note how it ended."""
        try:
            with self.ledger.change(book.QUEUE) as connection:
                result_id = book.begin_job(connection, name, self.holder, LEASE_SECONDS)
            if result_id is None:
                return
            state, message, following = self._do(result_id, JOBS[name])
            with self.ledger.change(book.QUEUE) as connection:
                book.end_job(connection, result_id, state, message)
        except OutsideFailed as error:
            log.warning("event=job_lost job=%s why=%s", name, error)
            return
        log.info("event=job_ended job=%s state=%s", name, state)
        for each in following:
            self._soon(each)

    def _do(self, result_id: int, job: Job) -> tuple[str, str, list[str]]:
        """State, message and what is due next."""
        words = ["-m", "trainfare", "jobs", "run", job.name, "--tied", "--format", "json"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TRAINFARE_SERVER")}
        environment["TRAINFARE_HOME"] = str(self.home)
        if self.database:
            environment["TRAINFARE_DATABASE"] = self.database
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as complaints:
            process = subprocess.Popen(
                [sys.executable, *words],
                stdin=subprocess.PIPE,  # closed when this server is gone, and the job ends with it
                stdout=out,
                stderr=complaints,
                env=environment,
                start_new_session=True,
            )
            with self._lock:
                self._running[result_id] = process
            try:
                process.wait(job.limit_seconds)
                is_late = False
            except subprocess.TimeoutExpired:
                is_late = True
                _kill(process)
            finally:
                with self._lock:
                    self._running.pop(result_id, None)
                if process.stdin is not None:
                    process.stdin.close()
            out.seek(0)
            complaints.seek(0)
            answer, said = out.read(), complaints.read().decode(errors="replace")
        if is_late:
            return "failed", f"stopped: it took longer than {job.limit_seconds} s", []
        return _read_answer(answer, said, process.returncode)

    def _stop_running(self) -> None:
        with self._lock:
            running = list(self._running.values())
        for process in running:
            _kill(process)


def trigger_of(job: Job, when: str | None) -> Any:
    """*when* a job is due, as APScheduler has it; None where it never is.

    Raises:
        BadInput: cron's fields make no sense.
    """
    if when is None:
        return None
    lasts_ns = interval_ns(when)
    if lasts_ns is not None:
        return IntervalTrigger(seconds=lasts_ns // SECOND, timezone=UTC)
    try:
        return CronTrigger.from_crontab(when, timezone=UTC)
    except ValueError as error:
        raise BadInput(f"jobs.toml, [when]: {job.name} {when!r}: {error}") from None


def next_due(trigger: Any, last_start_ns: int | None) -> datetime:
    """When a job is due after its last start; an instant in the past is due at once."""
    now = datetime.now(UTC)
    if last_start_ns is None and isinstance(trigger, IntervalTrigger):
        return now + timedelta(seconds=FIRST_SECONDS)
    last = None if last_start_ns is None else datetime.fromtimestamp(last_start_ns / SECOND, UTC)
    due: datetime | None = trigger.get_next_fire_time(last, now)
    return now if due is None else due


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a job and what it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read_answer(answer: bytes, said: str, code: int) -> tuple[str, str, list[str]]:
    """What a job's process printed: state, message, and what is due next."""
    try:
        document = json.loads(answer)
        return document["state"], document["message"], document["next"]
    except (ValueError, KeyError, TypeError):
        last = said.strip().splitlines()[-1:] or [f"it ended with code {code}"]
        return "failed", last[0].removeprefix("trainfare: "), []
