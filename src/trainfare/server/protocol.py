"""The HTTP protocol of the server: uvicorn's, and a client has only so long to say what it wants.

uvicorn itself bounds the idle time between two requests, and nothing before the first or within
one: a few thousand clients that send a byte a minute would hold all connections there are.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10
"""From the connection, or the first byte of a request, to the last of its headers."""

if TYPE_CHECKING:
    _Base = Any
else:
    _Base = HttpToolsProtocol


class ImpatientProtocol(_Base):  # type: ignore[misc]
    """Hangs up on a client that takes too long over its headers."""

    _hang_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client is there."""
        super().connection_made(transport)
        self._await_head()

    def on_message_begin(self) -> None:
        """The first byte of a request is there."""
        self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The last header of a request is there."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        if self._hang_up is None:
            self._hang_up = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._hang_up is not None:
            self._hang_up.cancel()
            self._hang_up = None
