"""The plan path: a job to come × own history × the price book → ranked ways to do it."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from trainfare.advice.offer import (
    OPTIONS,
    Offer,
    Span,
    Speed,
    listed,
    measured_speed,
    too_fast,
    with_rooflines,
)
from trainfare.advice.plan import DOUBLING, Choice, Limits, RateOf, Work, hours_on, plan, unrated
from trainfare.advice.preemption_rate import Rate, find_rate
from trainfare.advice.scaling import Scaling, fit_scaling
from trainfare.advice.spot import SLACK
from trainfare.advice.spot_policies import Outcome, compare
from trainfare.advice.spot_replay import Errand
from trainfare.advice.spot_trace import watched
from trainfare.advice.trip import Trip, common_unit, device_hours_per, hours_per
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.period import HOUR
from trainfare.core.plain import percent
from trainfare.flows.offers import check_market, find_offers, own_offers
from trainfare.flows.spot_traces import Traces, read_traces, traces_of
from trainfare.flows.trips import trips_of
from trainfare.metering.history import find_run_id, read_receipt, read_receipts
from trainfare.prices.accelerators import FORMATS, AcceleratorModel, find_accelerator, models

_T = TypeVar("_T")

MFU_SPREAD = 0.2
"""A stated model FLOPs utilization is believed to a fifth of itself: an assumption."""


@dataclass(frozen=True, slots=True)
class Job:
    """The work, in one of three ways: like a run, in accelerator-hours, or in FLOPs."""

    like: str | None = None
    times: Fraction = Fraction(1)
    """Of what that run did."""
    device_hours: float | None = None
    accelerator: str | None = None
    flops: float | None = None
    dtype: str | None = None
    mfu: float | None = None
    checkpoint_hours: float | None = None
    restart_hours: float | None = None
    memory_gb: float | None = None


@dataclass(frozen=True, slots=True)
class Market:
    """Where the user would buy."""

    provider: str | None = None
    regions: tuple[str, ...] = ()
    accelerators: tuple[str, ...] = ()
    options: tuple[str, ...] = OPTIONS


@dataclass(frozen=True, slots=True)
class Itinerary:
    """What ``trainfare plan`` says."""

    title: str
    work: Work
    limits: Limits
    choices: tuple[Choice, ...]
    """All, the best first."""
    notes: tuple[str, ...]
    replayed: Choice | None = None
    """The best choice on spot of which the home has traces …"""
    replays: tuple[Outcome, ...] = ()
    """… and how ways of using such machines did on them, within the deadline or twice the time."""


def plan_ahead(home: Path, job: Job, limits: Limits, market: Market, at_ns: int) -> Itinerary:
    """Rank every way to do *job*.

    Raises:
        BadInput: the work is not said in one of its ways, or what it needs is missing.
        NotFound: there is no such run, or nothing that is for sale fits.
    """
    trips, traces = trips_of(read_receipts(home, now_ns=at_ns)), read_traces(home)
    title, work = _work(home, job, trips)
    currency = limits.budget.currency if limits.budget else _currency(trips)
    if job.dtype not in (None, *FORMATS):
        raise BadInput(f"{job.dtype!r} is no number format that is known: {', '.join(FORMATS)}")
    if market.provider != "own":
        is_own = currency in {trip.currency for trip in trips}
        check_market(
            home,
            market.provider,
            market.regions,
            None if is_own or limits.budget is None else currency,
        )
    offers = [
        *find_offers(
            home, at_ns, provider=market.provider, regions=market.regions,
            options=market.options, accelerators=_wanted(market), currency=currency,
        ),
        *(one for one in own_offers(trips) if market.provider in (None, one.provider)),
    ]  # fmt: skip
    fitting = [one for one in offers if one.accelerator in work.speeds and _fits(one, work)]
    rate_of = rates(trips, traces)
    choices = plan(work, fitting, limits, rate_of)
    if not choices:
        raise NotFound(
            f"nothing that is for sale fits: {len(offers)} offers, {len(fitting)} with accelerators "
            f"whose speed is known and enough memory, none with at most {limits.devices_max} of them"
        )
    notes = _notes(work, offers, fitting, rate_of)
    found = Itinerary(title, work, limits, tuple(choices), notes)
    return _replayed(found, fitting, traces)


def _replayed(found: Itinerary, offers: Sequence[Offer], traces: Traces) -> Itinerary:
    """With the best choice on spot replayed on the traces of its type."""
    for one in found.choices:
        own = traces_of(traces, one.offer) if one.offer.option == "spot" else ()
        full = listed(
            (o for o in offers if o.provider == one.offer.provider and o.option == "on_demand"),
            one.offer.instance,
            one.offer.region,
        )
        if not own or full is None or one.interval_hours is None:
            continue
        hours, _ = hours_on(found.work, one.speed, one.devices, one.machines)
        limit = found.limits.deadline_hours or SLACK * (hours.middle + found.work.restart_hours)
        errand = Errand(
            round(hours.middle * HOUR),
            round(limit * HOUR),
            max(1, round(one.interval_hours * HOUR)),
            round(found.work.checkpoint_hours * HOUR),
            round(found.work.restart_hours * HOUR),
        )
        prices = (one.offer.price_per_hour * one.machines, full.price_per_hour * one.machines)
        outcomes = compare(errand, own, prices, currency=one.offer.currency)
        return replace(found, replayed=one, replays=tuple(outcomes))
    return found


def _currency(trips: Sequence[Trip]) -> str:
    known = [trip.currency for trip in trips]
    return max(known, key=known.count) if known else "USD"


def _wanted(market: Market) -> tuple[str, ...]:
    return tuple(_model(name).name for name in market.accelerators)


def _model(name: str) -> AcceleratorModel:
    found = find_accelerator(name)
    if found is None:
        raise BadInput(f"{name!r} is no accelerator that is known; one of {', '.join(models())}")
    return found


def _fits(offer: Offer, work: Work) -> bool:
    model = models().get(offer.accelerator)
    if work.memory_gb is None or model is None or model.memory_gb is None:
        return True
    return float(model.memory_gb) >= work.memory_gb


def _work(home: Path, job: Job, trips: Sequence[Trip]) -> tuple[str, Work]:
    ways = [job.like is not None, job.device_hours is not None, job.flops is not None]
    if sum(ways) != 1:
        raise BadInput(
            "say the work in one way: --like RUN, --gpu-hours N --gpu MODEL, or --flops N"
        )
    if job.like is not None:
        title, work = _work_like(home, job, trips)
    elif job.device_hours is not None:
        title, work = _work_of_hours(job)
    else:
        title, work = _work_of_flops(job, trips)
    assumed = []
    if job.checkpoint_hours is None:
        assumed.append(f"a checkpoint takes {work.checkpoint_hours * 60:.3g} min")
    if job.restart_hours is None:
        assumed.append(f"a restart takes {work.restart_hours * 60:.3g} min")
    work = replace(
        work,
        checkpoint_hours=_given(job.checkpoint_hours, work.checkpoint_hours),
        restart_hours=_given(job.restart_hours, work.restart_hours),
        memory_gb=_given(job.memory_gb, work.memory_gb),
        assumptions=(*work.assumptions, *assumed),
    )
    return title, work


def _given(stated: _T | None, otherwise: _T) -> _T:
    return otherwise if stated is None else stated


def _work_of_hours(job: Job) -> tuple[str, Work]:
    if job.accelerator is None:
        raise BadInput("--gpu-hours needs the model that they are of: --gpu H100")
    model, hours = _model(job.accelerator), job.device_hours or 0.0
    if hours <= 0:
        raise BadInput(f"{hours:g} GPU-hours are no work; say more than 0")
    known = Speed(model.name, Span(hours, hours, hours), "stated", is_measured=False)
    return f"work of {hours:,.6g} hours of one {model.name}", Work(
        with_rooflines(known, (), job.dtype)
    )


def _work_of_flops(job: Job, trips: Sequence[Trip]) -> tuple[str, Work]:
    flops, dtype = job.flops or 0.0, job.dtype or "bf16"
    if flops <= 0:
        raise BadInput(f"{flops:g} FLOPs are no work; say more than 0")
    own = sorted(trip.mfu for trip in trips if trip.mfu and trip.dtype == dtype)
    if job.mfu is not None:
        if not 0 < job.mfu < 1:
            raise BadInput(f"an MFU of {job.mfu:g} is none; it lies between 0 and 1, as 0.4")
        mfu = Span(job.mfu * (1 - MFU_SPREAD), job.mfu, job.mfu * (1 + MFU_SPREAD))
        basis = f"stated MFU of {percent(job.mfu, 0)}, believed to a fifth"
    elif own:
        mfu = Span(own[0], statistics.median(own), own[-1])
        basis = f"MFU of {len(own)} own runs: {percent(own[0], 0)} to {percent(own[-1], 0)}"
    else:
        raise BadInput("no own run tells its MFU; state it: --mfu 0.4")
    speeds = {}
    for model in models().values():
        peak = model.peak_flops(dtype)
        if peak:
            hours = flops / (float(peak) * 3600)
            span = Span(hours / mfu.high, hours / mfu.middle, hours / mfu.low)
            speeds[model.name] = Speed(
                model.name, span, f"dense {dtype} peak, {basis}", is_measured=False
            )
    return f"{flops:.3g} FLOPs in {dtype}", Work(speeds)


def _work_like(home: Path, job: Job, trips: Sequence[Trip]) -> tuple[str, Work]:
    run_id = find_run_id(home, job.like or "")
    whole = trips_of([read_receipt(home, run_id, with_makers=False)])
    trips = [*(trip for trip in trips if trip.run != run_id), *whole]
    base = next(iter(whole), None)
    if base is None:
        raise BadInput(f"run {run_id} is running, or its machines have no price; plan like another")
    if not base.devices or not base.accelerator:
        raise BadInput(f"run {run_id} holds no accelerators, or of several models")
    family = [t for t in trips if t.family == base.family and t.accelerator and t.devices]
    unit = common_unit([base, *family]) or common_unit([base])
    amount = float(job.times)
    if unit is None:
        family, per_unit = [base], base.device_hours
    else:
        family = [trip for trip in family if getattr(trip, unit)]
        per_unit = float(getattr(base, unit))
    groups: dict[str, list[Trip]] = defaultdict(list)
    for trip in family:
        groups[trip.accelerator].append(trip)
    speeds, notes = _own_speeds(base, groups, unit, amount)
    scaling = own_scaling(groups[base.accelerator], unit)
    tried = groups[base.accelerator] if scaling else [base]
    title = f"{amount:g} × the work of run {base.run}"
    if unit is not None:
        title += f" ({amount * per_unit:,.6g} {unit})"
    return title, Work(
        speeds,
        base_count=base.devices,
        base_machines=max(trip.machines for trip in tried),
        scaling=scaling,
        checkpoint_hours=checkpoint_hours(base) or Work({}).checkpoint_hours,
        restart_hours=max(Work({}).restart_hours, start_hours(base)),
        memory_gb=base.memory_gb,
        assumptions=notes,
    )


def _own_speeds(
    base: Trip, groups: Mapping[str, Sequence[Trip]], unit: str | None, amount: float
) -> tuple[dict[str, Speed], tuple[str, ...]]:
    """Speeds for *amount* times the work of *base*, and which own runs are not believed."""
    overhead = base.machine_hours / max(
        1e-12, sum(base.stage_hours.get(stage, 0.0) for stage in ("train", "run"))
    )
    speeds, whys = {}, {}
    for name, group in groups.items():
        same = [t for t in group if t.devices == base.devices] or group
        hours = (
            [base.device_hours]
            if unit is None
            else [device_hours_per(t, unit) * float(getattr(base, unit)) * overhead for t in same]
        )
        many = f"{len(same)} own run{'s' * (len(same) != 1)} of the same work"
        speeds[name] = measured_speed(name, [amount * one for one in hours], many)
    own = speeds.pop(base.accelerator)
    for name, one in speeds.items():
        fewest = min(trip.devices for trip in groups[name])
        kept = DOUBLING.low ** max(0.0, math.log2(base.devices / fewest))
        why = too_fast(one, own, base.dtype, kept)
        if why is not None:
            whys[name] = why
    others = [one for name, one in speeds.items() if name not in whys]
    return with_rooflines(own, others, base.dtype), tuple(whys.values())


def own_scaling(group: Sequence[Trip], unit: str | None) -> Scaling | None:
    """The law of one accelerator's runs of the same work; None where too few numbers were tried."""
    if unit is None:
        return None
    fitted = fit_scaling((trip.devices, hours_per(trip, unit)) for trip in group)
    return None if isinstance(fitted, str) else fitted


def checkpoint_hours(trip: Trip) -> float | None:
    """How long one of its checkpoints took; None where it entered no such stage."""
    spent = trip.stage_hours.get("checkpoint", 0.0) / max(1, trip.machines)
    return spent / trip.checkpoints if trip.checkpoints and spent else None


def start_hours(trip: Trip) -> float:
    """How long one of its attempts took until it trained."""
    return trip.stage_hours.get("setup", 0.0) / max(1, trip.machines) / max(1, trip.attempts)


def rates(trips: Sequence[Trip], traces: Traces | None = None) -> RateOf:
    """How often an offer's machines are taken away: own spot hours, traces, and what AWS says."""
    seen: Mapping[tuple[str | None, str | None], list[Trip]] = _by_type(trips)
    known: dict[Offer, Rate | None] = {}

    def of(offer: Offer) -> Rate | None:
        if offer not in known:
            own = seen.get((offer.provider, offer.instance), [])
            hours = sum(trip.machine_hours for trip in own)
            taken = sum(trip.preemptions for trip in own)
            told = watched(traces_of(traces or {}, offer))
            known[offer] = find_rate(taken, hours, offer.interruption, told)
        return known[offer]

    return of


def _by_type(trips: Sequence[Trip]) -> Mapping[tuple[str | None, str | None], list[Trip]]:
    groups: dict[tuple[str | None, str | None], list[Trip]] = defaultdict(list)
    for trip in trips:
        if trip.option == "spot":
            groups[trip.provider, trip.instance].append(trip)
    return groups


def _notes(
    work: Work, offers: Sequence[Offer], fitting: Sequence[Offer], rate_of: RateOf
) -> tuple[str, ...]:
    notes = list(work.assumptions)
    if work.scaling is not None:
        law = work.scaling
        counts = ", ".join(map(str, law.counts))
        notes.append(
            f"scaling from own runs on {counts} accelerators, within {percent(law.error, 0)}"
        )
    unknown = {one.accelerator for one in offers} - set(work.speeds)
    if unknown:
        notes.append(f"left out, speed unknown: {', '.join(sorted(unknown))}")
    lost = unrated(fitting, rate_of)
    if lost:
        notes.append(
            f"left out: {lost} spot offers of which nobody knows how often they are taken away"
        )
    notes.append("storage, data and traffic come beside it")
    return tuple(notes)
