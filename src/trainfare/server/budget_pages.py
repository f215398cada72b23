"""Budgets and alerts on pages: where they stand, set, delete, acknowledge."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from litestar import Request, get, post
from litestar.response import Redirect, Template

from trainfare.budgets.alert import Alert, Kind
from trainfare.core.budget import Budget, BudgetPeriod, BudgetView, Standing, State, make_budget
from trainfare.core.caller import Caller, NotAllowed
from trainfare.core.errors import NotFound, TrainfareError
from trainfare.core.period import format_instant
from trainfare.flows.alerts import acknowledge, read_alerts
from trainfare.flows.budget import drop_budget, set_budget, standings
from trainfare.flows.own import OF_BUDGETS, OF_RUNS, is_of_team
from trainfare.metering.budget_shelf import read_budgets
from trainfare.server.budget_api import own_alerts, own_budget
from trainfare.server.grid import Cell, Column, Grid, Line, money_cell, text_cell
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.service import Service
from trainfare.server.writing import view_kind

RESOLVED_SHOWN = 10
"""So many alerts that are over stand below those that are open."""

_PLACES = {
    Kind.SPEND: "/teams",
    Kind.UNATTRIBUTED: "/bills#unallocated",
    Kind.PRICE: "/prices",
    Kind.BILL: "/bills",
    Kind.COMMITMENT: "/commitments",
    Kind.CONSERVATION: "/bills#verify",
}
"""Where the page is that shows more of what an alert is about."""


@get("/budgets", sync_to_thread=False)
def budgets(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """Where every budget stands, and what is wrong now."""
    caller.need("read")
    return _page(request, caller, service, done=request.query_params.get("done"))


def _page(
    request: Request[Any, Any, Any],
    caller: Caller,
    service: Service,
    *,
    problem: str | None = None,
    done: str | None = None,
) -> Template:
    return make_page(
        request,
        caller,
        service,
        "budgets",
        status=400 if problem else 200,
        problem=problem,
        done=done,
        periods=[one.value for one in BudgetPeriod],
        views=[one.value for one in BudgetView],
    )


@post("/budgets", status_code=303)
async def put_budget(
    request: Request[Any, Any, Any], caller: Caller, service: Service
) -> Template | Redirect:
    """Set a budget, or replace the one of that name."""
    caller.need("budget")
    form = await request.form()
    words = {
        key: str(form.get(key, "")).strip()
        for key in ("name", "limit", "scope", "period", "view", "at")
    }
    try:
        made = make_budget(
            words["name"],
            words["limit"],
            scope=words["scope"],
            period=words["period"] or "total",
            view=words["view"] or "estimated",
            thresholds=[one for one in words["at"].replace(",", " ").split() if one],
        )
        await asyncio.to_thread(_put, service, caller, made)
    except TrainfareError as error:
        if isinstance(error, NotAllowed):
            raise
        return await asyncio.to_thread(_page, request, caller, service, problem=str(error))
    return Redirect(f"/budgets?done={made.id}", status_code=303)


def _put(service: Service, caller: Caller, made: Budget) -> None:
    before = next((one for one in read_budgets(service.home) if one.id == made.id), None)
    for one in (made, before):
        if one is not None and not is_of_team(one, caller.team):
            raise NotAllowed(
                f"this budget is not of team {caller.team!r} alone; write team={caller.team} in its scope"
            )
    set_budget(service.home, made)


@post("/budgets/{name:str}/delete", status_code=303)
async def delete_budget(name: str, caller: Caller, service: Service) -> Redirect:
    """Remove a budget."""
    caller.need("budget")
    await asyncio.to_thread(_drop, service, caller, name)
    return Redirect("/budgets?done=deleted", status_code=303)


def _drop(service: Service, caller: Caller, name: str) -> None:
    drop_budget(service.home, own_budget(service, caller, name).id)


@post("/alerts/{alert:str}/acknowledge", status_code=303)
async def acknowledge_alert(alert: str, caller: Caller, service: Service) -> Redirect:
    """Note that somebody has seen it: it is not told again unless it gets worse."""
    caller.need("budget")
    await asyncio.to_thread(_acknowledge, service, caller, alert)
    return Redirect("/budgets?done=acknowledged#alerts", status_code=303)


def _acknowledge(service: Service, caller: Caller, alert: str) -> None:
    still_open = [one for one in read_alerts(service.home).alerts if one.is_open]
    if alert not in {one.id for one in own_alerts(service, caller, still_open)}:
        raise NotFound(f"no open alert is {alert!r}; /budgets lists those there are")
    acknowledge(service.home, [alert], who=caller.name)


def _all(ask: Ask) -> dict[str, Any]:
    own = [one for one in read_budgets(ask.home) if is_of_team(one, ask.team)]
    found = standings(ask.home, own) if own else []
    columns = (
        Column("id", "Budget"),
        Column("run", "Run"),
        Column("scope", "Which runs"),
        Column("period", "Starts again each"),
        Column("view", "Held against"),
        Column("currency", "Currency"),
        Column("limit", "Limit", is_right=True, mark="limit"),
        Column("spent", "Spent", is_right=True),
        Column("forecast", "Forecast", is_right=True, mark="forecast"),
        Column("state", "State"),
        Column("why", "What it lacks"),
    )
    grid = Grid("Budgets", columns, tuple(map(_budget_line, found)))
    return {"standings": found, "states": State, "grids": [grid]}


def _budget_line(one: Standing) -> Line:
    budget = one.budget
    return Line(
        (
            text_cell(budget.id),
            text_cell(one.run),
            text_cell(budget.scope.text),
            text_cell(budget.period.value),
            text_cell(budget.view.value),
            text_cell(one.limit.currency),
            money_cell(one.limit),
            money_cell(one.spent),
            money_cell(one.forecast),
            text_cell(one.state.value),
            text_cell(one.why),
        )
    )


def _alerts(ask: Ask) -> dict[str, Any]:
    """What is wrong now, the gravest first, and what was; for a team, of its runs and budgets."""
    viewer = Caller("page", frozenset({"read"}), ask.team)
    seen = own_alerts(ask.service, viewer, list(read_alerts(ask.home).alerts))
    views = {one.id: one.view.value for one in read_budgets(ask.home)}
    still_open = sorted(
        (one for one in seen if one.is_open), key=lambda one: (-one.severity.value, -one.opened_ns)
    )
    over = sorted((one for one in seen if not one.is_open), key=lambda one: -(one.resolved_ns or 0))
    columns = (
        Column("state", "State"),
        Column("severity", "Severity"),
        Column("kind", "Kind"),
        Column("subject", "About"),
        Column("sentence", "What"),
        Column("opened_at", "Since"),
        Column("resolved_at", "Over"),
        Column("acknowledged_by", "Seen by"),
        Column("id", "Alert"),
    )
    lines = tuple(_alert_line(one) for one in (*still_open, *over))
    return {
        "alerts": still_open,
        "kinds": {one.id: _kind_of(one, views) for one in seen},
        "places": {one.id: _place_of(one) for one in still_open},
        "resolved": over[:RESOLVED_SHOWN],
        "grids": [Grid("Alerts", columns, lines)],
    }


def _place_of(one: Alert) -> str:
    """The page about what is wrong."""
    first = quote(one.subject.split(" ")[0], safe="")
    if one.kind in OF_RUNS:
        return f"/runs/{first}"
    if one.kind in OF_BUDGETS:
        return f"/budgets#b-{first}"
    return _PLACES.get(one.kind, "")


def _kind_of(one: Alert, views: Mapping[str, str]) -> str:
    """Which money its sentence speaks of."""
    if one.kind in OF_BUDGETS:
        return view_kind(views.get(one.subject.split(" ")[0], "estimated"))
    if one.kind in OF_RUNS:
        return "estimated"
    return "price" if one.kind is Kind.PRICE else "effective"


def _alert_line(one: Alert) -> Line:
    return Line(
        (
            text_cell("open" if one.is_open else "resolved"),
            text_cell(one.severity.word),
            text_cell(one.kind.value),
            text_cell(one.subject),
            text_cell(one.sentence),
            text_cell(format_instant(one.opened_ns)),
            Cell("–", is_known=False)
            if one.resolved_ns is None
            else text_cell(format_instant(one.resolved_ns)),
            text_cell(one.acknowledged_by),
            text_cell(one.id),
        )
    )


add_parts(
    Part("budgets", _all, height="big"),
    Part("alerts", _alerts, is_slow=False),
)
