"""The showing path: everything that the record of one run says, and who said it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainfare.core.activity import Activity, device_activity
from trainfare.core.claim import share_text
from trainfare.core.machine import Accelerator, Machine
from trainfare.core.period import SECOND, format_instant
from trainfare.core.price import NoPrice
from trainfare.core.run import (
    PriceMark,
    Segment,
)
from trainfare.core.stage import Status
from trainfare.flows.forecast import with_forecasts
from trainfare.flows.months import with_bills
from trainfare.metering.history import read_receipt
from trainfare.metering.metrics import Metric, read_metrics
from trainfare.metering.receipt import Receipt
from trainfare.metering.receipt_use import device_json

QUESTIONS = (
    "resource_id",
    "provider",
    "region",
    "zone",
    "instance_type",
    "purchase_option",
    "account",
)
"""What is asked about every machine; its facts name who answered."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """One run with all its details."""

    receipt: Receipt
    metrics: Mapping[str, Metric]

    @property
    def machines(self) -> list[Machine]:
        """Each machine once, as the segment knew it that recorded it last."""
        found = {s.machine.resource_id: s.machine for s in self.receipt.run.segments}
        return list(found.values())

    @property
    def devices(self) -> list[tuple[Accelerator, Activity]]:
        """The accelerators that were measured, machine by machine, and what each of them did."""
        known = {one.id: one for machine in self.machines for one in machine.accelerators}
        found = device_activity(self.receipt.run)
        return [(device, found[name]) for name, device in known.items() if name in found]

    def to_json(self) -> dict[str, Any]:
        """The keys of the receipt, and machines, segments and metrics beside them."""
        attempts = self.receipt.run.attempts
        return {
            **self.receipt.to_json(),
            "machines": [_machine(machine) for machine in self.machines],
            "devices": [device_json(device, activity) for device, activity in self.devices],
            "segments": [_segment(s, a.number) for a in attempts for s in a.segments],
            "metrics": {name: metric.to_json() for name, metric in self.metrics.items()},
        }


def open_dossier(home: Path, run_id: str, *, beside: Collection[str] | None = None) -> Dossier:
    """Read everything recorded of one run.

    Raises:
        NotFound: nothing was recorded of it here.
    """
    [receipt] = with_forecasts(home, with_bills(home, [read_receipt(home, run_id, beside=beside)]))
    return Dossier(receipt, read_metrics(home, run_id))


def answers_of(machine: Machine) -> dict[str, tuple[str | None, str | None]]:
    """Question → (answer, who gave it); both None where nobody knows."""
    return {
        question: (getattr(machine, question), machine.facts.get(question))
        for question in QUESTIONS
    }


def _machine(machine: Machine) -> dict[str, Any]:
    return {
        "resource_id": machine.resource_id,
        "hostname": machine.hostname,
        "cpu_model": machine.cpu_model,
        "cpu_count": machine.cpu_count,
        "memory_bytes": machine.memory_bytes,
        "in_container": machine.in_container,
        "answers": {
            question: {"value": value, "source": source}
            for question, (value, source) in answers_of(machine).items()
        },
        "accelerators": [_accelerator(one) for one in machine.accelerators],
        "facts": dict(machine.facts),
    }


def _accelerator(one: Accelerator) -> dict[str, Any]:
    return {
        "index": one.index,
        "id": one.id,
        "name": one.name,
        "kind": one.kind,
        "memory_bytes": one.memory_bytes,
        "parent_id": one.parent_id,
        "slices": one.slices,
        "slices_of": one.slices_of,
    }


def _segment(segment: Segment, attempt: int) -> dict[str, Any]:
    totals = segment.totals
    is_over = segment.status is not Status.RUNNING
    return {
        "id": segment.id,
        "attempt": attempt,
        "rank": segment.rank,
        "wrapper": segment.is_wrapper,
        "resource": segment.machine.resource_id,
        "hostname": segment.machine.hostname,
        "share": share_text(segment.share),
        "held_devices": list(segment.held_devices),
        "started_at": format_instant(segment.interval.start_ns),
        "ended_at": format_instant(segment.interval.end_ns) if is_over else None,
        "duration_seconds": round(segment.duration_ns / SECOND, 6),
        "status": segment.status.value,
        "exit_code": segment.exit_code,
        "error": segment.error,
        "steps": segment.steps,
        "samples": totals.samples,
        "cpu_ns": totals.cpu_ns,
        "rss_bytes_max": totals.rss_bytes_max,
        "disk_read_bytes": totals.disk_read_bytes,
        "disk_write_bytes": totals.disk_write_bytes,
        "net_rx_bytes": totals.net_rx_bytes,
        "net_tx_bytes": totals.net_tx_bytes,
        "input_wait_ns": totals.input_wait_ns,
        "interfaces": None
        if segment.network is None
        else {name: {"rx_bytes": rx, "tx_bytes": tx} for name, (rx, tx) in segment.network.items()},
        "network_class": segment.network_class,
        "prices": [_mark(mark) for mark in segment.prices],
        "notes": list(segment.notes),
    }


def _mark(mark: PriceMark) -> dict[str, Any]:
    """A price and from when on (seconds since the segment's start) it held."""
    since = {"since_seconds": round(mark.at_ns / SECOND, 6)}
    if isinstance(mark.price, NoPrice):
        return {**since, "sku": mark.price.sku, "amount": None, "why": mark.price.why}
    return {
        **since,
        "sku": mark.price.sku,
        "amount": str(mark.price.amount),
        "unit": mark.price.unit,
        "currency": mark.price.currency,
        "origin": mark.price.origin,
        "source": mark.price.source,
    }
