"""GPU time: how long runs held the GPUs of machines, and what was measured meanwhile, day by day."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from trainfare.core.activity import low_stretches
from trainfare.core.claim import Claim, holdings, merge_claims
from trainfare.core.period import DAY, Interval
from trainfare.core.run import DeviceUse
from trainfare.reports.utilization import Seen, Slot


@dataclass(frozen=True, slots=True)
class MachineDay:
    """A machine with GPUs on one day."""

    place: str
    """The one name of the machine, whatever bills and meters call it."""
    interval: Interval
    """The time that its charges of the day cover: the day, or more where a charge is longer."""
    gpus: Fraction
    """Physical GPUs; a fraction where a machine is sold with a part of one."""
    paid_ns: int
    """GPU-nanoseconds that were paid for."""

    @property
    def slot(self) -> Slot:
        """The machine and the day on which its charges begin."""
        return self.place, self.interval.start_ns // DAY


class MachineDays:
    """The days of all machines, found by machine and time."""

    def __init__(self, days: Iterable[MachineDay]) -> None:
        self._days: dict[str, list[MachineDay]] = defaultdict(list)
        for one in days:
            self._days[one.place].append(one)
        for group in self._days.values():
            group.sort(key=lambda one: one.interval.start_ns)
        self._ends = {
            place: [one.interval.end_ns for one in group] for place, group in self._days.items()
        }

    @property
    def paid(self) -> dict[Slot, int]:
        """Slot → GPU-nanoseconds paid."""
        return {one.slot: one.paid_ns for group in self._days.values() for one in group}

    def during(self, place: str, interval: Interval) -> Iterator[tuple[MachineDay, int]]:
        """The days of *place* that *interval* touches, each with the nanoseconds of both."""
        days = self._days.get(place, [])
        first = bisect_right(self._ends.get(place, []), interval.start_ns)
        for one in days[first:]:
            if one.interval.start_ns >= interval.end_ns:
                return
            yield one, one.interval.overlap_ns(interval)


def held_time(
    days: MachineDays, claims: Mapping[str, Sequence[Claim]]
) -> dict[Slot, dict[str, int]]:
    """Slot → run → GPU-nanoseconds held; claims beyond a machine share it.

    Args:
        days: of the machines.
        claims: by the place of the machine that they claim.
    """
    # Exact: whole numbers mostly, and fractions only where machines or shares are none.
    exact: dict[Slot, dict[str, int | Fraction]] = defaultdict(lambda: defaultdict(int))
    for place, group in claims.items():
        for holding in holdings(merge_claims(group)):
            for day, time_ns in days.during(place, holding.interval):
                exact[day.slot][holding.claim.run] += _whole(day.gpus * holding.share) * time_ns
    return {
        slot: {run: int(time_ns) for run, time_ns in runs.items()} for slot, runs in exact.items()
    }


def _whole(number: Fraction) -> int | Fraction:
    return number.numerator if number.denominator == 1 else number


def seen_time(
    days: MachineDays, uses: Mapping[tuple[str, str], Sequence[DeviceUse]]
) -> dict[tuple[str, Slot], Seen]:
    """Run and slot → what was measured there.

    Args:
        days: of the machines.
        uses: (run, place) → windows of its devices in absolute time, each moment once.
    """
    seen: dict[tuple[str, Slot], Seen] = defaultdict(Seen)
    for (run, place), windows in uses.items():
        known = [one for one in windows if one.activity_permille is not None]
        # GPUs of one machine mostly have the same windows and do the same.
        alike = Counter((one.start_ns, one.end_ns, one.activity_permille or 0) for one in known)
        for (start_ns, end_ns, permille), count in alike.items():
            for day, time_ns in days.during(place, Interval(start_ns, end_ns)):
                active_ns = time_ns * permille // 1000
                seen[run, day.slot] += Seen(count * time_ns, 0, count * active_ns)
        low = Counter(one for group in low_stretches(known).values() for one in group)
        for stretch, count in low.items():
            for day, time_ns in days.during(place, stretch):
                seen[run, day.slot] += Seen(0, count * time_ns, 0)
    return dict(seen)
