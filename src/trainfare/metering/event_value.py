"""Event values: what events carry, read back as the words of the trade.

Apart from :mod:`trainfare.metering.event`, because a training only writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from trainfare.core.machine import Accelerator, Machine
from trainfare.core.plan import Plan
from trainfare.core.price import NoPrice, Price
from trainfare.core.run import LogOrigin
from trainfare.metering.event import DEVICE_FIELDS, MACHINE_FIELDS, PLAN

PLAN_FIELDS = ("steps", "epochs", "samples", "tokens", "epoch_steps", "loop_steps")
"""What a plan event may say; null takes back what an earlier one said."""

_LOG_FIELDS = (
    "kind",
    "file",
    "bytes",
    "sha256",
    "timer_name",
    "timer_start_ns",
    "timer_end_ns",
)


def machine_from_json(document: dict[str, Any]) -> Machine:
    """The machine of :func:`machine_to_json`; unknown keys are passed over.

    >>> from trainfare.metering.event import machine_to_json
    >>> one = Machine("i-0abc", "node-1", accelerators=(Accelerator(0, "GPU-1", "H100"),))
    >>> machine_from_json(machine_to_json(one)) == one
    True
    """
    known = {name: document[name] for name in MACHINE_FIELDS if name in document}
    devices = tuple(
        Accelerator(**{name: one[name] for name in DEVICE_FIELDS if name in one})
        for one in document.get("accelerators", ())
    )
    return Machine(**known, accelerators=devices, facts=dict(document.get("facts", {})))


def price_from_json(document: dict[str, Any]) -> Price | NoPrice:
    """The value of :func:`price_to_json`.

    >>> from trainfare.metering.event import price_to_json
    >>> price_from_json(price_to_json(NoPrice("x", "nobody said")))
    NoPrice(sku='x', why='nobody said')
    """
    if "amount" not in document:
        return NoPrice(document["sku"], document["why"])
    as_of = document.get("as_of")
    return Price(
        sku=document["sku"],
        amount=Decimal(document["amount"]),
        unit=document["unit"],
        currency=document["currency"],
        source=document.get("source", ""),
        as_of=date.fromisoformat(as_of) if as_of else None,
        origin=document.get("origin", "stated"),
        is_reference=bool(document.get("is_reference", False)),
        quality=document.get("quality", "fresh"),
    )


def plan_from_json(events: Sequence[dict[str, Any]]) -> Plan:
    """The plan that several events tell of; for each kind of work the last word counts.

    >>> plan_from_json([{"k": PLAN, "epochs": 3}, {"k": "stage"}, {"k": PLAN, "epochs": 4}]).epochs
    4
    """
    said: dict[str, int | None] = {}
    for event in events:
        if event["k"] == PLAN:
            said |= {name: event[name] for name in PLAN_FIELDS if name in event}
    return Plan(**said)


def log_to_json(log: LogOrigin) -> dict[str, Any]:
    """Where an imported segment comes from, as a JSON object."""
    return {name: getattr(log, name) for name in _LOG_FIELDS}


def log_from_json(document: dict[str, Any]) -> LogOrigin:
    """The value of :func:`log_to_json`.

    >>> one = LogOrigin("mllog", "result_0.txt", 7, "ab" * 32, "run_start to run_stop", 1, 2)
    >>> log_from_json(log_to_json(one)) == one
    True
    """
    return LogOrigin(**{name: document[name] for name in _LOG_FIELDS if name in document})
