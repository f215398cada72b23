"""Budgets and alerts on pages: where they stand, set, delete, acknowledge."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request, get, post
from litestar.response import Redirect, Template

from trainfare.core.budget import Budget, BudgetPeriod, BudgetView, State, make_budget
from trainfare.core.caller import Caller, NotAllowed
from trainfare.core.errors import TrainfareError
from trainfare.flows.alerts import acknowledge, read_alerts
from trainfare.flows.budget import drop_budget, set_budget, standings
from trainfare.metering.budget_shelf import read_budgets
from trainfare.server.budget_api import is_of_team, own_budget
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.service import Service


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
    caller.need_all_teams("budget")
    await asyncio.to_thread(acknowledge, service.home, [alert])
    return Redirect("/budgets?done=acknowledged#alerts", status_code=303)


def _all(ask: Ask) -> dict[str, Any]:
    own = [one for one in read_budgets(ask.home) if is_of_team(one, ask.team)]
    return {"standings": standings(ask.home, own) if own else [], "states": State}


def _alerts(ask: Ask) -> dict[str, Any]:
    shelf = read_alerts(ask.home)
    still_open = [one for one in shelf.alerts if one.is_open]
    return {
        "alerts": sorted(still_open, key=lambda one: (one.severity.value, -one.opened_ns)),
        "resolved": [one for one in shelf.alerts if not one.is_open][-10:][::-1],
    }


add_parts(
    Part("budgets", _all, height="big"),
    Part("alerts", _alerts, is_for_all_teams=True),
)
