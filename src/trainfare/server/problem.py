"""Problems: every error of the API in one stable shape, with what to do about it.

{"error": {"type": "not_found", "message": "no run 'r-1'", "what_to_do": "…"}}
"""

from __future__ import annotations

import logging
import re
import traceback
from pathlib import Path
from typing import Any

from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.response import Redirect, Template

from trainfare.core.caller import NotAllowed
from trainfare.core.errors import (
    BadInput,
    BudgetExceeded,
    MissingExtra,
    NotConserved,
    NotFound,
    OutsideFailed,
    TrainfareError,
)
from trainfare.server.door import login_path
from trainfare.store.intake import Busy

STATUS: dict[type[TrainfareError], int] = {
    MissingExtra: 501,
    NotAllowed: 403,
    NotFound: 404,
    BadInput: 400,
    NotConserved: 409,
    BudgetExceeded: 409,
    Busy: 429,
    OutsideFailed: 503,
}
"""Error → HTTP status; an error takes the status of the nearest class above it."""

OF_STATUS = {
    400: ("bad_input", "see the API's description at /schema/openapi.json"),
    401: ("not_authorized", "send the header Authorization: Bearer TOKEN, or sign in"),
    403: ("not_allowed", "ask an admin for a token with that scope"),
    404: ("not_found", "see the API's description at /schema/openapi.json"),
    405: ("method_not_allowed", "see the API's description at /schema/openapi.json"),
    413: ("too_large", "send less at once"),
    429: ("too_many_requests", "wait as long as the header Retry-After says"),
}


def make_problem(kind: str, message: str, what_to_do: str | None) -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"type": kind, "message": message, "what_to_do": what_to_do}}


def split_advice(text: str) -> tuple[str, str | None]:
    """An error's sentence as message and advice, which its last semicolon parts.

    >>> split_advice("no run 'r-1'; `trainfare runs` lists those there are")
    ("no run 'r-1'", '`trainfare runs` lists those there are')
    """
    message, mark, advice = text.rpartition("; ")
    return (message, advice) if mark else (text, None)


def explain(error: TrainfareError) -> tuple[int, dict[str, Any]]:
    """The status and the body of what Trainfare explains in one sentence."""
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()
    return status, make_problem(kind, *split_advice(str(error)))


def of_trainfare(request: Request[Any, Any, Any], error: TrainfareError) -> Response[Any]:
    """What Trainfare explains in one sentence."""
    return _answer(request, *explain(error))


def _answer(
    request: Request[Any, Any, Any],
    status: int,
    body: dict[str, Any],
    headers: dict[str, str] | None = None,
) -> Response[Any]:
    """A problem as a program reads it, or as a page for who looks at pages."""
    if not _is_page(request) and not _is_form(request):
        return Response(body, status_code=status, headers=headers, media_type=MediaType.JSON)
    told = body["error"]
    context = {
        "status": status,
        "kind": told["type"],
        "message": told["message"],
        "advice": told["what_to_do"],
    }
    return Template("problem.html", context=context, status_code=status, headers=headers)


def of_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """What the framework refuses: a path, a method, a parameter, a caller nobody knows."""
    kind, advice = OF_STATUS.get(error.status_code, ("failed", "try again later"))
    message = error.detail or kind.replace("_", " ")
    for extra in error.extra if isinstance(error.extra, list) else []:
        message += f"; {extra.get('key', '')}: {extra.get('message', '')}"
    headers = dict(error.headers or {})
    if isinstance(error, NotAuthorizedException):
        where = f"{request.scope['path']}?{request.scope['query_string'].decode('latin-1')}"
        path = login_path(where.rstrip("?"))
        if request.headers.get("hx-request"):
            headers["HX-Redirect"] = "/login"
        elif _is_page(request):
            return Redirect(path, status_code=303)
        headers["WWW-Authenticate"] = "Bearer"
    return _answer(request, error.status_code, make_problem(kind, message, advice), headers)


def _is_page(request: Request[Any, Any, Any]) -> bool:
    """Whether somebody looks at a page, rather than a program asking the API."""
    is_api = request.scope["path"].startswith(("/api/", "/schema"))
    return (
        not is_api and request.method == "GET" and "text/html" in request.headers.get("accept", "")
    )


def _is_form(request: Request[Any, Any, Any]) -> bool:
    """Whether somebody sent a form of a page."""
    is_api = request.scope["path"].startswith(("/api/", "/schema"))
    return not is_api and "text/html" in request.headers.get("accept", "")


def of_fault(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A fault of Trainfare's own: said without its inner parts, and logged with its place.

    Neither the message of the error nor what was asked is logged, for a secret may be in both.
    """
    log_fault(error, f"{request.method} {request.scope.get('path_template', '')}")
    return _answer(request, 500, make_problem("fault", *make_fault(error)))


def make_fault(error: Exception) -> tuple[str, str]:
    """What is said of a fault of Trainfare's own, and what to do."""
    said = f"Trainfare made a mistake ({type(error).__name__})"
    return said, "try again in a moment, and please report it if it stays"


def log_fault(error: Exception, route: str) -> None:
    """Write down where a fault was made."""
    places = traceback.extract_tb(error.__traceback__)
    where = f"{Path(places[-1].filename).name}:{places[-1].lineno}" if places else "nowhere"
    logging.getLogger("trainfare").error(
        "fault=%s at=%s route=%s", type(error).__name__, where, route
    )


HANDLERS: dict[int | type[Exception], Any] = {
    TrainfareError: of_trainfare,
    HTTPException: of_http,
    Exception: of_fault,
}
"""What the application is given."""
