"""Signing in with a browser: a pasted token, or an identity provider, becomes a session."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, unquote

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, QueryParameter
from litestar.response import Redirect, Template

from trainfare.core.caller import NotAllowed
from trainfare.core.errors import OutsideFailed, TrainfareError
from trainfare.core.period import SECOND
from trainfare.flows import access
from trainfare.server import oidc
from trainfare.server.door import (
    AUDITED,
    COOKIE,
    OPEN,
    address_of_scope,
    need_same_origin,
    safe_next,
    session_of,
)
from trainfare.server.service import Service

JOURNEY = "trainfare_login"
"""The cookie that goes along while somebody is at the provider."""

JOURNEY_SECONDS = 600

Ask = Request[Any, Any, Any]
Next = Annotated[str, QueryParameter(name="next")]
State = Annotated[str, QueryParameter(name="state")]


@dataclass(frozen=True, slots=True)
class SignIn:
    """The form of the page."""

    token: str = ""
    next: str = "/"


@get("/login", opt=OPEN, sync_to_thread=False)
def show(service: Service, next_path: Next = "/") -> Template:
    """The page to sign in on."""
    return _page(service, next_path)


@post("/login", opt=OPEN | AUDITED)
async def sign_in(
    request: Ask,
    data: Annotated[SignIn, Body(media_type=RequestEncodingType.URL_ENCODED)],
    service: Service,
) -> Response[Any]:
    """A session for whoever pastes a token."""
    need_same_origin(request)
    address = address_of_scope(request.scope)
    session = await asyncio.to_thread(
        access.sign_in_with_token, service.ledger, data.token.strip(), address
    )
    if session is None:
        why = "This token opens nothing: it is wrong, expired or revoked."
        return _page(service, data.next, why, 401)
    return await _enter(request, service, session, data.next)


@post("/logout", opt=AUDITED)
async def sign_out(request: Ask, service: Service) -> Redirect:
    """End the session."""
    await _end(request, service)
    answer = Redirect("/login", status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


@get("/login/provider", opt=OPEN)
async def leave(request: Ask, service: Service, next_path: Next = "/") -> Response[Any]:
    """Send a person to the identity provider."""
    provider = service.policy.provider
    if provider is None:
        return _page(service, next_path, "This server knows no identity provider.", 404)
    journey = secrets.token_urlsafe(32)
    try:
        where = await oidc.departure(provider, journey, _return_address(request, service))
    except OutsideFailed as error:
        return _page(service, next_path, f"{error}.", 503)
    answer = Redirect(where, status_code=303)
    # Lax, for the provider's redirect back comes from another site.
    answer.set_cookie(
        JOURNEY,
        f"{journey}.{quote(safe_next(next_path), safe='')}",
        path="/login",
        max_age=JOURNEY_SECONDS,
        httponly=True,
        secure=_is_https(request, service),
        samesite="lax",
    )
    return answer


@get("/login/provider/return", opt=OPEN)
async def arrive(
    request: Ask, service: Service, returned: State = "", code: str = "", error: str = ""
) -> Response[Any]:
    """A session for whom the identity provider vouches."""
    provider = service.policy.provider
    journey, _, next_path = request.cookies.get(JOURNEY, "").partition(".")
    next_path = safe_next(unquote(next_path))
    if provider is None or not journey or not oidc.is_state_of(journey, returned):
        return _page(service, next_path, "This sign-in was not begun here, or too long ago.", 400)
    address = address_of_scope(request.scope)
    who = "unknown"
    try:
        if error or not code:
            raise NotAllowed(f"the identity provider refused ({error[:60]})")
        claims = await oidc.arrival(provider, journey, code, _return_address(request, service))
        who = oidc.named(claims)
        caller = oidc.caller_of_claims(provider, claims)
    except TrainfareError as refusal:
        await asyncio.to_thread(access.refuse_sign_in, service.ledger, who, str(refusal), address)
        status = 503 if isinstance(refusal, OutsideFailed) else 403
        answer: Response[Any] = _page(service, next_path, f"{refusal}.", status)
    else:
        session = await asyncio.to_thread(
            access.sign_in_person, service.ledger, access.Actor(caller, address), provider.issuer
        )
        answer = await _enter(request, service, session, next_path)
    answer.delete_cookie(JOURNEY, path="/login")
    return answer


async def _enter(request: Ask, service: Service, session: str, next_path: str) -> Response[Any]:
    """Let a browser have its new session; the one that it had ends."""
    await _end(request, service)
    answer: Response[Any] = Redirect(safe_next(next_path), status_code=303)
    answer.set_cookie(
        COOKIE,
        session,
        path="/",
        max_age=access.SESSION_NS // SECOND,
        httponly=True,
        secure=_is_https(request, service),
        samesite="lax",
    )
    return answer


async def _end(request: Ask, service: Service) -> None:
    old = session_of(request.cookies)
    if old is not None:
        await asyncio.to_thread(
            access.sign_out, service.ledger, old, address_of_scope(request.scope)
        )
        service.forget_callers()


def _page(service: Service, next_path: str, why: str | None = None, status: int = 200) -> Template:
    return Template(
        "login.html",
        context={
            "page": "login",
            "next": safe_next(next_path),
            "why": why,
            "provider": service.policy.provider,
        },
        status_code=status,
    )


def _is_https(request: Ask, service: Service) -> bool:
    return (service.policy.url or request.scope["scheme"]).startswith("https")


def _return_address(request: Ask, service: Service) -> str:
    own = f"{request.scope['scheme']}://{request.headers.get('host', '')}"
    return f"{service.policy.url or own}/login/provider/return"
