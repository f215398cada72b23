"""Machines and clients: which nodes there are, what of them is idle, who ships and how well."""

from __future__ import annotations

from typing import Any

from litestar import get

from trainfare.core.caller import Caller
from trainfare.core.period import format_instant
from trainfare.flows.machines import list_machines, machine_json
from trainfare.server.service import Service
from trainfare.store.clients import read_senders


@get("/machines", sync_to_thread=True, tags=["machines"])
def machines(caller: Caller, service: Service) -> dict[str, Any]:
    """Every machine whose agent was heard within a day: who holds it, what of it was idle."""
    caller.need_all_teams("read")
    return {"machines": [machine_json(one) for one in list_machines(service.home)]}


@get("/clients", sync_to_thread=True, tags=["machines"])
def clients(caller: Caller, service: Service) -> dict[str, Any]:
    """Every machine that ships: when last, and by how much its clock is ahead of the server's."""
    caller.need("read")
    with service.ledger.look() as connection:
        senders = read_senders(connection)
    return {
        "clients": [
            {
                "client": one.name,
                "team": one.team,
                "seen_at": format_instant(one.seen_ns),
                "clock_ahead_seconds": round(one.skew_ns / 10**9, 3),
            }
            for one in senders
            if caller.sees(one.team)
        ]
    }
