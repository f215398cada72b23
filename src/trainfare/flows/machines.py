"""The machines' path: which nodes there are, who holds them, what of them is idle.

home/machines (what agents record) + runs of the same time → machine time by machine
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from trainfare.core.claim import share_text
from trainfare.core.money import text_or_none
from trainfare.core.period import DAY, Interval, format_instant
from trainfare.core.price import NoPrice, Price
from trainfare.metering.shelf import Faults, read_machines, read_others
from trainfare.reports.machine_time import MachineTime, machine_times


def list_machines(
    home: Path, *, now_ns: int | None = None, window_ns: int = DAY
) -> list[MachineTime]:
    """Every machine whose agent recorded something within the last *window_ns*."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    window = Interval(now_ns - window_ns, now_ns)
    machines = [one.segment for one in read_machines(home, window.start_ns, now_ns)]
    if not machines:
        return []
    runs = read_others(home, "", window.start_ns, now_ns, Faults(), skew_ns=0)
    return machine_times(machines, (one.segment for one in runs), window)


def machine_json(one: MachineTime) -> dict[str, Any]:
    """A machine as the API says it."""
    machine, price = one.last.machine, one.price
    return {
        "machine": one.last.run,
        "host": machine.hostname,
        "resource": machine.resource_id,
        "instance_type": machine.instance_type,
        "region": machine.region,
        "accelerators": len(machine.accelerators),
        "is_there": one.is_there,
        "seen_at": format_instant(one.last.interval.end_ns),
        "there_seconds": one.there_ns // 10**9,
        "idle_seconds": int(one.idle_ns // 10**9),
        "idle": text_or_none(one.idle_cost),
        "idle_now_per_hour": text_or_none(one.idle_now_per_hour),
        "held_share": share_text(one.held_share),
        "runs": list(one.runs),
        "currency": price.currency if isinstance(price, Price) else None,
        "why_no_price": price.why if isinstance(price, NoPrice) else None,
    }
