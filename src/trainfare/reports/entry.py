"""Entries: the smallest amounts of a report, estimated or allocated; every grouping sums these.

What a bill gave to a run is divided over the run's stages and epochs by the weights of its parts in
that billing period, by cumulative rounding in order of time, so that nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from trainfare.core.charge import Component, Remainder
from trainfare.core.money import cumulative_parts
from trainfare.reports.spend import Part, Spend
from trainfare.store.results import Group

OUTSIDE_STAGES = "(outside stages)"
"""Storage, network and other charges: they are not of the machine's time."""

OUTSIDE_EPOCHS = "(outside epochs)"
"""Everything but the train stage of an epoch."""

OUTSIDE_STEPS = "(outside steps)"

NOT_METERED = "(not metered)"
"""A run that only claims or bills tell of."""

MACHINE = (Component.COMPUTE, Component.DATA)
"""Components whose charges follow a machine's time, and so its stages."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One amount: who owns it and what is known of it."""

    run: str | None
    remainder: Remainder | None
    currency: str | None
    """None: an estimate without any price."""
    found: Mapping[str, str | None]
    """Component, stage, epoch and columns of the bill, as far as they were asked for."""
    is_estimate: bool
    nano: int | None
    """None: an estimate without a price."""
    label: str | None = None
    """The owner that a rule gave shared money to, as ``key=value``."""


@dataclass(frozen=True, slots=True)
class BilledPeriod:
    """Sums of the allocation of one billing period."""

    period: str
    columns: tuple[str, ...]
    groups: Sequence[Group]


def estimated_entries(spends: Sequence[Spend]) -> Iterator[Entry]:
    """One entry per part of a run."""
    for spend in spends:
        for part in spend.parts:
            amount = part.estimated_cost
            found = {"component": part.component.value, **_place(part)}
            yield Entry(
                spend.run,
                None,
                spend.currency,
                found,
                is_estimate=True,
                nano=None if amount is None else amount.nano,
            )


def allocated_entries(
    billed: BilledPeriod, spends: Mapping[str, Spend], *, is_cut: bool
) -> Iterator[Entry]:
    """One entry per group of a result, or, where *is_cut*, per stage and epoch of it."""
    for group in billed.groups:
        found = dict(zip(billed.columns, group.key, strict=True))
        if group.run is None or not is_cut:
            yield _allocated(group, found, group.nano)
            continue
        for place, nano in _cut(group, found, spends.get(group.run), billed.period):
            yield _allocated(group, {**found, **place}, nano)


def _allocated(group: Group, found: Mapping[str, str | None], nano: int) -> Entry:
    return Entry(
        group.run,
        group.remainder,
        group.currency,
        found,
        is_estimate=False,
        nano=nano,
        label=group.label,
    )


def _cut(
    group: Group, found: Mapping[str, str | None], spend: Spend | None, period: str
) -> Iterator[tuple[Mapping[str, str], int]]:
    if spend is None:
        yield dict.fromkeys(("stage", "epoch", "step"), NOT_METERED), group.nano
        return
    parts = [p for p in spend.parts if p.period == period and p.weight]
    if found["component"] not in MACHINE or not parts:
        outside = {"stage": OUTSIDE_STAGES, "epoch": OUTSIDE_EPOCHS, "step": OUTSIDE_STEPS}
        yield outside, group.nano
        return
    weights = [part.weight for part in parts]
    nanos = cumulative_parts(group.nano, weights, sum(weights))
    yield from ((_place(part), nano) for part, nano in zip(parts, nanos, strict=True))


def _place(part: Part) -> dict[str, str]:
    return {
        "stage": OUTSIDE_STAGES if part.stage is None else part.stage,
        "epoch": OUTSIDE_EPOCHS if part.epoch is None else str(part.epoch),
        "step": OUTSIDE_STEPS if part.step is None else str(part.step),
    }
