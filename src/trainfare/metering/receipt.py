"""Receipts: the answer to "what did this run cost", with stable JSON keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

from trainfare.core.activity import Activity, activity_of
from trainfare.core.charge import Component, View
from trainfare.core.claim import share_text
from trainfare.core.efficiency import Efficiency, efficiency_of
from trainfare.core.estimate import Estimate
from trainfare.core.forecast import Forecast
from trainfare.core.money import Money, text_or_none
from trainfare.core.period import SECOND, format_instant
from trainfare.core.plain import sound
from trainfare.core.price import Price
from trainfare.core.run import (
    Attempt,
    RunRecord,
    sum_over_machines,
)
from trainfare.core.stage import Status
from trainfare.core.work import Work, leader, work_of
from trainfare.metering.log_timer import LogTimer, find_log_timer
from trainfare.metering.receipt_use import activity_json, efficiency_json
from trainfare.prices.accelerators import peak_flops

SUMMARY_KEYS = (
    *("run", "name", "labels", "status", "started_at", "ended_at", "duration_seconds"),
    *("currency", "estimated", "billed", "forecast", "steps"),
)
"""What lists of runs give of each."""


@dataclass(frozen=True, slots=True)
class Preparation:
    """Another run that made the data which this run read; its cost stands on its own receipt."""

    run: str
    uri: str
    estimated_cost: Money | None
    readers: int
    """How many runs read its output, this one among them."""


@dataclass(frozen=True, slots=True)
class Billed:
    """What the bill gave to a run, once all of its time is on bills that are here."""

    total: Money
    components: Mapping[Component, Money]
    view: View
    as_of_ns: int
    """When this became what is known of the bill."""
    methods: Mapping[str, Money]
    """How each amount found the run: resource_overlap, run_tag …"""

    def to_json(self) -> dict[str, Any]:
        """The ``billed`` of a receipt."""
        return {
            "total": self.total.text(),
            "currency": self.total.currency,
            "components": {c.value: self.components[c].text() for c in Component},
            "view": self.view.value,
            "as_of": format_instant(self.as_of_ns // SECOND * SECOND),
            "methods": {method: amount.text() for method, amount in self.methods.items()},
        }


@dataclass(frozen=True, slots=True)
class Receipt:
    """One run with its estimate; print it, or show it in a notebook."""

    run: RunRecord
    estimate: Estimate
    activity: Activity
    prepared_by: tuple[Preparation, ...] = ()
    remarks: tuple[str, ...] = ()
    """What the reader of the record noticed: records beside it that cannot be read."""
    billed: Billed | None = None
    """None while some of it is on no bill, or no bill was asked."""
    forecast: Forecast | None = None
    """What the run will have cost; None once it has ended, or where nobody asked."""
    beside: Mapping[str, bool] = field(default_factory=dict)
    """The other runs that were on its machines at its time, and whether they still are."""

    @property
    def duration_ns(self) -> int:
        """Time in attempts; the waiting between them is not paid for and does not count."""
        return sum(attempt.interval.duration_ns for attempt in self.run.attempts)

    @property
    def work(self) -> Work:
        """What the training loop did, and what of it was done again."""
        return work_of(self.run)

    @property
    def steps(self) -> int:
        """Steps of the run: of the rank that made most in each attempt, over all attempts."""
        return sum(leader(attempt).steps for attempt in self.run.attempts)

    @property
    def efficiency(self) -> Efficiency:
        """How much of what its accelerators could compute the run needed for its model."""
        return efficiency_of(self.run, self.estimate, peak_flops)

    @property
    def low_use_cost(self) -> Money | None:
        """What the run paid while its accelerators did nothing; None without telemetry."""
        low_ns, known_ns = self.activity.low_use_device_ns, self.activity.known_device_ns
        total = self.estimate.total
        if low_ns is None or total is None or known_ns == 0:
            return None
        devices_ns = known_ns + self.activity.unknown_device_ns
        machine = self.machine_cost
        if machine is None:
            return None
        return Money.nearest(Fraction(machine.nano * low_ns, devices_ns * 10**9), machine.currency)

    @property
    def machine_cost(self) -> Money | None:
        """Compute and data together: what the time on the machines cost."""
        parts = [self.estimate.components[c] for c in (Component.COMPUTE, Component.DATA)]
        known = [part for part in parts if part is not None]
        return Money.total(known, self.estimate.currency) if len(known) == len(parts) else None

    @property
    def log_timer(self) -> LogTimer | None:
        """What the log that this run was read from timed itself; None for a metered run."""
        return find_log_timer(self.run, self.estimate)

    @property
    def cost_per_step(self) -> Money | None:
        """The train stage's cost over the steps, to the nearest nano."""
        train = self.estimate.train_cost()
        if train is None or not self.steps:
            return None
        return Money.nearest(Fraction(train.nano, self.steps * 10**9), train.currency)

    def __str__(self) -> str:
        from trainfare.metering.receipt_text import receipt_text

        return receipt_text(self)

    def _repr_html_(self) -> str:
        from trainfare.metering.receipt_text import receipt_html

        return receipt_html(self)

    def to_json(self) -> dict[str, Any]:
        """The receipt as a JSON object; see the reference page of the receipt for every key."""
        run, estimate, work = self.run, self.estimate, self.work
        status = run.status
        ended_ns = run.interval.end_ns
        timer = self.log_timer
        return {
            "run": run.id,
            "name": run.name,
            "labels": run.labels,
            "status": status.value,
            "started_at": format_instant(run.interval.start_ns),
            "ended_at": None if status is Status.RUNNING else format_instant(ended_ns),
            "duration_seconds": _seconds(self.duration_ns),
            "attempts": [_attempt(attempt) for attempt in run.attempts],
            "paid_share": None if estimate.paid_share is None else share_text(estimate.paid_share),
            "currency": estimate.currency,
            "estimated": {
                "total": text_or_none(estimate.total),
                "components": {c.value: text_or_none(estimate.components[c]) for c in Component},
                "idle": text_or_none(estimate.idle_cost),
                "low_use": text_or_none(self.low_use_cost),
            },
            "billed": None if self.billed is None else self.billed.to_json(),
            "forecast": None if self.forecast is None else self.forecast.to_json(),
            "stages": [
                {"stage": stage, "seconds": _seconds(time_ns), "estimated": text_or_none(amount)}
                for stage, (time_ns, amount) in estimate.by_stage().items()
            ],
            "epochs": [
                {
                    "epoch": one.epoch,
                    "seconds": round(float(one.seconds), 6),
                    "estimated": text_or_none(one.estimated_cost),
                }
                for one in estimate.by_epoch()
            ],
            "timer": None if timer is None else timer.to_json(),
            "read_from": _logs(run),
            "steps": self.steps,
            "samples": work.samples,
            "tokens": work.tokens,
            "redone_steps": work.redone_steps,
            "parents": list(run.parents),
            "trackers": [asdict(one) for one in run.trackers],
            "estimated_per_step": text_or_none(self.cost_per_step),
            "prices": [_price(price) for price in estimate.prices],
            "unpriced": [
                {"meter": one.meter, "quantity": one.quantity, "why": one.why}
                for one in estimate.unpriced
            ],
            "measured": _measured(run),
            "artifacts": _artifacts(run),
            "prepared_by": [
                {
                    "run": one.run,
                    "uri": sound(one.uri),
                    "estimated": text_or_none(one.estimated_cost),
                    "readers": one.readers,
                }
                for one in self.prepared_by
            ],
            **activity_json(self.activity),
            "efficiency": efficiency_json(self.efficiency),
            "notes": [*sorted({note for s in run.segments for note in s.notes}), *self.remarks],
        }

    def to_summary(self) -> dict[str, Any]:
        """The receipt without its long lists, and without what only all of its samples can tell."""
        document = self.to_json()
        summary = {key: document[key] for key in SUMMARY_KEYS}
        summary["estimated"] = {k: v for k, v in document["estimated"].items() if k != "low_use"}
        return summary


def make_receipt(
    run: RunRecord, estimate: Estimate, prepared_by: tuple[Preparation, ...] = ()
) -> Receipt:
    """The receipt of *run* with the activity of its accelerators."""
    return Receipt(run, estimate, activity_of(run), prepared_by)


def _seconds(nanoseconds: int) -> float:
    return round(nanoseconds / SECOND, 6)


def _attempt(attempt: Attempt) -> dict[str, Any]:
    shares: dict[str, Fraction] = {}
    for segment in attempt.segments:
        key = segment.machine.resource_id
        shares[key] = max(shares.get(key, Fraction(0)), segment.share)
    ended = attempt.status is not Status.RUNNING
    return {
        "started_at": format_instant(attempt.interval.start_ns),
        "ended_at": format_instant(attempt.interval.end_ns) if ended else None,
        "status": attempt.status.value,
        "resources": [{"id": key, "share": share_text(share)} for key, share in shares.items()],
    }


def _price(price: Price) -> dict[str, Any]:
    return {
        "sku": price.sku,
        "amount": str(price.amount),
        "unit": price.unit,
        "currency": price.currency,
        "source": price.source,
        "as_of": price.as_of.isoformat() if price.as_of else None,
        "origin": price.origin,
        "quality": price.quality,
        "reference": price.is_reference,
    }


def _logs(run: RunRecord) -> list[dict[str, Any]]:
    """The logs that a run was read from, each once; none for a metered run."""
    logs = dict.fromkeys((s.log.kind, s.log.file, s.log.sha256) for s in run.segments if s.log)
    return [{"kind": kind, "file": file, "sha256": digest} for kind, file, digest in logs]


def _measured(run: RunRecord) -> dict[str, Any]:
    """Sums over machines of what was counted; null where nothing counted it."""
    return {
        name: sum_over_machines(run, name)
        for name in (
            "cpu_ns",
            "rss_bytes_max",
            "disk_read_bytes",
            "disk_write_bytes",
            "net_rx_bytes",
            "net_tx_bytes",
            "input_wait_ns",
        )
    }


def _artifacts(run: RunRecord) -> list[dict[str, Any]]:
    return [
        {
            "role": one.role,
            "uri": sound(one.uri),
            "bytes": one.bytes,
            "since": format_instant(one.held.start_ns),
            "until": None if one.is_kept else format_instant(one.held.end_ns),
            "price": _price(one.price) if isinstance(one.price, Price) else None,
        }
        for segment in run.segments
        for one in segment.artifacts
    ]
