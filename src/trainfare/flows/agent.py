"""The agent's path: one process per node ships every run of its homes, and the node itself.

machine → meter → home/machines/NAME/SEGMENT (a spool like a run's) ─┐
runs of every home → what is new ────────────────────────────────────┴─► server

A node is paid for whether anybody trains or not. Its own record says from when to when it was there,
what it is and what it costs; what no run claims of it is idle.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.period import SECOND
from trainfare.metering.cargo import segment_folders
from trainfare.metering.home import machines_folder, make_segment_id
from trainfare.metering.meter import Meter
from trainfare.metering.place import NOTHING_STATED, Stated, make_instruments, start_facts
from trainfare.metering.shelf import close_dead
from trainfare.metering.shipper import Shipper
from trainfare.metering.spool import Spool
from trainfare.metering.wire import server_of

EVERY_SECONDS = 10.0

SAMPLE_NS = 10 * SECOND
"""A node is sampled more rarely than a run: nothing is cut by it but its own end."""

CLOSE_SECONDS = 60.0
"""So often it is looked for runs whose process died without a word."""

LAST_SECONDS = 5.0
"""The end of the agent waits at most so long for its last shipment."""


def run_agent(
    homes: Sequence[Path],
    stopped: threading.Event,
    environ: Mapping[str, str] | None = None,
    stated: Stated = NOTHING_STATED,
) -> None:
    """Ship what *homes* record, and this machine into the first of them, until *stopped*.

    Raises:
        BadInput: no server is named.
    """
    environ = os.environ if environ is None else environ
    server = server_of(environ)
    if server is None:
        raise BadInput("no server to ship to; set TRAINFARE_SERVER and TRAINFARE_TOKEN")
    shippers = [Shipper(home, server) for home in homes]
    meter = _start_meter(homes[0], environ, stated)
    closed_at = 0.0
    try:
        delay = 0.0
        while not stopped.wait(delay):
            if time.monotonic() - closed_at >= CLOSE_SECONDS:
                closed_at = time.monotonic()
                for home in homes:
                    close_dead(home)
            waits = [shipper.ship(segment_folders(shipper.home)) for shipper in shippers]
            delay = max(waits) or EVERY_SECONDS
    finally:
        meter.stop("finished")
        for shipper in shippers:
            shipper.ship(segment_folders(shipper.home), until=time.monotonic() + LAST_SECONDS)


def _start_meter(home: Path, environ: Mapping[str, str], stated: Stated) -> Meter:
    facts = start_facts(environ, stated)
    machine = facts.event["machine"]
    name = machine_name(machine["hostname"], machine["resource_id"])
    segment_id = make_segment_id(0)
    spool = Spool(machines_folder(home) / name / segment_id)
    event = {**facts.event, "run": name, "segment": segment_id, "rank": 0}
    meter = Meter(spool, make_instruments(home, stated), event, interval_ns=SAMPLE_NS)
    meter.start()
    return meter


def machine_name(hostname: str, resource_id: str) -> str:
    """The name of a machine's record: readable, and its own among machines of one host name.

    >>> machine_name("GPU-7.cluster", "i-0abc")
    'gpu-7-cluster-6b9f8adb'
    """
    readable = re.sub(r"[^a-z0-9]+", "-", hostname.lower()).strip("-")[:40] or "machine"
    return f"{readable}-{hashlib.sha256(resource_id.encode()).hexdigest()[:8]}"
