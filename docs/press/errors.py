"""Errors: every kind that is raised on purpose, its exit code and its HTTP status."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from docs.press.page import code, first_line, page, table

import trainfare
from trainfare.core.errors import MissingExtra, TrainfareError
from trainfare.server.problem import OF_STATUS, explain

LIGHT_DOORS = "trainfare.integrations."
"""Modules below need a framework each, and define no error."""


def make() -> str:
    """The page."""
    rows = [
        ("&nbsp;&nbsp;" * depth + code(kind.__name__), first_line(kind.__doc__),
         str(kind.exit_code), *_answered(kind))
        for kind, depth in tree(TrainfareError)
    ]  # fmt: skip
    framework = [
        (str(status), code(kind), advice) for status, (kind, advice) in sorted(OF_STATUS.items())
    ]
    return page(
        "Errors",
        "Every error is one sentence with three parts: what is wrong, where (file, row, column, "
        "value), and what to do.\nA command prints it on standard error and ends with the exit code; "
        "the API answers it as JSON with the status and the type; Python code catches "
        "`trainfare.TrainfareError`.",
        table(("error", "raised when", "exit code", "HTTP status", "type in JSON"), rows),
        "An indented error is a kind of the one above it.\n"
        "An error that nobody foresaw ends with exit code 3, and as status 500 of type `fault`.",
        "## What the server refuses by itself\n\n"
        + table(("HTTP status", "type in JSON", "what to do"), framework),
        'The body is `{"error": {"type": …, "message": …, "what_to_do": …}}`; see '
        "[the API of a server](api.md#errors).",
    )


def tree(kind: type[TrainfareError], depth: int = 0) -> Iterator[tuple[type[TrainfareError], int]]:
    """*kind* and all below it, by name, each with how deep it is."""
    if depth == 0:
        for found in pkgutil.walk_packages(trainfare.__path__, "trainfare."):
            if (
                not found.name.startswith((LIGHT_DOORS, "trainfare.__main__"))
                and "migrations" not in found.name
            ):
                importlib.import_module(found.name)
    yield kind, depth
    for below in sorted(kind.__subclasses__(), key=lambda one: one.__name__):
        if below.__module__.startswith("trainfare."):
            yield from tree(below, depth + 1)


def _answered(kind: type[TrainfareError]) -> tuple[str, str]:
    """HTTP status and type, as the server would answer one."""
    try:
        error = kind("x", "x") if kind is MissingExtra else kind("x")
    except TypeError:
        error = kind.__new__(kind)
    status, body = explain(error)
    return str(status), code(body["error"]["type"])
