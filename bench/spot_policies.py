"""Ways of using spot machines beside a bound that knows the future, and closed form beside trials.

    python -m bench.spot_policies
    python -m bench.spot_policies --traces FOLDER --starts 12

**Replays**: 24 hours of work, a checkpoint of a minute every half hour, five minutes to restart, spot
at 30 % of on demand, on every availability trace of the folder, from starts evenly over each.

**Closed form**: E[T] and its standard deviation beside 3,000 drawn runs; the best interval beside
Young's and Daly's, as what they cost more.
"""

from __future__ import annotations

import argparse
import gzip
import math
import statistics
import time
from fractions import Fraction
from pathlib import Path

from trainfare.advice.preemption import (
    Saving,
    daly_interval,
    expected_hours,
    hours_variance,
    optimal_interval,
    trials,
    young_interval,
)
from trainfare.advice.spot_policies import compare
from trainfare.advice.spot_replay import Errand
from trainfare.advice.spot_trace import read_trace
from trainfare.core.period import HOUR

TRACES = Path("../shared/data/traces/spot/skypilot")
PRICES = (Fraction("0.918"), Fraction("3.06"))
DEADLINES = (30, 48, 96)
SETTINGS = ((48, 0.05, 0.1, 0.1), (20, 0.1, 0.5, 1.0), (100, 0.02, 0.2, 0.01), (10, 0.5, 1.0, 0.05))
"""Work, checkpoint, restart in hours; losses an hour."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--traces", type=Path, default=TRACES)
    parser.add_argument("--starts", type=int, default=12)
    asked = parser.parse_args()
    print_replays(asked.traces, asked.starts)
    print_closed_form()


def print_replays(folder: Path, starts: int) -> None:
    paths = sorted(folder.glob("*.json.gz"))
    traces = [read_trace(path.name, gzip.decompress(path.read_bytes()).decode()) for path in paths]
    if not traces:
        print(f"no traces in {folder}")
        return
    print("| deadline | policy | cost of on demand | worst | late | hours |")
    print("|---|---|---|---|---|---|")
    began = time.process_time()
    for deadline in DEADLINES:
        errand = Errand(24 * HOUR, deadline * HOUR, HOUR // 2, HOUR // 60, HOUR // 12)
        for one in compare(errand, traces, PRICES, starts=starts):
            print(
                f"| {deadline} h | {one.policy} | {float(one.ratio):.1%} | {float(one.worst):.1%} "
                f"| {one.late} of {one.rides} | {one.hours:.1f} |"
            )
    print(f"\n{time.process_time() - began:.2f} s of CPU\n")


def print_closed_form() -> None:
    print("| W, c, R, λ | E[T] | drawn | ± 95 % | sd | drawn sd | Young costs | Daly costs |")
    print("|---|---|---|---|---|---|---|---|")
    for work, checkpoint, restart, rate in SETTINGS:
        best = optimal_interval(checkpoint, rate)
        pieces = max(1, round(work / best))
        saving = Saving(work / pieces, checkpoint, restart)
        mean, sd = expected_hours(work, rate, saving), math.sqrt(hours_variance(work, rate, saving))
        drawn = trials(work, rate, saving, count=3000, seed=1)
        drawn_sd = statistics.stdev(drawn)
        error = 1.96 * drawn_sd / math.sqrt(len(drawn))
        least = expected_hours(work, rate, Saving(best, checkpoint, restart))
        more = [
            expected_hours(work, rate, Saving(other(checkpoint, rate), checkpoint, restart)) / least
            - 1
            for other in (young_interval, daly_interval)
        ]
        print(
            f"| {work}, {checkpoint}, {restart}, {rate} | {mean:.3f} | {statistics.mean(drawn):.3f} "
            f"| {error:.3f} | {sd:.3f} | {drawn_sd:.3f} | {more[0]:.3%} | {more[1]:.5%} |"
        )


if __name__ == "__main__":
    main()
