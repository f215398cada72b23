"""Decisions on advice on its page: accept, dismiss, snooze, reopen; the promise beside the bill."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request, post
from litestar.response import Redirect, Template

from trainfare.core.caller import Caller, NotAllowed
from trainfare.core.decision import Verdict
from trainfare.core.errors import BadInput, TrainfareError
from trainfare.flows.decisions import Decided, decided
from trainfare.server.advice_api import NewDecision, say
from trainfare.server.grid import Cell, Column, Grid, Line, money_cell, text_cell
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.service import Service

VERDICTS = {
    "accept": Verdict.ACCEPTED,
    "dismiss": Verdict.DISMISSED,
    "snooze": Verdict.SNOOZED,
    "reopen": Verdict.REOPENED,
}
"""What a button says → what it means."""

SNOOZE_DAYS = 30


@post("/advice/{advice_id:str}/decide", status_code=303)
async def decide_advice(
    advice_id: str, request: Request[Any, Any, Any], caller: Caller, service: Service
) -> Template | Redirect:
    """Accept, dismiss, snooze or reopen one recommendation."""
    caller.need_all_teams("budget")
    form = await request.form()
    word = str(form.get("say", ""))
    try:
        if word not in VERDICTS:
            raise BadInput(f"{word!r} is not one of {', '.join(VERDICTS)}")
        verdict = VERDICTS[word]
        days = SNOOZE_DAYS if verdict is Verdict.SNOOZED else None
        said = NewDecision(verdict, str(form.get("reason", "")).strip(), days)
        await asyncio.to_thread(say, service, caller, advice_id, said)
    except TrainfareError as error:
        if isinstance(error, NotAllowed):
            raise
        problem = str(error)
        return make_page(request, caller, service, "advice", status=400, problem=problem, done=None)
    return Redirect(f"/advice?done={verdict.value}", status_code=303)


def _decided(ask: Ask) -> dict[str, Any]:
    found = decided(ask.home)
    columns = (
        Column("id", "Advice"),
        Column("title", "What to do"),
        Column("verdict", "Decided"),
        Column("promised", "Promised a month", is_right=True, mark="saving"),
        Column("realized", "Saved a month, on the bill", is_right=True, mark="effective"),
        Column("who", "By"),
        Column("reason", "Why"),
    )
    return {"grids": [Grid("Decided", columns, tuple(map(_line, found)))]}


def _line(one: Decided) -> Line:
    said, realized = one.decision, one.realized
    saved = (
        text_cell(None) if realized is None else money_cell(realized.per_month, why=realized.why)
    )
    return Line(
        (
            text_cell(said.advice),
            text_cell(said.title),
            Cell(said.verdict.value, said.verdict.value),
            money_cell(said.saving),
            saved,
            text_cell(said.who),
            text_cell(said.reason or None),
        ),
        key=said.advice,
    )


add_parts(Part("decided", _decided, is_for_all_teams=True))
