"""The simulation path: a seed → a company's month as files, a home that trained, and what to type.

simulate → simulation.make_world → bills, claims, truth → spools and budgets of a home → README

The home has what a company has before its first bill: runs that were metered, rules, what hangs on
what, budgets. Bills and schedulers' records lie beside it, to be imported in the order of
:attr:`SimulatedMonth.steps`.
"""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainfare.core.budget import make_budget
from trainfare.core.charge import View
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.core.period import DAY, BillingPeriod
from trainfare.metering.budget_shelf import put_budget
from trainfare.prices.book import PriceBook
from trainfare.simulation.fault import ALL_FAULTS, NO_FAULTS, USUAL_FAULTS, Source
from trainfare.simulation.folder import write_world
from trainfare.simulation.line import BILLERS, Provider
from trainfare.simulation.meter_record import SELLERS, write_records
from trainfare.simulation.schedule import CLUSTER
from trainfare.simulation.table_file import Row, write_bytes, write_table
from trainfare.simulation.world import World, make_world

FAULTS = {"none": NO_FAULTS, "usual": USUAL_FAULTS, "many": ALL_FAULTS}
"""How much of what is recorded may be wrong."""

RUNS_PER_MACHINE = 640
"""So many runs a month keep a machine of each pool about half busy."""

BUDGETS = (("over", 80), ("warn", 108), ("ok", 200))
"""The dearest teams' budgets: how each stands at the end, and its percent of what they truly spent."""

Step = tuple[str, ...]
"""The words of one command, without ``trainfare``."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a month is, and from which seed it is made."""

    seed: int = 7
    runs: int = 1000
    teams: int = 12
    days: int = 31
    period: str | None = None
    """The last whole month when None."""
    faults: str = "usual"
    bills: str = "native"
    waste: float = 0.006
    """Of the runs, how many have each habit that advice speaks of."""


@dataclass(frozen=True, slots=True)
class SimulatedMonth:
    """A month that was written, and how to bring it in."""

    folder: Path
    world: World
    steps: tuple[Step, ...]
    """What imports everything, in order."""

    @property
    def metered(self) -> int:
        """How many runs are recorded in the home."""
        traces = self.world.traces
        return len({each.claim.run for each in traces if each.source is Source.METER})

    @property
    def home(self) -> Path:
        """Where the company's Trainfare keeps its state."""
        return self.folder / "home"

    def billed(self) -> dict[str, Money]:
        """Currency → what the final bills charge."""
        sums: Counter[str] = Counter()
        for delivery in self.world.final:
            sums[BILLERS[delivery.provider].currency] += delivery.total(View.BILLED)
        return {currency: Money(nano, currency) for currency, nano in sorted(sums.items())}


def simulate_month(folder: Path, size: Size | None = None) -> SimulatedMonth:
    """Make up a month of *size* and write all that its company has into *folder*.

    The same size and period give the same bytes.

    Raises:
        BadInput: the folder has something in it, or a size makes no sense.
    """
    size = size or Size()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} is not an empty folder; name a new one, nothing is overwritten")
    if size.faults not in FAULTS:
        raise BadInput(f"faults {size.faults!r} are not one of {', '.join(FAULTS)}")
    world = make_world(
        size.seed,
        runs=size.runs,
        days=size.days,
        teams=size.teams,
        machines=max(2, round(size.runs * 31 / max(1, size.days) / RUNS_PER_MACHINE)),
        period=size.period or last_month(),
        faults=FAULTS[size.faults],
        waste=size.waste,
    )
    places = write_world(world, folder, bills=size.bills)
    home = folder / "home"
    write_records(
        world, home, PriceBook(home).machine_price, sources=(Source.METER,), is_detailed=True
    )
    for name in ("rules.toml", "attachments.csv"):
        (folder / name).rename(home / name)
    planted = [*_set_budgets(world, home), *_planted(world)]
    write_table(folder / "planted.csv", ("kind", "subject", "found", "detail"), planted)
    steps = (
        *_bill_steps(world, places),
        *_claim_steps(folder / "claims"),
        ("allocate",),
        ("verify",),
    )
    month = SimulatedMonth(folder, world, steps)
    write_bytes(folder / "import.sh", _script(month).encode())
    write_bytes(folder / "README.md", _readme(month, size).encode())
    return month


def last_month() -> str:
    """The last month that is over, as ``2026-10``."""
    first_ns = BillingPeriod.of(time.time_ns()).interval.start_ns
    return str(BillingPeriod.of(first_ns - DAY))


def _set_budgets(world: World, home: Path) -> Iterator[Row]:
    """Budgets on the dearest teams, some of them too small, and how each will stand.

    They are held against what the runs of the team were billed, metered or not.
    """
    teams = {run.id: dict(run.labels)["team"] for run in world.runs}
    spent: Counter[str] = Counter()
    for row in world.truth():
        if row.run in teams and row.currency == "USD":
            spent[teams[row.run]] += row.nano
    for (state, percent), (team, nano) in zip(BUDGETS, spent.most_common(), strict=False):
        limit = Money(max(1, nano // 10**9 * percent // 100) * 10**9, "USD")
        put_budget(home, make_budget(team, limit, scope=f"team={team}", view="billed"))
        detail = f"{percent} % of what the runs of {team} truly cost"
        yield {"kind": "budget", "subject": team, "found": state, "detail": detail}


def _planted(world: World) -> Iterator[Row]:
    """What advice and alerts should find; of runs that nobody recorded they cannot know."""
    metered = {each.claim.run for each in world.traces if each.source is Source.METER}
    for one in world.waste:
        if one.run in metered:
            yield {"kind": "advice", "subject": one.run, "found": one.habit, "detail": one.detail}
    for machine in world.machines:
        if machine.venue is None and not machine.serves_all:
            detail = "a notebook server that somebody forgot"
            found = {"kind": "alert", "subject": machine.id, "found": "unattributed"}
            yield {**found, "detail": detail}
    before = BillingPeriod.of(world.bill.start_ns - DAY)
    early = {
        SELLERS[run.type.provider]
        for run in world.runs
        if run.id in metered and run.attempts[0].interval.start_ns < world.bill.start_ns
    }
    for seller in sorted(early):
        detail = "runs began before the month, and no bill of that is here"
        found = {"kind": "alert", "subject": f"{seller} {before}", "found": "bill"}
        yield {**found, "detail": detail}


def _bill_steps(world: World, places: Sequence[Path]) -> Iterator[Step]:
    """The bills in order of arrival, several at a time where they are of different providers."""
    waiting: dict[Provider, str] = {}
    for delivery, place in zip(world.deliveries, places, strict=True):
        mapping = place.parent / "mapping.toml"
        is_mapped = place.is_file() and mapping.exists()
        if waiting and (is_mapped or delivery.provider in waiting):
            yield ("bill", "import", *waiting.values())
            waiting.clear()
        if is_mapped:
            yield ("bill", "import", str(place), "--mapping", str(mapping))
        else:
            waiting[delivery.provider] = str(place)
    if waiting:
        yield ("bill", "import", *waiting.values())


def _claim_steps(claims: Path) -> Iterator[Step]:
    nodes = ("--nodes", str(claims / "nodes.csv"))
    yield ("claims", "import", str(claims / "sacct.txt"), "--cluster", CLUSTER, *nodes)
    yield ("claims", "import", str(claims / "opencost.json"), *nodes)
    yield ("claims", "import", str(claims / "dcgm.prom.gz"), *nodes)
    yield ("claims", "import", str(claims / "sagemaker.json"))


def _script(month: SimulatedMonth) -> str:
    """A shell script that imports and allocates everything; it works wherever the folder lies."""
    lines = [
        "#!/bin/sh",
        "# Imports and allocates the simulated month, in the order in which its bills arrived.",
        "set -e",
        'cd "$(dirname "$0")"',
        'export TRAINFARE_HOME="$PWD/home"',
    ]
    for step in month.steps:
        words = [word.removeprefix(f"{month.folder}/") for word in step]
        lines.append(f"trainfare {shlex.join(words)} >> import.log")
    return "\n".join([*lines, "trainfare report --by team", ""])


_FORMATS = "| `formats/` | the final bills in every format that there is, to try imports on |\n"


def _readme(month: SimulatedMonth, size: Size) -> str:
    world = month.world
    totals = " and ".join(money.display(2) for money in month.billed().values())
    return f"""\
# A company's {world.period}, made up

{size.runs:,} runs of {size.teams} teams in {size.days} days, made from seed {size.seed}; faults: {size.faults}.
Nobody trained, nobody paid: {totals} are made up, and who truly owns each of it is known.

| where | what |
|---|---|
| `bills/` | {len(world.deliveries)} deliveries of four providers in order of arrival, as `{size.bills}` |
{_FORMATS if size.bills == "every" else ""}| `claims/` | what schedulers recorded: Slurm's sacct, OpenCost, DCGM, SageMaker; `meter.csv` is what lies in `home/runs` |
| `home/` | a Trainfare home: runs that were metered, `rules.toml`, `attachments.csv`, `budgets.json` |
| `truth.csv` | what every run and every remainder truly cost |
| `faults.csv` | what went wrong with the records |
| `planted.csv` | what Trainfare should find |
| `import.sh` | imports everything in order and allocates it |

```sh
sh import.sh
export TRAINFARE_HOME="$PWD/home"
trainfare report --by team
trainfare verify
trainfare reconcile
trainfare budget check
trainfare advise
trainfare serve
```
"""
