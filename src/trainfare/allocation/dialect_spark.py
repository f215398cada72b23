"""Spark's SQL: what of the engine's text is said differently there."""

from __future__ import annotations

import re
from typing import Any

from trainfare.allocation.portable import changed, sqlglot

_NO_VALUE = "\x01"
"""Stands for null in a mark: Spark's hash skips nulls, so that (a, null) and (null, a) were one."""


def spark_sql(tree: Any) -> str:
    """A portable tree as Spark's SQL."""
    text: str = changed(tree, _said).sql("spark")
    return text


def _said(node: Any) -> Any:
    """One node as Spark has it; whole numbers of 128 bits are decimals without places there."""
    exp = sqlglot().exp
    match node:
        case exp.DataType() if node.this == exp.DataType.Type.INT128:
            return exp.DataType.build("DECIMAL(38, 0)")
        case exp.IntDiv() if any(_is_wide(each) for each in node.find_all(exp.DataType)):
            return _exact_quotient(node.this, node.expression)
        case exp.BitwiseLeftShift() | exp.BitwiseRightShift() if not node.expression.is_int:
            node.set("expression", _call("INT", node.expression))
        case exp.Window() if isinstance(node.this, exp.RowNumber) and not node.args.get("order"):
            return exp.paren(exp.Add(this=_call("MONOTONICALLY_INCREASING_ID"), expression=_one()))
        case exp.RegexpFullMatch():
            pattern = exp.Literal.string(rf"\A(?:{_java(node.expression.name)})\z")
            return exp.RegexpLike(this=node.this, expression=pattern)
        case exp.RegexpLike():
            node.set("expression", exp.Literal.string(_java(node.expression.name)))
        case exp.Bracket() if isinstance(node.expressions[0], exp.Slice):
            piece = node.expressions[0]
            return _call("SLICE", node.this, piece.this, piece.expression)
        case exp.DateFromParts():
            return _call("DATE_FROM_UNIX_DATE", _call("INT", node.args["year"]))
        case exp.Anonymous() if node.name.lower() == "epoch_us":
            return _call("UNIX_MICROS", *node.expressions)
        case exp.Anonymous() if node.name.lower() == "hash":
            none = exp.Literal.string(_NO_VALUE)
            return _call("XXHASH64", *(_call("COALESCE", each, none) for each in node.expressions))
    return node


def _is_wide(kind: Any) -> bool:
    exp = sqlglot().exp
    return bool(kind.this in (exp.DataType.Type.INT128, exp.DataType.Type.DECIMAL))


def _exact_quotient(whole: Any, part: Any) -> Any:
    """The whole quotient of two decimals; Spark's ``DIV`` of decimals wraps at 64 bits unseen."""
    exp = sqlglot().exp
    rest = exp.Mod(this=exp.paren(whole.copy()), expression=exp.paren(part.copy()))
    even = exp.paren(exp.Sub(this=exp.paren(whole), expression=exp.paren(rest)))
    return exp.cast(exp.Div(this=even, expression=exp.paren(part)), "DECIMAL(38, 0)")


def _java(pattern: str) -> str:
    """A pattern of RE2's as Java reads it: a line ends with a line feed only, names without P."""
    return "(?d)" + re.sub(r"\(\?P<", "(?<", pattern)


def _one() -> Any:
    return sqlglot().exp.Literal.number(1)


def _call(name: str, *arguments: Any) -> Any:
    return sqlglot().exp.Anonymous(this=name, expressions=list(arguments))
