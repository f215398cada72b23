"""Money on pages: teams and models, experiments, prices, and what could be saved."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from litestar import Request, get
from litestar.response import Template

from trainfare.core.caller import Caller
from trainfare.core.charge import View
from trainfare.flows.frontier import find_frontier
from trainfare.flows.report import make_report
from trainfare.flows.statement import state
from trainfare.flows.utilization import make_utilization
from trainfare.prices.age import age_days
from trainfare.prices.book import PriceBook
from trainfare.prices.catalogue import find_spec
from trainfare.prices.listing import Listing
from trainfare.reports.statement import StatementKind
from trainfare.reports.statement_table import overview_table, runs_table
from trainfare.reports.utilization import GpuState
from trainfare.server.grid import Cell, Column, Grid, Line, grid_of, money_cell, text_cell
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.service import Service

KEYS = ("team", "model", "experiment", "component", "service", "account", "region", "day")
"""What the showback can be by; any other label can be written in the address."""

PRICES_SHOWN = 60


@get("/teams", sync_to_thread=False)
def teams(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """Showback: who owns what of the bill; for a team its own statement."""
    caller.need("read")
    asked = {name: request.query_params.get(name, "") for name in ("by", "period", "view")}
    return make_page(
        request,
        caller,
        service,
        "teams",
        asked=asked,
        keys=KEYS,
        views=[one.value for one in View],
    )


@get("/experiments", sync_to_thread=False)
def experiments(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """Which runs of an experiment no other beats in time and cost."""
    caller.need_all_teams("read")
    asked = {name: request.query_params.get(name, "") for name in ("experiment", "metric")}
    return make_page(request, caller, service, "experiments", asked=asked)


@get("/prices", sync_to_thread=False)
def prices(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """Listed prices, the cheapest first."""
    caller.need("read")
    asked = {name: request.query_params.get(name, "") for name in ("q", "option")}
    return make_page(request, caller, service, "prices", asked=asked)


@get("/advice", sync_to_thread=False)
def advice(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """What money was spent on nothing, as far as it is measured."""
    caller.need_all_teams("read")
    return make_page(request, caller, service, "advice")


def _showback(ask: Ask) -> dict[str, Any]:
    by = tuple(one for one in (ask.word("by") or "team").split(",") if one)
    report = make_report(
        ask.home, by, period=ask.word("period"), view=View(ask.word("view") or "effective")
    )
    links = {"run": "/runs/"} | {key: f"/runs?{key}=" for key in ("team", "model", "experiment")}
    return {
        "report": report,
        "grids": [
            grid_of(one, links=links, caption=f"By {', '.join(by)}") for one in report.tables
        ],
        "by": by,
    }


def _statements(ask: Ask) -> dict[str, Any]:
    """All teams' statements, or the caller's own alone."""
    stated = state(ask.home, ask.word("period"), kind=StatementKind.SHOWBACK)
    grids = []
    for book in stated.books:
        if ask.team is None:
            grids.append(grid_of(overview_table(book), links={"team": "/runs?team="}))
            continue
        grids += [
            grid_of(runs_table(one, stated.labels), links={"run": "/runs/"})
            for one in book.statements
            if one.team == ask.team
        ]
    return {"stated": stated if ask.team is None else None, "period": stated.period, "grids": grids}


def _experiments(ask: Ask) -> dict[str, Any]:
    report = make_report(ask.home, ("experiment",), measures=())
    links = {"experiment": "/experiments?experiment="}
    return {"grids": [grid_of(one, links=links, caption="Experiments") for one in report.tables]}


def _frontier(ask: Ask) -> dict[str, Any]:
    where: Mapping[str, list[str]] = {"experiment": [ask.word("experiment") or ""]}
    table = find_frontier(ask.home, where, metric=ask.word("metric"))
    return {"grids": [grid_of(table, links={"run": "/runs/"}, caption="Time and cost")]}


def _prices(ask: Ask) -> dict[str, Any]:
    text = ask.word("q") or ""
    found = PriceBook(ask.home).find(text, option=ask.word("option")) if text else []
    at_ns = time.time_ns()
    columns = (
        Column("name", "Machine"),
        Column("provider", "Provider"),
        Column("region", "Region"),
        Column("option", "Bought as"),
        Column("accelerators", "Accelerators"),
        Column("amount", "Per hour", is_right=True, mark="list"),
        Column("age", "Age", is_right=True),
        Column("source", "Source"),
    )
    lines = tuple(_listing(one, at_ns) for one in found)
    return {"grids": [Grid("Prices", columns, lines, shown=PRICES_SHOWN)], "asked": text}


def _listing(one: Listing, at_ns: int) -> Line:
    spec = find_spec(one.provider, one.name)
    held = (
        f"{float(spec.accelerator_count):g} × {spec.accelerator}"
        if spec and spec.accelerator_count
        else None
    )
    days = age_days(one.as_of, at_ns)
    amount = f"{one.amount:f}"
    return Line(
        (
            text_cell(one.name),
            text_cell(one.provider),
            text_cell("every region" if one.region == "*" else one.region),
            text_cell(
                one.option.replace("_", " ") + (" (for orientation)" if one.is_reference else "")
            ),
            text_cell(held),
            Cell(
                f"{amount.rstrip('0').rstrip('.') if '.' in amount else amount} {one.currency}",
                amount,
            ),
            text_cell(None if days is None else f"{days} d"),
            text_cell(f"{one.origin}: {one.source}" if one.source else one.origin),
        )
    )


def _wasted(ask: Ask) -> dict[str, Any]:
    """Idle machines and runs with low use, the dearest first."""
    idle = _states_of(ask, "resource", GpuState.IDLE, "Idle machines", "Machine", "")
    low = _states_of(ask, "run", GpuState.LOW_USE, "Runs whose GPUs did nothing", "Run", "/runs/")
    return {"grids": [idle, low]}


def _states_of(ask: Ask, by: str, which: GpuState, caption: str, title: str, link: str) -> Grid:
    found = make_utilization(ask.home, (by,))
    rows = [
        (row.key[0], row.gpu_ns[which], row.amounts[which], row.paid_ns)
        for use in found.uses
        for row in use.rows
        if row.gpu_ns[which]
    ]
    rows.sort(key=lambda row: -row[2].nano)
    mark = "effective" if found.book == "billed" else "estimated"
    columns = (
        Column(by, title),
        Column("gpu_hours", "GPU-hours", is_right=True),
        Column("share", "Of its time", is_right=True),
        Column("amount", "Paid for it", is_right=True, mark=mark),
    )
    lines = tuple(
        Line(
            (
                text_cell(name, href=f"{link}{name}" if link and not name.startswith("(") else ""),
                Cell(f"{ns / 3.6e12:,.1f}", f"{ns / 3.6e12:.6f}"),
                Cell(f"{ns / paid:.0%}" if paid else "–", f"{ns / paid:.6f}" if paid else None),
                money_cell(amount),
            )
        )
        for name, ns, amount, paid in rows
    )
    return Grid(caption, columns, lines, shown=12)


add_parts(
    Part(
        "showback", _showback, takes=("by", "period", "view"), is_for_all_teams=True, height="big"
    ),
    Part("statements", _statements, takes=("period",), height="big"),
    Part("experiments", _experiments, is_for_all_teams=True, height="big"),
    Part("frontier", _frontier, takes=("experiment", "metric"), is_for_all_teams=True),
    Part("prices", _prices, takes=("q", "option")),
    Part("wasted", _wasted, is_for_all_teams=True, height="big"),
)
