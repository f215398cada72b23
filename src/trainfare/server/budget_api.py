"""Budgets and alerts over the API.

A caller that is bound to a team sees and changes the budgets whose scope is that team's alone, and
the alerts of those and of its runs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Annotated, Any

from litestar import Response, delete, get, post, put
from litestar.params import QueryParameter

from trainfare.budgets.alert import Alert
from trainfare.budgets.alert_shelf import alert_json
from trainfare.core.budget import Budget, BudgetPeriod, BudgetView, State, make_budget
from trainfare.core.caller import Caller, NotAllowed
from trainfare.core.errors import NotFound
from trainfare.core.labels import parse_labels
from trainfare.core.period import parse_instant
from trainfare.flows.alerts import acknowledge, queue_json, read_alerts
from trainfare.flows.budget import drop_budget, fit_plan, set_budget, standings
from trainfare.flows.budget_json import fits_json, scoped_json, standing_json
from trainfare.flows.fare import read_plan
from trainfare.flows.own import OF_RUNS, alerts_of, is_of_team
from trainfare.metering.budget_shelf import read_budgets
from trainfare.server.own_runs import own_among
from trainfare.server.service import Service
from trainfare.server.sheet import Form, as_form, flat


@dataclass(frozen=True, slots=True)
class NewBudget:
    """What a budget is to be, in the words of ``trainfare budget set``."""

    limit: str
    scope: str = ""
    period: BudgetPeriod = BudgetPeriod.TOTAL
    view: BudgetView = BudgetView.ESTIMATED
    at: list[str] = field(default_factory=list)
    carry_over: bool = False
    arm: bool = False
    grace_seconds: int = 30
    starts_at: str | None = None


def own_budget(service: Service, caller: Caller, name: str) -> Budget:
    """The budget *name*.

    Raises:
        NotFound: there is none, or it is not the caller's team's.
    """
    own = [one for one in read_budgets(service.home) if is_of_team(one, caller.team)]
    for budget in own:
        if budget.id == name:
            return budget
    listed = ", ".join(one.id for one in own) or "none yet"
    raise NotFound(f"there is no budget {name!r}; those there are: {listed}")


@get("/budgets", sync_to_thread=True, tags=["budgets"])
def list_budgets(caller: Caller, service: Service, form: Form = "json") -> Response[Any]:
    """Every budget and where it stands."""
    caller.need("read")
    rows = _standings(service, caller, None)
    return as_form(form, "budgets", {"budgets": rows}, lambda: [flat(row) for row in rows])


def _standings(service: Service, caller: Caller, names: tuple[str, ...] | None) -> Any:
    home = service.home
    budgets = [one for one in read_budgets(home) if is_of_team(one, caller.team)]
    if names is not None:
        budgets = [own_budget(service, caller, name) for name in names]
    return service.answer(
        caller,
        ("standings", tuple(one.id for one in budgets)),
        lambda: [standing_json(one) for one in standings(home, budgets)] if budgets else [],
    )


@get("/budgets/check", sync_to_thread=True, tags=["budgets"])
def check_budgets(
    caller: Caller,
    service: Service,
    names: Annotated[list[str] | None, QueryParameter(name="name")] = None,
    plan: Annotated[str | None, QueryParameter(description="as p5.48xlarge×4 for 12h")] = None,
    labels: Annotated[list[str] | None, QueryParameter(name="label")] = None,
) -> dict[str, Any]:
    """Whether budgets hold, or whether a plan fits; ``ok`` is the answer."""
    caller.need("read")
    if plan is None:
        rows = _standings(service, caller, tuple(names) if names else None)
        bad = (State.OVER.value, State.UNKNOWN.value)
        return {"budgets": rows, "ok": all(one["state"] not in bad for one in rows)}
    job, fare = read_plan(service.home, plan, time.time_ns())
    amount = job.costs(fare.price.amount, fare.price.currency)
    budgets = [one for one in read_budgets(service.home) if is_of_team(one, caller.team)]
    if names:
        budgets = [own_budget(service, caller, name) for name in names]
    fits = fit_plan(service.home, amount, parse_labels(labels or ()), budgets)
    return {**fits_json(fits, amount), "ok": all(one.fits for one in fits)}


@get("/budgets/{name:str}", sync_to_thread=True, tags=["budgets"])
def show_budget(caller: Caller, service: Service, name: str) -> dict[str, Any]:
    """One budget in full."""
    caller.need("read")
    budget = own_budget(service, caller, name)
    found = standings(service.home, [budget])
    return {**scoped_json(budget), "standings": [standing_json(one) for one in found]}


@put("/budgets/{name:str}", sync_to_thread=True, tags=["budgets"])
def put_budget(caller: Caller, service: Service, name: str, data: NewBudget) -> dict[str, Any]:
    """Set a budget, or replace the one of that name.

    How a run is cancelled is a command of the node's; it is set there, never from here.
    """
    caller.need("budget")
    budget = make_budget(
        name,
        data.limit,
        scope=data.scope,
        period=data.period.value,
        view=data.view.value,
        thresholds=data.at,
        is_armed=data.arm,
        is_carried_over=data.carry_over,
        grace_seconds=data.grace_seconds,
        starts_ns=0 if data.starts_at is None else parse_instant(data.starts_at),
    )
    before = next((one for one in read_budgets(service.home) if one.id == budget.id), None)
    for one in (budget, before):
        if one is not None and not is_of_team(one, caller.team):
            raise NotAllowed(
                f"this budget is not of team {caller.team!r} alone; "
                f"write team={caller.team} in its scope"
            )
    replaced = set_budget(service.home, budget)
    return {"budget": scoped_json(budget), "before": replaced and scoped_json(replaced)}


@delete("/budgets/{name:str}", status_code=200, sync_to_thread=True, tags=["budgets"])
def delete_budget(caller: Caller, service: Service, name: str) -> dict[str, Any]:
    """Remove a budget; the audit trail keeps what it was."""
    caller.need("budget")
    gone = drop_budget(service.home, own_budget(service, caller, name).id)
    return {"deleted": scoped_json(gone)}


@get("/alerts", sync_to_thread=True, tags=["alerts"])
def list_alerts(
    caller: Caller,
    service: Service,
    is_all: Annotated[
        bool, QueryParameter(name="all", description="resolved ones as well")
    ] = False,
    form: Form = "json",
) -> Response[Any]:
    """Alerts as the last look found them."""
    caller.need("read")
    shelf = read_alerts(service.home)
    alerts = own_alerts(service, caller, [a for a in shelf.alerts if is_all or a.is_open])
    rows = [alert_json(one) for one in alerts]
    targets = (
        [queue_json(name, one) for name, one in shelf.queues.items()]
        if caller.team is None
        else None
    )
    return as_form(form, "alerts", {"alerts": rows, "targets": targets}, lambda: rows)


@post("/alerts/acknowledge", status_code=200, sync_to_thread=True, tags=["alerts"])
def acknowledge_alerts(
    caller: Caller,
    service: Service,
    ids: Annotated[
        list[str] | None, QueryParameter(name="id", description="all open ones without it")
    ] = None,
) -> dict[str, Any]:
    """Note that alerts were seen: they are told again only if they get worse, and when over."""
    caller.need("budget")
    still_open = [one for one in read_alerts(service.home).alerts if one.is_open]
    own = own_alerts(service, caller, still_open)
    chosen = [one.id for one in own] if not ids else [_one(own, text).id for text in ids]
    done = acknowledge(service.home, chosen, who=caller.name) if chosen else []
    return {"alerts": [alert_json(one) for one in done]}


def _one(alerts: list[Alert], text: str) -> Alert:
    found = [one for one in alerts if one.id.startswith(text)]
    if len(found) != 1 or not text:
        said = "no open alert" if not found else f"{len(found)} open alerts"
        raise NotFound(f"{said} begin with {text!r}; GET /api/v1/alerts lists them")
    return found[0]


def own_alerts(service: Service, caller: Caller, alerts: list[Alert]) -> list[Alert]:
    """Those of the caller's runs and budgets."""
    if caller.team is None:
        return alerts
    runs = own_among(service, caller, {one.subject for one in alerts if one.kind in OF_RUNS})
    budgets = {one.id for one in read_budgets(service.home) if is_of_team(one, caller.team)}
    return alerts_of(alerts, runs, budgets)


ROUTES = [
    list_budgets,
    check_budgets,
    show_budget,
    put_budget,
    delete_budget,
    list_alerts,
    acknowledge_alerts,
]
"""For the application."""
