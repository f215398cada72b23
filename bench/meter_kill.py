"""``kill -9`` at a random moment: is the run closed, with its duration and cost to one sample?

The truth is taken from outside. The killer notes its own monotonic clock before and after the
signal, and the training said on the same clock when ``track()`` began and when it returned; so the
true duration lies between (kill − returned) and (dead − began). What the receipt of a fresh process
says may fall short of it by one sampling interval, and may not exceed it.

Half of the trainings are sampled every second, as all are by default, half every half second.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from bench.meter_ground import Ground, scratch
from bench.table import Table, Target, percentile, short

SEED = 20261123
WORKERS = 2
KINDS = ("idle", "busy", "epochs")
INTERVALS_S = (0.5, 1.0)
PRICE_PER_HOUR = Fraction(36, 10)
NANO_SLACK = 2
"""The receipt shows microseconds of duration: half of one at this price is half a nano-dollar."""


@dataclass(frozen=True)
class Trial:
    """One training, killed, and the receipt of it."""

    kind: str
    interval_s: float
    lived_least_s: float
    lived_most_s: float
    receipt_s: float
    status: str
    ended: bool
    cost_agrees: bool

    @property
    def short_s(self) -> float:
        """By how much the receipt falls short of the least that the run surely lived."""
        return self.lived_least_s - self.receipt_s

    @property
    def problem(self) -> str | None:
        """Why the trial failed, or None."""
        if self.status != "killed" or not self.ended:
            return f"not closed: {self.status}"
        if self.receipt_s > self.lived_most_s:
            return "longer than it lived"
        if self.short_s > self.interval_s:
            return "more than one sample lost"
        return None if self.cost_agrees else "cost is not price × duration"


def measure(ground: Ground) -> list[Table]:
    """Kill many trainings and count the receipts that tell the truth."""
    count = ground.times(100, 8)
    chance = random.Random(SEED)
    plans = [
        (KINDS[i % 3], INTERVALS_S[i % 2], chance.uniform(0.2, 6.0 if count > 50 else 2.0))
        for i in range(count)
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        trials = list(pool.map(lambda plan: _trial(ground, *plan), plans))
    return [_tabulate(trials)]


def _tabulate(trials: Sequence[Trial]) -> Table:
    table = Table(
        "kill",
        "kill -9 at a random moment",
        (
            "training",
            "sampled every, s",
            "trials",
            "told the truth",
            "median s lost",
            "p99",
            "most",
        ),
    )
    for kind in KINDS:
        for interval_s in INTERVALS_S:
            some = [one for one in trials if (one.kind, one.interval_s) == (kind, interval_s)]
            if some:
                lost = sorted(one.short_s for one in some)
                good = sum(one.problem is None for one in some)
                table.add(
                    kind, interval_s, len(some), good, percentile(lost, 0.5), percentile(lost, 0.99),
                    lost[-1],
                )  # fmt: skip
    good = sum(one.problem is None for one in trials)
    most = max(one.short_s / one.interval_s for one in trials)
    table.targets.append(
        Target(
            "kill -9: closed, duration and cost to one sample",
            "100 of 100",
            f"{good} of {len(trials)}; most lost {short(most)} of a sample",
            good == len(trials),
        )
    )
    problems = Counter(one.problem for one in trials if one.problem)
    table.notes += [
        (
            f"killed between {short(min(t.lived_least_s for t in trials))} and "
            f"{short(max(t.lived_most_s for t in trials))} s of life, {WORKERS} at a time, seed {SEED}; "
            "the receipt is `trainfare receipt last --format json` in a fresh process."
        ),
        (
            f"seconds lost are measured from track() returning to the signal; how long that is uncertain "
            f"by: at most {short(max(t.lived_most_s - t.lived_least_s for t in trials) * 1e3)} ms."
        ),
        *(f"{number} × {problem}" for problem, number in problems.items()),
    ]
    return table


def _trial(ground: Ground, kind: str, interval_s: float, delay_s: float) -> Trial:
    with scratch() as folder:
        environment = ground.environment(folder)
        child = subprocess.Popen(
            ground.command("train", kind, str(interval_s)),
            env=environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert child.stdout is not None
        try:
            begins_ns, ready_ns = (int(child.stdout.readline().split()[1]) for _ in range(2))
            time.sleep(delay_s)
        finally:
            kill_ns = time.monotonic_ns()
            os.kill(child.pid, signal.SIGKILL)
            child.wait()
            dead_ns = time.monotonic_ns()
            child.stdout.close()
        receipt = _receipt(environment)
    seconds = Fraction(str(receipt["duration_seconds"]))
    nano = Fraction(receipt["estimated"]["total"] or 0) * 10**9
    return Trial(
        kind=kind,
        interval_s=interval_s,
        lived_least_s=(kill_ns - ready_ns) / 1e9,
        lived_most_s=(dead_ns - begins_ns) / 1e9,
        receipt_s=float(seconds),
        status=receipt["status"],
        ended=receipt["ended_at"] is not None,
        cost_agrees=abs(nano - seconds * PRICE_PER_HOUR / 3600 * 10**9) <= NANO_SLACK,
    )


def _receipt(environment: dict[str, str]) -> dict[str, Any]:
    """What the command line says of the last run, in a fresh process of the project's interpreter."""
    code = "from trainfare.cli.main import main; main()"
    said = subprocess.run(
        [sys.executable, "-P", "-c", code, "receipt", "last", "--format", "json"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if said.returncode:
        raise RuntimeError(f"no receipt after kill -9: {said.stderr.strip()}")
    document: dict[str, Any] = json.loads(said.stdout)
    return document
