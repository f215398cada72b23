"""Money on pages: teams and models, experiments, prices."""

from __future__ import annotations

import time
from typing import Any

from litestar import Request, get
from litestar.response import Template

from trainfare.core.caller import Caller
from trainfare.core.charge import View
from trainfare.flows.frontier import find_frontier
from trainfare.flows.report import make_report
from trainfare.flows.statement import state
from trainfare.metering.metrics import read_series
from trainfare.prices.age import age_days
from trainfare.prices.book import PriceBook
from trainfare.prices.catalogue import find_spec
from trainfare.prices.listing import Listing
from trainfare.reports.statement import StatementKind
from trainfare.reports.statement_table import overview_table, runs_table
from trainfare.server.grid import Cell, Column, Grid, Line, grid_of, text_cell
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.service import Service
from trainfare.store.sights import Wanted, read_page

KEYS = ("team", "model", "experiment", "component", "service", "account", "region", "day")
"""What the showback can be by; any other label can be written in the address."""

FRONTIER_SHOWN = 25
PRICES_SHOWN = 40
SOURCE_SHOWN = 28
"""So many letters of a price's source are on a page."""


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


@get("/experiments", sync_to_thread=True)
def experiments(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """Which runs of an experiment no other beats in time and cost."""
    caller.need_all_teams("read")
    asked = {name: request.query_params.get(name, "") for name in ("experiment", "metric")}
    one = None
    if asked["experiment"]:
        with service.ledger.look() as connection:
            page = read_page(connection, Wanted(experiment=asked["experiment"]), limit=1)
        one = page.rows[0]["run"] if page.rows else None
    return make_page(request, caller, service, "experiments", asked=asked, one=one)


@get("/prices", sync_to_thread=False)
def prices(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """Listed prices, the cheapest first."""
    caller.need("read")
    asked = {name: request.query_params.get(name, "") for name in ("q", "option")}
    return make_page(request, caller, service, "prices", asked=asked)


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
            grids.append(
                grid_of(overview_table(book), links={"team": "/runs?team="}, mark=stated.view.value)
            )
            continue
        grids += [
            grid_of(runs_table(one, stated.labels), links={"run": "/runs/"}, mark=stated.view.value)
            for one in book.statements
            if one.team == ask.team
        ]
    return {"stated": stated if ask.team is None else None, "period": stated.period, "grids": grids}


def _experiments(ask: Ask) -> dict[str, Any]:
    report = make_report(ask.home, ("experiment",), measures=("gpu_hours", "per_run", "unfinished"))
    links = {"experiment": "/experiments?experiment="}
    return {"grids": [grid_of(one, links=links, caption="Experiments") for one in report.tables]}


def _frontier(ask: Ask) -> dict[str, Any]:
    """The runs of an experiment, those first that no other beats; and what they logged."""
    experiment = ask.word("experiment") or ""
    table = find_frontier(ask.home, {"experiment": [experiment]}, metric=ask.word("metric"))
    names = sorted({name for row in table.rows for name in read_series(ask.home, str(row["run"]))})
    grid = grid_of(table, links={"run": "/runs/"}, caption="Time and cost", shown=FRONTIER_SHOWN)
    return {"grids": [grid], "names": names, "experiment": experiment}


def _gain(ask: Ask) -> dict[str, Any]:
    """What each run of an experiment cost for what its metric gained."""
    experiment, metric = ask.word("experiment") or "", ask.word("metric") or ""
    report = make_report(
        ask.home, ("run",), where={"experiment": [experiment]}, measures=("hours", f"per:{metric}")
    )
    links = {"run": "/runs/"}
    grids = [
        grid_of(one, links=links, caption=f"Cost per {metric}", shown=FRONTIER_SHOWN)
        for one in report.tables
    ]
    return {"grids": grids}


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
        Column("amount", "Per hour", is_right=True, mark="price"),
        Column("age", "Age", is_right=True),
        Column("source", "Source"),
    )
    lines = tuple(_listing(one, at_ns) for one in found)
    return {"grids": [Grid("Prices", columns, lines, shown=PRICES_SHOWN)], "asked": text}


def _shortened(text: str) -> str:
    """The beginning of a source; its title and files have all of it."""
    return text if len(text) <= SOURCE_SHOWN else f"{text[:SOURCE_SHOWN].rstrip()} …"


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
            Cell(
                f"{one.origin}: {_shortened(one.source)}" if one.source else one.origin,
                f"{one.origin}: {one.source}" if one.source else one.origin,
                why=one.source or "",
            ),
        )
    )


add_parts(
    Part(
        "showback", _showback, takes=("by", "period", "view"), is_for_all_teams=True, height="big"
    ),
    Part("statements", _statements, takes=("period",), height="big"),
    Part("experiments", _experiments, is_for_all_teams=True, height="big"),
    Part("frontier", _frontier, takes=("experiment", "metric"), is_for_all_teams=True),
    Part("gain", _gain, takes=("experiment", "metric"), is_for_all_teams=True),
    Part("prices", _prices, takes=("q", "option")),
)
