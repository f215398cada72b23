"""Activity: low use, energy and carbon of the accelerators that a run holds.

Low use is time that a run claimed while its accelerator did nothing: activity under
:data:`LOW_USE_PERMILLE` for at least :data:`LOW_USE_WINDOW_NS` without a break. A window without
telemetry is unknown, never low.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from trainfare.core.period import SECOND, Interval
from trainfare.core.profile import DeviceProfile
from trainfare.core.run import (
    DeviceUse,
    RunRecord,
    Segment,
)

LOW_USE_PERMILLE = 10
"""Under 1 % of the time with any kernel running an accelerator counts as doing nothing; 100 % does
not prove work, so this finds waste and never praises. Clusters that act on idle GPUs take 0 %
(Princeton Research Computing cancels after two hours of it) or, where the metric is finer, SM
activity under 1 %: a monitoring tool's own kernels are no work."""

LOW_USE_WINDOW_NS = 600 * SECOND
"""Ten minutes: longer than an evaluation's or a checkpoint's pause, shorter than the quarter of an
hour after which Northeastern's IdleBot writes to a user."""

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
    """Of the accelerators' boards; host and network are not measured."""
    carbon_g: Fraction | None
    """Grams of CO₂ equivalent of it and of the building's part, where a carbon factor was set.

    None is built in: it depends on place, hour and contract, and a guess would look measured."""
    pue: Fraction | None = None
    """What the building adds, where somebody said it; else nothing is added."""
    carbon_g_per_kwh: Fraction | None = None
    carbon_source: str | None = None
    profile: DeviceProfile | None = None
    """Time-weighted means of how much of the accelerators was at work."""
    telemetry: Mapping[str, str] = field(default_factory=dict)
    """Who measured ``activity``, ``energy`` and ``profile``, or ``profile_why`` nobody did."""
    memory_mib_max: int | None = None
    """The most that was used of one accelerator's memory, by whomever."""


def activity_of(run: RunRecord) -> Activity:
    """Sum the device windows of *run*, each device and moment once."""
    return _activity(list(uses_of(run.segments)), run)


def device_activity(run: RunRecord) -> dict[str, Activity]:
    """Device → what it alone did, of those that were measured, in order of ids."""
    groups: dict[str, list[DeviceUse]] = defaultdict(list)
    for use in uses_of(run.segments):
        groups[use.device_id].append(use)
    return {device: _activity(uses, run) for device, uses in sorted(groups.items())}


def _activity(uses: Sequence[DeviceUse], run: RunRecord) -> Activity:
    known = [u for u in uses if u.activity_permille is not None]
    known_ns = sum(u.end_ns - u.start_ns for u in known)
    memory = [u.memory_mib for u in uses if u.memory_mib is not None]
    energies = [u.energy_mj for u in uses if u.energy_mj is not None]
    energy_kwh = Fraction(sum(energies), 1000 * JOULES_PER_KWH) if energies else None
    stated = [s for s in run.segments if s.carbon_g_per_kwh is not None]
    factor = stated[0].carbon_g_per_kwh if stated else None
    pue = next((s.pue for s in run.segments if s.pue is not None), None)
    carbon_g = None
    if energy_kwh is not None and factor is not None:
        carbon_g = energy_kwh * (pue or 1) * factor
    return Activity(
        mean_permille=_mean_permille(known),
        low_use_device_ns=low_use_ns(known) if known else None,
        known_device_ns=known_ns,
        unknown_device_ns=sum(u.end_ns - u.start_ns for u in uses) - known_ns,
        energy_kwh=energy_kwh,
        carbon_g=carbon_g,
        pue=pue,
        carbon_g_per_kwh=factor,
        carbon_source=stated[0].carbon_source if stated else None,
        profile=_profile(uses),
        telemetry=_telemetry(run.segments),
        memory_mib_max=max(memory, default=None),
    )


def _profile(uses: Sequence[DeviceUse]) -> DeviceProfile | None:
    """The means over the windows that tell; None where none does."""
    means = []
    for place in range(len(DeviceProfile._fields)):
        told = [
            (one.end_ns - one.start_ns, value)
            for one in uses
            if one.profile is not None and (value := one.profile[place]) is not None
        ]
        time_ns = sum(length for length, _ in told)
        weighted = sum(length * value for length, value in told)
        means.append(round(Fraction(weighted, time_ns)) if time_ns else None)
    return DeviceProfile(*means) if any(mean is not None for mean in means) else None


def _telemetry(segments: Iterable[Segment]) -> dict[str, str]:
    """What the segments say together: all who measured, and the first reason why not."""
    said: dict[str, set[str]] = defaultdict(set)
    for segment in segments:
        for what, words in segment.telemetry.items():
            said[what].update(words.split(", ") if what != "profile_why" else [words])
    if "profile" in said:
        said.pop("profile_why", None)
    return {what: ", ".join(sorted(words)) for what, words in said.items()}


def uses_of(segments: Iterable[Segment]) -> Iterator[DeviceUse]:
    """What the devices that *segments* hold did, in absolute time, each device and moment once."""
    return distinct(
        replace(u, start_ns=s.started_wall_ns + u.start_ns, end_ns=s.started_wall_ns + u.end_ns)
        for s in segments
        for u in s.device_use
        if u.device_id in s.held_devices
    )


def distinct(uses: Iterable[DeviceUse]) -> Iterator[DeviceUse]:
    """*uses* in order of time; of two that overlap on one device, the earlier one."""
    covered: dict[str, int] = defaultdict(int)
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

    >>> quiet = [DeviceUse("g", 0, 800 * SECOND, 0), DeviceUse("g", 800 * SECOND, 810 * SECOND, 900)]
    >>> low_use_ns(quiet) == 800 * SECOND
    True
    """
    found = low_stretches(uses, threshold_permille=threshold_permille, window_ns=window_ns)
    return sum(one.duration_ns for group in found.values() for one in group)


def low_stretches(
    uses: Iterable[DeviceUse],
    *,
    threshold_permille: int = LOW_USE_PERMILLE,
    window_ns: int = LOW_USE_WINDOW_NS,
) -> dict[str, list[Interval]]:
    """Device → its unbroken stretches of low activity of at least *window_ns*, in order of time.

    Every device has its entry, an empty one where it was never low for so long.
    """
    by_device: dict[str, list[DeviceUse]] = defaultdict(list)
    for use in uses:
        by_device[use.device_id].append(use)
    found: dict[str, list[Interval]] = {}
    for device, device_uses in by_device.items():
        stretches: list[Interval] = []
        is_open = False
        for use in sorted(device_uses, key=lambda u: u.start_ns):
            is_low = (
                use.activity_permille is not None and use.activity_permille < threshold_permille
            )
            if is_low and is_open and stretches[-1].end_ns == use.start_ns:
                stretches[-1] = Interval(stretches[-1].start_ns, use.end_ns)
            elif is_low:
                stretches.append(Interval(use.start_ns, use.end_ns))
            is_open = is_low
        found[device] = [one for one in stretches if one.duration_ns >= window_ns]
    return found


def joined(uses: Iterable[DeviceUse]) -> Iterator[DeviceUse]:
    """Touching windows of a device joined where both are low, both are not, or both are unknown.

    What low use, mean activity, energy and the highest memory are computed from stays the same (the
    mean within half a thousandth); a month of a steady training becomes a few rows.

    >>> two = [DeviceUse("g", 0, 60, 900, energy_mj=5), DeviceUse("g", 60, 90, 600, energy_mj=4)]
    >>> [(one.end_ns, one.activity_permille, one.energy_mj) for one in joined(two)]
    [(90, 800, 9)]
    """
    group: list[DeviceUse] = []
    for use in sorted(uses, key=lambda u: (u.device_id, u.start_ns)):
        if group and not _goes_on(group[-1], use):
            yield _join(group)
            group = []
        group.append(use)
    if group:
        yield _join(group)


def _goes_on(last: DeviceUse, use: DeviceUse) -> bool:
    is_next = (last.device_id, last.end_ns) == (use.device_id, use.start_ns)
    return is_next and _level(last) == _level(use)


def _level(use: DeviceUse) -> tuple[bool | None, bool]:
    low = None if use.activity_permille is None else use.activity_permille < LOW_USE_PERMILLE
    return low, use.energy_mj is None


def _join(group: list[DeviceUse]) -> DeviceUse:
    """One window for touching windows of one level."""
    if len(group) == 1:
        return group[0]
    first, last = group[0], group[-1]
    memory = [one.memory_mib for one in group if one.memory_mib is not None]
    return DeviceUse(
        first.device_id,
        first.start_ns,
        last.end_ns,
        _mean_permille(group),
        max(memory, default=None),
        None if first.energy_mj is None else sum(one.energy_mj or 0 for one in group),
    )


def _mean_permille(uses: Sequence[DeviceUse]) -> int | None:
    """The mean activity of the windows that know it, weighted by their time."""
    known = [one for one in uses if one.activity_permille is not None]
    time_ns = sum(one.end_ns - one.start_ns for one in known)
    if not time_ns:
        return None
    weighted = sum((one.activity_permille or 0) * (one.end_ns - one.start_ns) for one in known)
    return round(Fraction(weighted, time_ns))
