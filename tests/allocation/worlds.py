"""Simulated clusters from a seed, with the true cost of every run: what allocation is judged by.

A world is a fleet of machines of eight devices that live for some hours, runs that hold devices of
them, and the bill that a provider would send: hours of machines, their transfer, volumes and
discounts, jobs of a managed service, machines of nobody's runs, tax, support and an unused
commitment. Every charge knows the exact share of each run. Faults then spoil the evidence, not the
truth: what a run used stays what it was.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any

from allocation.lake import NANO, Charge, PartKey, at, charge
from trainfare.allocation.evidence import Evidence
from trainfare.allocation.steps import PRIORITIES
from trainfare.core.claim import Claim
from trainfare.core.period import HOUR, SECOND, Interval

DEVICES = 8
START_NS = int(at(0).timestamp()) * SECOND


class Fault(StrEnum):
    """What goes wrong between what happened and what is known of it."""

    LOST_HEARTBEATS = "lost_heartbeats"
    """Meters die: claims end up to half an hour before the run did."""
    STALE_TAGS = "stale_tags"
    """Machines keep the tag of the first run that they were bought for."""
    MISSING_CLAIMS = "missing_claims"
    """Some runs were never metered; their machines' tags name them, if they were first."""
    LATE_CORRECTIONS = "late_corrections"
    """The provider takes back a tenth of some hours, in rows of their own."""
    CLOCK_SKEW = "clock_skew"
    """Clocks of machines are off by up to 40 seconds."""


@dataclass(frozen=True)
class Use:
    """*run* really held *devices* of *machine* from *start* to *end*, in seconds of the month."""

    run: str
    machine: int
    start: int
    end: int
    devices: int


@dataclass
class World:
    """A bill, what is known about it, and the truth."""

    charges: list[Charge] = field(default_factory=list)
    truth: list[dict[str, Fraction]] = field(default_factory=list)
    """Per charge, run → its true share; what is missing to 1 is nobody's."""
    claims: list[Claim] = field(default_factory=list)
    attachments: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)

    @property
    def evidence(self) -> Evidence:
        return Evidence(self.claims, self.jobs, self.attachments)

    def add(self, row: Charge, shares: Mapping[str, Fraction]) -> None:
        self.charges.append(row)
        self.truth.append(dict(shares))

    def true_nano(self) -> dict[str, Fraction]:
        """Run → its true effective cost in nano-units."""
        sums: dict[str, Fraction] = defaultdict(Fraction)
        for row, shares in zip(self.charges, self.truth, strict=True):
            for run, share in shares.items():
                sums[run] += share * row["x_EffectiveNano"]
        return dict(sums)


def make_world(
    seed: int, *, machines: int = 6, runs: int = 20, hours: int = 30, faults: Iterable[Fault] = ()
) -> World:
    """The world of a seed: the same for the same arguments."""
    dice, spoiled, world = random.Random(seed), set(faults), World()
    uses: list[Use] = []
    lives = []
    for _ in range(machines):
        start = dice.randrange(0, hours * 1800)
        lives.append((start, start + dice.randrange(3600, hours * 1800)))
    for number in range(runs):
        uses += _place(dice, f"run-{number:03}", lives, uses)
    for machine, life in enumerate(lives):
        own = [use for use in uses if use.machine == machine]
        _bill_machine(world, dice, machine, life, own, spoiled)
    _bill_jobs(world, dice)
    _bill_the_rest(world, dice)
    world.claims = _claims(dice, uses, spoiled)
    return world


def _place(
    dice: random.Random, run: str, lives: list[tuple[int, int]], taken: list[Use]
) -> list[Use]:
    """One run on up to three machines, where their devices are free."""
    placed = []
    devices = dice.choice([1, 2, 4, 8, 8])
    for machine in dice.sample(range(len(lives)), min(len(lives), dice.choice([1, 1, 2, 3]))):
        born, gone = lives[machine]
        start = dice.randrange(born, gone)
        end = min(gone, start + dice.randrange(60, 6 * 3600))
        busy = [u for u in taken if u.machine == machine and u.start < end and start < u.end]
        if sum(use.devices for use in busy) + devices <= DEVICES:
            placed.append(Use(run, machine, start, end, devices))
    return placed


def _name(machine: int) -> str:
    return f"i-{machine:08x}"


def _bill_machine(
    world: World,
    dice: random.Random,
    machine: int,
    life: tuple[int, int],
    uses: list[Use],
    faults: set[Fault],
) -> None:
    """The hours of one machine, and what hangs on it; all by the same shares."""
    price = dice.randrange(NANO, 40 * NANO)
    first = min(uses, key=lambda use: use.start, default=None)
    tags = {"team": "nlp"}
    if first is not None and faults & {Fault.STALE_TAGS, Fault.MISSING_CLAIMS}:
        tags["run_id"] = first.run
    volume = f"vol-{machine:04x}"
    world.attachments[volume] = _name(machine)
    for hour in range(life[0] // 3600, (life[1] - 1) // 3600 + 1):
        start, end = max(life[0], hour * 3600), min(life[1], hour * 3600 + 3600)
        shares: dict[str, Fraction] = defaultdict(Fraction)
        for use in uses:
            seconds = max(0, min(end, use.end) - max(start, use.start))
            if seconds:
                shares[use.run] += Fraction(seconds * use.devices, DEVICES * (end - start))
        where: dict[str, Any] = {"start": at(hour), "resource": _name(machine), "tags": tags}
        quantity = f"{(end - start) / 3600:.10f}"
        used = {"ConsumedQuantity": quantity, "ConsumedUnit": "Hours", "SkuId": "machine"}
        world.add(charge(price * (end - start) // 3600, **where, **used), shares)
        world.add(charge(dice.randrange(NANO), **where, x_Component="network"), shares)
        world.add(charge(-dice.randrange(NANO), **where, ChargeCategory="Credit"), shares)
        where["resource"] = volume
        world.add(charge(dice.randrange(NANO // 5), **where, x_Component="storage"), shares)
        if Fault.LATE_CORRECTIONS in faults and dice.random() < 0.2:
            where["resource"] = _name(machine)
            late = charge(-price // 10, **where, ChargeClass="Correction")
            world.add(late, shares)


def _bill_jobs(world: World, dice: random.Random) -> None:
    """Jobs of a managed service: all of it is the run's, downloads included."""
    for number in range(3):
        arn = f"arn:aws:sagemaker:us-east-1:1:training-job/job-{number}"
        world.jobs[arn] = f"job-{number}"
        for hour in range(dice.randrange(1, 4)):
            row = charge(dice.randrange(9 * NANO), start=at(hour), resource=arn)
            world.add(row, {f"job-{number}": Fraction(1)})


def _bill_the_rest(world: World, dice: random.Random) -> None:
    """What no run ever used."""
    for hour in range(5):
        world.add(charge(dice.randrange(NANO), start=at(hour), resource="i-web"), {})
    other = {"resource": None, "hours": 31 * 24}
    world.add(charge(dice.randrange(NANO), ChargeCategory="Tax", **other), {})
    world.add(charge(dice.randrange(NANO), ServiceName="Support (Business)", **other), {})
    world.add(charge(dice.randrange(NANO), CommitmentDiscountStatus="Unused", **other), {})


def _claims(dice: random.Random, uses: list[Use], faults: set[Fault]) -> list[Claim]:
    """What meters said, rank by rank."""
    claims = []
    skew = [dice.randrange(-40, 41) * SECOND for _ in range(100)]
    unmetered = {use.run for use in uses if dice.random() < 0.25}
    for use in uses:
        if Fault.MISSING_CLAIMS in faults and use.run in unmetered:
            continue
        start, end = use.start * SECOND, use.end * SECOND
        if Fault.LOST_HEARTBEATS in faults and dice.random() < 0.5:
            end = max(start, end - dice.randrange(HOUR // 2))
        if Fault.CLOCK_SKEW in faults:
            start, end = start + skew[use.machine], end + skew[use.machine]
        interval = Interval(START_NS + start, START_NS + end)
        share = Fraction(use.devices, DEVICES)
        claim = Claim(use.run, 1, _name(use.machine), interval, share)
        claims += [claim] * dice.choice([1, 1, DEVICES])
    return claims


@dataclass(frozen=True)
class MethodError:
    """What one method gave to runs, and how much of it was not theirs."""

    given: int
    excess: Fraction

    @property
    def share(self) -> Fraction:
        """The wrong part of what was given."""
        return self.excess / self.given if self.given else Fraction(0)


def errors_by_method(
    world: World, parts: Mapping[PartKey, tuple[int | None, ...]]
) -> dict[str, MethodError]:
    """How much effective cost each method gave to runs beyond their true shares, charge by charge.

    Where several methods gave one run too much of a charge, the weakest was wrong.
    """
    gifts: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for (index, run, _, method, _), amounts in parts.items():
        if run is not None:
            gifts[index, run][method] = amounts[1] or 0
    given: dict[str, int] = defaultdict(int)
    excess: dict[str, Fraction] = defaultdict(Fraction)
    for (index, run), methods in gifts.items():
        true = world.truth[index].get(run, Fraction(0)) * world.charges[index]["x_EffectiveNano"]
        got = sum(methods.values())
        sign = 1 if got >= 0 else -1
        wrong = max(Fraction(0), sign * (got - true))
        for method in sorted(methods, key=lambda name: -PRIORITIES[name]):
            given[method] += abs(methods[method])
            excess[method] += min(wrong, abs(methods[method]))
            wrong -= min(wrong, abs(methods[method]))
    return {method: MethodError(given[method], excess[method]) for method in given}
