"""Carry: the cost of data runs brought into the runs that use their outputs, losing nothing.

A data run's cost is its own and what it received for the data that it read itself. It is divided
over its outputs (by what the run said of them, else by size where every size is known, else evenly);
what went into other outputs that are read goes on with them. Each output's part is divided over the
runs that read it, by one rule. What nobody reads stays where it is.

    Σ over runs (received − given) = 0                as whole nanos, in every book

Each division is by largest remainder in the order of names, so the order in which runs are told
changes nothing. Data runs are worked through makers first. What cannot be divided stays, too, and what
its readers should have is unknown: so it is with what runs read of each other in a circle, and with what
is read by runs that are paid in another currency. A single reader gets all, whatever it weighs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import lcm
from types import MappingProxyType

from trainfare.core.dataset import Output, Reading
from trainfare.core.lineage import circling, lineage
from trainfare.core.money import Money

CIRCLE_INSIDE = "outputs of one run are said to be made of each other in a circle: {circle}"

UNREAD = "no run read it"
ELSEWHERE = "none of the runs that read it is in this report"


class CarryRule(StrEnum):
    """How the cost of data is divided over the runs that read it."""

    EVEN = "even"
    """The same to each."""
    BYTES = "bytes"
    """By what each read."""
    TIME = "time"
    """By the time of its attempts."""
    COST = "cost"
    """By what each costs itself."""
    FIRST = "first"
    """All to the one that named it first."""
    APART = "apart"
    """Not at all."""


@dataclass(frozen=True, slots=True)
class Share:
    """What was carried along one link, from a data run to one that reads its output."""

    maker: str
    output: str
    reader: str
    weight: int
    whole: int
    """The weights of all runs that read it; *weight* of it is the reader's part."""
    nano: int


@dataclass(frozen=True, slots=True)
class Kept:
    """The part of a data run's cost that stays with it, and why."""

    maker: str
    output: str
    nano: int
    why: str


@dataclass(frozen=True, slots=True)
class Carried:
    """Everything that was carried in one book."""

    shares: tuple[Share, ...]
    kept: tuple[Kept, ...]
    moved: Mapping[str, int]
    """Run → received less given; only of runs with a link. They sum to 0."""
    lacking: Mapping[str, str]
    """Run → why something that it should have received, or given, is not known."""


@dataclass(frozen=True, slots=True)
class Account:
    """What one run of a report brings to the carrying of one book."""

    nano: int | None
    """Its own cost; None is unknown."""
    why: str | None
    time_ns: int | None


def carry(
    outputs: Sequence[Output],
    rule: CarryRule,
    accounts: Mapping[str, Account],
    away: Mapping[str, str] = MappingProxyType({}),
) -> Carried:
    """Carry the cost of data runs by *rule*.

    Args:
        outputs: what runs made and who read it; only that of data runs is carried.
        rule: how.
        accounts: run → its own cost; runs that are not in it take no part.
        away: runs that would, but for what is said of them, such as ``is paid in EUR``.
    """
    by_maker: dict[str, list[Output]] = defaultdict(list)
    makers_of: dict[str, list[str]] = defaultdict(list)
    for one in sorted(outputs, key=lambda one: (one.run, one.uri)):
        if one.is_data and one.run in accounts and rule is not CarryRule.APART:
            by_maker[one.run].append(one)
            for reading in one.readings:
                makers_of[reading.run].append(one.run)
    shares: list[Share] = []
    kept: list[Kept] = []
    undivided: dict[str, str] = {}
    moved: dict[str, int] = defaultdict(int)
    circle = circling(makers_of)
    lacking: dict[str, str] = {}
    if rule is not CarryRule.APART:
        lacking |= _lacks(outputs, accounts, away, circle)
    straight = {
        run: [one for one in makers if not circle.issuperset((run, one))]
        for run, makers in makers_of.items()
    }
    for maker in lineage(sorted(by_maker), straight):
        if maker not in by_maker:
            continue
        own = accounts[maker]
        pool = Money((own.nano or 0) + moved.get(maker, 0))
        made = by_maker[maker]
        for output, part in zip(made, pool.split(_work(made, accounts)), strict=True):
            why = _obstacle(output, circle, away)
            taken = (
                Kept(maker, output.uri, part.nano, why)
                if why
                else _divide(output, part, rule, accounts)
            )
            if isinstance(taken, Kept):
                kept.append(taken)
                if taken.why not in (UNREAD, ELSEWHERE):
                    undivided.setdefault(maker, f"{maker}: {taken.why}")
                    for run in sorted({one.run for one in output.readings}.intersection(accounts)):
                        lacking.setdefault(run, undivided[maker])
                continue
            shares += taken
            if own.nano is None:
                lacking.setdefault(maker, f"{maker}: {own.why}")
            for share in taken:
                moved[share.reader] += share.nano
                moved[maker] -= share.nano
                if maker in lacking:
                    lacking.setdefault(share.reader, lacking[maker])
    return Carried(tuple(shares), tuple(kept), dict(moved), undivided | lacking)


def _lacks(
    outputs: Sequence[Output],
    accounts: Collection[str],
    away: Mapping[str, str],
    circle: Collection[str],
) -> dict[str, str]:
    """Run → why it lacks data whatever is divided: its maker takes no part, or reads of it too."""
    found: dict[str, str] = {}
    for one in sorted(outputs, key=lambda one: (one.run, one.uri)):
        why = None
        if one.is_data and one.run in away:
            why = f"{one.run}, which made data that it reads, {away[one.run]}"
        elif one.is_data and one.run in accounts:
            why = _circle_of(one, circle)
            why = f"{one.run}: {why}" if why else None
        for reading in one.readings if why else ():
            if reading.run in accounts:
                found.setdefault(reading.run, why or "")
    return found


def _circle_of(output: Output, circle: Collection[str]) -> str | None:
    back = sorted(one.run for one in output.readings if one.run in circle)
    if output.run not in circle or not back:
        return None
    return f"{output.run} and {back[0]} read each other's data in a circle"


def _obstacle(output: Output, circle: Collection[str], away: Mapping[str, str]) -> str | None:
    """Why *output* cannot be divided whatever the rule is."""
    outside = sorted(one.run for one in output.readings if one.run in away)
    if outside:
        return f"{outside[0]}, which reads it, {away[outside[0]]}"
    return _circle_of(output, circle)


def _work(made: Sequence[Output], accounts: Collection[str]) -> list[int]:
    """The weights of a run's outputs: as said, else their sizes, else all the same.

    The work of an output that is made into others goes on evenly to those of them that somebody
    reads, in the end; where it is read itself too, one even part of it stays.
    """
    weights = dict(zip((one.uri for one in made), map(Fraction, _said(made)), strict=True))
    sources = {one.uri: [s for s in one.made_of if s in weights] for one in made}
    if any(sources.values()):
        ordered = lineage([one.uri for one in made], sources, CIRCLE_INSIDE)
        into: dict[str, list[str]] = defaultdict(list)
        for uri in ordered:
            for source in dict.fromkeys(sources[uri]):
                into[source].append(uri)
        read = {one.uri for one in made if any(r.run in accounts for r in one.readings)}
        live = set(read)
        for uri in reversed(ordered):
            live |= {uri} if live.intersection(into[uri]) else set()
        for uri in ordered:
            targets = [one for one in into[uri] if one in live]
            if targets:
                part = weights.pop(uri) / (len(targets) + (uri in read))
                weights[uri] = part if uri in read else Fraction(0)
                for target in targets:
                    weights[target] += part
    scale = lcm(*(weight.denominator for weight in weights.values()))
    return [int(weights[one.uri] * scale) for one in made]


def _said(made: Sequence[Output]) -> list[int]:
    for known in ([one.weight for one in made], [one.bytes for one in made]):
        weights = [weight for weight in known if weight is not None]
        if len(weights) == len(made) and any(weights):
            return weights
    return [1] * len(made)


def _divide(
    output: Output, part: Money, rule: CarryRule, accounts: Mapping[str, Account]
) -> list[Share] | Kept:
    """One output's part over its readers, or why it cannot be divided."""
    readings = sorted(
        (one for one in output.readings if one.run in accounts), key=lambda one: one.run
    )
    if not readings:
        why = ELSEWHERE if output.readings else UNREAD
        return Kept(output.run, output.uri, part.nano, why)
    weights = _weights(readings, rule, accounts)
    if len(readings) == 1 and not isinstance(weights, list):
        weights = [1]  # a part of one needs no size
    if isinstance(weights, str):
        return Kept(output.run, output.uri, part.nano, weights)
    whole = sum(weights)
    return [
        Share(output.run, output.uri, reading.run, weight, whole, amount.nano)
        for reading, weight, amount in zip(readings, weights, part.split(weights), strict=True)
    ]


def _weights(
    readings: Sequence[Reading], rule: CarryRule, accounts: Mapping[str, Account]
) -> list[int] | str:
    """What each reader weighs, or why that cannot be said."""
    if rule is CarryRule.EVEN:
        return [1] * len(readings)
    if rule is CarryRule.FIRST:
        first = min(readings, key=lambda one: (one.since_ns, one.run))
        return [int(one is first) for one in readings]
    what = {
        CarryRule.BYTES: [one.bytes for one in readings],
        CarryRule.TIME: [accounts[one.run].time_ns for one in readings],
        CarryRule.COST: [accounts[one.run].nano for one in readings],
    }[rule]
    known = [weight for weight in what if weight is not None]
    if len(known) < len(what):
        run = readings[what.index(None)].run
        return f"it is not known what {run} weighs by {rule}"
    if min(known) < 0 or not any(known):
        return f"the runs that read it weigh nothing by {rule}"
    return known
