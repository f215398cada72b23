"""What the API's description says of routes and parameters: a handler's docstring, and these words."""

from __future__ import annotations

import inspect
from typing import Any

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Parameter
from litestar.routes import HTTPRoute

WORDS = {
    "advice": "its id, or the beginning of it",
    "budget": "a budget's name; the only one where there is but one",
    "by": "a label, run or component",
    "cash": "the most to pay at the beginning",
    "count": "how many machines",
    "delivery": "its id, or the beginning of it",
    "experiment": "of this experiment",
    "first": "a run",
    "format": "in which form",
    "instance": "the instance type; this server's own machine without it",
    "kind": "one kind alone",
    "label": "key=value",
    "least_used": "only what history would have used to so many per cent",
    "limit": "at most so many",
    "longest": "the longest term: 1m, 6m, 1y or 3y",
    "metric": "what runs reached: accuracy, loss:min",
    "model": "of this model",
    "most": "the most to hold, money an hour",
    "name": "its name",
    "option": "on_demand, spot or another way of buying",
    "period": "a billing period, 2026-10",
    "provider": "aws, gcp, azure …",
    "q": "words of a name",
    "region": "a region of the provider",
    "risk": "expected, worst, or the most per cent that the worst may lose",
    "rows": "lines of such a terminal",
    "run": "an id, the beginning of one, a name, or last",
    "second": "the run beside it",
    "source": "the name under which deliveries replace one another",
    "spot": "whether it is bought as spot",
    "target": "compare time and cost until the metric reached it",
    "team": "of this team",
    "theme": "light or dark",
    "token_id": "a token's id, not its secret",
    "width": "pixels",
    "windows": "how many windows of later hours a plan is tested on",
}
"""Parameter → what it is, where its route says nothing more exact."""


def describe_routes(app: Litestar) -> None:
    """Put the first line of each handler's docstring, and words on each parameter, into the description."""
    paths = app.openapi_schema.paths or {}
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path_format in paths:
            for handler in route.route_handlers:
                for method in handler.http_methods:
                    operation = getattr(paths[route.path_format], method.lower(), None)
                    if operation is not None:
                        _describe(operation, handler)


def _describe(operation: Any, handler: HTTPRouteHandler) -> None:
    wrapped = handler.fn  # a handler that runs in a thread stands within what starts it there
    said = inspect.getdoc(getattr(wrapped, "func", wrapped)) or ""
    summary, _, rest = said.replace("``", "`").partition("\n\n")
    operation.summary, operation.description = summary.replace("\n", " "), rest or None
    for one in operation.parameters or ():
        if isinstance(one, Parameter) and not one.description:
            one.description = WORDS.get(one.name)
