"""Trackable resources of Slurm: ``cpu=12,gres/gpu=8,gres/gpu:h100=8,mem=1T``, and what they hold.

``gres/gpu=8,gres/gpu:h100=8`` are the *same* eight GPUs: the entry without a type is the total, the
typed ones say of which kind. Where only typed entries stand, they are the total.
Source: Slurm, "Trackable RESources" (slurm.schedmd.com/tres.html), AccountingStorageTRES.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from trainfare.core.errors import BadInput

WHOLE_GPU = 28
"""Units of one GPU. NVIDIA cuts a GPU into at most seven compute slices, an A30 or RTX PRO into at
most four; 28 is divisible by both. A MIG instance ``3g.40gb`` is 3 of 7 slices: 12 units.
Source: NVIDIA Multi-Instance GPU User Guide, "Supported MIG Profiles"."""

_COUNT = re.compile(r"(\d+)(?:\.(\d+))?([KMGTPE]?)n?")
_POWER = {unit: 1024**power for power, unit in enumerate(["", *"KMGTPE"])}
_MIG = re.compile(r"(?<!\d)(\d)g\.\d+gb")
_CUT_IN_FOUR = ("a30", "rtx")


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a job holds or a node has; 0 is none, None is not known."""

    cpus: int | None = None
    gpu_units: int | None = None
    shards: int | None = None
    """``gres/shard``: shares of GPUs that Slurm hands out one by one."""
    mps: int | None = None
    """``gres/mps``: hundredths of GPUs under NVIDIA MPS."""


def parse_tres(text: str) -> dict[str, int]:
    """Name → count; K, M, G … are powers of 1024.

    Raises:
        BadInput: an entry is not ``name=count``.

    >>> parse_tres("billing=12,cpu=12,gres/gpu=2,mem=2G,node=1")["mem"]
    2147483648
    """
    counts: dict[str, int] = {}
    for entry in text.split(","):
        if not entry.strip():
            continue
        name, found, count = entry.strip().rpartition("=")
        match = _COUNT.fullmatch(count)
        if not found or not name or not match:
            raise BadInput(f"{entry!r} is not name=count, as in gres/gpu=8")
        digits, decimals, unit = match.groups()
        if not decimals:
            counts[name] = int(digits) * _POWER[unit]
        else:
            counts[name] = int(Fraction(f"{digits}.{decimals}") * _POWER[unit])
    return counts


def capacity_of(tres: Mapping[str, int]) -> Capacity:
    """What *tres* holds, GPUs counted once.

    >>> capacity_of(parse_tres("cpu=96,gres/gpu=8,gres/gpu:h100=8")).gpu_units // WHOLE_GPU
    8
    """
    typed = {name[9:]: n for name, n in tres.items() if name.startswith("gres/gpu:")}
    total = tres.get("gres/gpu", sum(typed.values()))
    units = sum(n * gpu_units(kind) for kind, n in typed.items())
    untyped = max(0, total - sum(typed.values()))
    return Capacity(
        cpus=tres.get("cpu", 0),
        gpu_units=units + untyped * WHOLE_GPU,
        shards=_gres(tres, "shard"),
        mps=_gres(tres, "mps"),
    )


def _gres(tres: Mapping[str, int], name: str) -> int:
    """The count of a generic resource: its total, else the sum of its types."""
    whole = f"gres/{name}"
    if whole in tres:
        return tres[whole]
    return sum(n for key, n in tres.items() if key.startswith(whole + ":"))


def gpu_units(kind: str) -> int:
    """How much of a GPU one of type *kind* is, in units of :data:`WHOLE_GPU`.

    >>> gpu_units("a100_3g.20gb"), gpu_units("a30_2g.12gb"), gpu_units("h100")
    (12, 14, 28)
    """
    name = kind.lower()
    match = _MIG.search(name)
    if not match:
        return WHOLE_GPU
    slices = 4 if any(word in name for word in _CUT_IN_FOUR) else 7
    return min(WHOLE_GPU, int(match[1]) * WHOLE_GPU // slices)


def gpu_models(tres: Mapping[str, int]) -> tuple[str, ...]:
    """The GPU types that *tres* names, sorted.

    >>> gpu_models({"gres/gpu": 2, "gres/gpu:h100": 2})
    ('h100',)
    """
    return tuple(sorted(name[9:] for name in tres if name.startswith("gres/gpu:")))
