"""How long advice on how runs train takes: 100 thousand metered runs, in memory.

    python -m bench.run_advice            100 thousand runs of 2,000 kinds of work
    python -m bench.run_advice 20_000

Measured are the finders of efficiency, right-size and spot, each alone, on runs made up from a seed
with waste in most of them; CPU time, medians of five turns.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from fractions import Fraction

from trainfare.advice.gpu_count import find_gpu_counts
from trainfare.advice.gpu_type import find_gpu_types
from trainfare.advice.preemption_rate import Rate
from trainfare.advice.remains import Remains
from trainfare.advice.spot import SpotQuote, find_spot
from trainfare.advice.training_loop import find_slow_loops
from trainfare.advice.trip import Trip
from trainfare.core.money import Money
from trainfare.core.recommendation import run_slot
from trainfare.core.stage import Status

KINDS = 50
"""Runs of one kind of work."""

QUOTE = SpotQuote(
    Fraction(20), Fraction(30), Fraction(50), "a list", is_reference=False,
    rate=Rate(10.5, 1000, 10, 1000, "10 losses in 1,000 own spot hours"),
)  # fmt: skip


def main() -> None:
    """Print one line per finder."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    trips = make_trips(count)
    finders = {
        "efficiency": lambda: find_slow_loops(trips, Remains()),
        "type": lambda: find_gpu_types(trips, lambda _: [], Remains()),
        "count": lambda: find_gpu_counts(trips, Remains()),
        "spot": lambda: find_spot(trips, lambda _: QUOTE),
    }
    total = 0.0
    print(f"{count:,} runs")
    for name, find in finders.items():
        turns = []
        for _ in range(5):
            began = time.process_time()
            found = len(find())
            turns.append(time.process_time() - began)
        median = statistics.median(turns)
        total += median
        print(f"  {name:<11}{median:6.2f} s ({min(turns):.2f}–{max(turns):.2f}), {found:,} answers")
    print(f"  {'together':<11}{total:6.2f} s")


def make_trips(count: int) -> list[Trip]:
    """Runs of an hour to a day on 1 to 8 accelerators."""
    chance = random.Random(1)
    return [_trip(number, count, chance) for number in range(count)]


def _trip(number: int, count: int, chance: random.Random) -> Trip:
    hours, devices = 1 + 23 * chance.random(), chance.choice((1, 2, 4, 8))
    run, price = f"r-{number}", Fraction(6 * devices)
    return Trip(
        run=run,
        family=f"model=m{number % max(1, count // KINDS)}",
        status=Status.FINISHED,
        currency="USD",
        paid={run_slot(run, "2026-10"): Money.nearest(price * round(hours * 1000) / 1000)},
        hours=hours,
        machines=1,
        devices=devices,
        accelerator="H100",
        device_gb=80.0,
        provider="aws",
        region="us-east-1",
        instance="p5.48xlarge",
        option="on_demand",
        price_per_hour=price,
        steps=chance.randint(1000, 50_000),
        epochs=10,
        stage_hours={"setup": 0.02 * hours, "train": 0.9 * hours, "checkpoint": 0.08 * hours},
        wait_hours=0.4 * hours * chance.random(),
        checkpoints=chance.randint(1, 100),
        dtype="bf16",
        mfu=chance.uniform(0.1, 0.5),
        memory_gb=80 * chance.random(),
        active=chance.random(),
    )


if __name__ == "__main__":
    main()
