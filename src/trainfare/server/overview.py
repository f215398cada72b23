"""The first page: spend, budgets, what is idle, and whether the books are sealed."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

from litestar import Request, get
from litestar.response import Template

from trainfare.core.budget import State
from trainfare.core.caller import Caller
from trainfare.core.charge import Remainder, View
from trainfare.core.money import Money
from trainfare.flows.allocation import verify
from trainfare.flows.bill import has_analytics, list_deliveries
from trainfare.flows.budget import standings
from trainfare.flows.months import newest_month
from trainfare.flows.own import is_of_team
from trainfare.flows.report import make_report
from trainfare.metering.budget_shelf import read_budgets
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.present import show_now
from trainfare.server.service import Service
from trainfare.store.sights import Wanted, count_by_status, read_page

RECENT = 10
"""So many runs are on the overview, those that go on before the others."""

REMAINDERS = tuple(one.value for one in Remainder)


@get("/", sync_to_thread=True)
def overview(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """The overview."""
    caller.need("read")
    with service.ledger.look() as connection:
        counts = count_by_status(connection, Wanted(team=caller.team))
        recent = read_page(connection, Wanted(team=caller.team), limit=RECENT)
        running = read_page(connection, Wanted(team=caller.team, status=("running",)), limit=RECENT)
    return make_page(
        request,
        caller,
        service,
        "overview",
        counts=counts,
        total=sum(counts.values()),
        runs=[*running.rows, *[row for row in recent.rows if row["status"] != "running"]][:RECENT],
        month=time.strftime("%Y-%m", time.gmtime()),
    )


def _money(ask: Ask) -> dict[str, Any]:
    """Spend of a month, the newest with usage, by what it was for and who owns it."""
    period = ask.word("period") or newest_month(ask.home)
    report = make_report(ask.home, ("component",), period=period)
    newest = report.periods[-1] if report.periods else None
    return {"books": [_book(table) for table in report.tables], "report": report, "period": newest}


def _book(table: Any) -> dict[str, Any]:
    """One currency's money: by owner, and what runs own by component."""
    column = "allocated" if table.view else "estimated"
    whole = table.total.cells.get(column) or Money.zero(table.currency)
    owned = [
        (str(row[table.by[0]]), row[column])
        for row in table.rows
        if isinstance(row.cells.get(column), Money)
    ]
    runs = Money.total([amount for _, amount in owned], table.currency)
    left = [
        (row.name or "", row[column])
        for row in table.remainders
        if isinstance(row.cells.get(column), Money)
    ]
    amounts = dict(left)
    estimated = table.total.cells.get("estimated")
    return {
        "left": {name: amounts.get(name) for name in REMAINDERS},
        "share": {
            name: Fraction(amounts[name].nano, whole.nano)
            if name in amounts and whole.nano
            else None
            for name in REMAINDERS
        },
        "estimated": estimated if isinstance(estimated, Money) else None,
        "currency": table.currency,
        "view": table.view or "estimated",
        "total": whole,
        "runs": runs,
        "owners": [("own", "runs", runs), *[(name, name.replace("_", " "), a) for name, a in left]],
        "components": owned,
    }


def _budgets(ask: Ask) -> dict[str, Any]:
    budgets = [one for one in read_budgets(ask.home) if is_of_team(one, ask.team)]
    found = sorted(
        standings(ask.home, budgets),
        key=lambda one: -(one.spent.nano / one.limit.nano if one.spent and one.limit.nano else 0),
    )
    return {"standings": found, "states": State}


def _seal(ask: Ask) -> dict[str, Any]:
    """The last deliveries, and whether everything of the month of the overview sums to them."""
    if not has_analytics():
        return {"deliveries": [], "balances": [], "is_conserved": True, "stale": [], "last": None}
    deliveries = [one for one, is_current in list_deliveries(ask.home) if is_current]
    newest = newest_month(ask.home) or max((one.period for one in deliveries), default=None)
    balances = verify(ask.home, newest) if newest else []
    return {
        "deliveries": sorted(deliveries, key=lambda one: -one.imported_ns),
        "last": max(deliveries, key=lambda one: one.imported_ns, default=None),
        "newest": newest,
        "balances": [one for one in balances if one.view is View.EFFECTIVE],
        "is_conserved": all(one.difference == 0 for one in balances),
        "stale": sorted({one.period for one in balances if one.is_stale}),
        "checked": len(balances),
    }


add_parts(
    Part("now", show_now),
    Part("money", _money, takes=("period",), is_for_all_teams=True, height="big"),
    Part("standings", _budgets),
    Part("seal", _seal, is_for_all_teams=True),
)
