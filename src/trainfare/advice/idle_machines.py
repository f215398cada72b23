"""Idle machines: what an automatic stop would have saved, replayed on every gap between runs.

A gap is time for which a machine was paid and which no run held, after some run did. A stop after
a wait W, with a restart that takes R where another run follows, saves of a gap of length g

    max(0, g − W − R)      between two runs
    max(0, g − W)          after the last one

The money of a machine's idle day is divided over its gaps by time. A machine that no known run ever
held is not advised on: nobody knows whether it idles.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from trainfare.advice.history import GpuPart, History, PastMachine
from trainfare.core.charge import Component
from trainfare.core.money import Money
from trainfare.core.period import DAY, HOUR, SECOND, Interval
from trainfare.core.plain import plural
from trainfare.core.recommendation import (
    Confidence,
    Effort,
    Kind,
    NoAdvice,
    Recommendation,
    Slot,
    Stake,
    resource_slot,
)

WAIT_NS = 900 * SECOND
"""A machine is stopped after a quarter of an hour without a run: the default of ClearML's AWS
autoscaler (``max_idle_time_min = 15``), and when Northeastern's IdleBot first writes."""

LATE_WAIT_NS = 3600 * SECOND
"""The low end of the saving waits for an hour, after which IdleBot cancels."""

RESTART_NS = 600 * SECOND
"""What a start is taken to cost before a run goes on: boot, drivers and image. No source: ask
``trainfare report --by stage`` what setup takes here."""

SHOWN = 10
"""So many machines are named as evidence."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Paid time of a machine without a run."""

    interval: Interval
    is_last: bool
    """Whether no run followed before the machine ended."""

    def saved(self, wait_ns: int) -> Interval | None:
        """The part of it that an automatic stop after *wait_ns* does not pay for."""
        start_ns = self.interval.start_ns + wait_ns
        end_ns = self.interval.end_ns - (0 if self.is_last else RESTART_NS)
        return Interval(start_ns, end_ns) if end_ns > start_ns else None


def gaps_of(machine: PastMachine) -> list[Gap]:
    """The gaps of *machine* that follow a run, in order; a life after it without any run is one.

    >>> from trainfare.core.claim import Claim
    >>> paid = (Interval(0, 5 * HOUR),)
    >>> held = (Claim("a", 1, "i", Interval(HOUR, 2 * HOUR)),)
    >>> [(g.interval.start_ns // HOUR, g.is_last) for g in gaps_of(PastMachine("i", "i", None, Fraction(8), paid, True, held))]
    [(2, True)]
    """
    held = sorted(claim.interval for claim in machine.claims if claim.interval.duration_ns)
    found = []
    for life in machine.paid:
        until_ns: int | None = None
        for one in held:
            if one.end_ns <= life.start_ns or one.start_ns >= life.end_ns:
                continue
            if until_ns is not None and one.start_ns > until_ns:
                found.append(Gap(Interval(until_ns, one.start_ns), is_last=False))
            until_ns = max(until_ns or life.start_ns, min(one.end_ns, life.end_ns))
        if until_ns is None and held and held[0].start_ns < life.start_ns:
            until_ns = life.start_ns  # started again, for no run
        if until_ns is not None and until_ns < life.end_ns:
            found.append(Gap(Interval(until_ns, life.end_ns), is_last=True))
    return found


@dataclass(slots=True)
class _Sums:
    """What the gaps of the machines of one type come to."""

    stakes: dict[Slot, int]
    late: int = 0
    idle: int = 0
    idle_ns: int = 0
    gaps: int = 0
    stops: int = 0
    is_whole: bool = True
    names: Counter[str] | None = None
    hours: Counter[int] | None = None


def advise_idle_machines(history: History) -> Iterator[Recommendation | NoAdvice]:
    """One recommendation per instance type and rule: machines left on, and pools kept warm."""
    idle: dict[str, list[GpuPart]] = defaultdict(list)
    unknown: dict[tuple[str, str], int] = defaultdict(int)
    held = {machine.place for machine in history.machines if machine.claims}
    for part in history.parts:
        # A bill's month in which no run held the machine calls its time unallocated, not idle.
        is_left = part.state == "idle" or (part.state == "unallocated" and part.place in held)
        if is_left and part.amount.nano > 0:
            idle[part.place].append(part)
        if part.run is None and part.place not in held:
            unknown[part.place, part.amount.currency] += part.amount.nano
    sums: dict[tuple[str, str, str], _Sums] = {}
    for machine in history.machines:
        if machine.claims:
            _add(machine, idle[machine.place], sums)
    scopes = _scopes(history)
    for (rule, kind, currency), found in sorted(sums.items()):
        yield _recommend(rule, kind, currency, found, scopes[kind], history)
    names = {machine.place: machine.name for machine in history.machines}
    for (place, currency), nano in sorted(unknown.items(), key=lambda one: -one[1]):
        yield NoAdvice(
            Kind.IDLE,
            "no_known_run",
            names.get(place, place),
            "no run is known to have held it, so nobody knows whether it idles; "
            "run trainfare agent on it, or import claims",
            {"paid": Money(nano, currency).text(), "currency": currency},
        )


def _type_of(machine: PastMachine) -> str:
    return machine.instance_type or machine.name


def _scopes(history: History) -> dict[str, list[Slot]]:
    """Instance type → what its machines and the runs on them cost."""
    types: dict[str, set[str]] = defaultdict(set)
    for machine in history.machines:
        types[f"resource:{machine.place}"].add(_type_of(machine))
        for claim in machine.claims:
            types[f"run:{claim.run}"].add(_type_of(machine))
    found: dict[str, list[Slot]] = defaultdict(list)
    for slot in history.paid:
        if slot.component is Component.COMPUTE:
            for kind in types.get(slot.owner, ()):
                found[kind].append(slot)
    return found


def _add(
    machine: PastMachine, parts: Sequence[GpuPart], sums: dict[tuple[str, str, str], _Sums]
) -> None:
    """Divide the idle money of *machine* over its gaps, and replay the stop on each."""
    gaps = gaps_of(machine)
    by_day: dict[int, list[_Piece]] = defaultdict(list)
    for gap in gaps:
        for piece in _pieces(gap):
            by_day[piece.day].append(piece)
    counted: set[tuple[str, str]] = set()
    for part in parts:
        here = by_day.get(part.day, [])
        # Idle time that follows no run, such as a boot, has its part of the money and saves nothing.
        whole = max(sum(one.length_ns for one in here), int(part.gpu_ns / machine.gpus))
        for rule, is_last in (("left_on", True), ("kept_warm", False)):
            own = [piece for piece in here if piece.is_last is is_last]
            if not own or not whole:
                continue
            key = (rule, _type_of(machine), part.amount.currency)
            found = sums.setdefault(key, _Sums({}, names=Counter(), hours=Counter()))
            assert part.period is not None
            assert found.names is not None
            assert found.hours is not None
            slot = resource_slot(machine.place, part.period)
            saved = part.amount.nano * sum(piece.saved_ns for piece in own) // whole
            found.stakes[slot] = found.stakes.get(slot, 0) + saved
            found.late += part.amount.nano * sum(piece.saved_late_ns for piece in own) // whole
            length = sum(piece.length_ns for piece in own)
            found.idle += part.amount.nano * length // whole
            found.idle_ns += part.gpu_ns * length // whole
            found.is_whole = found.is_whole and machine.is_whole and part.state == "idle"
            found.names[machine.name] += part.amount.nano * length // whole
            for piece in own:
                _count_hours(piece, found.hours)
            if (rule, part.amount.currency) not in counted:
                counted.add((rule, part.amount.currency))
                of_rule = [gap for gap in gaps if gap.is_last is is_last]
                found.gaps += len(of_rule)
                found.stops += sum(gap.saved(WAIT_NS) is not None for gap in of_rule)


class _Piece(NamedTuple):
    """What of a gap lies in one day."""

    day: int
    start_ns: int
    end_ns: int
    is_last: bool
    saved_ns: int
    """How much of it a stop after :data:`WAIT_NS` does not pay for …"""
    saved_late_ns: int
    """… and one after :data:`LATE_WAIT_NS`."""

    @property
    def length_ns(self) -> int:
        return self.end_ns - self.start_ns


def _pieces(gap: Gap) -> Iterator[_Piece]:
    start_ns, end_ns = gap.interval.start_ns, gap.interval.end_ns
    saved, late = gap.saved(WAIT_NS), gap.saved(LATE_WAIT_NS)
    while start_ns < end_ns:
        day = start_ns // DAY
        until_ns = min(end_ns, (day + 1) * DAY)
        inside = Interval(start_ns, until_ns)
        both = [inside.overlap_ns(part) if part else 0 for part in (saved, late)]
        yield _Piece(day, start_ns, until_ns, gap.is_last, *both)
        start_ns = until_ns


def _count_hours(piece: _Piece, hours: Counter[int]) -> None:
    """Add the time of *piece* to the hours of the day that it lies in."""
    start_ns = piece.start_ns
    while start_ns < piece.end_ns:
        hour = start_ns // HOUR
        until_ns = min(piece.end_ns, (hour + 1) * HOUR)
        hours[hour % 24] += until_ns - start_ns
        start_ns = until_ns


_WORDS = {
    "left_on": (
        "Stop {type} machines after their last run",
        "Stop a machine after 15 minutes without a run: by the autoscaler, or in the job script.",
        Effort.LOW,
        "Whatever somebody does on the machine beside runs that are known would end.",
    ),
    "kept_warm": (
        "Stop {type} machines between runs",
        "Let the pool shrink after 15 minutes without a run, and start machines when work comes.",
        Effort.MEDIUM,
        "A run that comes later waits about 10 minutes for its machine, and may find no capacity.",
    ),
}


def _recommend(
    rule: str, kind: str, currency: str, found: _Sums, scope: Sequence[Slot], history: History
) -> Recommendation:
    title, action, effort, risk = _WORDS[rule]
    saving = sum(found.stakes.values())
    assert found.names is not None
    assert found.hours is not None
    hours_ns = found.hours
    evidence: dict[str, Any] = {
        "machines": len(found.names),
        "dearest": [
            {"resource": name, "idle": Money(nano, currency).text()}
            for name, nano in found.names.most_common(SHOWN)
        ],
        "gaps": found.gaps,
        "stops": found.stops,
        "idle": Money(found.idle, currency).text(),
        "idle_gpu_hours": round(found.idle_ns / HOUR, 3),
        "idle_hours_by_hour_of_day": [round(hours_ns[hour] / HOUR, 3) for hour in range(24)],
    }
    return Recommendation(
        Kind.IDLE,
        rule,
        kind,
        title.format(type=kind),
        action,
        method="replay of an automatic stop after 15 minutes on every gap between runs",
        stakes=tuple(Stake(slot, Money(nano, currency)) for slot, nano in found.stakes.items()),
        scope=tuple(scope),
        low=Fraction(found.late, saving) if saving else Fraction(1),
        high=Fraction(found.idle, saving) if saving else Fraction(1),
        evidence=evidence,
        assumptions=(
            "runs that are known are all that the machines are used for",
            *(["a restart takes 10 minutes"] if rule == "kept_warm" else []),
            "low: the stop waits for an hour; high: it does not wait",
        ),
        confidence=Confidence.HIGH if found.is_whole else Confidence.MEDIUM,
        effort=effort,
        risk=risk,
        checked=f"{plural(found.gaps, 'gap')} in {plural(len(history.periods), 'month')}: "
        f"the stop would have come {plural(found.stops, 'time')}",
    )
