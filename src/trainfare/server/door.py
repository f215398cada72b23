"""The door: nobody passes whom the service does not know, unless a route is open to all."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler

from trainfare.core.caller import Caller
from trainfare.server.service import Service

OPEN = {"open": True}
"""``opt=OPEN`` lets a route be asked by anybody."""

COOKIE = "trainfare_session"


def secret_of(headers: Any, cookies: Any) -> str | None:
    """The bearer token of a request, else the one its cookie holds."""
    word, _, secret = (headers.get("authorization") or "").partition(" ")
    if word.lower() == "bearer" and secret.strip():
        return str(secret.strip())
    held: str | None = cookies.get(COOKIE)
    return held


async def known_callers_only(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard on every route: finds the caller, or refuses."""
    if handler.opt.get("open"):
        return
    service: Service = connection.app.state.service
    secret = secret_of(connection.headers, connection.cookies)
    caller = service.remembered_caller(secret) if secret else None
    if caller is None and secret:
        caller = await asyncio.to_thread(service.find_caller, secret)
    if caller is None:
        raise NotAuthorizedException(
            "this token opens nothing: it is wrong, expired or revoked" if secret else "who asks?"
        )
    connection.scope["state"]["caller"] = caller


def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """Whoever the guard let in."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


def provide_service(request: Request[Any, Any, Any]) -> Service:
    """The service of this application."""
    service: Service = request.app.state.service
    return service
