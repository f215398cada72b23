"""The wire: one shipment sent to the server that ``TRAINFARE_SERVER`` names.

The first line says what follows, the bytes follow; all of it gzip. See ``trainfare.server.ingest``.
"""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import ssl
import time
import urllib.parse
from collections.abc import Mapping, Sequence

from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.core.shipment import Piece

PATH = "/api/v1/ingest"

ANSWER_BYTES_MAX = 2**20
LATER_SECONDS_MAX = 3600.0


class Later(OutsideFailed):
    """The server is not there, or asks to be asked again, after *seconds* if it says."""

    def __init__(self, why: str, seconds: float | None = None) -> None:
        super().__init__(why)
        self.seconds = seconds


class Unwelcome(BadInput):
    """The server refuses what is sent, or whoever sends."""

    def __init__(self, why: str, *, is_about_content: bool) -> None:
        super().__init__(why)
        self.is_about_content = is_about_content
        """Whether other pieces may be welcome."""


class Server:
    """Where to ship, and who ships."""

    def __init__(self, url: str, token: str) -> None:
        """Remember both.

        Raises:
            BadInput: *url* is no http address.
        """
        try:
            parts = urllib.parse.urlsplit(url)
            host, self._port = parts.hostname, parts.port
        except ValueError:
            host = None
        if host is None or parts.scheme not in ("http", "https"):
            raise BadInput(
                f"TRAINFARE_SERVER={url!r} is no address; write http://HOST:PORT or https://HOST"
            )
        self._host = host
        self.url = url.rstrip("/")
        self._path = parts.path.rstrip("/") + PATH
        self._is_secret = parts.scheme == "https"
        self._token = token
        self._trust: ssl.SSLContext | None = None
        self._client = socket.gethostname() or "unnamed"

    def send(self, pieces: Sequence[Piece], seconds: float) -> list[int]:
        """Ship *pieces*; how long the server now has the file of each.

        Raises:
            Later: it did not answer, or wants to be asked again.
            Unwelcome: it will not take them.
        """
        connection = self._connection(seconds)
        try:
            connection.request("POST", self._path, self._body(pieces), self._headers())
            answer = connection.getresponse()
            body = answer.read(ANSWER_BYTES_MAX)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise Later(f"{self.url}: {error or type(error).__name__}") from None
        finally:
            connection.close()
        return _accepted(answer, body, len(pieces))

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        if not self._is_secret:
            return http.client.HTTPConnection(self._host, self._port, timeout=seconds)
        if self._trust is None:
            self._trust = ssl.create_default_context()
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=seconds, context=self._trust
        )

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._token}",
            "Content-Encoding": "gzip",
            "Content-Type": "application/octet-stream",
            "Connection": "close",
        }

    def _body(self, pieces: Sequence[Piece]) -> bytes:
        header = {
            "v": 1,
            "client": self._client,
            "clock_ns": time.time_ns(),
            "chunks": [[*piece.key, piece.start, len(piece.data)] for piece in pieces],
        }
        line = json.dumps(header, separators=(",", ":")).encode() + b"\n"
        return gzip.compress(line + b"".join(piece.data for piece in pieces), 3, mtime=0)


def _accepted(answer: http.client.HTTPResponse, body: bytes, count: int) -> list[int]:
    if answer.status == 200:
        try:
            accepted = json.loads(body)["accepted"]
            if len(accepted) == count and all(type(one) is int and one >= 0 for one in accepted):
                return list(accepted)
        except (ValueError, KeyError, TypeError):
            pass
        raise Later("it answers 200 without saying what it accepted: is it a Trainfare server?")
    try:
        why = str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        why = answer.reason
    said = f"{answer.status}: {why}"
    if answer.status in (408, 429) or answer.status >= 500 or 300 <= answer.status < 400:
        raise Later(said, _seconds(answer.getheader("Retry-After")))
    raise Unwelcome(said, is_about_content=answer.status in (400, 403, 413))


def _seconds(text: str | None) -> float | None:
    """What ``Retry-After`` says, where it is a number of seconds; a date is not believed."""
    return (
        min(float(text), LATER_SECONDS_MAX) if text and text.isascii() and text.isdigit() else None
    )


def server_of(environ: Mapping[str, str]) -> Server | None:
    """The server that the environment names, if it names one.

    Raises:
        BadInput: it is no address.
    """
    url = environ.get("TRAINFARE_SERVER")
    return Server(url, environ.get("TRAINFARE_TOKEN", "")) if url else None
