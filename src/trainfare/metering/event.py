"""Events: the words of the spool's ``events.jsonl``, and values as they are written there.

Every event has ``k`` (its kind) and ``t`` (nanoseconds since the segment's start); times that must
mean something to other machines also have ``w`` (wall clock, nanoseconds since the epoch).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainfare.core.price import NoPrice, Price

if TYPE_CHECKING:
    from trainfare.core.machine import Machine

VERSION = 1
"""Version of the spool's format; a reader refuses a higher one."""

TELEMETRY, FLOPS, PLAN, TRACKER = "telemetry", "flops", "plan", "tracker"
START, MACHINE, PRICE, STAGE, ARTIFACT, GONE, NETWORK, NOTE, RESUME, END = (
    "start",
    "machine",
    "price",
    "stage",
    "artifact",
    "gone",
    "network",
    "note",
    "resume",
    "end",
)

MACHINE_FIELDS = (
    "resource_id",
    "hostname",
    "provider",
    "region",
    "zone",
    "instance_type",
    "purchase_option",
    "account",
    "cpu_model",
    "cpu_count",
    "memory_bytes",
    "in_container",
)
DEVICE_FIELDS = (
    "index",
    "id",
    "name",
    "kind",
    "memory_bytes",
    "parent_id",
    "slices",
    "slices_of",
)


def machine_to_json(machine: Machine) -> dict[str, Any]:
    """A machine as a JSON object; facts that are unknown are null."""
    document: dict[str, Any] = {name: getattr(machine, name) for name in MACHINE_FIELDS}
    document["accelerators"] = [
        {name: getattr(one, name) for name in DEVICE_FIELDS} for one in machine.accelerators
    ]
    document["facts"] = dict(machine.facts)
    return document


def price_to_json(price: Price | NoPrice) -> dict[str, Any]:
    """A price, or the reason why there is none, as a JSON object."""
    if isinstance(price, NoPrice):
        return {"sku": price.sku, "why": price.why}
    return {
        "sku": price.sku,
        "amount": str(price.amount),
        "unit": price.unit,
        "currency": price.currency,
        "source": price.source,
        "as_of": price.as_of.isoformat() if price.as_of else None,
        "origin": price.origin,
        "is_reference": price.is_reference,
        "quality": price.quality,
    }
