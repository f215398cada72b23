"""Activity: low use, energy and carbon of the accelerators that a run holds.

Low use is time that a run claimed while its accelerator did nothing: activity under
:data:`LOW_USE_PERMILLE` for at least :data:`LOW_USE_WINDOW_NS` without a break. A window without
telemetry is unknown, never low.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from trainfare.core.period import SECOND
from trainfare.core.run import (
    DeviceUse,
    RunRecord,
    Segment,
)

LOW_USE_PERMILLE = 50
"""Under 5 % of the time with any kernel running an accelerator counts as doing nothing; 100 %
does not prove work, so this finds waste and never praises."""

LOW_USE_WINDOW_NS = 300 * SECOND
"""Five minutes: longer than an evaluation's or a checkpoint's pause, shorter than a forgotten job."""

JOULES_PER_KWH = 3_600_000
"""Exact by definition: 1 kWh = 1000 W × 3600 s."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What a run's accelerators did; every figure is None where nothing measured it."""

    mean_permille: int | None
    """Time-weighted mean of the windows with telemetry."""
    low_use_device_ns: int | None
    known_device_ns: int
    unknown_device_ns: int
    energy_kwh: Fraction | None
    carbon_g: Fraction | None
    """Grams of CO₂ equivalent, where a carbon factor was set."""


def activity_of(run: RunRecord) -> Activity:
    """Sum the device windows of *run*, each device and moment once."""
    uses = list(_distinct_uses(run.segments))
    known = [u for u in uses if u.activity_permille is not None]
    known_ns = sum(u.end_ns - u.start_ns for u in known)
    weighted = sum((u.activity_permille or 0) * (u.end_ns - u.start_ns) for u in known)
    energies = [u.energy_mj for u in uses if u.energy_mj is not None]
    energy_kwh = Fraction(sum(energies), 1000 * JOULES_PER_KWH) if energies else None
    factor = next((s.carbon_g_per_kwh for s in run.segments if s.carbon_g_per_kwh), None)
    return Activity(
        mean_permille=round(Fraction(weighted, known_ns)) if known_ns else None,
        low_use_device_ns=low_use_ns(known) if known else None,
        known_device_ns=known_ns,
        unknown_device_ns=sum(u.end_ns - u.start_ns for u in uses) - known_ns,
        energy_kwh=energy_kwh,
        carbon_g=energy_kwh * factor if energy_kwh is not None and factor else None,
    )


def _distinct_uses(segments: Iterable[Segment]) -> Iterable[DeviceUse]:
    """Windows in absolute time; a device that two segments watched counts from the first of them."""
    covered: dict[str, int] = defaultdict(int)
    uses = [
        DeviceUse(
            u.device_id,
            s.started_wall_ns + u.start_ns,
            s.started_wall_ns + u.end_ns,
            u.activity_permille,
            u.memory_mib,
            u.energy_mj,
            u.process_permille,
        )
        for s in segments
        for u in s.device_use
        if u.device_id in s.held_devices
    ]
    for use in sorted(uses, key=lambda u: (u.start_ns, u.end_ns)):
        if use.start_ns >= covered[use.device_id]:
            covered[use.device_id] = use.end_ns
            yield use


def low_use_ns(
    uses: Iterable[DeviceUse],
    *,
    threshold_permille: int = LOW_USE_PERMILLE,
    window_ns: int = LOW_USE_WINDOW_NS,
) -> int:
    """Device-nanoseconds in unbroken stretches of low activity of at least *window_ns*.

    >>> quiet = [DeviceUse("g", 0, 400 * SECOND, 10), DeviceUse("g", 400 * SECOND, 410 * SECOND, 900)]
    >>> low_use_ns(quiet) == 400 * SECOND
    True
    """
    by_device: dict[str, list[DeviceUse]] = defaultdict(list)
    for use in uses:
        by_device[use.device_id].append(use)
    total = 0
    for device_uses in by_device.values():
        stretch_start = stretch_end = None
        for use in sorted(device_uses, key=lambda u: u.start_ns):
            is_low = (
                use.activity_permille is not None and use.activity_permille < threshold_permille
            )
            if is_low and stretch_end == use.start_ns:
                stretch_end = use.end_ns
                continue
            total += _long_enough(stretch_start, stretch_end, window_ns)
            stretch_start, stretch_end = (use.start_ns, use.end_ns) if is_low else (None, None)
        total += _long_enough(stretch_start, stretch_end, window_ns)
    return total


def _long_enough(start_ns: int | None, end_ns: int | None, window_ns: int) -> int:
    if start_ns is None or end_ns is None or end_ns - start_ns < window_ns:
        return 0
    return end_ns - start_ns
