"""Low use: GPUs that a run holds while they do nothing, by owner and by what the run was doing.

A stretch is at least ten minutes with less than 1 % activity (``core.activity``). By where it lies
in its run it is of one kind, and each kind has the saving of one remedy:

    rule                 where                       what would not have been paid
    notebook             a notebook                  all but the first quarter of an hour
    kept_after_training  up to the end of the run    all but the first quarter of an hour
    waiting_for_data     stage data                  three quarters: the rest is a CPU machine's
    slow_checkpoint      stage checkpoint            three quarters, likewise
    long_evaluation      stage eval                  three quarters, likewise
    stalled              anywhere else               all but the first hour

The setup of a run is no low use here: it is training efficiency. The money of low use is what
utilization found; it is divided over the stretches of the day by time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from trainfare.advice.history import GpuPart, History, PastRun
from trainfare.core.money import Money
from trainfare.core.period import HOUR, SECOND, Interval
from trainfare.core.recommendation import (
    Confidence,
    Effort,
    Kind,
    Recommendation,
    Slot,
    Stake,
    run_slot,
)
from trainfare.core.stage import CHECKPOINT, DATA, EVAL, SETUP

WAIT_NS = 900 * SECOND
"""When Northeastern's IdleBot first writes to the owner of an idle GPU."""

CANCEL_NS = 3600 * SECOND
"""When IdleBot cancels."""

LATE_CANCEL_NS = 7200 * SECOND
"""When Princeton Research Computing cancels a job whose GPUs did nothing."""

CPU_PART = Fraction(1, 4)
"""What a machine with the CPUs of a GPU machine costs of it, at most: on demand in us-east-1, July
2026, p4d.24xlarge $21.96/h and m5.24xlarge with as many CPUs $4.61/h, a fifth; p3 and m5 an eighth."""

END_NS = 120 * SECOND
"""A stretch that ends within two minutes of its run reaches its end: windows are up to a minute."""

NEVER = 0.95
"""A GPU that did nothing for so much of its run was not used by it: our own judgement."""

SHOWN = 10
"""So many runs are named as evidence."""

UNKNOWN_MOST = Fraction(1, 10)
"""Where more of an owner's GPU time than this is without telemetry, confidence is medium."""


class _Remedy(NamedTuple):
    """Low, expected and high end: the wait before it acts, and the part of the rest that it saves."""

    waits: tuple[int, int, int]
    parts: tuple[Fraction, Fraction, Fraction]
    title: str
    action: str
    effort: Effort
    risk: str
    assumption: str


_ONE = Fraction(1)
_STOP = ((CANCEL_NS, WAIT_NS, 0), (_ONE, _ONE, _ONE))
_MOVE = ((0, 0, 0), (Fraction(1, 2), 1 - CPU_PART, _ONE))

REMEDIES: Mapping[str, _Remedy] = {
    "notebook": _Remedy(
        *_STOP,
        "Stop notebooks of {owner} that do nothing",
        "Shut a notebook's kernel and machine down after 15 minutes without GPU activity.",
        Effort.LOW,
        "What only stands in the notebook's memory is lost; save it first.",
        "low: it stops after an hour; high: at once",
    ),
    "never_used": _Remedy(
        (0, 0, 0),
        (Fraction(0), _ONE, _ONE),
        "Hold only the GPUs that runs of {owner} use",
        "Ask for fewer GPUs, or have the training use all that it holds: some did nothing throughout.",
        Effort.LOW,
        "Machines are sold with a fixed number of GPUs; another type may be needed to hold fewer.",
        "low: they cannot be had singly; high: they can",
    ),
    "kept_after_training": _Remedy(
        *_STOP,
        "Let runs of {owner} end when their GPUs have no more to do",
        "Release the GPUs when the training ends: exit, or do what follows on a machine without them.",
        Effort.LOW,
        "What follows the training must not need the GPUs.",
        "low: it ends after an hour; high: at once",
    ),
    "waiting_for_data": _Remedy(
        *_MOVE,
        "Prepare data of {owner} without GPUs",
        "Run the data stage on a machine without GPUs before the training, or while it goes on.",
        Effort.MEDIUM,
        "The data has to be kept and read again.",
        "a machine for it costs a quarter; low: half, high: nothing",
    ),
    "slow_checkpoint": _Remedy(
        *_MOVE,
        "Write checkpoints of {owner} while the training goes on",
        "Save asynchronously, or to local disk first, so that GPUs do not wait for storage.",
        Effort.MEDIUM,
        "A crash while a checkpoint is still being copied goes back to the one before.",
        "what remains costs a quarter; low: half, high: nothing",
    ),
    "long_evaluation": _Remedy(
        *_MOVE,
        "Evaluate {owner} without holding idle GPUs",
        "Evaluate less often or on a smaller machine; here evaluation left the GPUs idle.",
        Effort.MEDIUM,
        "Results come later, or fewer of them.",
        "a machine for it costs a quarter; low: half, high: nothing",
    ),
    "stalled": _Remedy(
        (LATE_CANCEL_NS, CANCEL_NS, WAIT_NS),
        (_ONE, _ONE, _ONE),
        "Stop runs of {owner} that stand still",
        "Be told of idle GPUs (trainfare alerts) and stop or mend a run that has done nothing for "
        "an hour.",
        Effort.MEDIUM,
        "A run that would have gone on by itself is stopped.",
        "low: it is stopped after two hours; high: after a quarter of an hour",
    ),
}

_BY_STAGE = {DATA: "waiting_for_data", CHECKPOINT: "slow_checkpoint", EVAL: "long_evaluation"}


def rule_of(run: PastRun, stretch: Interval) -> str | None:
    """Which rule a stretch of low use of *run* falls under; None for its setup.

    >>> hour = Interval(0, 3600 * SECOND)
    >>> rule_of(PastRun("a", interval=hour), Interval(1800 * SECOND, 3600 * SECOND))
    'kept_after_training'
    """
    if run.is_notebook:
        return "notebook"
    overlaps: Counter[str] = Counter()
    for span, stage in run.stages:
        overlaps[stage] += span.overlap_ns(stretch)
    stage = max(overlaps, key=lambda one: overlaps[one], default="")
    if stage in _BY_STAGE and overlaps[stage]:
        return _BY_STAGE[stage]
    if run.interval is not None and stretch.duration_ns >= NEVER * run.interval.duration_ns:
        return "never_used"
    if run.interval is not None and stretch.end_ns >= run.interval.end_ns - END_NS:
        return "kept_after_training"
    return None if stage == SETUP else "stalled"


@dataclass(slots=True)
class _Found:
    """What the stretches of one owner under one rule come to."""

    stakes: dict[Slot, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)
    amount: Fraction = Fraction(0)
    gpu_ns: int = 0
    runs: Counter[str] = field(default_factory=Counter)
    hours: Counter[int] = field(default_factory=Counter)


def advise_low_use(history: History) -> Iterator[Recommendation]:
    """One recommendation per owner and rule."""
    known: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    parts: dict[tuple[str, str], list[GpuPart]] = defaultdict(list)
    for part in history.parts:
        if part.run is None:
            continue
        own = known[_run(history, part.run).owner, part.amount.currency]
        own[part.state == "unknown"] += part.gpu_ns
        if part.state == "low_use" and part.amount.nano > 0:
            parts[part.run, part.place].append(part)
    found: dict[tuple[str, str, str], _Found] = defaultdict(_Found)
    for (run_id, place), group in sorted(parts.items()):
        _add(_run(history, run_id), history.low.get((run_id, place), ()), group, found)
    for owner, currency in known:
        for rule in REMEDIES:
            if (rule, owner) in history.accepted:
                found.setdefault((owner, rule, currency), _Found())
    wanted = {owner for owner, _, _ in found}
    scopes: dict[str, list[Slot]] = defaultdict(list)
    for slot in history.paid:
        kind, _, run_id = slot.owner.partition(":")
        if kind == "run" and (owner := _run(history, run_id).owner) in wanted:
            scopes[owner].append(slot)
    for (owner, rule, currency), one in sorted(found.items()):
        if any(one.stakes.values()) or (rule, owner) in history.accepted:
            yield _recommend((owner, rule, currency), one, known[owner, currency], scopes[owner])


def _run(history: History, run_id: str) -> PastRun:
    return history.runs.get(run_id) or PastRun(run_id)


def _add(
    run: PastRun,
    stretches: Sequence[Interval],
    parts: Sequence[GpuPart],
    found: dict[tuple[str, str, str], _Found],
) -> None:
    """Divide the low-use money of *run* on one machine over its stretches."""
    devices = Counter(stretches)  # GPUs of one machine are mostly low at the same time
    for part in parts:
        day = part.interval
        inside = [(one, clipped) for one in devices if (clipped := one.clip(day))]
        whole_ns = sum(devices[one] * clipped.duration_ns for one, clipped in inside)
        for stretch, clipped in inside:
            rule = rule_of(run, stretch)
            if rule is None:
                continue
            one = found[run.owner, rule, part.amount.currency]
            count = devices[stretch]
            nano = Fraction(part.amount.nano * count, whole_ns)
            low, expected, high = (
                nano * share * clipped.overlap_ns(_after(stretch, wait_ns))
                for wait_ns, share in zip(*REMEDIES[rule][:2], strict=True)
            )
            assert part.period is not None
            one.stakes[run_slot(run.run, part.period)] += expected
            one.low += low
            one.high += high
            one.amount += nano * clipped.duration_ns
            one.gpu_ns += count * clipped.duration_ns
            one.runs[run.run] += round(nano * clipped.duration_ns)
            for hour in clipped.cut(HOUR):
                one.hours[hour.start_ns // HOUR % 24] += count * hour.duration_ns


def _after(stretch: Interval, wait_ns: int) -> Interval:
    return Interval(min(stretch.end_ns, stretch.start_ns + wait_ns), stretch.end_ns)


def _recommend(
    key: tuple[str, str, str], one: _Found, known: Sequence[int], scope: Sequence[Slot]
) -> Recommendation:
    owner, rule, currency = key
    remedy = REMEDIES[rule]
    saving = sum(one.stakes.values(), Fraction(0))
    unknown = Fraction(known[1], sum(known)) if sum(known) else Fraction(0)
    return Recommendation(
        Kind.IDLE,
        rule,
        owner,
        remedy.title.format(owner=owner),
        remedy.action,
        method="stretches of at least 10 minutes under 1 % GPU activity, × the run's own price; "
        "replay of the remedy on each",
        stakes=tuple(Stake(slot, Money(int(nano), currency)) for slot, nano in one.stakes.items())
        or tuple(Stake(slot, Money.zero(currency)) for slot in scope[:1]),
        scope=tuple(scope),
        low=one.low / saving if saving else Fraction(1),
        high=one.high / saving if saving else Fraction(1),
        evidence={
            "runs": len(one.runs),
            "dearest": [
                {"run": run, "low_use": Money(nano, currency).text()}
                for run, nano in one.runs.most_common(SHOWN)
            ],
            "low_use": Money(int(one.amount), currency).text(),
            "low_use_gpu_hours": round(one.gpu_ns / HOUR, 3),
            "gpu_hours_without_telemetry": round(known[1] / HOUR, 3),
            "low_use_gpu_hours_by_hour_of_day": [
                round(one.hours[hour] / HOUR, 3) for hour in range(24)
            ],
        },
        assumptions=(
            remedy.assumption,
            "GPU time without telemetry is unknown and not claimed",
        ),
        confidence=Confidence.HIGH if unknown <= UNKNOWN_MOST else Confidence.MEDIUM,
        effort=remedy.effort,
        risk=remedy.risk,
        checked=f"every stretch of the history: {len(one.runs):,} runs",
    )
