"""Efficiency: how much of its accelerators' arithmetic a training turned into model.

    MFU = FLOPs that the model needs / (Σ over accelerators: peak × time in the train stage)

The numerator is what the training says its model needs, not what the hardware did: recomputed
activations are no progress. A training that counts them too states hardware FLOPs, and the ratio is
then HFU. The peak is the dense one of the number format; data sheets also print the double of it,
for matrices half of which are zeros.

Source: Chowdhery et al., "PaLM" (2022), appendix B; Korthikanti et al., "Reducing Activation
Recomputation in Large Transformer Models" (2022).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from trainfare.core.estimate import Estimate
from trainfare.core.machine import Accelerator
from trainfare.core.money import Money
from trainfare.core.period import SECOND
from trainfare.core.run import Attempt, Flops, RunRecord
from trainfare.core.stage import CHECKPOINT, DATA, EVAL, TRAIN, UNNAMED
from trainfare.core.work import leader

EXA = 10**18

Peak = Callable[[Accelerator, str], Fraction | None]
"""Accelerator and number format → its dense peak in FLOP/s, or None where that is not known."""


@dataclass(frozen=True, slots=True)
class Efficiency:
    """What a run's train stage computed; a figure is None where *why* says what is missing."""

    flops: Fraction | None
    """Floating-point operations that the model needed."""
    dtype: str | None
    train_device_ns: int
    """Time of its accelerators in the train stage."""
    peak_flops: Fraction | None
    """What they could have computed in it."""
    train_cost: Money | None
    why: str

    @property
    def mfu(self) -> Fraction | None:
        """Model FLOPs utilization, 0 to 1."""
        return None if not self.peak_flops or self.flops is None else self.flops / self.peak_flops

    @property
    def cost_per_exaflop(self) -> Money | None:
        """The train stage's cost per 10¹⁸ useful operations: what compares runs on any hardware."""
        if self.train_cost is None or not self.flops:
            return None
        exact = Fraction(self.train_cost.nano, 10**9) * EXA / self.flops
        return Money.nearest(exact, self.train_cost.currency)


def efficiency_of(run: RunRecord, estimate: Estimate, peak: Peak) -> Efficiency:
    """How much of what its accelerators could compute *run* needed for its model."""
    flops, dtype, why = _flops(run)
    device_ns, exact = 0, Fraction(0)
    for stretch in estimate.stretches:
        if stretch.stage not in (TRAIN, UNNAMED):
            continue
        for device in held_accelerators(run, stretch.resource_id):
            device_ns += stretch.interval.duration_ns
            speed = peak(device, dtype) if dtype else None
            if speed is not None:
                part = Fraction(device.slices, device.slices_of)
                exact += speed * part * Fraction(stretch.interval.duration_ns, SECOND)
            elif not why:
                why = f"no dense {dtype} peak is known of {device.name}"
    if not why and not device_ns:
        why = "the run holds no accelerator"
    is_known = not why
    return Efficiency(
        flops=flops,
        dtype=dtype,
        train_device_ns=device_ns,
        peak_flops=exact if is_known else None,
        train_cost=estimate.train_cost(),
        why=why,
    )


WAITING = (DATA, EVAL, CHECKPOINT)
"""Stages in which accelerators mostly wait for something else."""


def waiting_device_ns(run: RunRecord, estimate: Estimate) -> int:
    """Time of accelerators in which the run was in another stage than train, or waited for data.

    It says why GPUs were not busy; it is no loss by itself, and part of busy, low use or unknown.
    """
    total = sum(
        stretch.interval.duration_ns * len(held_accelerators(run, stretch.resource_id))
        for stretch in estimate.stretches
        if stretch.stage in WAITING
    )
    waits: dict[tuple[int, str], int] = {}
    for attempt in run.attempts:
        for segment in attempt.segments:
            place = attempt.number, segment.machine.resource_id
            waits[place] = max(waits.get(place, 0), segment.totals.input_wait_ns or 0)
    return total + sum(
        wait * len(held_accelerators(run, place[1])) for place, wait in waits.items()
    )


def held_accelerators(run: RunRecord, resource_id: str) -> list[Accelerator]:
    """The accelerators of one machine that the run holds."""
    found = {
        one.id: one
        for segment in run.segments
        if segment.machine.resource_id == resource_id
        for one in segment.machine.accelerators
        if one.id in segment.held_devices
    }
    return list(found.values())


def _flops(run: RunRecord) -> tuple[Fraction | None, str | None, str]:
    """FLOPs of all attempts and their number format, or why they are not known."""
    total, dtypes = Fraction(0), []
    for attempt in run.attempts:
        stated = [s.flops for s in attempt.segments if s.flops is not None]
        if not stated:
            if not leader(attempt).steps and len(run.attempts) > 1:
                continue  # it ended before it trained
            return None, None, "the training does not say what it computes: run.flops(…)"
        dtypes.append(stated[0].dtype)
        made = _made(attempt, stated[0])
        if made is None:
            return None, None, f"the training does not count its {stated[0].per}s"
        total += made
    if len(set(dtypes)) > 1:
        return None, None, f"attempts computed in {' and '.join(sorted(set(dtypes)))}"
    if not total:
        return None, None, "no step was made"
    return total, dtypes[0], ""


def _made(attempt: Attempt, stated: Flops) -> Fraction | None:
    """FLOPs of one attempt: steps count once, samples and tokens over all of its processes."""
    if stated.per == "step":
        return stated.count * leader(attempt).steps
    counts = [s.samples if stated.per == "sample" else s.tokens for s in attempt.segments]
    known = [count for count in counts if count is not None]
    return stated.count * sum(known) if known else None
