"""``trainfare jobs``: what a server does by itself, and doing it by hand."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import click

from trainfare.cli.answer import format_option, say, say_json, table
from trainfare.core.errors import TrainfareError
from trainfare.flows.job_plan import JobPlan
from trainfare.flows.jobs import JOBS, Done, Job, do_job, find_job, load_plan, time_of
from trainfare.metering.home import home_folder
from trainfare.prices.json_file import locked


@click.group("jobs")
def command() -> None:
    """What a server does by itself: bills, usage, prices, allocation, alerts."""


@command.command("list")
@format_option("table", "json")
def list_(form: str) -> None:
    """List jobs and when each runs, as jobs.toml says."""
    plan = load_plan(home_folder())
    times = {job.name: time_of(job, plan) for job in JOBS.values()}
    if form == "json":
        jobs = [{"name": j.name, "about": j.about, "when": times[j.name]} for j in JOBS.values()]
        say_json({"jobs": jobs})
        return
    rows = [[job.name, times[job.name] or _off(job, plan), job.about] for job in JOBS.values()]
    click.echo(table(["job", "when", "what it does"], rows))


def _off(job: Job, plan: JobPlan) -> str:
    return "off" if job.is_wanted(plan) else f"off; needs {job.needs}"


@command.command("run")
@click.argument("name", metavar="JOB")
@click.option("--tied", is_flag=True, hidden=True)
@format_option("table", "json")
def run(name: str, form: str, tied: bool) -> int | None:
    """Do one JOB now, in this process; a server does the same at its time."""
    find_job(name)
    home = home_folder()
    if tied:
        _end_with_parent()
    with locked(home / "jobs" / name):
        try:
            done = do_job(home, name)
        except TrainfareError as error:
            if form != "json":
                raise
            say_json({"job": name, "state": "failed", "message": str(error), "next": []})
            return error.exit_code
    _say(name, done, form)
    return None


def _say(name: str, done: Done, form: str) -> None:
    if form == "json":
        say_json({"job": name, "state": "done", "message": done.message, "next": list(done.next)})
    else:
        say(f"{name}: {done.message}")


def _end_with_parent() -> None:
    """End this process when the one that started it is gone: its job is another's then."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            time.sleep(0)
        # Its own process group: what it started (sacct, …) goes with it.
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()
