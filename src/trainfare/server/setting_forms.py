"""The forms of the settings: tokens are made, rotated and revoked, jobs are asked for.

A secret stands in the answer to its form and nowhere else, so that page is kept by no browser.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from litestar import Request, post
from litestar.response import Redirect, Template

from trainfare.core.caller import Caller, NotAllowed, read_scopes
from trainfare.core.errors import BadInput, TrainfareError
from trainfare.core.period import DAY
from trainfare.flows import access
from trainfare.flows.jobs import find_job
from trainfare.server.door import AUDITED, actor_of
from trainfare.server.service import Service
from trainfare.server.setting_pages import settings_page

DAYS_MAX = 36_500
"""A token that is to hold longer is made without an end."""


@post("/settings/tokens", status_code=200, opt=AUDITED)
async def make_token(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """Make a token and show its secret, this once."""
    caller.need("admin")
    form = await request.form()
    try:
        secret, token = await asyncio.to_thread(
            access.create_token,
            service.ledger,
            actor_of(request),
            str(form.get("name", "")).strip(),
            read_scopes(" ".join(map(str, form.getall("scope", [])))),
            team=str(form.get("team", "")).strip() or caller.team,
            expires_ns=_expiry(str(form.get("days", "")).strip()),
        )
    except TrainfareError as error:
        if isinstance(error, NotAllowed):
            raise
        return await asyncio.to_thread(
            settings_page, request, caller, service, status=400, problem=str(error)
        )
    return await asyncio.to_thread(
        settings_page, request, caller, service, token=token, secret=secret
    )


def _expiry(days: str) -> int | None:
    if not days:
        return None
    if not days.isascii() or not days.isdigit() or not 1 <= int(days[:9]) <= DAYS_MAX:
        raise BadInput(f"{days[:20]!r} is no number of days from 1 to {DAYS_MAX}; leave it out")
    return time.time_ns() + int(days) * DAY


@post("/settings/tokens/{token_id:str}/rotate", status_code=200, opt=AUDITED)
async def rotate_token(
    token_id: str, request: Request[Any, Any, Any], caller: Caller, service: Service
) -> Template:
    """Give a token a new secret and show it, this once."""
    secret, token = await asyncio.to_thread(
        access.renew_token, service.ledger, actor_of(request), token_id
    )
    service.forget_callers()
    return await asyncio.to_thread(
        settings_page, request, caller, service, token=token, secret=secret
    )


@post("/settings/tokens/{token_id:str}/revoke", status_code=303, opt=AUDITED)
async def revoke_token(
    token_id: str, request: Request[Any, Any, Any], service: Service
) -> Redirect:
    """Let a token open nothing any more."""
    await asyncio.to_thread(access.withdraw_token, service.ledger, actor_of(request), token_id)
    service.forget_callers()
    return Redirect("/settings?done=revoked#tokens", status_code=303)


@post("/settings/jobs/{name:str}/run", status_code=303)
async def run_job(name: str, caller: Caller, service: Service) -> Redirect:
    """Have a job done soon."""
    caller.need_all_teams("admin")
    job = find_job(name)
    await asyncio.to_thread(service.scheduler.ask, job.name, caller.name)
    return Redirect("/settings?done=asked#jobs", status_code=303)
