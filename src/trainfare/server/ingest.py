"""Ingest: what machines ship comes in here, and is acknowledged once it is committed.

A request is one line of JSON and, after it, the bytes of its chunks one after the other:

    {"v": 1, "client": "node-7", "clock_ns": 1790000000000000000,
     "chunks": [["r-1", "SEGMENT", "samples.bin", 0, 96]]}

with the offset and the length of each chunk; the whole may be gzip. The answer says how long each
file now is here, which is the offset to go on from: {"accepted": [96]}. What is here already is not
stored again, and after a gap the answer is where it begins.

It stands in front of the application: a machine room ships thousands of times a second, and no
router, dependency or validator of the other routes is needed for it.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import msgspec

from trainfare.core.caller import Caller
from trainfare.core.errors import BadInput, TrainfareError
from trainfare.core.shipment import Piece, check_place
from trainfare.server.problem import explain, make_problem
from trainfare.server.service import Service
from trainfare.store.clients import Sender
from trainfare.store.intake import Parcel
from trainfare.store.tokens import PREFIX as TOKEN_PREFIX

PATH = "/api/v1/ingest"

BODY_MAX = 4 * 2**20
"""Bytes of a request as sent …"""

CONTENT_MAX = 16 * 2**20
"""… and once inflated."""

CHUNKS_MAX = 10_000

READ_SECONDS = 30.0
"""A request's body must be here by then."""

RETRY_SECONDS = 1
"""When a machine is to come again that was sent away."""

IN_THREAD_BYTES = 64 * 2**10
"""A body from that size on is inflated and read beside the loop that serves everybody."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Header(msgspec.Struct):
    """The first line of a request."""

    v: int
    client: str
    clock_ns: int
    chunks: list[tuple[str, str, str, int, int]]


class Refused(Exception):
    """A request that is answered with *status* before anything of it is read in full."""

    def __init__(self, status: int, kind: str, message: str, what_to_do: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = make_problem(kind, message, what_to_do)


_read_header = msgspec.json.Decoder(Header).decode
_to_json = msgspec.json.Encoder().encode


class Ingest:
    """An application in front of another: it answers one path, the other all others."""

    def __init__(self, app: Any, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] == "http" and scope["path"] == PATH:
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json")]
        try:
            status, body = 200, await self._take(scope, receive)
        except Refused as refused:
            status, body = refused.status, _to_json(refused.body)
        except TrainfareError as error:
            status, document = explain(error)
            body = _to_json(document)
        except ConnectionResetError:
            return
        if status in (429, 503):
            headers.append((b"retry-after", b"%d" % RETRY_SECONDS))
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        if status >= 400:
            headers.append((b"connection", b"close"))  # the rest of the body is not read
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _take(self, scope: Scope, receive: Receive) -> bytes:
        arrived_ns = time.time_ns()
        if scope["method"] != "POST":
            raise Refused(405, "method_not_allowed", "this path takes POST only", "send POST")
        headers = dict(scope["headers"])
        caller = await self._caller(headers)
        caller.need("ingest")
        body = await _read_body(receive)
        is_packed = headers.get(b"content-encoding", b"") == b"gzip"
        if len(body) >= IN_THREAD_BYTES:
            header, pieces = await asyncio.to_thread(open_shipment, body, is_packed)
        else:
            header, pieces = open_shipment(body, is_packed)
        sender = Sender(header.client, caller.team, header.clock_ns - arrived_ns, arrived_ns)
        parcel = Parcel(pieces, caller.team, sender)
        parcel.mark = decided = asyncio.get_running_loop().create_future()
        self._service.take_in(parcel)
        await decided
        if parcel.refusal is not None:
            raise parcel.refusal
        return _to_json({"accepted": parcel.lengths})

    async def _caller(self, headers: dict[bytes, bytes]) -> Caller:
        word, _, secret = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if word.lower() == "bearer" and (secret := secret.strip()).startswith(TOKEN_PREFIX):
            caller = self._service.remembered_caller(secret)
            if caller is None:
                caller = await asyncio.to_thread(self._service.find_caller, secret)
            if caller is not None:
                return caller
        raise Refused(
            401,
            "not_authorized",
            "this token opens nothing: it is wrong, expired or revoked" if secret else "who asks?",
            "send the header Authorization: Bearer TOKEN",
        )


async def _read_body(receive: Receive) -> bytes:
    """A request's body; one that is too large is read on for a while, so that its sender listens."""
    message = await _next(receive, READ_SECONDS)
    if not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = [message.get("body", b"")]
    size = len(parts[0])
    until = time.monotonic() + READ_SECONDS
    while message.get("more_body"):
        message = await _next(receive, until - time.monotonic())
        part = message.get("body", b"")
        size += len(part)
        if size <= BODY_MAX:
            parts.append(part)
        elif size > CONTENT_MAX:
            raise _too_large()
    if size > BODY_MAX:
        raise _too_large()
    return b"".join(parts)


async def _next(receive: Receive, seconds: float) -> Message:
    try:
        async with asyncio.timeout(seconds):
            message = await receive()
    except TimeoutError:
        raise Refused(
            408, "too_slow", f"the request took longer than {READ_SECONDS:.0f} s", "send less"
        ) from None
    if message["type"] == "http.disconnect":
        raise ConnectionResetError
    return message


def _too_large() -> Refused:
    return Refused(
        413,
        "too_large",
        f"a shipment is at most {BODY_MAX} bytes and {CONTENT_MAX} once inflated",
        "send less at once",
    )


def open_shipment(body: bytes, is_packed: bool) -> tuple[Header, Sequence[Piece]]:
    """The header and the pieces of a request's body.

    Raises:
        BadInput: it is no shipment.
        Refused: it is one of too many bytes.
    """
    content = _inflated(body) if is_packed else body
    line_end = content.find(b"\n")
    if line_end < 0:
        raise BadInput(
            "a shipment begins with one line of JSON, and there is no line; end it with a newline"
        )
    try:
        header = _read_header(content[:line_end])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"the first line of a shipment: {error}") from None
    if header.v != 1:
        raise BadInput(f"a shipment of version {header.v}; this server reads 1")
    if not 1 <= len(header.client) <= 256 or not header.client.isprintable():
        raise BadInput("client: write 1 to 256 printable characters")
    if not 0 <= header.clock_ns < 2**62:
        raise BadInput(f"clock_ns {header.clock_ns} is no time")
    if len(header.chunks) > CHUNKS_MAX:
        raise BadInput(f"{len(header.chunks)} chunks are more than {CHUNKS_MAX}")
    view = memoryview(content)
    at = line_end + 1
    pieces = []
    for run, segment, file, start, length in header.chunks:
        check_place(run, segment, file, start)
        if not 0 <= length <= len(content) - at:
            raise BadInput(f"chunk of {run}/{segment}/{file}: {length} bytes are not there")
        pieces.append(Piece(run, segment, file, start, view[at : at + length]))
        at += length
    if at != len(content):
        raise BadInput(f"{len(content) - at} bytes after the last chunk belong to none")
    return header, pieces


def _inflated(body: bytes) -> bytes:
    """The content of gzip *body*, of bounded size however small it was packed."""
    inflator = zlib.decompressobj(wbits=31)
    try:
        content = inflator.decompress(body, CONTENT_MAX + 1)
    except zlib.error as error:
        raise BadInput(f"the body is not gzip: {error}") from None
    if len(content) > CONTENT_MAX:
        raise _too_large()
    if not inflator.eof or inflator.unused_data:
        raise BadInput("the body is not one whole gzip stream")
    return content
