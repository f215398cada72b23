"""GPU tracks: when one job was seen on one GPU, cut into unbroken stretches with their activity."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from statistics import median_low

from trainfare.clusters.prometheus import known
from trainfare.core.period import SECOND, Interval
from trainfare.core.run import (
    DeviceUse,
)

ENGINE_ACTIVE = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
"""Ratio of time in which the graphics or compute engine was active; the better measure …"""
GPU_UTIL = "DCGM_FI_DEV_GPU_UTIL"
"""… percent of time in which any kernel ran, where the former is not exported."""
ENERGY = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
"""Millijoules since the driver was loaded."""
MEMORY_USED = "DCGM_FI_DEV_FB_USED"
"""MiB of GPU memory in use."""

_LIMITS = {
    ENGINE_ACTIVE: 1.001,
    GPU_UTIL: 100.0,
    ENERGY: float(2**47 - 1),
    MEMORY_USED: float(2**24),
}
"""The largest value that is a measurement; DCGM's blank values begin at 2³¹ − 16 (32-bit), 2⁴⁷
(floating point) and 2⁶³ − 16 (64-bit)."""

WINDOW_NS = 60 * SECOND
"""Activity is kept as means over a minute: fine against the ten minutes that make low use."""

BRIDGED = Fraction(5, 2)
"""Of the scrape interval: a gap of one missed scrape, with half an interval of jitter."""

_GAPS_LOOKED_AT = 10_000


@dataclass(slots=True)
class Track:
    """Everything seen of one GPU or MIG instance while one job (or nobody) held it."""

    seen: array[int] = field(default_factory=lambda: array("q"))
    """Instants at which any metric was scraped; in no order, with repeats."""
    points: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    """Metric → instant → value, blanks left out."""

    def add(self, metric: str, instant_ns: int, value: float) -> bool:
        """Take one sample; False if its value is blank."""
        if not self.seen or self.seen[-1] != instant_ns:
            self.seen.append(instant_ns)
        limit = _LIMITS.get(metric)
        if limit is None:
            return True
        if not known(value, limit):
            return False
        self.points[metric][instant_ns] = value
        return True

    def instants(self) -> list[int]:
        """When the track was seen, in order, each once."""
        return sorted(set(self.seen))

    @property
    def activity_source(self) -> str | None:
        """The metric that tells activity here, the better one first."""
        return next((name for name in (ENGINE_ACTIVE, GPU_UTIL) if self.points.get(name)), None)


def learn_interval(tracks: Iterable[Track]) -> int | None:
    """The usual nanoseconds between scrapes: the median gap; None if nothing was seen twice."""
    gaps: list[int] = []
    for track in tracks:
        instants = track.instants()
        gaps.extend(b - a for a, b in pairwise(instants))
        if len(gaps) > _GAPS_LOOKED_AT:
            break
    return median_low(gaps) if gaps else None


def stretches(
    track: Track, interval_ns: int, device_instants: Sequence[int], *, now_ns: int
) -> Iterator[Interval]:
    """The unbroken stretches in which a job held a GPU.

    Each ends one scrape interval after the last sighting, or where the device was next seen with
    another job or none, or at *now_ns*.

    Args:
        track: of the job.
        interval_ns: between two scrapes.
        device_instants: in order, when the GPU was seen with whomever.
        now_ns: nothing is claimed after it.
    """
    instants = track.instants()
    start = last = instants[0]
    for instant in [*instants[1:], None]:
        if (
            instant is not None
            and instant - last <= BRIDGED * interval_ns
            and not _was_elsewhere(last, instant, device_instants)
        ):
            last = instant
            continue
        after = bisect_right(device_instants, last)
        end = last + interval_ns
        if after < len(device_instants):
            end = min(end, device_instants[after])
        yield Interval(start, max(start, min(end, now_ns)))
        if instant is not None:
            start = last = instant


def _was_elsewhere(after_ns: int, before_ns: int, device_instants: Sequence[int]) -> bool:
    """Whether the device was seen strictly between two sightings, so with another job or none."""
    return bisect_left(device_instants, before_ns) > bisect_right(device_instants, after_ns)


def device_use(
    track: Track, device_id: str, stretch: Interval, interval_ns: int
) -> tuple[DeviceUse, ...]:
    """What the GPU did during *stretch*: touching windows of a minute, or of a longer interval.

    A window without a sample has unknown activity. Energy is the growth of the counter from the
    window's samples to the next; where the counter began anew it is unknown.
    """
    width = max(WINDOW_NS, interval_ns)
    source = track.activity_source
    scale = 1000 if source == ENGINE_ACTIVE else 10
    activity = _by_window(track.points.get(source or "", {}), stretch, width)
    memory = _by_window(track.points.get(MEMORY_USED, {}), stretch, width)
    energy = _energy(track.points.get(ENERGY, {}), stretch, width)
    uses = []
    for number, offset in enumerate(range(0, stretch.duration_ns, width)):
        busy, held = activity.get(number), memory.get(number)
        uses.append(
            DeviceUse(
                device_id,
                offset,
                min(offset + width, stretch.duration_ns),
                activity_permille=min(1000, round(scale * sum(busy) / len(busy))) if busy else None,
                memory_mib=round(max(held)) if held else None,
                energy_mj=energy.get(number),
            )
        )
    return tuple(uses)


def _by_window(points: dict[int, float], stretch: Interval, width: int) -> dict[int, list[float]]:
    """Values by the number of the window that they fall into."""
    windows: dict[int, list[float]] = defaultdict(list)
    for instant, value in points.items():
        if stretch.start_ns <= instant < stretch.end_ns:
            windows[(instant - stretch.start_ns) // width].append(value)
    return windows


def _energy(points: dict[int, float], stretch: Interval, width: int) -> dict[int, int]:
    """Millijoules by window."""
    windows: dict[int, int] = defaultdict(int)
    inside = sorted((i, v) for i, v in points.items() if stretch.start_ns <= i <= stretch.end_ns)
    for (instant, before), (_, after) in pairwise(inside):
        if after >= before:
            windows[(instant - stretch.start_ns) // width] += round(after - before)
    return windows
