"""The HTTP API: every route, its parameters and the keys of its answer, as the server describes them."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docs.press.page import code, markdown, page, table

from trainfare.server.app import make_app
from trainfare.server.service import Service, Settings

INTRO = """
Every route of `trainfare serve`, by subject.
[The API of a server](api.md) says who may ask, how lists go on, what errors look like and what is live; `/schema/openapi.json` of a running server has every schema with an example.
Every route under `/api/v1` may answer 400, 401, 403, 404, 409, 429 and 503 as well, see [errors](errors.md).
"""


def make() -> str:
    """The page."""
    schema = describe()
    subjects: dict[str, list[str]] = {}
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            [subject] = operation["tags"]
            subjects.setdefault(subject, []).append(
                "\n\n".join(_route(schema, path, method, operation))
            )
    parts = [
        f"## {subject.capitalize()}\n\n" + "\n\n".join(told) for subject, told in subjects.items()
    ]
    return page("Routes", INTRO, *parts)


def describe() -> dict[str, Any]:
    """The description that a server gives of itself."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        app = make_app(Service(Settings(Path(folder))))
        try:
            return app.openapi_schema.to_schema()
        finally:
            app.state.service.close()


def _route(
    schema: dict[str, Any], path: str, method: str, operation: dict[str, Any]
) -> Iterator[str]:
    yield f"### {method.upper()} {path}"
    yield markdown(operation["summary"])
    if operation.get("description"):
        yield markdown(operation["description"])
    found = operation.get("parameters", [])
    if found:
        rows = [(code(one["name"]), _says(one), _type(schema, one["schema"])) for one in found]
        yield table(("parameter", "is", "values"), rows)
    body = operation.get("requestBody")
    if body:
        [(kind, content), *_] = body["content"].items()
        keys = _keys(schema, content["schema"])
        yield f"Body: {code(kind)}" + (f" with {keys}." if keys else ".")
    status, answer = next((s, a) for s, a in operation["responses"].items() if s.startswith("2"))
    kinds = answer.get("content", {})
    keys = _keys(schema, kinds.get("application/json", {}).get("schema", {}))
    forms = " or ".join(code(kind) for kind in kinds)
    yield (
        f"Answer: {status}" + (f", {forms}" if forms else "") + (f" with {keys}." if keys else ".")
    )


def _says(parameter: dict[str, Any]) -> str:
    need = " Must be said." if parameter["required"] and parameter["in"] == "query" else ""
    return f"{parameter.get('description', '')}{need}"


def _resolved(schema: dict[str, Any], form: dict[str, Any]) -> dict[str, Any]:
    name = form.get("$ref", "").rpartition("/")[2]
    return schema["components"]["schemas"][name] if name else form


def _type(schema: dict[str, Any], form: dict[str, Any]) -> str:
    form = _resolved(schema, form)
    choices = [_resolved(schema, one) for one in form.get("oneOf", [form])]
    words = []
    items = [
        _resolved(schema, one["items"]) if one.get("type") == "array" else one for one in choices
    ]
    for one in items:
        if "enum" in one:
            words += [code(str(value)) for value in one["enum"] if value is not None]
        elif "const" in one:
            words.append(code(str(one["const"])))
        elif one.get("type") in ("integer", "number"):
            low, high = one.get("minimum"), one.get("maximum")
            bounds = "" if low is None and high is None else f" {low or 0:g} to {high or 0:g}"
            words.append(f"number{bounds}")
        elif one.get("type") == "boolean":
            words.append("`true`, `false`")
    default = form.get("default")
    if default not in (None, "", []):
        words.append(f"(otherwise {code(str(default))})")
    return ", ".join(words).replace(", (", " (")


def _keys(schema: dict[str, Any], form: dict[str, Any]) -> str:
    form = _resolved(schema, form)
    if form.get("type") in ("array", ["array"]):
        inner = _keys(schema, form["items"])
        return f"a list, each {inner}" if inner else "a list"
    names = form.get("properties") or {}
    return ", ".join(map(code, names))
