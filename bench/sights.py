"""Lists of runs at size: a ledger with so many made-up sights, and how long pages of it take.

python -m bench.sights [RUNS]      fills a new home in a temporary folder and measures
from bench.sights import fill      fill(home, 100_000): a home for looking at a server at size
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from trainfare.core.money import Money
from trainfare.core.period import HOUR, SECOND, format_instant
from trainfare.store.ledger import open_ledger
from trainfare.store.sights import (
    Sight,
    Wanted,
    count_by_status,
    label_lines,
    put_sights,
    read_page,
)

SHAPES = {
    "first page": ({}, {}),
    "a team's page": ({"team": "team-3"}, {}),
    "one model's": ({"model": "model-7"}, {}),
    "failed ones": ({"status": ("failed",)}, {}),
    "one label": ({"labels": {"seed": "77"}}, {}),
    "search, many found": ({"text": "model-7 sweep"}, {}),
    "search, one found": ({"text": "run-00000042"}, {}),
    "search, none found": ({"text": "nowhere"}, {}),
    "dearest first": ({}, {"order": "-estimated"}),
    "dearest of a team": ({"team": "team-3"}, {"order": "-estimated"}),
}


def fill(home: Path, runs: int, seed: int = 1) -> None:
    """Give *home* so many sights of runs of a year, of ten teams and forty models."""
    chance, now_ns = random.Random(seed), time.time_ns() // SECOND * SECOND
    with open_ledger(home) as ledger:
        for first in range(0, runs, 5000):
            with ledger.change() as connection:
                numbers = range(first, min(runs, first + 5000))
                put_sights(connection, [_sight(n, chance, now_ns, runs) for n in numbers])


def _sight(number: int, chance: random.Random, now_ns: int, runs: int) -> Sight:
    start_ns = now_ns - (runs - number) * (365 * 24 * HOUR // runs)
    lasted_ns = chance.randrange(60, 80_000) * SECOND
    status = chance.choices(["finished", "failed", "killed"], [8, 1, 1])[0]
    labels = {
        "experiment": f"sweep-{number % 500}",
        "model": f"model-{number % 40}",
        "seed": str(number % 100),
        "team": f"team-{number % 10}",
    }
    run, name = f"run-{number:08}", f"train {labels['model']} {number % 100}"
    total = Money(lasted_ns // SECOND * 1_000_000 * chance.randrange(1, 30))
    components = {"compute": total.text(), "storage": "0.000000000", "data": "0.000000000"}
    summary = {
        "run": run,
        "name": name,
        "labels": labels,
        "status": status,
        "started_at": format_instant(start_ns),
        "ended_at": format_instant(start_ns + lasted_ns),
        "duration_seconds": lasted_ns / SECOND,
        "currency": "USD",
        "estimated": {"total": total.text(), "components": components, "idle": "0.000000000"},
        "billed": None,
        "forecast": None,
        "steps": chance.randrange(100_000),
    }
    return Sight(
        run=run,
        team=labels["team"],
        name=name,
        model=labels["model"],
        experiment=labels["experiment"],
        status=status,
        started_ns=start_ns,
        ended_ns=start_ns + lasted_ns,
        duration_ns=lasted_ns,
        currency="USD",
        estimated_nano=total.nano,
        billed_nano=None,
        labels=label_lines(labels),
        words="\n".join([run, name, *labels.values()]).lower(),
        uris=None,
        summary=json.dumps(summary),
        until_ns=None,
        changed_ns=now_ns,
        basis="made up",
    )


def main() -> None:
    """Measure pages, in milliseconds: the median and the longest of 15."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        fill(Path(folder), runs)
        print(f"{runs:,} sights written in {time.perf_counter() - began:.1f} s")
        with open_ledger(Path(folder)) as ledger:
            for name, (wanted, how) in SHAPES.items():
                _measure(name, lambda c, w=wanted, h=how: read_page(c, Wanted(**w), **h), ledger)
            _measure("counts by status", lambda c: count_by_status(c, Wanted()), ledger)


def _measure(name, ask, ledger) -> None:
    times = []
    for _ in range(15):
        began = time.perf_counter()
        with ledger.look() as connection:
            ask(connection)
        times.append((time.perf_counter() - began) * 1000)
    print(f"{name:20} {statistics.median(times):7.1f} ms   longest {max(times):7.1f} ms")


if __name__ == "__main__":
    main()
