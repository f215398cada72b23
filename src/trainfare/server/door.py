"""The door: nobody passes whom the service does not know, unless a route is open to all.

Programs show a token in the header Authorization. Browsers have a session in a cookie, which other
sites could make them send, so a change by cookie must come from our own page: same origin, and the
page's word (``X-CSRF-Token`` or ``_csrf_token`` in the form), which is made from the session's
secret and so needs no place of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from typing import Any
from urllib.parse import quote, urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.utils.scope.state import ScopeState

from trainfare.core.caller import Caller
from trainfare.flows.access import Actor
from trainfare.server.service import Service
from trainfare.store import sessions, tokens

OPEN = {"open": True}
"""``opt=OPEN`` lets a route be asked by anybody."""

AUDITED = {"audited": True}
"""``opt=AUDITED`` says that a route writes its own line into the audit log."""

COOKIE = "trainfare_session"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def bearer_of(headers: Any) -> str | None:
    """The token that a request shows."""
    word, _, secret = (headers.get("authorization") or "").partition(" ")
    secret = secret.strip()
    return str(secret) if word.lower() == "bearer" and secret.startswith(tokens.PREFIX) else None


def session_of(cookies: Any) -> str | None:
    """The secret of the session that a browser holds."""
    held: str = cookies.get(COOKIE) or ""
    return held if held.startswith(sessions.PREFIX) else None


def word_of(scope: Any) -> str:
    """What forms of the page that is asked for say; empty where no browser asks."""
    word = ScopeState.from_scope(scope).csrf_token
    return word if isinstance(word, str) else ""


def page_word(session: str) -> str:
    """What our own pages of a session know, and no other site's."""
    return hmac.new(session.encode(), b"page", hashlib.sha256).hexdigest()


async def known_callers_only(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """A guard on every route: finds the caller, or refuses."""
    if handler.opt.get("open"):
        return
    # A header says what is meant; a cookie comes along with everything.
    is_bearer = "authorization" in connection.headers
    secret = bearer_of(connection.headers) if is_bearer else session_of(connection.cookies)
    caller = None if secret is None else await find_caller(connection, secret)
    if caller is None:
        raise NotAuthorizedException(
            "this token opens nothing: it is wrong, expired or revoked"
            if is_bearer
            else "who asks?"
        )
    connection.scope["state"]["caller"] = caller
    if not is_bearer:
        assert secret is not None
        word = page_word(secret)
        ScopeState.from_scope(connection.scope).csrf_token = word  # templates' csrf_token()
        if connection.scope.get("method") not in SAFE:
            await _need_own_page(connection, word)


async def find_caller(connection: ASGIConnection[Any, Any, Any, Any], secret: str) -> Caller | None:
    """Whose *secret* it is; a look at the ledger keeps nobody else waiting."""
    service: Service = connection.app.state.service
    return service.remembered_caller(secret) or await asyncio.to_thread(service.find_caller, secret)


def need_same_origin(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Pass where a browser says that our own page sends this, or where no browser does.

    Raises:
        PermissionDeniedException: another site sends it.
    """
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    own = {connection.headers.get("host", "")}
    service: Service = connection.app.state.service
    if service.policy.url:
        own.add(urlsplit(service.policy.url).netloc)
    is_own = site == "same-origin" if site else not origin or urlsplit(origin).netloc in own
    if not is_own:
        raise PermissionDeniedException("another site sent this")


async def _need_own_page(connection: ASGIConnection[Any, Any, Any, Any], word: str) -> None:
    need_same_origin(connection)
    told = connection.headers.get("x-csrf-token", "")
    kind = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not told and kind in FORMS and isinstance(connection, Request):
        told = str((await connection.form()).get("_csrf_token", ""))
    if not hmac.compare_digest(told.encode(), word.encode()):
        raise PermissionDeniedException("this does not come from a page of your session")


def safe_next(path: str) -> str:
    r"""A path of this server, whatever somebody wrote into a link.

    >>> safe_next("/runs?team=nlp"), safe_next("//evil.example"), safe_next("/\\evil.example")
    ('/runs?team=nlp', '/', '/')
    """
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_own and "\\" not in path else "/"


def login_path(path: str) -> str:
    """Where somebody unknown who asked for *path* is sent."""
    return f"/login?next={quote(safe_next(path), safe='/')}"


def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """Whoever the guard let in."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


def provide_service(request: Request[Any, Any, Any]) -> Service:
    """The service of this application."""
    service: Service = request.app.state.service
    return service


def actor_of(request: Request[Any, Any, Any]) -> Actor:
    """Whoever the guard let in, and from where."""
    return actor_of_scope(request.scope)


def actor_of_scope(scope: Any) -> Actor:
    """Whoever the guard let in, and from where, of a scope."""
    return Actor(scope["state"]["caller"], address_of_scope(scope))


def address_of_scope(scope: Any) -> str | None:
    """From where somebody asks, as a trusted proxy says where there is one."""
    return scope["client"][0] if scope.get("client") else None
