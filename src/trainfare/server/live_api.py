"""Live streams: server-sent events of one run that goes on, and of runs that changed.

Streams are bounded, in all and for each caller, and refused beyond with Retry-After. Watchers of
one run share its frames. A reader that takes nothing is dropped; whoever loses its token, its
stream ends.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from litestar import Request, get
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.middleware import ASGIMiddleware
from litestar.params import QueryParameter
from litestar.response import Stream
from litestar.types import ASGIApp, Receive, Scope, Send

from trainfare.core.caller import Caller
from trainfare.core.errors import TrainfareError
from trainfare.flows.forecast import Forecaster
from trainfare.flows.frame_view import frame_lines
from trainfare.flows.watch import Frame, take_frame
from trainfare.server.door import bearer_of, session_of
from trainfare.server.own_runs import own_run
from trainfare.server.service import Service
from trainfare.store.sights import Wanted, changed_since, newest_change

STREAMS_MAX = 500
"""So many streams are open at once; each costs little, but no process bears any number."""

OF_CALLER_MAX = 50
"""So many are open for one caller."""

FRAME_SECONDS = 1.0
WORK_SHARE = 10
"""Frames of a run take at most a tenth of one CPU, however many watch it."""

CHANGES_SECONDS = 2.0
HEARTBEAT_SECONDS = 15.0
"""A comment after so long without news, so that proxies keep the stream."""

ASK_AGAIN_SECONDS = 30.0
"""As often a stream asks whether its token still opens anything."""

SLOW_SECONDS = 20.0
"""A reader that takes nothing for so long is dropped."""

Seconds = Annotated[
    int | None, QueryParameter(ge=1, le=86_400, description="end after so long; never without")
]

LAST_CHANGES = 200
"""So many changed runs are told at once; a list that fell behind is asked for as a whole."""


class Streams:
    """The open streams of one process, and what they share; used by one thread."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._open: Counter[str] = Counter()
        self._frames: dict[str, tuple[float, float, Frame | None]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._forecaster: Forecaster | None = None

    def enter(self, caller: Caller) -> Callable[[], None]:
        """Take a place; call what comes back to leave it.

        Raises:
            HTTPException: there is none.
        """
        name = caller.name
        if self._open[name] >= OF_CALLER_MAX:
            raise _full(429, f"{name!r} has {OF_CALLER_MAX} live streams open already")
        if self._open.total() >= STREAMS_MAX:
            raise _full(503, f"{STREAMS_MAX} live streams are open already")
        self._open[name] += 1
        is_left = False

        def leave() -> None:
            nonlocal is_left
            if not is_left:
                is_left = True
                self._open[name] -= 1
                self._open += Counter()

        return leave

    async def frame(self, run: str) -> tuple[Frame, float]:
        """The newest frame of *run*, and after how long to ask again."""
        async with self._locks.setdefault(run, asyncio.Lock()):
            made, took, frame = self._frames.get(run, (-1e9, 0.0, None))
            rest = max(FRAME_SECONDS, WORK_SHARE * took)
            now = time.monotonic()
            if frame is None or now - made >= rest * 0.9:
                frame = await asyncio.to_thread(self._take, run)
                self._frames[run] = now, time.monotonic() - now, frame
        if not frame.is_running:
            self._frames.pop(run, None)
            self._locks.pop(run, None)
        return frame, rest

    def _take(self, run: str) -> Frame:
        if self._forecaster is None:
            self._forecaster = Forecaster(self.service.home)
        beside = self.service.sights.beside(run)
        return take_frame(self.service.home, run, forecaster=self._forecaster, beside=beside)


class Impatient(ASGIMiddleware):
    """Drops a reader that takes nothing."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on."""

        async def impatient(message: Any) -> None:
            async with asyncio.timeout(SLOW_SECONDS):
                await send(message)

        await next_app(scope, receive, impatient)


@get(
    "/runs/{run:str}/live", tags=["runs"], middleware=[Impatient()], media_type="text/event-stream"
)
async def watch_run(
    request: Request[Any, Any, Any],
    caller: Caller,
    service: Service,
    run: str,
    seconds: Seconds = None,
    columns: Annotated[
        int | None, QueryParameter(ge=20, le=500, description="as lines for such a terminal")
    ] = None,
    rows: Annotated[int, QueryParameter(ge=5, le=500)] = 24,
) -> Stream:
    """Frames of a run, one event ``frame`` a second while it goes on, then ``end``.

    With *columns* a frame is what ``trainfare watch`` draws: its ``lines``, in colours.
    """
    run_id = await asyncio.to_thread(own_run, service, caller, run)
    streams = streams_of(request)

    def say(frame: Frame) -> str:
        drawn = None if columns is None else {"lines": frame_lines(frame, columns, rows)}
        return json.dumps(drawn or frame.to_json(), ensure_ascii=False)

    frames = _frames(streams, run_id, say, _is_welcome(request, seconds))
    return _stream(frames, streams.enter(caller))


@get("/live", tags=["runs"], middleware=[Impatient()], media_type="text/event-stream")
async def watch_changes(
    request: Request[Any, Any, Any], caller: Caller, service: Service, seconds: Seconds = None
) -> Stream:
    """Runs as their lines change: events ``runs``, each a list as GET /runs has it."""
    caller.need("read")
    streams = streams_of(request)
    return _stream(
        _changes(service, caller.team, _is_welcome(request, seconds)), streams.enter(caller)
    )


def streams_of(request: Request[Any, Any, Any]) -> Streams:
    """The streams of this application."""
    state = request.app.state
    if not hasattr(state, "streams"):
        state.streams = Streams(state.service)
    streams: Streams = state.streams
    return streams


def event(kind: str, data: str) -> str:
    r"""One event, whose data has no line break.

    >>> event("end", "{}")
    'event: end\ndata: {}\n\n'
    """
    return f"event: {kind}\ndata: {data}\n\n"


async def _frames(
    streams: Streams, run: str, say: Callable[[Frame], str], is_welcome: Callable[[], Any]
) -> AsyncIterator[str]:
    while True:
        try:
            frame, rest = await streams.frame(run)
        except TrainfareError as error:
            yield event("error", json.dumps({"message": str(error)}))
            return
        yield event("frame", await asyncio.to_thread(say, frame))
        if not frame.is_running:
            yield event("end", "{}")
            return
        if not await is_welcome():
            return
        await asyncio.sleep(rest)


async def _changes(
    service: Service, team: str | None, is_welcome: Callable[[], Any]
) -> AsyncIterator[str]:
    since, told = await asyncio.to_thread(_newest, service), time.monotonic()
    yield ": open\n\n"
    while await is_welcome():
        await asyncio.sleep(CHANGES_SECONDS)
        found = await asyncio.to_thread(_changed, service, team, since)
        if found:
            since, told = found[-1][0], time.monotonic()
            yield event("runs", json.dumps([row for _, row in found], ensure_ascii=False))
        elif time.monotonic() - told > HEARTBEAT_SECONDS:
            told = time.monotonic()
            yield ": still here\n\n"


def _newest(service: Service) -> int:
    with service.ledger.look() as connection:
        return newest_change(connection)


def _changed(service: Service, team: str | None, since: int) -> list[tuple[int, dict[str, Any]]]:
    with service.ledger.look() as connection:
        if newest_change(connection) <= since:
            return []
        return changed_since(connection, Wanted(team=team, changed_ns=since), LAST_CHANGES)


def _is_welcome(request: Request[Any, Any, Any], seconds: int | None) -> Callable[[], Any]:
    """Asks now and then whether what opened the stream still opens anything; ends it in time."""
    service: Service = request.app.state.service
    secret = bearer_of(request.headers) or session_of(request.cookies)
    began = asked = time.monotonic()

    async def is_welcome() -> bool:
        nonlocal asked
        if seconds is not None and time.monotonic() - began >= seconds:
            return False
        if time.monotonic() - asked < ASK_AGAIN_SECONDS:
            return True
        asked = time.monotonic()
        return secret is not None and (
            await asyncio.to_thread(service.find_caller, secret) is not None
        )

    return is_welcome


def _stream(events: AsyncIterator[str], leave: Callable[[], None]) -> Stream:
    async def guarded() -> AsyncIterator[str]:
        try:
            async for one in events:
                yield one
        finally:
            leave()

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(guarded(), media_type="text/event-stream", headers=headers)


def _full(status: int, why: str) -> HTTPException:
    return HTTPException(
        status_code=status,
        detail=f"{why}; close one or ask again later",
        headers={"Retry-After": "30"},
    )


ROUTES = [watch_run, watch_changes]
"""For the application."""
