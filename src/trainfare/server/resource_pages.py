"""Resources: what paid GPUs did, who holds them now, and when they are idle."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from litestar import Request, get
from litestar.response import Template

from trainfare.core.caller import Caller
from trainfare.core.plain import percent
from trainfare.flows.utilization import make_utilization
from trainfare.reports.utilization import GpuState, UseRow
from trainfare.server.grid import Cell, Column, Grid, Line, money_cell, resource_cell, text_cell
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.present import show_holders, show_nodes
from trainfare.server.service import Service

_TONES = {
    GpuState.BUSY: "own",
    GpuState.LOW_USE: "over",
    GpuState.IDLE: "idle",
}

_SHOWN = (GpuState.BUSY, GpuState.LOW_USE, GpuState.UNKNOWN, GpuState.IDLE)
"""States with a column of their own; the bar has all."""


@get("/resources", sync_to_thread=True)
def resources(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """Who holds which GPU, and what those do that nobody holds."""
    caller.need("read")
    period = request.query_params.get("period", "")
    return make_page(request, caller, service, "resources", period=period)


def _states(ask: Ask) -> dict[str, Any]:
    """Paid GPU time by what the GPUs did meanwhile."""
    found = make_utilization(ask.home, ("state",), period=ask.word("period"))
    return {
        "found": found,
        "books": [
            {
                "currency": use.currency,
                "total": use.total,
                "states": [
                    (
                        _TONES.get(state, "other"),
                        state.value.replace("_", " "),
                        use.total.gpu_ns[state],
                        amount,
                    )
                    for state, amount in use.total.amounts.items()
                    if use.total.gpu_ns[state]
                ],
            }
            for use in found.uses
        ],
        "view": "effective" if found.book == "billed" else "estimated",
    }


def _machines(ask: Ask) -> dict[str, Any]:
    """What the GPUs of every machine did, the dearest machine first."""
    found = make_utilization(ask.home, ("resource",), period=ask.word("period"))
    mark = "effective" if found.book == "billed" else "estimated"
    columns = (
        Column("resource", "Machine"),
        Column("did", "What its GPUs did"),
        Column("runs", "Runs", is_right=True),
        Column("gpu_seconds", "GPU-hours", is_right=True),
        *(
            Column(
                f"{one.value}_gpu_seconds", one.value.replace("_", " ").capitalize(), is_right=True
            )
            for one in _SHOWN
        ),
        Column("paid", "Paid", is_right=True, mark=mark),
        Column("idle", "Of it idle", is_right=True, mark=mark),
    )
    grids = []
    for use in found.uses:
        rows = sorted(use.rows, key=lambda row: -row.amount.nano)
        lines = [_machine_line(row, resource_cell(row.key[0])) for row in rows]
        total = _machine_line(use.total, text_cell("total"), "total")
        caption = f"What the GPUs of machines did, in {use.currency}"
        grids.append(Grid(caption, columns, (*lines, total), shown=25))
    return {"grids": grids}


def _machine_line(row: UseRow, name: Cell, role: str = "group") -> Line:
    paid = row.paid_ns
    shares = [(state, row.gpu_ns[state] / paid if paid else 0.0) for state in GpuState]
    said = ", ".join(
        f"{state.value.replace('_', ' ')} {percent(share, 0)}" for state, share in shares if share
    )
    pieces = tuple(
        (
            _TONES.get(state, "other"),
            share * 100,
            f"{state.value.replace('_', ' ')} {percent(share)}",
        )
        for state, share in shares
    )
    return Line(
        (
            name,
            Cell(said, said, pieces=pieces),
            Cell(str(len(row.run_ids)), len(row.run_ids)),
            _hours(paid),
            *(_hours(row.gpu_ns[state]) for state in _SHOWN),
            money_cell(row.amount),
            money_cell(row.amounts[GpuState.IDLE]),
        ),
        role,
    )


def _hours(time_ns: int) -> Cell:
    """Hours for people, seconds in files."""
    return Cell(f"{time_ns / 3.6e12:,.1f}", f"{Decimal(time_ns).scaleb(-9):f}")


add_parts(
    Part("gpu_states", _states, takes=("period",), is_for_all_teams=True),
    Part("holders", show_holders),
    Part("nodes", show_nodes, is_for_all_teams=True),
    Part("machines", _machines, takes=("period",), is_for_all_teams=True, height="big"),
)
