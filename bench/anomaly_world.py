"""A company's training spend, made up from a seed: bursts of runs, and things that go wrong.

Nothing here is fitted to a detector. Runs come in campaigns that start and stop; each is one of a
dozen configurations whose cost is known only from the runs before; one in twelve crashes early; one
in thirty is half as dear again for no bad reason; a commitment makes prices move by a few percent
from day to day; and machines that boot, or that people use by hand, are billed without a run.

What goes wrong, three times each in a quarter, after a clean month:

    overrun   a run goes on for 2 to 5 times what it should cost
    leftover  a machine of eight GPUs runs on for 36 hours after its run, and nobody uses it
    price     the SKU that is used most is a quarter to twice dearer for nine days
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

DAYS, CLEAN_DAYS = 120, 30
KINDS = ("overrun", "leftover", "price")


@dataclass(frozen=True)
class Run:
    id: int
    sku: str
    configuration: int
    start: float
    """In days."""
    days: float
    spend: float
    has_crashed: bool = False


@dataclass(frozen=True)
class Wrong:
    kind: str
    start: float
    end: float
    subject: object
    """The run, the resource, or the SKU and the day from which on it is dear."""


@dataclass
class World:
    runs: list[Run] = field(default_factory=list)
    unowned: list[tuple[int, str, float]] = field(default_factory=list)
    """(day, resource, money)"""
    rates: dict[tuple[str, int], float] = field(default_factory=dict)
    """(SKU, day) → price of a GPU hour"""
    wrongs: list[Wrong] = field(default_factory=list)

    def by_day(self) -> dict[tuple[str, int], tuple[float, float]]:
        """(SKU, day) → (GPU-hours, money) of all runs."""
        sums: dict[tuple[str, int], tuple[float, float]] = {}
        for run in self.runs:
            day = int(run.start)
            while day < run.start + run.days and day < DAYS:
                share = (min(day + 1, run.start + run.days) - max(day, run.start)) / run.days
                hours, money = sums.get((run.sku, day), (0.0, 0.0))
                part = run.spend * share
                sums[run.sku, day] = (hours + part, money + part * self.rates[run.sku, day])
                day += 1
        return sums

    def daily(self) -> list[float]:
        """The whole bill, day by day: all that a detector of sums can see."""
        days = [0.0] * DAYS
        for (_, day), (_, money) in self.by_day().items():
            days[day] += money
        for day, _, money in self.unowned:
            days[day] += money
        return days


def make_world(seed: int) -> World:
    chance = random.Random(seed)
    world = World()
    skus = [f"sku-{n}" for n in range(4)]
    _rates(world, skus, chance)
    configurations = [
        (chance.lognormvariate(5.0, 1.0), chance.choice(skus), chance.choice((0.2, 0.5, 1, 2)))
        for _ in range(12)
    ]
    is_on = True
    for day in range(DAYS):
        is_on = is_on if chance.random() > 0.15 else not is_on
        mean = (6.0 if is_on else 0.8) * (0.4 if day % 7 in (5, 6) else 1.0)
        for _ in range(_poisson(mean, chance)):
            number = chance.randrange(len(configurations))
            expected, sku, days = configurations[number]
            ratio = chance.lognormvariate(0.0, 0.15)
            luck = chance.random()
            has_crashed = luck < 1 / 12
            ratio *= chance.random() if has_crashed else 1.5 if luck > 1 - 1 / 30 else 1.0
            world.runs.append(
                Run(
                    len(world.runs),
                    sku,
                    number,
                    day + chance.random(),
                    days * ratio,
                    expected * ratio,
                    has_crashed,
                )
            )
        for _ in range(_poisson(0.5, chance)):
            world.unowned.append((day, f"hand-{len(world.unowned)}", chance.lognormvariate(2.0, 1)))
    _go_wrong(world, configurations, skus, chance)
    return world


def _rates(world: World, skus: list[str], chance: random.Random) -> None:
    for sku in skus:
        base = chance.uniform(0.8, 1.2)
        for day in range(DAYS):
            world.rates[sku, day] = base * (1 + chance.gauss(0, 0.03))


def _go_wrong(world: World, configurations: list, skus: list[str], chance: random.Random) -> None:
    later = [run for run in world.runs if CLEAN_DAYS <= run.start < DAYS - 12]
    for run in chance.sample([run for run in later if not run.has_crashed], 3):
        times = chance.uniform(2, 5) * configurations[run.configuration][0] / run.spend
        wrong = replace(run, days=run.days * times, spend=run.spend * times)
        world.runs[run.id] = wrong
        world.wrongs.append(Wrong("overrun", wrong.start, wrong.start + wrong.days, run.id))
    for number in range(3):
        day = chance.randrange(CLEAN_DAYS, DAYS - 4)
        resource = f"leftover-{number}"
        world.unowned += [(day, resource, 8 * 24.0), (day + 1, resource, 8 * 12.0)]
        world.wrongs.append(Wrong("leftover", day, day + 2, resource))
    for day in (40, 70, 100):
        times = chance.uniform(1.25, 2.0)
        used = world.by_day()
        hours = {
            sku: sum(used.get((sku, d), (0, 0))[0] for d in range(day, day + 9)) for sku in skus
        }
        sku = max(skus, key=lambda one: hours[one])
        for each in range(day, day + 9):
            world.rates[sku, each] *= times
        world.wrongs.append(Wrong("price", day, day + 9, (sku, day)))


def _poisson(mean: float, chance: random.Random) -> int:
    count, passed = 0, chance.expovariate(1.0)
    while passed < mean:
        count += 1
        passed += chance.expovariate(1.0)
    return count
