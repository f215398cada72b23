"""The Python API: every public name of ``trainfare``, as its signature and docstring say."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from enum import Enum
from typing import Any

from docs.press.page import ROOT, code, first_line, markdown, page, table

import trainfare

ORDER = ("track", "Run", "receipt", "runs", "report", "frontier", "utilization", "reconcile",
         "chart", "set_budget", "standings", "Budget", "Money")  # fmt: skip
"""As one meets them; the others follow by name."""


INTRO = """
`import trainfare` is silent and light: the standard library only, no thread, no file, no network.
What stands here stays; a name that is to go warns first and names what replaces it.
"""


def make() -> str:
    """The page."""
    names = sorted(
        trainfare.__all__, key=lambda one: (ORDER.index(one) if one in ORDER else 99, one)
    )
    errors = [one for one in names if _is_error(one)]
    rest = [
        one for one in names if one not in errors and one not in ("__version__", "integrations")
    ]
    parts = [INTRO]
    for name in rest:
        parts += _object(name, getattr(trainfare, name))
    parts.append(
        "## Errors\n\n" + ", ".join(map(code, errors)) + ": see [errors](errors.md).\n"
        "`trainfare.__version__` is the version, as text."
    )
    parts.append("## Doors to frameworks\n\n" + _doors())
    return page("The Python API", *parts)


def _is_error(name: str) -> bool:
    thing = getattr(trainfare, name)
    return inspect.isclass(thing) and issubclass(thing, Exception)


def _object(name: str, thing: Any) -> Iterator[str]:
    yield f"## trainfare.{name}"
    if not inspect.isclass(thing):
        yield f"```python\n{_signature(f'trainfare.{name}', thing)}\n```"
        yield markdown(thing.__doc__)
        return
    yield markdown(thing.__doc__)
    if dataclasses.is_dataclass(thing):
        yield table(("field", "type", "is"), _fields(thing))
    for method, function in sorted(_methods(thing)):
        yield f"### {name}.{method}"
        if isinstance(function, property):
            yield markdown(f"A property. {function.__doc__}")
        else:
            yield f"```python\n{_signature(method, function)}\n```"
            yield markdown(inspect.getdoc(function) or "")


def _methods(thing: type) -> Iterator[tuple[str, Any]]:
    for name in dir(thing):
        raw = inspect.getattr_static(thing, name)
        fields = (
            {one.name for one in dataclasses.fields(thing)}
            if dataclasses.is_dataclass(thing)
            else ()
        )
        if (
            name.startswith("_")
            or name in fields
            or not (callable(getattr(thing, name)) or isinstance(raw, property))
        ):
            continue
        yield name, raw if isinstance(raw, property) else getattr(thing, name)


def _fields(thing: type) -> Iterator[tuple[str, str, str]]:
    """Fields of a dataclass; what each is stands as text below it in the source."""
    [body] = [
        n for n in ast.walk(ast.parse(inspect.getsource(thing))) if isinstance(n, ast.ClassDef)
    ]
    said = {
        a.target.id: b.value.value
        for a, b in zip(body.body, [*body.body[1:], None], strict=True)
        if isinstance(a, ast.AnnAssign) and isinstance(a.target, ast.Name)
        and isinstance(b, ast.Expr) and isinstance(b.value, ast.Constant)
    }  # fmt: skip
    for one in dataclasses.fields(thing):
        yield code(one.name), code(str(one.type)), first_line(said.get(one.name, ""))


def _signature(name: str, function: Any) -> str:
    """As one would write it; the quotes of annotations are Python's matter."""
    signature = inspect.signature(function)
    words, is_keyword = [], False
    for one in signature.parameters.values():
        if one.name == "self":
            continue
        if one.kind is one.KEYWORD_ONLY and not is_keyword:
            words.append("*")
            is_keyword = True
        mark = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        word = f"{mark}{one.name}: {one.annotation}"
        words.append(word if one.default is one.empty else f"{word} = {_default(one.default)}")
    line = f"{name}({', '.join(words)}) -> {signature.return_annotation}"
    if len(line) <= 90:
        return line
    return (
        f"{name}(\n"
        + "".join(f"    {word},\n" for word in words)
        + f") -> {signature.return_annotation}"
    )


def _default(value: object) -> str:
    return f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)


def _doors() -> str:
    folder = ROOT / "src" / "trainfare" / "integrations"
    rows = []
    for path in sorted(folder.glob("[a-z]*.py")):
        says = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        rows.append((code(f"trainfare.integrations.{path.stem}"), first_line(says)))
    note = "Each loads when it is named; [meter your framework](../how-to/meter-your-framework.md) shows them."
    return table(("door", "for"), rows) + "\n\n" + note
