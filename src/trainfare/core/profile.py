"""Profiles: which parts of an accelerator were at work."""

from __future__ import annotations

from typing import NamedTuple


class DeviceProfile(NamedTuple):
    """How much of an accelerator was at work, in thousandths; None is not told."""

    sm_active: int | None = None
    """Of its multiprocessors, those that had work."""
    sm_occupancy: int | None = None
    """Resident warps out of as many as fit."""
    tensor_active: int | None = None
    """Time in which its tensor cores worked."""
    dram_active: int | None = None
    """Bandwidth of its memory, out of the most that it has."""
