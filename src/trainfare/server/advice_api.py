"""Advice over the API: what to do cheaper, deciding on it, and what decisions saved.

It is held against the whole home, so it is for callers of all teams.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import QueryParameter

from trainfare.core.caller import Caller
from trainfare.core.decision import Verdict
from trainfare.core.errors import BadInput
from trainfare.core.period import DAY
from trainfare.core.recommendation import Kind
from trainfare.flows.advice_json import advice_json, advised_json, decided_json
from trainfare.flows.advise import advise
from trainfare.flows.decisions import Decided, decide_on, decided, find_advice
from trainfare.server.service import Service
from trainfare.server.sheet import Form, as_form, flat


@dataclass(frozen=True, slots=True)
class NewDecision:
    """What is said to a recommendation."""

    verdict: Verdict
    reason: str = ""
    days: int | None = None
    """For how long one is snoozed."""


@get("/advice", sync_to_thread=True, tags=["advice"])
def list_advice(
    caller: Caller,
    service: Service,
    kinds: Annotated[list[Kind] | None, QueryParameter(name="kind")] = None,
    form: Form = "json",
) -> Response[Any]:
    """Recommendations with saving, interval and evidence, the largest saving first."""
    caller.need_all_teams("read")
    chosen = tuple(sorted(kinds or ()))
    document = service.answer(
        caller, ("advice", chosen), lambda: advised_json(advise(service.home, chosen))
    )
    rows = [flat(one) for one in document["recommendations"]]
    return as_form(form, "advice", document, lambda: rows)


@get("/advice/decided", sync_to_thread=True, tags=["advice"])
def list_decided(caller: Caller, service: Service) -> dict[str, Any]:
    """What was decided, and what it saved since: the promise beside the bill."""
    caller.need_all_teams("read")
    rows = service.answer(
        caller, "decided", lambda: [decided_json(one) for one in decided(service.home)]
    )
    return {"decided": rows}


@get("/advice/{advice:str}", sync_to_thread=True, tags=["advice"])
def show_advice(caller: Caller, service: Service, advice: str) -> dict[str, Any]:
    """One recommendation, by its id or the beginning of it, decided or not."""
    caller.need_all_teams("read")
    found: dict[str, Any] = service.answer(
        caller, ("advice", advice), lambda: advice_json(find_advice(service.home, advice))
    )
    return found


@post("/advice/{advice:str}/decision", status_code=200, sync_to_thread=True, tags=["advice"])
def post_decision(
    caller: Caller, service: Service, advice: str, data: NewDecision
) -> dict[str, Any]:
    """Accept, dismiss (with a reason), snooze (for days) or reopen a recommendation."""
    caller.need_all_teams("budget")
    return decided_json(Decided(say(service, caller, advice, data), None))


def say(service: Service, caller: Caller, advice: str, data: NewDecision) -> Any:
    """Keep what *caller* says to a recommendation.

    Raises:
        BadInput: a snooze without days, or days without a snooze.
    """
    if (data.verdict is Verdict.SNOOZED) != (data.days is not None):
        raise BadInput("days are said with snoozed, and only with it")
    if data.days is not None and not 1 <= data.days <= 3650:
        raise BadInput(f"it is snoozed for 1 to 3650 days, not for {data.days}")
    until_ns = None if data.days is None else time.time_ns() + data.days * DAY
    return decide_on(
        service.home,
        advice,
        data.verdict,
        reason=data.reason,
        until_ns=until_ns,
        who=caller.name,
    )


ROUTES = (list_advice, list_decided, show_advice, post_decision)
"""Everything of it."""
