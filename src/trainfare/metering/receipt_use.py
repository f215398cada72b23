"""What accelerators did, in a receipt: JSON keys, and the words for people."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from trainfare.core.activity import Activity
from trainfare.core.efficiency import Efficiency
from trainfare.core.machine import Accelerator
from trainfare.core.period import SECOND
from trainfare.core.plain import percent
from trainfare.core.profile import DeviceProfile

_PROFILE_WORDS = ("multiprocessors", "warps", "tensor cores", "memory")


def activity_json(activity: Activity) -> dict[str, Any]:
    """Activity, profile, energy and carbon; null where unknown."""
    profile, said = activity.profile, activity.telemetry
    kwh = activity.energy_kwh
    return {
        "gpu_activity": _ratio(activity.mean_permille),
        "gpu_activity_source": said.get("activity"),
        "gpu_profile": None if profile is None else _profile(profile),
        "gpu_profile_source": said.get("profile"),
        "gpu_profile_why": said.get("profile_why"),
        "energy_kwh": _number(kwh),
        "energy_source": said.get("energy"),
        "pue": _number(activity.pue),
        "facility_kwh": None
        if activity.pue is None or kwh is None
        else _number(kwh * activity.pue),
        "carbon_g": _number(activity.carbon_g),
        "carbon_g_per_kwh": _number(activity.carbon_g_per_kwh),
        "carbon_source": activity.carbon_source,
    }


def device_json(device: Accelerator, activity: Activity) -> dict[str, Any]:
    """What one accelerator did."""
    low_ns = activity.low_use_device_ns
    return {
        "id": device.id,
        "name": device.name,
        "gpu_activity": _ratio(activity.mean_permille),
        "gpu_profile": None if activity.profile is None else _profile(activity.profile),
        "low_use_seconds": None if low_ns is None else round(low_ns / SECOND, 6),
        "memory_mib_max": activity.memory_mib_max,
        "energy_kwh": _number(activity.energy_kwh),
    }


def efficiency_json(efficiency: Efficiency) -> dict[str, Any]:
    """Model FLOPs and their utilization; null with the reason where unknown."""
    price = efficiency.cost_per_exaflop
    return {
        "mfu": None if efficiency.mfu is None else round(float(efficiency.mfu), 6),
        "flops": _number(efficiency.flops),
        "dtype": efficiency.dtype,
        "peak_flops": _number(efficiency.peak_flops),
        "train_gpu_seconds": round(efficiency.train_device_ns / SECOND, 6),
        "estimated_per_exaflop": None if price is None else price.text(),
        "why": efficiency.why or None,
    }


def _profile(profile: DeviceProfile) -> dict[str, float | None]:
    return {name: _ratio(value) for name, value in profile._asdict().items()}


def _ratio(permille: int | None) -> float | None:
    return None if permille is None else permille / 1000


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(f"{float(value):.9g}")


def use_facts(activity: Activity, efficiency: Efficiency) -> Iterator[tuple[str, str]]:
    """What a receipt says of the accelerators, where something is known."""
    if activity.mean_permille is not None:
        source = activity.telemetry.get("activity", "NVML")
        words = f"{activity.mean_permille / 10:.1f} % GPU activity ({source})"
        if activity.profile is not None:
            words += f"; {_profile_words(activity.profile)} ({activity.telemetry['profile']})"
        yield "activity", words
    if efficiency.mfu is not None and efficiency.flops is not None:
        per_second = efficiency.flops * SECOND / efficiency.train_device_ns / 10**12
        rate = f"{float(per_second):,.1f} TFLOP/s per GPU"
        yield "MFU", f"{percent(efficiency.mfu)} of the {efficiency.dtype} peak in train, {rate}"
    if activity.energy_kwh is not None:
        yield "energy", _energy_words(activity)


def _profile_words(profile: DeviceProfile) -> str:
    known = zip(_PROFILE_WORDS, profile, strict=True)
    return ", ".join(f"{word} {value / 10:.1f} %" for word, value in known if value is not None)


def _energy_words(activity: Activity) -> str:
    words = f"{float(activity.energy_kwh or 0):.6g} kWh"
    if activity.pue is not None:
        words += f" × PUE {float(activity.pue):g}"
    if activity.carbon_g is not None:
        source = f", {activity.carbon_source}" if activity.carbon_source else ""
        factor = f"{float(activity.carbon_g_per_kwh or 0):g} g/kWh{source}"
        words += f", {float(activity.carbon_g):.3g} g CO₂e ({factor})"
    return words
