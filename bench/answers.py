"""Answers at size: a home of so many runs on disk, and how long reports of it take.

python -m bench.answers [RUNS] [HOME] [TURNS]    fills HOME (else a temporary folder) and measures
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from bench.table import Table, publish
from trainfare.core.budget import make_budget
from trainfare.core.claim import Claim
from trainfare.core.errors import NotFound
from trainfare.core.machine import Machine
from trainfare.core.period import HOUR, SECOND, BillingPeriod, Interval
from trainfare.core.price import Price
from trainfare.core.stage import Status
from trainfare.flows import briefs
from trainfare.flows.brief import brief_of
from trainfare.flows.briefs import brief_sign, price_signs
from trainfare.flows.budget import set_budget, standings
from trainfare.flows.reconcile import reconcile
from trainfare.flows.report import make_report
from trainfare.metering.history import read_some
from trainfare.metering.home import runs_folder
from trainfare.metering.shelf import spool_signs
from trainfare.simulation.meter_record import write_segment
from trainfare.store.briefs import briefed_runs, put_briefs
from trainfare.store.ledger import open_ledger

MACHINES, TEAMS, MODELS = 400, 10, 40
YEAR_NS = 365 * 24 * HOUR


def fill(home: Path, runs: int, seed: int = 1) -> None:
    """Give *home* so many recorded runs of the last year, one after another on 400 machines."""
    chance, now_ns = random.Random(seed), time.time_ns() // HOUR * HOUR
    turn_ns = YEAR_NS * MACHINES // runs
    for number in range(runs):
        place, turn = number % MACHINES, number // MACHINES
        begin_ns = now_ns - YEAR_NS + turn * turn_ns + chance.randrange(turn_ns // 4)
        lasted_ns = chance.randrange(60 * SECOND, turn_ns // 2)
        machine = Machine(
            f"i-{place:017x}",
            f"node-{place}",
            provider="aws",
            region="us-east-1",
            instance_type="p4d.24xlarge",
            purchase_option="on_demand",
        )
        price = Price(
            "aws/us-east-1/p4d.24xlarge/on_demand", Decimal("32.7726"), "h", source="list"
        )
        labels = {
            "experiment": f"sweep-{number % 500}",
            "model": f"model-{number % MODELS}",
            "team": f"team-{number % TEAMS}",
        }
        run = f"run-{number:08}"
        span = Interval(begin_ns, begin_ns + lasted_ns)
        write_segment(
            home,
            Claim(run, 1, machine.resource_id, span, Fraction(1)),
            machine,
            price,
            labels=labels,
            status=chance.choices([Status.FINISHED, Status.FAILED, Status.KILLED], [8, 1, 1])[0],
            inside=random.Random(number),
        )


def keep_briefs(home: Path) -> None:
    """Do what a server's settling does over time, at once: no two of these runs share a machine."""
    with open_ledger(home) as ledger:
        with ledger.look() as connection:
            done = briefed_runs(connection)
        left = sorted({one.name for one in runs_folder(home).iterdir()} - done)
        prices = price_signs(home)
        for first in range(0, len(left), 1000):
            receipts, _ = read_some(home, left[first : first + 1000], (), now_ns=time.time_ns())
            made = {one.run.id: brief_of(one, home) for one in receipts}
            texts = {
                run: (brief_sign(spool_signs(home, run), prices), brief.to_text())
                for run, brief in made.items()
                if brief is not None
            }
            with ledger.change() as connection:
                put_briefs(connection, texts)


QUESTIONS: dict[str, Callable[[Path], object]] = {
    "report by team and component": lambda home: make_report(home, ("team", "component")),
    "report by model, one month": lambda home: make_report(home, ("model",), period=last_month()),
    "standings of four budgets": standings,
    "reconcile, one month": lambda home: reconcile(home, last_month()),
}


def last_month() -> str:
    """The month before this one."""
    start_ns = BillingPeriod.of(time.time_ns()).interval.start_ns
    return str(BillingPeriod.of(start_ns - 1))


def main() -> None:
    """Measure each question by receipts, which takes long, and by briefs, three times each."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    turns = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with tempfile.TemporaryDirectory() as folder:
        home = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder)
        if not runs_folder(home).exists():
            fill(home, runs)
        for team in range(4):
            scope = f"team=team-{team}"
            set_budget(home, make_budget(f"b-{team}", "5000", scope=scope, period="month"))
        keep_briefs(home)
        figures = Table("answers", f"Answers about {runs:,} runs", ())
        for name, ask in QUESTIONS.items():
            used = _measure(name, lambda ask=ask, home=home: ask(home), turns)
            ways = {f"{name}, by briefs": used["briefs"], "by receipts": used["receipts"]}
            figures.compare("CPU s", ways, beside="by receipts")
        publish(figures)


def _measure(name: str, ask: Callable[[], object], turns: int) -> dict[str, list[float]]:
    """Print seconds of the wall and of this process, the median of *turns*; the latter by way."""
    used: dict[str, list[float]] = {}
    for way, few in (("briefs", briefs.FEW), ("receipts", 10**9)):
        usual, briefs.FEW = briefs.FEW, few
        times = []
        for _ in range(turns if way == "briefs" else 1):
            began, worked = time.perf_counter(), time.process_time()
            try:
                ask()
            except NotFound as error:
                print(f"{name}: {error}")
            times.append((time.perf_counter() - began, time.process_time() - worked))
        briefs.FEW = usual
        walls, works = zip(*times, strict=True)
        used[way] = list(works)
        print(
            f"{name:32} by {way:9} {statistics.median(walls):7.1f} s ({min(walls):.1f} to "
            f"{max(walls):.1f}), CPU {statistics.median(works):7.1f} s",
            flush=True,
        )
    return used


if __name__ == "__main__":
    main()
