"""Resources: what paid GPUs did, who holds them now, and when they are idle."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.response import Template

from trainfare.core.caller import Caller
from trainfare.flows.utilization import make_utilization
from trainfare.reports.utilization import GpuState
from trainfare.server.grid import Cell, Column, Grid, Line, grid_of, text_cell
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.service import Service
from trainfare.store.sights import Wanted, read_page

HOLDERS_MAX = 200
"""So many running runs are looked at for who holds what."""

_TONES = {
    GpuState.BUSY: "own",
    GpuState.LOW_USE: "over",
    GpuState.IDLE: "idle",
}


@get("/resources", sync_to_thread=True)
def resources(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """Who holds which GPU, and what those do that nobody holds."""
    caller.need_all_teams("read")
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
    found = make_utilization(ask.home, ("resource",), period=ask.word("period"))
    return {"grids": [grid_of(table, caption="GPU machines", shown=60) for table in found.tables()]}


def _holders(ask: Ask) -> dict[str, Any]:
    """Running runs with their machines and GPUs."""
    from trainfare.flows.watch import take_frame

    with ask.service.ledger.look() as connection:
        wanted = Wanted(team=ask.team, status=("running",))
        page = read_page(connection, wanted, limit=HOLDERS_MAX)
    lines = []
    for row in page.rows:
        frame = take_frame(ask.home, row["run"])
        held = {
            (segment.machine.resource_id, segment.machine.instance_type or "")
            for segment in frame.receipt.run.attempts[-1].segments
        }
        activity = [
            one.activity[-1]
            for one in frame.devices
            if one.activity and one.activity[-1] is not None
        ]
        mean = f"{sum(activity) / len(activity):.0%}" if activity else None
        hourly = frame.price_per_hour
        lines.append(
            Line(
                (
                    text_cell(row["name"] or row["run"], href=f"/runs/{row['run']}"),
                    text_cell(row["labels"].get("team")),
                    text_cell(", ".join(sorted(f"{name} {kind}".strip() for name, kind in held))),
                    Cell(str(len(frame.devices)), len(frame.devices)),
                    text_cell(mean),
                    text_cell(None if hourly is None else hourly.display(2)),
                )
            )
        )
    columns = (
        Column("run", "Run"),
        Column("team", "Team"),
        Column("machines", "Machines"),
        Column("gpus", "GPUs", is_right=True),
        Column("gpu_activity", "GPU activity", is_right=True),
        Column("per_hour", "Per hour", is_right=True, mark="estimated"),
    )
    return {"grids": [Grid("Who holds what now", columns, tuple(lines))]}


def _commitments(ask: Ask) -> dict[str, Any]:
    found = make_utilization(ask.home, ("state",), period=ask.word("period"))
    columns = (
        Column("commitment", "Commitment"),
        Column("used", "Used", is_right=True, mark="effective"),
        Column("unused", "Unused", is_right=True, mark="effective"),
        Column("utilization", "Used of it", is_right=True),
        Column("savings", "Saved against list", is_right=True),
    )
    lines = tuple(
        Line(
            (
                text_cell(one.provider if one.commitment is None else one.name or one.commitment),
                text_cell(one.used.display(2)),
                text_cell(one.unused.display(2)),
                text_cell(_share(one.commitment_utilization)),
                text_cell(_share(one.on_list.rate)),
            ),
            "total" if one.commitment is None else "group",
        )
        for one in found.commitments
        if one.used or one.unused
    )
    return {"grids": [Grid("Commitments", columns, lines)]}


def _share(value: Any) -> str | None:
    return None if value is None else f"{float(value):.1%}"


add_parts(
    Part("gpu_states", _states, takes=("period",), is_for_all_teams=True),
    Part("machines", _machines, takes=("period",), is_for_all_teams=True, height="big"),
    Part("holders", _holders, is_for_all_teams=True),
    Part("commitments", _commitments, takes=("period",), is_for_all_teams=True),
)
