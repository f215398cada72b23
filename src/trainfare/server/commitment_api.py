"""Commitments over the API: what is held, what to buy, how that would have done, what was bought.

They are of the whole home, so they are for callers of all teams. Nothing is ever bought.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from litestar import Response, delete, get, post
from litestar.params import QueryParameter

from trainfare.core.caller import Caller
from trainfare.core.money import Money
from trainfare.core.period import parse_day_or_instant
from trainfare.flows.commitment_source import Given, gather
from trainfare.flows.commitment_status import (
    alignment_json,
    read_alignment,
    read_status,
    recorded_json,
)
from trainfare.flows.contracts import Recorded, contract_of, record, recorded, withdraw
from trainfare.flows.jobs import load_plan
from trainfare.server.service import Service
from trainfare.server.sheet import Form, as_form, flat

Period = Annotated[str | None, QueryParameter(description="a billing period, 2026-10")]
Longest = Literal["1m", "6m", "1y", "3y"]
Windows = Annotated[int, QueryParameter(ge=1, le=60)]
Percent = Annotated[float, QueryParameter(ge=0, le=100)]


@dataclass(frozen=True, slots=True)
class NewPurchase:
    """What was bought, as ``trainfare commit record`` takes it."""

    id: str
    what: str
    """``KIND:TERM=AMOUNT``."""
    start: str
    """Its first hour (RFC 3339), or its first day; so is *until*."""
    until: str | None = None
    name: str = ""
    promised: str | None = None
    currency: str = "USD"


@get("/commitments/status", sync_to_thread=True, tags=["commitments"])
def get_status(
    caller: Caller, service: Service, period: Period = None, form: Form = "json"
) -> Response[Any]:
    """What is held, how far it was used, what it covered, and when it ends."""
    caller.need_all_teams("read")
    document: dict[str, Any] = service.answer(
        caller, ("commitments", period), lambda: read_status(service.home, period)
    )
    rows = [*document["commitments"], *document["unmeasured"], *document["not_on_bill"]]
    return as_form(form, "commitments", document, lambda: [flat(one) for one in rows])


@get("/commitments/runs", sync_to_thread=True, tags=["commitments"])
def get_runs(
    caller: Caller, service: Service, period: Period = None, form: Form = "json"
) -> Response[Any]:
    """Which runs used commitments, and which paid on demand beside unused ones."""
    caller.need_all_teams("read")
    document: dict[str, Any] = service.answer(
        caller,
        ("commitment runs", period),
        lambda: {
            "alignment": [alignment_json(one) for one in read_alignment(service.home, period)]
        },
    )
    return as_form(
        form,
        "commitment-runs",
        document,
        lambda: [
            {"provider": one["provider"], **flat(run), "currency": one["currency"]}
            for one in document["alignment"]
            for run in one["runs"]
        ],
    )


@get("/commitments/plan", sync_to_thread=True, tags=["commitments"])
def get_plan(
    caller: Caller,
    service: Service,
    period: Period = None,
    longest: Longest = "1y",
    most: str | None = None,
    cash: str | None = None,
    risk: str = "expected",
    least_used: Percent = 0.0,
    windows: Windows = 6,
) -> dict[str, Any]:
    """What to buy, which may be nothing, and how that was checked on later hours."""
    caller.need_all_teams("read")

    def work() -> dict[str, Any]:
        given = _given(service, period, longest)
        from trainfare.commitments.scenarios import parse_aim
        from trainfare.flows.commitment import make_commitment_plan
        from trainfare.flows.commitment_json import plan_json
        from trainfare.flows.commitment_limits import limits_of

        limits, aim = limits_of(most, cash, least_used), parse_aim(risk)
        return plan_json(
            make_commitment_plan(
                given.demand, given.offers, given.held, limits=limits, windows=windows, aim=aim
            )
        )

    question = ("commitment plan", period, longest, most, cash, risk, least_used, windows)
    found: dict[str, Any] = service.answer(caller, question, work)
    return found


@get("/commitments/backtest", sync_to_thread=True, tags=["commitments"])
def get_backtest(
    caller: Caller,
    service: Service,
    period: Period = None,
    longest: Longest = "1y",
    most: str | None = None,
    cash: str | None = None,
    risk: str = "expected",
    least_used: Percent = 0.0,
    windows: Windows = 12,
) -> dict[str, Any]:
    """What plans made on history would have saved on the hours after, beside other policies."""
    caller.need_all_teams("read")

    def work() -> dict[str, Any]:
        given = _given(service, period, longest)
        from trainfare.commitments.scenarios import parse_aim
        from trainfare.flows.commitment import tested_plans, walked_policies
        from trainfare.flows.commitment_json import backtest_json
        from trainfare.flows.commitment_limits import limits_of

        limits, aim = limits_of(most, cash, least_used), parse_aim(risk)
        words = (given.demand, given.offers, given.held)
        tested = tested_plans(*words, limits=limits, windows=windows, aim=aim)
        walked = walked_policies(*words, limits=limits, windows=windows, aim=aim)
        found: dict[str, Any] = backtest_json(tested, walked, given.demand)
        return found

    question = ("commitment backtest", period, longest, most, cash, risk, least_used, windows)
    found: dict[str, Any] = service.answer(caller, question, work)
    return found


@get("/commitments/simulate", sync_to_thread=True, tags=["commitments"])
def get_simulation(
    caller: Caller,
    service: Service,
    buy: Annotated[list[str], QueryParameter(description="KIND:TERM=AMOUNT, may be repeated")],
    period: Period = None,
) -> dict[str, Any]:
    """What a purchase of one's own choice would have cost and saved."""
    caller.need_all_teams("read")

    def work() -> dict[str, Any]:
        given = _given(service, period, "3y")
        from trainfare.flows.commitment_simulation import simulate

        return simulate(given, buy).to_json()

    found: dict[str, Any] = service.answer(caller, ("simulate", tuple(buy), period), work)
    return found


@get("/commitments/watch", sync_to_thread=True, tags=["commitments"])
def get_watched(caller: Caller, service: Service) -> dict[str, Any]:
    """The plan of the bills as they are, how commitments were used lately, and the exact purchase."""
    caller.need_all_teams("read")
    from trainfare.flows.commitment_charts import read_watched

    found: dict[str, Any] = service.answer(
        caller, "commitment watch", lambda: dict(read_watched(service.home))
    )
    return found


@get("/commitments/recorded", sync_to_thread=True, tags=["commitments"])
def list_recorded(caller: Caller, service: Service) -> dict[str, Any]:
    """What was bought, and what it saved since: the promise beside the bills."""
    caller.need_all_teams("read")
    rows = service.answer(
        caller,
        "commitments recorded",
        lambda: [recorded_json(one) for one in recorded(service.home)],
    )
    return {"recorded": rows}


@post("/commitments/recorded", status_code=200, sync_to_thread=True, tags=["commitments"])
def post_recorded(caller: Caller, service: Service, data: NewPurchase) -> dict[str, Any]:
    """Note that a commitment was bought; the same id again corrects it."""
    caller.need_all_teams("budget")
    from trainfare.flows.commitment_purchase import Told, purchase_of

    told = Told(
        id=data.id,
        what=data.what,
        start_ns=parse_day_or_instant(data.start),
        until_ns=None if data.until is None else parse_day_or_instant(data.until),
        name=data.name,
        promised=None if data.promised is None else Money.parse(data.promised, data.currency),
        currency=data.currency,
    )
    bought = purchase_of(service.home, told, load_plan(service.home).commitments.rates)
    [kept] = record(service.home, [contract_of(bought, who=caller.name)])
    return recorded_json(Recorded(kept, (), "it was recorded just now"))


@delete("/commitments/recorded", status_code=200, sync_to_thread=True, tags=["commitments"])
def delete_recorded(
    caller: Caller,
    service: Service,
    commitment: Annotated[str, QueryParameter(description="its id, or the last part of it")],
) -> dict[str, Any]:
    """Take back what was recorded of a commitment."""
    caller.need_all_teams("budget")
    gone = withdraw(service.home, commitment, who=caller.name)
    return {"id": gone.id, "state": gone.state}


def _given(service: Service, period: str | None, longest: str) -> Given:
    """Demand of the bills, and what the price book or the file in jobs.toml offers."""
    rates = load_plan(service.home).commitments.rates
    return gather(service.home, rate_file=rates, period=period, longest=longest)


ROUTES = (
    get_status, get_runs, get_plan, get_backtest, get_simulation, get_watched, list_recorded,
    post_recorded, delete_recorded,
)  # fmt: skip
"""Everything of it."""
