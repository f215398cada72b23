"""The forms of answers in the API's description: a schema and an example each, and one of refusals.

They are data (``answer_forms.json``), made from real answers and held against them by the tests.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.openapi.spec import (
    Example,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Reference,
    Schema,
)

from trainfare.server.problem import make_problem
from trainfare.server.sheet import CSV, PARQUET

FORMS = Path(__file__).with_name("answer_forms.json")

REFUSALS = {
    400: "The question makes no sense; the message says which word.",
    401: "Nobody knows the token.",
    403: "The token may not do this.",
    404: "There is none, or it is another team's.",
    409: "The books do not add up.",
    429: "Too much at once: come again after Retry-After.",
    503: "The answer is still being worked out, or something outside failed; ask again.",
}
TEXT = Schema(type=OpenAPIType.STRING)


def describe_answers(app: Litestar) -> None:
    """Add what answers look like to the description of *app*."""
    forms = json.loads(FORMS.read_text(encoding="utf-8"))
    for path, item in (app.openapi_schema.paths or {}).items():
        if not path.startswith("/api/v1/"):
            continue
        for operation in (item.get, item.post, item.put, item.delete):
            if operation is not None:
                _describe_refusals(operation)
        if item.get is not None and path in forms:
            _describe(item.get, forms[path])


def _describe(operation: Operation, form: dict[str, Any]) -> None:
    told = (operation.responses or {})["200"]
    assert isinstance(told, OpenAPIResponse)
    example = Example(summary="An answer", value=form["example"])
    told.content = {
        "application/json": OpenAPIMediaType(
            schema=_schema(form["schema"]), examples={"answer": example}
        )
    }
    names = {getattr(one, "name", "") for one in operation.parameters or ()}
    if "format" in names:
        told.content |= {CSV: OpenAPIMediaType(TEXT), PARQUET: OpenAPIMediaType(TEXT)}


def _schema(form: dict[str, Any]) -> Schema:
    rest = form.get("additionalProperties")
    inside: dict[str, Reference | Schema] = {
        key: _schema(one) for key, one in form.get("properties", {}).items()
    }
    return Schema(
        type=[OpenAPIType(one) for one in form.get("type", ())] or None,
        properties=inside or None,
        required=form.get("required") or None,
        items=_schema(form["items"]) if "items" in form else None,
        additional_properties=_schema(rest) if rest else None,
    )


def _describe_refusals(operation: Operation) -> None:
    advice = Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL])
    words: dict[str, Reference | Schema] = {"type": TEXT, "message": TEXT, "what_to_do": advice}
    error = Schema(type=OpenAPIType.OBJECT, properties=words, required=["type", "message"])
    whole = Schema(type=OpenAPIType.OBJECT, properties={"error": error}, required=["error"])
    example = Example(
        value=make_problem(
            "not_found", "no run is called 'x'", "GET /api/v1/runs lists those there are"
        )
    )
    responses = operation.responses = operation.responses or {}
    for status, why in REFUSALS.items():
        content = OpenAPIMediaType(schema=whole, examples={"refusal": example})
        responses[str(status)] = OpenAPIResponse(why, content={"application/json": content})
