"""How long commitments take to plan: three years of hours of fifty SKUs, six kinds.

    python -m bench.commitments            five turns of a plan, one of a back-test of 24 windows
    python -m bench.commitments 3 8760 20  any sizes: turns, hours, SKUs
    python -m bench.commitments 5 26280 50 5   so many turns of the back-test too

Half of the SKUs are used around the clock, half by trainings of days. The back-test plans each window
anew on all of the window's past, so that one turn of it is 24 like ones and more turns say little.
Targets: a single plan 1 s, a portfolio 10 s, a back-test 60 s.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from bench.table import Table, Target, publish
from trainfare.commitments.backtest import backtest, windows_of
from trainfare.commitments.demand import Column, Demand
from trainfare.commitments.offer import Offer
from trainfare.commitments.portfolio import best_portfolio
from trainfare.commitments.single import best_amount

HOURS, SKUS, WINDOWS = 26_280, 50, 24


def make_demand(hours: int, skus: int) -> Demand:
    """Machines by the hour: days and nights, and for every other SKU trainings that come and go."""
    random = np.random.default_rng(1)
    price = random.integers(500, 100_000, skus) * 10**6
    day = 1 + 0.4 * np.sin(np.arange(hours) * 2 * np.pi / 24)
    machines = random.poisson(4 * day[:, None] * random.random(skus))
    is_on = (random.random((hours // 48 + 1, skus)) < 0.4).repeat(48, 0)[:hours]
    machines = machines * np.where(np.arange(skus) % 2, is_on, 1)
    columns = tuple(Column(f"sku-{number}", int(price[number])) for number in range(skus))
    return Demand(490_000, columns, (machines * price).astype(np.int64))


def make_offers(demand: Demand) -> list[Offer]:
    """Six kinds: two broad plans, two narrow ones, and two that are bought by the machine."""
    random = np.random.default_rng(2)
    columns = demand.columns
    third, quarter = len(columns) // 3, len(columns) // 4
    return [
        Offer(kind, term, {
            one.sku: int(one.price_nano * (1 - random.uniform(least, least + 0.12))) // 1000 * 1000
            for one in some
        })
        for kind, term, least, some in (
            ("aws_compute_savings_plan", "1y", 0.2, columns),
            ("aws_compute_savings_plan", "3y", 0.35, columns),
            ("aws_ec2_instance_savings_plan", "1y", 0.3, columns[:third]),
            ("aws_sagemaker_savings_plan", "1y", 0.25, columns[-quarter:]),
            ("aws_reserved_instance", "1y", 0.35, columns[-1:]),
            ("reserved_contract", "1y", 0.35, columns[:1]),
        )
    ]  # fmt: skip


def timed(name: str, turns: int, work: Callable[[], str], most: float) -> Target:
    """Print the median and the spread of so many turns, by the clock and of the processor."""
    walls, used, said = [], [], ""
    for _ in range(turns):
        wall, cpu = time.perf_counter(), time.process_time()
        said = work()
        walls.append(time.perf_counter() - wall)
        used.append(time.process_time() - cpu)
    print(
        f"{name}: processor {statistics.median(used):.2f} s ({min(used):.2f} to {max(used):.2f}), "
        f"by the clock {statistics.median(walls):.2f} s, {turns} turns, "
        f"load {os.getloadavg()[0]:.1f}; {said}",
        flush=True,
    )
    wall = statistics.median(walls)
    return Target(name, f"≤ {most:g} s", f"{wall:.2f} s", wall <= most)


def main() -> None:
    """Make a world and measure."""
    given = [int(text) for text in sys.argv[1:5]]
    turns, hours, skus, long_turns = [*given, *(5, HOURS, SKUS, 1)[len(given) :]]
    demand = make_demand(hours, skus)
    offers = make_offers(demand)
    figures = Table("commitments", f"Plans of {hours:,} hours of {skus} SKUs", ())

    def plan() -> str:
        return f"{best_amount(demand, offers[0]) / 1e9:,.3f} an hour"

    def portfolio() -> str:
        return f"gap {best_portfolio(demand, offers).gap:.2%}"

    figures.targets.append(timed("single plan", turns, plan, 1))
    figures.targets.append(timed("portfolio of 6 kinds", turns, portfolio, 10))
    windows = windows_of(hours, WINDOWS, hours // 2, hours // 2 // WINDOWS)

    def test() -> str:
        found = backtest(demand, offers, windows)
        saved = sum(one.saving_nano for one in found) / sum(one.on_demand_nano for one in found)
        return f"{len(found)} windows, saved {saved:.1%}"

    figures.targets.append(timed("back-test", long_turns, test, 60))
    publish(figures)


if __name__ == "__main__":
    main()
