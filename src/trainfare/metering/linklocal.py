"""One HTTP exchange with a metadata service on the link, within a hard bound of time and size.

A plain socket instead of ``http.client``: its deadline holds for the whole exchange (a library's
timeout starts anew with each byte of a slow drip), it uses no proxy and follows no redirect, and it
spares the training process 6 MB and 16 ms (measured on Python 3.11, 2026-11).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

BODY_MAX_BYTES = 256 * 1024
"""An honest document is far smaller; Azure's longest has 60 kB of public keys and tags."""

_RECEIVE_BYTES = 16 * 1024


class NoAnswer(
    Exception
):  # not an error of the user's: no metadata service is a state of a machine
    """A service did not answer usefully; the text says in a few words what happened."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service sent back; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: str


def ask(
    base: str,
    path: str,
    *,
    deadline_s: float,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
) -> Answer:
    """The answer of *base* (``http://HOST[:PORT]``) to one request with status 200.

    Args:
        base: scheme, host and port; nothing but ``http`` is spoken.
        path: what is asked for, beginning with ``/``.
        deadline_s: ``time.monotonic()`` at which waiting ends, whatever has come by then.
        headers: sent besides Host, Connection and Accept.
        method: GET or PUT; a PUT has no body.

    Raises:
        NoAnswer: refused, too late, too long, not HTTP, or a status other than 200; a redirect is
            such a status and is not followed.
    """
    try:
        host, port = split_base(base)
        # Not create_connection: looking even an address up, it loads the tables of IDNA.
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as connection:
            connection.settimeout(_left_s(deadline_s))
            connection.connect((host, port))
            connection.settimeout(_left_s(deadline_s))
            connection.sendall(_request(method, path, host, headers or {}))
            answer = _receive(connection, deadline_s)
    except TimeoutError:
        raise NoAnswer("no answer in time") from None
    except (OSError, ValueError) as error:
        raise NoAnswer(_reason(error)) from None
    if answer.status != 200:
        raise NoAnswer(f"answered {answer.status}")
    return answer


def split_base(base: str) -> tuple[str, int]:
    """Host and port of ``http://HOST[:PORT]``; the port is 80 where none is said.

    >>> split_base("http://127.0.0.1:8080"), split_base("http://[fd00:ec2::254]/")
    (('127.0.0.1', 8080), ('fd00:ec2::254', 80))

    Raises:
        ValueError: another scheme, no host, or a port that is none.
    """
    from urllib.parse import urlsplit  # pathlib has loaded it already on most Pythons

    parts = urlsplit(base)
    if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(f"{base!r} is not http://HOST:PORT")
    return parts.hostname, parts.port or 80


def _reason(error: OSError | ValueError) -> str:
    """A few words for people: ``connection refused`` rather than an errno."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


def _left_s(deadline_s: float) -> float:
    """Seconds until the deadline; at or past it there is nothing left to wait for."""
    left_s = deadline_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s


def _request(method: str, path: str, host: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", "Accept: */*"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if method == "PUT":
        lines.append("Content-Length: 0")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def _receive(connection: socket.socket, deadline_s: float) -> Answer:
    """Read until the answer is whole by its own account, or the service hangs up."""
    received = bytearray()
    while True:
        connection.settimeout(_left_s(deadline_s))
        piece = connection.recv(_RECEIVE_BYTES)
        received += piece
        if len(received) > BODY_MAX_BYTES:
            raise ValueError(f"sent more than {BODY_MAX_BYTES // 1024} kB")
        answer = _parse(bytes(received), is_closed=not piece)
        if answer is not None:
            return answer
        if not piece:
            raise ValueError("hung up in the middle of its answer")


def _parse(received: bytes, *, is_closed: bool) -> Answer | None:
    """The answer in *received*, or None while more must come."""
    head, blank, raw = received.partition(b"\r\n\r\n")
    if not blank:
        return None
    first, *rest = head.decode("latin-1").split("\r\n")
    version, _, status = first.partition(" ")
    if not version.startswith("HTTP/1.") or not status[:3].isdigit():
        raise ValueError("does not speak HTTP")
    pairs = (line.partition(":") for line in rest)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    body: bytes | None = raw
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _unchunk(raw)
    elif (length := headers.get("content-length", "")).isdigit():
        body = raw[: int(length)] if len(raw) >= int(length) else None
    elif not is_closed:
        body = None
    if body is None:
        return None
    return Answer(int(status[:3]), headers, body.decode("utf-8", "replace"))


def _unchunk(raw: bytes) -> bytes | None:
    """The body of a chunked transfer, or None while its last chunk has not come (RFC 9112 §7.1)."""
    body = bytearray()
    while True:
        line, end, raw = raw.partition(b"\r\n")
        if not end:
            return None
        digits = line.partition(b";")[0].strip()
        if not digits.isalnum() or not set(digits.lower()) <= set(b"0123456789abcdef"):
            raise ValueError("sent a chunk without its size")
        size = int(digits, 16)
        if size == 0:
            return bytes(body)
        if len(raw) < size + 2:
            return None
        body += raw[:size]
        raw = raw[size + 2 :]
