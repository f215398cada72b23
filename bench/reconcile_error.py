"""How far estimates are off, and what learning prices from the bill brings.

    python -m bench.reconcile_error                    5 seeds, 150 runs a month
    python -m bench.reconcile_error --seeds 12 --runs 400 --days 31

Per seed a company trains for two months. September is estimated with the shipped catalogue; its bill
arrives, is reconciled and teaches prices; October is estimated three times: with the catalogue still,
with what was learnt, and with the jumps confirmed as well. The figure is the median over runs of
|billed − estimated| / billed. Contracts, commitments, spot prices, boot times, disks and traffic are
those of ``trainfare.simulation``; nothing is known of them but the bill.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from trainfare.flows.bill import import_bills
from trainfare.flows.reconcile import learn_prices, reconcile
from trainfare.prices.book import PriceBook
from trainfare.reports.variance import median_error
from trainfare.simulation.folder import write_world
from trainfare.simulation.meter_record import write_records
from trainfare.simulation.world import World, make_world

MONTHS = ("2026-09", "2026-10")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The median error of one month and how many runs it is of."""

    median: float
    compared: int
    unpriced: int
    """Runs that could not be estimated, because nobody knew a price."""


def main() -> None:
    """Print a table, one line per seed, and the medians over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=150, help="a month")
    parser.add_argument("--days", type=int, default=28)
    asked = parser.parse_args()
    print(f"{asked.runs} runs a month, {asked.days} days; runs without any price in brackets\n")
    print("| seed | September | October, nothing learnt | learnt | learnt, jumps confirmed |")
    print("|---|---|---|---|---|")
    columns: list[list[float]] = [[], [], [], []]
    for seed in range(1, asked.seeds + 1):
        found = two_months(seed, asked.runs, asked.days)
        for column, one in zip(columns, found, strict=True):
            column.append(one.median)
        cells = [f"{one.median:.1%} of {one.compared} ({one.unpriced})" for one in found]
        print(f"| {seed} | {' | '.join(cells)} |", flush=True)
    print(f"| median | {' | '.join(f'{statistics.median(c):.1%}' for c in columns)} |")


def two_months(seed: int, runs: int, days: int) -> list[Outcome]:
    """September; October without learning, with it, and with all jumps confirmed."""
    folder = Path(tempfile.mkdtemp(prefix="trainfare-bench-"))
    try:
        first, second = (
            make_world(1000 * seed + number, runs=runs, days=days, machines=3, period=period)
            for number, period in enumerate(MONTHS)
        )
        base = folder / "base"
        _live(first, base, folder / "first")
        outcomes = [_error(base, MONTHS[0])]
        for name, confirmed in (("never", None), ("learnt", ()), ("confirmed", ("all",))):
            home = folder / name
            shutil.copytree(base, home)
            if confirmed is not None:
                learn_prices(home, MONTHS[0], confirmed=confirmed)
            _live(second, home, folder / f"{name}-files")
            outcomes.append(_error(home, MONTHS[1]))
        return outcomes
    finally:
        shutil.rmtree(folder)


def _live(world: World, home: Path, files: Path) -> None:
    """Train through *world*: runs are metered with the prices of *home*, then the bills arrive."""
    write_records(world, home, PriceBook(home).machine_price)
    places = write_world(world, files, bills="focus-1.2")
    import_bills(home, [str(place) for place in places])
    (home / "rules.toml").write_text(world.rules)
    known = home / "attachments.csv"
    lines = known.read_text().splitlines() if known.exists() else ["resource,parent"]
    lines += [f"{part},{whole}" for part, whole in sorted(world.attachments.items())]
    known.write_text("\n".join(dict.fromkeys(lines)) + "\n")


def _error(home: Path, period: str) -> Outcome:
    rows = [row for row in reconcile(home, period).rows if row.is_metered]
    compared = [row.variance for row in rows if row.variance is not None]
    median = median_error(compared)
    unpriced = sum(row.estimated is None for row in rows)
    return Outcome(float(median) if median is not None else 1.0, len(compared), unpriced)


if __name__ == "__main__":
    main()
