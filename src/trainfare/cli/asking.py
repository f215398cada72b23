"""Asking a server: one question, its answer as JSON or as a stream, and its refusals as sentences."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from typing import Any

from trainfare.core.errors import BadInput, OutsideFailed

ANSWER_SECONDS = 180


def post(server: str, path: str, body: object) -> dict[str, Any]:
    """What *server* answers to *body*, as JSON; raises as :func:`ask`."""
    return _read(server, path, json.dumps(body).encode())


def get(server: str, path: str) -> dict[str, Any]:
    """What *server* answers, as JSON; raises as :func:`ask`."""
    return _read(server, path, None)


def _read(server: str, path: str, body: bytes | None) -> dict[str, Any]:
    with ask(server, path, body) as found:
        try:
            told: dict[str, Any] = json.load(found)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _not_reached(server, error) from None
    return told


def ask(
    server: str, path: str, body: bytes | None = None, *, timeout: float = ANSWER_SECONDS
) -> http.client.HTTPResponse:
    """An answer of *server*, still to be read.

    Raises:
        BadInput: it refuses the question.
        OutsideFailed: it is not reached, or fails.
    """
    token = os.environ.get("TRAINFARE_TOKEN", "").strip()
    if not token:
        raise BadInput("TRAINFARE_SERVER is set and TRAINFARE_TOKEN is not; set it to your token")
    if not server.startswith(("http://", "https://")):
        raise BadInput(f"TRAINFARE_SERVER {server!r} is no URL; write http://HOST:PORT")
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        request = urllib.request.Request(server + path, body, headers)  # noqa: S310 (http)
        found: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(server, error.code, error.read()) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _not_reached(server, error) from None
    return found


def _not_reached(server: str, error: Exception) -> OutsideFailed:
    why = getattr(error, "reason", None) or error
    return OutsideFailed(
        f"{server} cannot be asked: {why}; is it running, and is TRAINFARE_SERVER right?"
    )


def _refusal(server: str, status: int, body: bytes) -> Exception:
    """The server's problem as a sentence: refused questions and failures exit differently."""
    try:
        problem = json.loads(body)["error"]
        sentence = "; ".join(filter(None, (problem["message"], problem["what_to_do"])))
    except (ValueError, KeyError, TypeError):
        sentence = f"it answered with status {status}"
    kind = OutsideFailed if status >= 500 or status == 429 else BadInput
    return kind(f"{server}: {sentence}")
