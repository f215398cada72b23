"""The gate before every handler: host names, limits, and the headers that every answer bears.

It stands before the application and before the intake beside it, so that nothing is answered
without it. Whoever asks is the peer, or whom a trusted proxy names.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import math
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from trainfare.server.limit import Buckets, neighbourhood
from trainfare.server.problem import make_problem
from trainfare.server.service import Service

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

HEADERS = {
    b"content-security-policy": b"default-src 'self'; img-src 'self' data:; object-src 'none'; "
    b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"private, no-cache",
}
"""A handler's own header of the same name stays."""

STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
"""Only where the browser came by https, as a trusted proxy says."""

BODY_PAUSE_SECONDS = 30
"""A client that sends nothing of its body for so long is gone."""

UNCOUNTED = ("/api/v1/ingest", "/healthz", "/readyz", "/static/")
"""The intake has a bound of its own; the others cost nothing."""


class Gate:
    """The application *app* behind the gate."""

    def __init__(self, app: App, service: Service) -> None:
        self._app = app
        self._service = service
        limits = service.policy.limits
        self._addresses = Buckets(limits.address)
        self._tokens = Buckets(limits.token)
        self._failures = Buckets(limits.failures)
        self._hosts = _hosts(service)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        answer = _dressed(send, is_https=scope["scheme"] == "https")
        client = neighbourhood(scope["client"][0]) if scope["client"] else ""
        host = name_of(headers.get(b"host", b""))
        if host not in self._hosts and not is_address(host):
            await _refuse(
                answer,
                421,
                make_problem(
                    "misdirected",
                    f"this server does not answer to the name {host[:100]!r}",
                    "add it to hosts in server.toml",
                ),
            )
            return
        secret = headers.get(b"authorization", b"").decode("latin-1")
        wait = self._wait(scope, client, secret)
        if wait:
            seconds = math.ceil(wait)
            body = make_problem(
                "too_many_requests",
                f"too many requests in this minute; there is room in {seconds} s",
                "wait as long as the header Retry-After says",
            )
            await _refuse(answer, 429, body, {b"retry-after": str(seconds).encode()})
            return
        is_login = scope["method"] == "POST" and scope["path"] == "/login"
        if secret or is_login:
            answer = self._counting(answer, client)
        await self._app(scope, _impatient(receive), answer)

    def _wait(self, scope: Scope, client: str, secret: str) -> float:
        """Seconds that this request comes too early."""
        word, _, token = secret.partition(" ")
        is_known = word.lower() == "bearer" and self._service.remembered_caller(token.strip())
        is_tried = bool(secret) or (scope["method"] == "POST" and scope["path"] == "/login")
        if is_tried and not is_known and (wait := self._failures.wait(client)):
            return wait
        if scope["path"].startswith(UNCOUNTED):
            return 0.0
        return self._addresses.take(client) or (self._tokens.take(token) if is_known else 0.0)

    def _counting(self, send: Send, client: str) -> Send:
        """A *send* that counts a refusal against the address it goes to."""

        async def counted(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self._failures.take(client)
            await send(message)

        return counted


def _impatient(receive: Receive) -> Receive:
    """A *receive* that takes a client for gone which stops in the middle of a body."""
    is_whole = False

    async def impatient() -> Any:
        nonlocal is_whole
        if is_whole:  # what comes now is only the client's leave, however long that takes
            return await receive()
        try:
            async with asyncio.timeout(BODY_PAUSE_SECONDS):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        is_whole = not message.get("more_body", False)
        return message

    return impatient


def _dressed(send: Send, *, is_https: bool) -> Send:
    async def dressed(message: Any) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            own = {name.lower() for name, _ in headers}
            headers += [pair for pair in HEADERS.items() if pair[0] not in own]
            if is_https:
                headers.append(STRICT_TRANSPORT)
            message = {**message, "headers": headers}
        await send(message)

    return dressed


def _hosts(service: Service) -> frozenset[str]:
    """The names this server answers to, besides any address in figures."""
    policy, settings = service.policy, service.settings
    own = urlsplit(policy.url).hostname if policy.url else None
    names = ["localhost", settings.host, socket.gethostname(), own, *policy.hosts]
    return frozenset(name.lower() for name in names if name)


def name_of(raw: bytes) -> str:
    """The name in a Host header, without its port.

    >>> name_of(b"fare:8642"), name_of(b"[::1]:8642")
    ('fare', '::1')
    """
    text = raw.decode("latin-1").lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].rstrip(".")


def is_address(host: str) -> bool:
    """Whether it is an address in figures, which no foreign name server can have made up."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _refuse(
    send: Send, status: int, body: Mapping[str, Any], headers: Mapping[bytes, bytes] | None = None
) -> None:
    data = json.dumps(body).encode()
    own = {b"content-type": b"application/json", b"content-length": str(len(data)).encode()}
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [*own.items(), *(headers or {}).items()]})
    await send({"type": "http.response.body", "body": data})
