"""A home of two teams: runs of both on a bill, allocated, and a budget of each."""

import json
import os
import subprocess
import sys

from flows.rides import charge, ride, write_charges
from trainfare.core.budget import make_budget
from trainfare.flows.allocation import allocate_periods
from trainfare.flows.bill import import_bills
from trainfare.flows.budget import set_budget
from trainfare.metering.home import runs_folder

TEAMS = {"run-a": "nlp", "run-b": "nlp", "run-v": "vision"}


def relabel(home, run, **labels):
    """Give a metered run labels and a name."""
    folder = next((runs_folder(home) / run).iterdir())
    head, *rest = (folder / "events.jsonl").read_text().splitlines()
    start = {**json.loads(head), "name": f"train {run}", "labels": labels}
    (folder / "events.jsonl").write_text("\n".join([json.dumps(start), *rest, ""]))


def make_home(home):
    """Fill *home*."""
    for number, (run, team) in enumerate(TEAMS.items()):
        ride(home, run, 8, 9, resource=f"i-{number}")
        relabel(home, run, model=f"model-{team}", team=team, experiment="lr")
    rows = [charge(resource=f"i-{number}", effective=f"{number + 10}.5") for number in range(4)]
    import_bills(home, [str(write_charges(home / "bill.csv", *rows))])
    allocate_periods(home)
    for team in ("nlp", "vision"):
        set_budget(home, make_budget(f"{team}-all", "1000", scope=f"team={team}"))


def trainfare(home, *arguments, env=None):
    """(exit code, output, complaint) of a command on *home*."""
    done = subprocess.run(
        [sys.executable, "-m", "trainfare", *arguments],
        env={**os.environ, "TRAINFARE_HOME": str(home), "COLUMNS": "100", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stdout, done.stderr


def wait_for_runs(server, count=3):
    """Until the server's lists show so many runs; bounded."""
    import time

    until = time.monotonic() + 60
    while server.json("/api/v1/runs")["total"] < count:
        assert time.monotonic() < until, "the server never listed them"
        time.sleep(0.1)
