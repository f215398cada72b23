"""Run use: waiting, energy, carbon and MFU of metered runs, summed over any of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar


@dataclass(frozen=True, slots=True)
class RunUse:
    """What one whole run did, or several together; None where none of them knows it."""

    waiting_ns: int | None = None
    """GPU time in the stages data, eval and checkpoint, or waiting for the loader."""
    energy_kwh: Fraction | None = None
    carbon_g: Fraction | None = None
    flops: Fraction | None = None
    """What models needed, of the runs that know their peak too."""
    peak_flops: Fraction | None = None

    @property
    def mfu(self) -> Fraction | None:
        """Model FLOPs utilization: weighted by what the GPUs of each run could have computed."""
        return self.flops / self.peak_flops if self.flops is not None and self.peak_flops else None


def sum_uses(uses: Iterable[RunUse]) -> RunUse:
    """The sums of what is known; a run that does not know its MFU is in neither of its parts."""
    known = list(uses)
    paired = [one for one in known if one.mfu is not None]
    return RunUse(
        waiting_ns=_sum(one.waiting_ns for one in known),
        energy_kwh=_sum(one.energy_kwh for one in known),
        carbon_g=_sum(one.carbon_g for one in known),
        flops=_sum(one.flops for one in paired),
        peak_flops=_sum(one.peak_flops for one in paired),
    )


Number = TypeVar("Number", int, Fraction)


def _sum(values: Iterable[Number | None]) -> Number | None:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None
