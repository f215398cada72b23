"""Downloads from providers: bounded in time and size, retried with back-off, told apart from prices.

Standard library only. A failure is :class:`OutsideFailed` with the host and the cause; the query of
an address is never shown, since it may hold a key.
"""

from __future__ import annotations

import gzip
import http.client
import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any, cast
from urllib.parse import urlsplit

from trainfare.core.errors import BadInput, OutsideFailed

TIMEOUT_SECONDS = 30
"""Without a byte for so long, an attempt has failed."""
ATTEMPTS = 4
"""Tries of one request."""
ANSWER_LIMIT = 64 * 2**20
"""Bytes of one answer (unpacked) beyond which it is not read on."""
LONGEST_WAIT_SECONDS = 60
"""However long a server asks us to wait."""

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})

_TROUBLE = (urllib.error.URLError, http.client.HTTPException, OSError, EOFError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server sent: the unpacked body, and its mark of the version (ETag) if it gave one."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Line:
    """How to reach servers: the bounds of a request and how to wait between tries."""

    timeout_seconds: float = TIMEOUT_SECONDS
    attempts: int = ATTEMPTS
    limit: int = ANSWER_LIMIT
    pause: Callable[[float], None] = time.sleep


def fetch(
    line: Line, url: str, *, etag: str = "", headers: Mapping[str, str] | None = None
) -> Answer | None:
    """The answer to a GET, or None where the server says that *etag* is still the version.

    Raises:
        BadInput: not an http or https address.
        OutsideFailed: no good answer within the bounds.
    """
    wanted = {**(headers or {}), **({"If-None-Match": etag} if etag else {})}
    with open_stream(line, url, headers=wanted) as (stream, mark):
        if stream is None:
            return None
        try:
            body = stream.read(line.limit + 1)
        except _TROUBLE as error:
            raise OutsideFailed(f"{_place(url)} broke off: {_cause(error)}; try again") from None
    if len(body) > line.limit:
        raise OutsideFailed(
            f"{_place(url)} sent more than {line.limit:,} bytes; nothing was stored"
        )
    return Answer(body, mark)


def fetch_json(
    line: Line, url: str, *, etag: str = "", headers: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], str] | None:
    """The JSON object at *url*, all its numbers exact, and its ETag; None where nothing changed.

    Raises:
        OutsideFailed: as :func:`fetch`, or the answer is not one JSON object.
    """
    answer = fetch(line, url, etag=etag, headers=headers)
    if answer is None:
        return None
    try:
        document = json.loads(answer.body, parse_float=Decimal)
    except (ValueError, RecursionError):
        start = answer.body[:40].decode("utf-8", "replace")
        raise OutsideFailed(
            f"{_place(url)} did not answer with JSON but with {start!r}; nothing was stored"
        ) from None
    if not isinstance(document, dict):
        raise OutsideFailed(f"{_place(url)} did not answer with a JSON object; nothing was stored")
    return document, answer.etag


@contextmanager
def open_stream(
    line: Line, url: str, *, headers: Mapping[str, str] | None = None
) -> Iterator[tuple[IO[bytes] | None, str]]:
    """The unpacked body of a GET as a stream, and its ETag; no stream where nothing changed (304).

    Raises:
        BadInput: not an http or https address.
        OutsideFailed: no good answer after all tries.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise BadInput(f"{url.partition('?')[0]!r} is not an http or https address")
    request = urllib.request.Request(  # noqa: S310 (the scheme is checked above)
        url,
        headers={
            "Accept-Encoding": "gzip",
            "User-Agent": "trainfare",
            **(headers or {}),
        },
    )
    response = _open(line, request)
    if response is None:
        yield None, ""
        return
    with response:
        mark = response.headers.get("ETag", "")
        packed = response.headers.get("Content-Encoding", "").lower() == "gzip"
        body = gzip.GzipFile(fileobj=response) if packed else response
        yield cast("IO[bytes]", body), mark


def _open(line: Line, request: urllib.request.Request) -> http.client.HTTPResponse | None:
    """Open *request*, waiting 1, 2, 4 … seconds between tries, or as long as the server asks."""
    why, wait = "", 0.0
    for attempt in range(line.attempts):
        if attempt:
            line.pause(wait)
        wait = float(2**attempt)
        try:
            return _urlopen(request, line.timeout_seconds)
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 304:
                    return None
                why = f"HTTP {error.code} {error.reason}"
                if error.code not in _AGAIN:
                    break
                asked = error.headers.get("Retry-After", "")
                wait = float(asked) if asked.isdigit() else wait
                wait = min(wait, LONGEST_WAIT_SECONDS)
        except _TROUBLE as error:
            why = _cause(error)
    tries = f" in {line.attempts} tries" if line.attempts > 1 else ""
    raise OutsideFailed(
        f"{_place(request.full_url)} gave no prices{tries}: {why}; the last known prices stay"
    )


def text_of(stream: IO[bytes]) -> IO[str]:
    """A stream of bytes as UTF-8 text."""
    return io.TextIOWrapper(stream, encoding="utf-8")


def _urlopen(request: urllib.request.Request, timeout: float) -> http.client.HTTPResponse:
    opened = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310 (open_stream checks it)
    assert isinstance(opened, http.client.HTTPResponse)
    return opened


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}"


def _cause(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return str(reason or error) or type(error).__name__
