"""Tagged answers: a strong ETag on everything that is asked for, and 304 where it is still so."""

from __future__ import annotations

import hashlib
from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send


class Tagged(ASGIMiddleware):
    """Holds an answer back until it is whole, then sends it, or says that it is still so.

    The tag is a digest of the answer's bytes, so the same answer has the same tag on every replica.
    Streams pass through.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on."""
        if scope.get("method") != "GET":
            await next_app(scope, receive, send)
            return
        wanted = _tags(dict(scope["headers"]).get(b"if-none-match", b"").decode("latin-1"))
        started: list[Any] = []
        body = bytearray()

        async def tag(message: Any) -> None:
            if message["type"] == "http.response.start":
                kind = dict(message["headers"]).get(b"content-type", b"")
                if message["status"] != 200 or kind.startswith(b"text/event-stream"):
                    await send(message)
                else:
                    started.append(message)
                return
            if not started or message["type"] != "http.response.body":
                await send(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                await _finish(started.pop(), bytes(body), wanted, send)

        await next_app(scope, receive, tag)


async def _finish(start: Any, body: bytes, wanted: set[str], send: Send) -> None:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = MutableScopeHeaders(start)
    headers["ETag"] = etag
    headers.setdefault("Cache-Control", "private, no-cache")
    headers.setdefault("Vary", "Authorization, Cookie")
    if etag in wanted or "*" in wanted:
        del headers["content-length"]
        start["status"], body = 304, b""
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _tags(text: str) -> set[str]:
    """The tags of If-None-Match, weak ones too, which compare alike here (RFC 9110, 13.1.2)."""
    return {one.strip().removeprefix("W/") for one in text.split(",") if one.strip()}
