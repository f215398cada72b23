"""How long advice takes: 100 thousand runs over twelve months.

    python -m bench.advise                 100 thousand runs on 60 machines, the home is made once
    python -m bench.advise 20_000 30       any sizes: runs, machines

Two questions. *A bill*: twelve months of hourly charges of GPU machines, claims of all runs and what
DCGM saw of a tenth of them, imported and allocated before; measured is the command ``trainfare
advise``, from its start to its answer. *Trials*: as many metered runs in sweeps of a hundred with forty
values each, in memory; measured are the rules and the settling. Medians of five turns; the target is
10 s for each.
"""

from __future__ import annotations

import csv
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.bill_import import OUT
from bench.table import Table, Target, publish
from trainfare.advice.experiments import advise_experiments
from trainfare.advice.trial import Span, Sweep, Trial
from trainfare.core.money import Money
from trainfare.core.period import DAY, HOUR, BillingPeriod, Interval, format_instant, parse_instant
from trainfare.core.recommendation import NoAdvice, run_slot, settle
from trainfare.core.run import DeviceUse
from trainfare.metering.metrics import Point
from trainfare.store.device_uses import Watched, put_device_uses
from trainfare.store.ledger import open_ledger

START = parse_instant("2025-11-01T00:00:00Z")
MONTHS = 12
TURNS = 5
RESULTS = frozenset(["val_loss"])
PRICE = "21.957642"
VALUES = 40

HEADER = (
    "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingAccountId,"
    "BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,"
    "ServiceName,ServiceCategory,ServiceProviderName,ResourceId,ConsumedQuantity,ConsumedUnit,"
    "InvoiceIssuerName,RegionId,ServiceSubcategory,PricingCategory,SkuPriceDetails,SkuId"
)


def make_home(home: Path, runs: int, machines: int) -> None:
    """Bills, claims and what DCGM saw, imported and allocated."""
    home.mkdir(parents=True)
    period = BillingPeriod.of(START)
    bills = []
    for _ in range(MONTHS):
        bills.append(_write_bill(home / f"bill-{period}.csv", period, machines))
        period = period.next()
    _trainfare(home, "bill", "import", *bills)
    spans = _spans(runs, machines)
    with (home / "claims-of-all.csv").open("w") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "resource", "start", "end", "share", "label.team"])
        for run, machine, one in spans:
            instants = format_instant(one.start_ns), format_instant(one.end_ns)
            writer.writerow(
                [run, f"i-{machine:04}", *instants, "1", f"team-{len(run) % 7}{run[-1]}"]
            )
    _trainfare(home, "claims", "import", home / "claims-of-all.csv")
    with open_ledger(home) as ledger, ledger.change() as connection:
        put_device_uses(connection, (_watched(*span) for span in spans[::10]))
    _trainfare(home, "allocate")


def _write_bill(path: Path, period: BillingPeriod, machines: int) -> Path:
    whole = period.interval
    month = format_instant(whole.start_ns), format_instant(whole.end_ns)
    with path.open("w") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER.split(","))
        for hour in whole.cut(HOUR):
            times = format_instant(hour.start_ns), format_instant(hour.end_ns)
            for machine in range(machines):
                writer.writerow(
                    [
                        *([PRICE] * 4),
                        "USD",
                        "acct-1",
                        *month,
                        *times,
                        "Usage",
                        "Amazon EC2",
                        "Compute",
                        "AWS",
                        f"i-{machine:04}",
                        "1",
                        "Hours",
                        "AWS",
                        "us-east-1",
                        "Virtual Machines",
                        "Standard",
                        '{"InstanceType": "p4d.24xlarge"}',
                        "S1",
                    ]
                )
    return path


def _spans(runs: int, machines: int) -> list[tuple[str, int, Interval]]:
    """Runs one after the other on each machine, with gaps of a few minutes to a day."""
    chance, found = random.Random(1), []
    each = runs // machines
    room = MONTHS * 30 * DAY // each
    for machine in range(machines):
        for number in range(each):
            start = START + number * room + chance.randrange(room // 4) // 10**9 * 10**9
            length = chance.randrange(room // 4, room // 2) // 10**9 * 10**9
            found.append((f"r-{machine:04}-{number:05}", machine, Interval(start, start + length)))
    return found


def _watched(run: str, machine: int, span: Interval) -> Watched:
    """Eight GPUs that are busy for three quarters of a run, and do nothing in the last."""
    quiet = span.end_ns - span.duration_ns // 4
    uses = [
        use
        for gpu in range(8)
        for use in (
            DeviceUse(f"GPU-{machine}-{gpu}", span.start_ns, quiet, 900),
            DeviceUse(f"GPU-{machine}-{gpu}", quiet, span.end_ns, 0),
        )
    ]
    return Watched(run, f"i-{machine:04}", tuple(uses), "DCGM_FI_DEV_GPU_UTIL")


def _trainfare(home: Path, *words: object) -> None:
    command = [sys.executable, "-m", "trainfare", "--home", str(home), *map(str, words)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def make_trials(runs: int) -> tuple[list[Trial], list[Sweep], dict]:
    """Sweeps of a hundred trials with forty values each."""
    chance, trials, sweeps, paid = random.Random(2), [], [], {}
    for number in range(runs):
        start = START + number * (MONTHS * 30 * DAY // runs)
        span = Interval(start, start + 4 * HOUR)
        floor = chance.random()
        series = [
            Point(
                start + (n + 1) * 4 * HOUR // VALUES,
                n + 1,
                floor + 3 / (n + 1) + chance.random() / 9,
            )
            for n in range(VALUES)
        ]
        experiment, run = f"sweep-{number // 100}", f"r-{number:06}"
        trial = Trial(
            run,
            experiment,
            {"experiment": experiment, "config_hash": str(number), "seed": "1"},
            span,
            "finished",
            (Span(span, 4 * HOUR),),
            series={"val_loss": series},
            results=RESULTS,
            losses=RESULTS,
        )
        trials.append(trial)
        paid[run_slot(run, str(BillingPeriod.of(start)))] = Money(87_830_568_000)
        if number % 100 == 99:
            sweeps.append(Sweep(experiment, "val_loss", True, trials[-100:]))
    return trials, sweeps, paid


def advise_on_trials(made: tuple[list[Trial], list[Sweep], dict]) -> int:
    """The rules on all trials, settled; how many recommendations there are."""
    trials, sweeps, paid = made
    found = advise_experiments(trials, sweeps, paid)
    return len(settle([one for one in found if not isinstance(one, NoAdvice)], paid, MONTHS))


def timed(name: str, work: Callable[[], int]) -> Target:
    """Print the median and the spread of so many turns."""
    walls, used, count = [], [], 0
    for _ in range(TURNS):
        wall, cpu = time.perf_counter(), _processor()
        count = work()
        walls.append(time.perf_counter() - wall)
        used.append(_processor() - cpu)
    print(
        f"{name}: {statistics.median(walls):.2f} s ({min(walls):.2f} to {max(walls):.2f}), "
        f"processor {statistics.median(used):.2f} s; {count} recommendations; "
        f"load average of one minute {os.getloadavg()[0]:.1f}"
    )
    wall = statistics.median(walls)
    return Target(name, "≤ 10 s", f"{wall:.1f} s", wall <= 10)


def _processor() -> float:
    """Seconds of processor of this process and of the commands that it called."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def advise_on_bill(home: Path) -> int:
    """The command on *home*; how many recommendations there are."""
    command = [sys.executable, "-m", "trainfare", "--home", str(home), "advise", "--format", "json"]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return len(json.loads(answer)["recommendations"])


def main() -> None:
    """Make what is measured where it is missing, and measure."""
    runs, machines = [int(text) for text in [*sys.argv[1:3], "100000", "60"][:2]]
    home = OUT / f"advise-{runs}-{machines}"
    if not (home / "ledger.db").exists():
        make_home(home, runs, machines)
    figures = Table("advise", f"Advice on {runs:,} runs", ())
    figures.targets.append(timed("a bill", lambda: advise_on_bill(home)))
    made = make_trials(runs)
    figures.targets.append(timed("trials", lambda: advise_on_trials(made)))
    publish(figures)


if __name__ == "__main__":
    main()
