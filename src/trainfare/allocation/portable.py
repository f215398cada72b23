"""Portable statements: the engine's text as a tree that means the same on every engine.

The text is written for DuckDB. What only DuckDB has is replaced here, once for all other engines:
macros by what they stand for, enumerations by texts, ``FILTER`` by ``CASE``, lookups in a written
map by ``CASE``, 32-bit integers by 64-bit ones, and sums of integers by sums in 128 bits, which is
what DuckDB sums in. What then still differs stands in a file per engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from trainfare.allocation.proportion import MACROS
from trainfare.core.errors import MissingExtra

_MACRO = re.compile(r"MACRO (\w+)\(([^)]*)\) AS(.*)", re.DOTALL)


def sqlglot() -> Any:
    """The sqlglot package.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import sqlglot as package
    except ImportError:
        raise MissingExtra("analytics", "translate statements") from None
    return package


def portable(statement: str) -> Any | None:
    """One statement of this room's text as a tree; None where other engines need nothing."""
    if statement.startswith("CREATE TYPE"):
        return None
    tree = sqlglot().parse_one(statement, read="duckdb")
    tree = _without_names(_without_macros(tree))
    for change in (
        _without_enumerations, _without_filters, _without_maps, _in_64_bits, _without_sign,
        _with_wide_sums, _with_last_numbers,
    ):  # fmt: skip
        tree = changed(tree, change)
    return tree


def changed(tree: Any, change: Callable[[Any], Any]) -> Any:
    """*tree* with every node as *change* gives it, from the leaves up."""
    for node in reversed(list(tree.walk())):
        new = change(node)
        if new is not node:
            tree = new if node is tree else (node.replace(new), tree)[1]
    return tree


@cache
def _macros() -> dict[str, tuple[list[str], Any]]:
    """Name → parameters and body of each macro, a later one's calls of earlier ones replaced."""
    found: dict[str, tuple[list[str], Any]] = {}
    for text in MACROS:
        macro = _MACRO.search(text)
        assert macro is not None
        name, parameters, body = macro.groups()
        tree = _with_bodies(sqlglot().parse_one(body, read="duckdb"), found)
        found[name] = ([each.strip() for each in parameters.split(",")], tree)
    return found


def _without_macros(tree: Any) -> Any:
    return _with_bodies(tree, _macros())


def _with_bodies(tree: Any, macros: dict[str, tuple[list[str], Any]]) -> Any:
    """*tree* with every call of a macro replaced by its body, in parentheses."""
    exp = sqlglot().exp

    def body_of(node: Any) -> Any:
        name = node.name.lower() if isinstance(node, exp.Anonymous) else None
        if name not in macros:
            return node
        parameters, body = macros[name]
        given = dict(zip(parameters, node.expressions, strict=True))

        def argument(inner: Any) -> Any:
            is_parameter = isinstance(inner, exp.Column) and inner.name in given
            return wrapped(given[inner.name].copy()) if is_parameter else inner

        return exp.paren(body.copy().transform(argument))

    return changed(tree, body_of)


def _without_enumerations(node: Any) -> Any:
    exp = sqlglot().exp
    is_word = isinstance(node, exp.Cast) and node.to.sql().lower().endswith("_word")
    return node.this if is_word else node


def _without_filters(node: Any) -> Any:
    """``sum(x) FILTER (c)`` → ``sum(CASE WHEN c THEN x END)``; of two arguments both."""
    exp = sqlglot().exp
    if not isinstance(node, exp.Filter):
        return node
    call, condition = node.this, node.expression.this
    if isinstance(call, exp.Count) and isinstance(call.this, exp.Star):
        call.set("this", exp.Literal.number(1))
    for name in ("this", "expression"):
        if call.args.get(name) is not None:
            call.set(name, exp.Case().when(condition.copy(), call.args[name]))
    return call


def _without_names(tree: Any) -> Any:
    """Every window that has a name in its place."""
    exp = sqlglot().exp
    for select in list(tree.find_all(exp.Select)):
        named = {each.name: each for each in select.args.get("windows") or ()}
        for window in [w for w in select.find_all(exp.Window) if w.alias in named]:
            for part in ("partition_by", "order", "spec"):
                value = named[window.alias].args.get(part)
                window.set(
                    part,
                    [v.copy() for v in value]
                    if isinstance(value, list)
                    else value and value.copy(),
                )
            window.set("alias", None)
        select.set("windows", None)
    return tree


def _without_maps(node: Any) -> Any:
    """``MAP {'a': 1}[x]`` → ``CASE x WHEN 'a' THEN 1 END``."""
    exp = sqlglot().exp
    if not (isinstance(node, exp.ToMap) and isinstance(node.this, exp.Bracket)):
        return node
    (key,) = node.this.expressions
    case = exp.Case(this=key)
    for pair in node.this.this.expressions:
        case = case.when(exp.Literal.string(pair.this.name), pair.expression)
    return case


def _in_64_bits(node: Any) -> Any:
    exp = sqlglot().exp
    if isinstance(node, exp.DataType) and node.this == exp.DataType.Type.INT:
        return exp.DataType.build("BIGINT")
    return node


def _without_sign(node: Any) -> Any:
    """Engines differ in what ``sign`` gives; some give a double."""
    exp = sqlglot().exp
    if not isinstance(node, exp.Sign):
        return node
    zero = exp.Literal.number(0)
    case = exp.Case().when(exp.LT(this=node.this.copy(), expression=zero), exp.Literal.number(-1))
    case = case.when(exp.GT(this=node.this.copy(), expression=zero.copy()), exp.Literal.number(1))
    return case.else_(exp.Literal.number(0))


def _with_wide_sums(node: Any) -> Any:
    exp = sqlglot().exp
    if isinstance(node, exp.Sum):
        node.set("this", exp.cast(node.this, "INT128"))
    return node


def _with_last_numbers(node: Any) -> Any:
    """A series up to its last number instead of before the next."""
    exp = sqlglot().exp
    if isinstance(node, exp.GenerateSeries) and node.args.get("is_end_exclusive"):
        end = exp.Sub(this=exp.paren(node.args["end"]), expression=exp.Literal.number(1))
        node.set("end", end)
        node.set("is_end_exclusive", False)
    return node


def call(name: str, *arguments: Any) -> Any:
    """A call of a function by its name."""
    return sqlglot().exp.Anonymous(this=name, expressions=list(arguments))


def wrapped(node: Any) -> Any:
    """*node* in parentheses where it is not one word, one call or in parentheses already."""
    exp = sqlglot().exp
    is_whole = isinstance(node, exp.Column | exp.Literal | exp.Paren | exp.Func)
    return node if is_whole and not isinstance(node, exp.Binary) else exp.paren(node)


def exact_quotient(whole: Any, part: Any, kind: str) -> Any:
    """The whole quotient as ``(a - a % b) / b``, which no rounding and no double can touch."""
    exp = sqlglot().exp
    rest = exp.Mod(this=wrapped(whole.copy()), expression=wrapped(part.copy()))
    even = exp.paren(exp.Sub(this=wrapped(whole), expression=exp.paren(rest)))
    return exp.cast(exp.Div(this=even, expression=wrapped(part), typed=True), kind)
