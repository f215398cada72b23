"""The gate before every handler: host names, limits, and the headers that every answer bears.

It stands before the application and before the intake beside it, so that nothing is answered
without it. Whoever asks is the peer, or whom a trusted proxy names.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import math
import socket
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
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

_ADDED = list(HEADERS.items())
_NAMES = frozenset(HEADERS)

STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
"""Only where the browser came by https, as a trusted proxy says."""

BODY_PAUSE_SECONDS = 30
"""A client that sends nothing of its body for so long is gone."""

UNREAD_BYTES = 64 * 2**20
UNREAD_SECONDS = 5.0
"""So much of a refused body is still read, and so long: who is sending would not hear the answer."""

INTAKE = "/api/v1/ingest"
UNCOUNTED = (INTAKE, "/healthz", "/readyz", "/static/")
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
        path = scope["path"]
        client = neighbourhood(scope["client"][0]) if scope["client"] else ""
        secret = headers.get(b"authorization", b"").decode("latin-1")
        is_tried = bool(secret) or (path == "/login" and scope["method"] == "POST")
        answer = self._dressed(send, scope["scheme"] == "https", client if is_tried else None)
        host = name_of(headers.get(b"host", b""))
        if host not in self._hosts and not is_address(host):
            body = make_problem(
                "misdirected",
                f"this server does not answer to the name {host[:100]!r}",
                "add it to hosts in server.toml",
            )
            await _refuse(answer, 421, body)
        elif wait := self._wait(path, client, secret, is_tried=is_tried):
            seconds = math.ceil(wait)
            body = make_problem(
                "too_many_requests",
                f"too many requests in this minute; there is room in {seconds} s",
                "wait as long as the header Retry-After says",
            )
            await _refuse(answer, 429, body, {b"retry-after": str(seconds).encode()})
        else:
            if path != INTAKE:  # the intake has bounds of its own for a body
                incoming = Body(receive)
                receive, answer = incoming.receive, incoming.after_it(answer)
            await self._app(scope, receive, answer)

    def _wait(self, path: str, client: str, secret: str, *, is_tried: bool) -> float:
        """Seconds that a request comes too early."""
        word, _, token = secret.partition(" ")
        is_known = word.lower() == "bearer" and self._service.remembered_caller(token.strip())
        if is_tried and not is_known and (wait := self._failures.wait(client)):
            return wait
        if path.startswith(UNCOUNTED):
            return 0.0
        return self._addresses.take(client) or (self._tokens.take(token) if is_known else 0.0)

    def _dressed(self, send: Send, is_https: bool, trier: str | None) -> Send:
        """A *send* that adds the headers, and counts a refusal against the address *trier*."""

        async def dressed(message: Any) -> None:
            if message["type"] == "http.response.start":
                if trier is not None and message["status"] == 401:
                    self._failures.take(trier)
                headers = [*message.get("headers", ())]
                own = {name.lower() for name, _ in headers}
                headers += (
                    _ADDED
                    if _NAMES.isdisjoint(own)
                    else [pair for pair in _ADDED if pair[0] not in own]
                )
                if is_https:
                    headers.append(STRICT_TRANSPORT)
                message["headers"] = headers
            await send(message)

        return dressed


class Body:
    """The body of one request: how it is read, and how an answer waits for its sender."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_whole = False

    async def receive(self) -> Any:
        """The next message; a client that stops in the middle of its body is taken for gone."""
        if self._is_whole:  # what comes now is only the client's leave, however long that takes
            return await self._receive()
        try:
            async with asyncio.timeout(BODY_PAUSE_SECONDS):
                message = await self._receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        self._is_whole = not message.get("more_body", False)
        return message

    def after_it(self, send: Send) -> Send:
        """A *send* that refuses only once the body is in, within bounds.

        The connection is closed after an answer to half a request, and a client that is still
        sending then sees a broken pipe and no reason.
        """

        async def after(message: Any) -> None:
            if not self._is_whole and message.get("status", 0) >= 400:
                await self._drain()
            await send(message)

        return after

    async def _drain(self) -> None:
        left = UNREAD_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(UNREAD_SECONDS):
                while left > 0 and not self._is_whole:
                    message = await self._receive()
                    left -= len(message.get("body", b""))
                    self._is_whole = not message.get("more_body", False)


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


@lru_cache(256)
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
