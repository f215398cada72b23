"""The training loop: time in which accelerators were paid for and training did not go on.

    rule                  signal, per run                                   would not have been paid
    input_bound           wait for data over train stage ≥ 10 %              the wait beyond 5 %
    slow_start            setup ≥ 10 % and ≥ 5 min a start                   what the best quarter of its
                                                                             machine type did not need
    checkpoints           saving ≥ 2 % above the best interval's             the difference of E[T]
    evaluations           it trains; evaluation ≥ 20 %                       half of it
    low_mfu               MFU < 0.8 of the median of ≥ 5 comparable runs     1 − MFU/median of train
    full_precision        32 bits, or idle tensor cores, where there are     a third of train
                          some
    small_batch           memory ≤ half used and kernels < 80 % of train     a quarter of idle time
    communication         efficiency < 1/2 on its number of accelerators     down to half

Rules speak in this order, each of what those before it left. A run that did not measure a rule's
signal is left out of it: unknown is not waste.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from trainfare.advice.preemption import Saving, expected_hours, optimal_interval
from trainfare.advice.remains import Part, Remains
from trainfare.advice.scaling import POOR_FIT, better_count, fit_scaling
from trainfare.advice.trip import Trip, common_unit, hours_per, total_of
from trainfare.core.money import Money
from trainfare.core.recommendation import Confidence, Effort, Kind, Recommendation
from trainfare.prices.accelerators import models

WAIT_MIN, WAIT_LEFT = 0.10, 0.05
"""A loop that waits a tenth of its step is input-bound: the threshold of OpenXLA's xprof (rule
"input bound"). A twentieth is what remains after a good pipeline: our own judgement."""

SETUP_SHARE, SETUP_HOURS = 0.10, 5 / 60
"""A start is slow from a tenth of the run and five minutes on: our own judgement."""

SAVING_MIN = 0.02
"""Checkpoints are worth a change when the best interval would spare a fiftieth: our own judgement."""

EVAL_MIN = 0.20
"""An evaluation stage of a fifth: our own judgement."""

MFU_LOW, MFU_RUNS = 0.8, 5
"""Below four fifths of the median of five comparable runs: our own judgement."""

TENSOR_IDLE, SM_BUSY = 10, 200
"""Thousandths: tensor cores at less than 1 % while multiprocessors are at 20 % or more."""

MEMORY_HALF, ACTIVE_MIN = 0.5, 0.8
"""Half of the memory free: the line of arXiv 2502.18680 for runs that a smaller memory would do.
Kernels in less than four fifths of the time leave room for larger batches: our own judgement."""

EFFICIENCY_MIN = 0.5
"""Where less than half of the added accelerators works, communication is most of what is paid."""

FULL = ("fp32", "float32", "tf32")

FAILURE_HOURS = 1000.0
"""Mean hours between failures of one machine where own runs saw none in as many: about what Kokolis
et al., "Revisiting reliability in large-scale machine learning research clusters" (2024), tell of
large A100 clusters; an assumption for others."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule: how it finds parts of runs, and what it says."""

    name: str
    find: Callable[[Sequence[Trip]], list[Part]]
    title: str
    action: str
    method: str
    signal: Callable[[Trip], Mapping[str, Any]]
    confidence: Confidence
    effort: Effort
    risk: str
    assumption: str = ""


def find_slow_loops(trips: Iterable[Trip], remains: Remains) -> list[Recommendation]:
    """What every rule finds, one recommendation for each kind of work."""
    known = [trip for trip in trips if trip.machine_hours and trip.total.nano > 0]
    found = []
    for rule in RULES:
        groups: dict[tuple[str, str], list[Part]] = defaultdict(list)
        for part in rule.find(known):
            groups[part.trip.family, part.trip.currency].append(part)
        for (family, _), parts in sorted(groups.items()):
            found.append(_recommend(rule, family, parts, remains))
    return found


def _recommend(rule: _Rule, family: str, parts: Sequence[Part], remains: Remains) -> Recommendation:
    stakes, low, high = remains.take(parts)
    trips = [part.trip for part in parts]
    epochs = sum(trip.epochs or 0 for trip in trips)
    saved = sum(stake.saving.nano for stake in stakes)
    evidence: dict[str, Any] = {
        "runs": [{"run": trip.run, **rule.signal(trip)} for trip in trips][:10],
        "run_count": len(trips),
        "machine_hours": round(sum(trip.machine_hours for trip in trips), 3),
        "paid": total_of(trips, trips[0].currency).text(),
        "saving_per_epoch": Money.nearest(Fraction(saved, epochs * 10**9), trips[0].currency).text()
        if epochs
        else None,
    }
    return Recommendation(
        Kind.EFFICIENCY,
        rule.name,
        family,
        title=rule.title.format(family=family),
        action=rule.action,
        method=rule.method,
        stakes=tuple(stakes),
        low=low,
        high=high,
        evidence=evidence,
        assumptions=(rule.assumption,) if rule.assumption else (),
        confidence=rule.confidence,
        effort=rule.effort,
        risk=rule.risk,
        checked=f"measured on each of {len(trips)} past runs",
    )


def _train_share(trip: Trip) -> float:
    train = sum(trip.stage_hours.get(stage, 0.0) for stage in ("train", "run"))
    return train / trip.machine_hours


def _share(trip: Trip, stage: str) -> float:
    return trip.stage_hours.get(stage, 0.0) / trip.machine_hours


def _input_bound(trips: Sequence[Trip]) -> list[Part]:
    parts = []
    for trip in trips:
        train = _train_share(trip)
        if trip.wait_hours is None or not train:
            continue
        wait = min(trip.wait_hours / trip.machine_hours, train)
        if wait >= WAIT_MIN * train:
            middle = wait - WAIT_LEFT * train
            parts.append(Part(trip, middle / 2, middle, wait))
    return parts


def _slow_start(trips: Sequence[Trip]) -> list[Part]:
    groups: dict[tuple[str | None, str | None], list[Trip]] = defaultdict(list)
    for trip in trips:
        if trip.stage_hours.get("setup") and trip.has_stages:
            groups[trip.provider, trip.instance].append(trip)
    parts = []
    for group in groups.values():
        starts = sorted(_start_hours(trip) for trip in group)
        best = starts[(len(starts) - 1) // 4]
        for trip in group:
            own, setup = _start_hours(trip), _share(trip, "setup")
            spared = setup * (1 - best / own)
            is_slow = setup >= SETUP_SHARE and own >= SETUP_HOURS and own > best * 1.5
            if is_slow:
                parts.append(Part(trip, spared / 2, spared, setup))
    return parts


def _start_hours(trip: Trip) -> float:
    return trip.stage_hours["setup"] / trip.machines / trip.attempts


def _checkpoints(trips: Sequence[Trip]) -> list[Part]:
    hours = sum(trip.machine_hours for trip in trips)
    failures = sum(trip.attempts - 1 for trip in trips)
    rate = (failures + 1) / (hours + FAILURE_HOURS)
    parts = []
    for trip in trips:
        spent = trip.stage_hours.get("checkpoint", 0.0) / trip.machines
        if not trip.checkpoints or spent < SAVING_MIN * trip.hours or trip.hours <= spent:
            continue
        each, work = spent / trip.checkpoints, trip.hours - spent
        own = Saving(work / trip.checkpoints, each, SETUP_HOURS)
        best = Saving(min(optimal_interval(each, rate * trip.machines), work), each, SETUP_HOURS)
        now, then = (expected_hours(work, rate * trip.machines, one) for one in (own, best))
        part = 1 - then / now
        if own.interval_hours < best.interval_hours and part >= SAVING_MIN:
            parts.append(Part(trip, part / 2, part, _share(trip, "checkpoint")))
    return parts


def _evaluations(trips: Sequence[Trip]) -> list[Part]:
    # A job that does nothing but evaluate evaluates what another trained.
    trained = [trip for trip in trips if trip.evaluations > 1 and _train_share(trip)]
    shares = [(trip, _share(trip, "eval")) for trip in trained]
    return [Part(t, s / 4, s / 2, s * 3 / 4) for t, s in shares if s >= EVAL_MIN]


def _low_mfu(trips: Sequence[Trip]) -> list[Part]:
    groups: dict[tuple[str, str, int, str | None], list[Trip]] = defaultdict(list)
    for trip in trips:
        if trip.mfu:
            groups[trip.family, trip.accelerator, trip.devices, trip.dtype].append(trip)
    parts = []
    for group in groups.values():
        median = statistics.median(trip.mfu or 0.0 for trip in group)
        least = min(t.mfu or 0.0 for t in group if (t.mfu or 0.0) >= median)
        for trip in group if len(group) >= MFU_RUNS else []:
            part = (1 - (trip.mfu or 0.0) / median) * _train_share(trip)
            if (trip.mfu or 0.0) < MFU_LOW * median:
                parts.append(Part(trip, part / 2, part, part * least / median))
    return parts


def _full_precision(trips: Sequence[Trip]) -> list[Part]:
    return [
        Part(trip, 0.0, _train_share(trip) / 3, _train_share(trip) * 2 / 3)
        for trip in trips
        if _has_tensor_cores(trip) and _is_full(trip)
    ]


def _has_tensor_cores(trip: Trip) -> bool:
    model = models().get(trip.accelerator)
    return model is not None and (model.bf16_tflops or model.fp16_tflops) is not None


def _is_full(trip: Trip) -> bool:
    profile = trip.profile
    if profile is not None and profile.tensor_active is not None and profile.sm_active is not None:
        return profile.tensor_active < TENSOR_IDLE and profile.sm_active >= SM_BUSY
    return trip.dtype in FULL


def _small_batch(trips: Sequence[Trip]) -> list[Part]:
    parts = []
    for trip in trips:
        if not trip.device_gb or None in (trip.memory_gb, trip.active, trip.wait_hours):
            continue
        train, idle = _train_share(trip), 1 - (trip.active or 0.0)
        # At least so much of the idle time is neither of another stage nor a wait for data.
        free = idle - (1 - train) - (trip.wait_hours or 0.0) / trip.machine_hours
        is_small = (trip.memory_gb or 0.0) <= MEMORY_HALF * trip.device_gb
        if is_small and free > (1 - ACTIVE_MIN) * train:
            parts.append(Part(trip, 0.0, free / 4, free))
    return parts


def _communication(trips: Sequence[Trip]) -> list[Part]:
    groups: dict[tuple[str, str], list[Trip]] = defaultdict(list)
    for trip in trips:
        if trip.accelerator and trip.devices:
            groups[trip.family, trip.accelerator].append(trip)
    parts = []
    for group in groups.values():
        unit = common_unit(group)
        law = fit_scaling((t.devices, hours_per(t, unit)) for t in group) if unit else ""
        if isinstance(law, str) or law.error > POOR_FIT:
            continue
        for trip in group:
            now = law.efficiency(trip.devices, law.counts[0])
            part = (1 - now / EFFICIENCY_MIN) * _train_share(trip)
            # Where another number beats this one, taking it is the remedy, and gpu_count's.
            is_own = better_count(law, trip.devices) == trip.devices
            if is_own and now < EFFICIENCY_MIN and part > law.error:
                parts.append(Part(trip, part - law.error, part, min(1.0, part + law.error)))
    return parts


def _wait_signal(trip: Trip) -> Mapping[str, Any]:
    cores = (trip.cpu_hours or 0.0) / trip.machine_hours if trip.cpu_hours is not None else None
    return {
        "wait_share": round((trip.wait_hours or 0.0) / trip.machine_hours, 4),
        "cpus_used": None if cores is None else round(cores, 2),
        "cpus": trip.machine_cpus,
    }


RULES: tuple[_Rule, ...] = (
    _Rule(
        "input_bound",
        _input_bound,
        "Feed {family} faster",
        "Give the loader more workers, prefetch, or decode ahead; where all CPUs are busy, take a "
        "machine with more of them for each accelerator.",
        "time that the loop waited for its next batch, beyond a twentieth",
        _wait_signal,
        Confidence.HIGH,
        Effort.MEDIUM,
        "memory of the host grows with workers and prefetching",
        "a good pipeline still waits a twentieth of the time",
    ),
    _Rule(
        "slow_start",
        _slow_start,
        "Start {family} faster",
        "Keep images and datasets near the machine: a baked image, a warm cache, lazy loading.",
        "setup time beyond what the best quarter of runs on the same type needed",
        lambda t: {"setup_share": round(_share(t, "setup"), 4), "hours": round(_start_hours(t), 4)},
        Confidence.MEDIUM,
        Effort.MEDIUM,
        "",
    ),
    _Rule(
        "checkpoints",
        _checkpoints,
        "Save {family} less often, or beside the training",
        "Save at the best interval for how often runs fail; an asynchronous save blocks next to nothing.",
        "E[T] at the run's interval and at the best, with own failures",
        lambda t: {
            "checkpoint_share": round(_share(t, "checkpoint"), 4),
            "checkpoints": t.checkpoints,
        },
        Confidence.HIGH,
        Effort.LOW,
        "after a failure more is done again",
        f"before own failures stands one in {FAILURE_HOURS:g} machine-hours",
    ),
    _Rule(
        "evaluations",
        _evaluations,
        "Evaluate {family} half as often",
        "Evaluate every other time, on a part of the data, or on a cheaper machine.",
        "half of the evaluation stage",
        lambda t: {
            "evaluation_share": round(_share(t, "eval"), 4),
            "evaluations": t.evaluations,
        },
        Confidence.MEDIUM,
        Effort.LOW,
        "the best checkpoint is known less precisely",
        "half of the evaluations are enough",
    ),
    _Rule(
        "low_mfu",
        _low_mfu,
        "Find out why {family} runs slower than its like",
        "Compare the slow runs with the median one: machine, driver, neighbours, batch, compilation.",
        "train time that the median MFU of comparable runs would not have needed",
        lambda t: {"mfu": round(t.mfu or 0.0, 4)},
        Confidence.MEDIUM,
        Effort.MEDIUM,
        "",
    ),
    _Rule(
        "full_precision",
        _full_precision,
        "Train {family} in mixed precision",
        "Switch on bf16 or fp16 autocast; allow TF32 for what stays in 32 bits.",
        "a third of the train stage: half as fast again",
        lambda t: {
            "dtype": t.dtype,
            "tensor_active_permille": None if t.profile is None else t.profile.tensor_active,
        },
        Confidence.LOW,
        Effort.LOW,
        "a few models need loss scaling or 32 bits in places",
        "half as fast again; published gains go from none to three times as fast",
    ),
    _Rule(
        "small_batch",
        _small_batch,
        "Train {family} with larger batches",
        "Raise the batch until memory is full, or drop gradient accumulation and recomputation.",
        "a quarter of the idle time that neither another stage nor a wait for data explains",
        lambda t: {
            "memory_gb": None if t.memory_gb is None else round(t.memory_gb, 2),
            "device_gb": None if t.device_gb is None else round(t.device_gb, 2),
            "active": t.active,
        },
        Confidence.LOW,
        Effort.MEDIUM,
        "a larger batch may need another learning rate and reach another result",
        "a quarter of idle time goes with larger batches",
    ),
    _Rule(
        "communication",
        _communication,
        "Train {family} where accelerators wait less for each other",
        "Use fewer, or a faster interconnect, gradient accumulation, larger local batches.",
        "own scaling law; down to where half of the accelerators' time works",
        lambda t: {"accelerators": t.devices},
        Confidence.MEDIUM,
        Effort.MEDIUM,
        "fewer accelerators take longer",
    ),
)
