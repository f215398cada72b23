"""Spark's SQL: what of the engine's text is said differently there."""

from __future__ import annotations

import re
from typing import Any

from trainfare.allocation.portable import call, changed, exact_quotient, sqlglot

_NO_VALUE = "\x01"
"""Stands for null in a mark: Spark's hash skips nulls, so that (a, null) and (null, a) were one."""


def spark_sql(tree: Any) -> str:
    """A portable tree as Spark's SQL."""
    text: str = spark_tree(tree).sql("spark")
    return text


def spark_tree(tree: Any) -> Any:
    """A portable tree as Spark, or Databricks, has it."""
    return changed(tree, _said)


def _said(node: Any) -> Any:
    """One node as Spark has it; whole numbers of 128 bits are decimals without places there."""
    exp = sqlglot().exp
    match node:
        case exp.DataType() if node.this == exp.DataType.Type.INT128:
            return exp.DataType.build("DECIMAL(38, 0)")
        case exp.IntDiv() if any(_is_wide(each) for each in node.find_all(exp.DataType)):
            return exact_quotient(node.this, node.expression, "DECIMAL(38, 0)")
        case exp.BitwiseLeftShift() | exp.BitwiseRightShift() if not node.expression.is_int:
            node.set("expression", call("INT", node.expression))
        case exp.Window() if isinstance(node.this, exp.RowNumber) and not node.args.get("order"):
            return exp.paren(exp.Add(this=call("MONOTONICALLY_INCREASING_ID"), expression=_one()))
        case exp.RegexpFullMatch():
            pattern = exp.Literal.string(rf"\A(?:{_java(node.expression.name)})\z")
            return exp.RegexpLike(this=node.this, expression=pattern)
        case exp.RegexpLike():
            node.set("expression", exp.Literal.string(_java(node.expression.name)))
        case exp.Bracket() if isinstance(node.expressions[0], exp.Slice):
            piece = node.expressions[0]
            return call("SLICE", node.this, piece.this, piece.expression)
        case exp.DateFromParts():
            return call("DATE_FROM_UNIX_DATE", call("INT", node.args["year"]))
        case exp.Anonymous() if node.name.lower() == "epoch_us":
            return call("UNIX_MICROS", *node.expressions)
        case exp.Anonymous() if node.name.lower() == "hash":
            none = exp.Literal.string(_NO_VALUE)
            return call("XXHASH64", *(call("COALESCE", each, none) for each in node.expressions))
    return node


def _is_wide(kind: Any) -> bool:
    exp = sqlglot().exp
    return bool(kind.this in (exp.DataType.Type.INT128, exp.DataType.Type.DECIMAL))


def _java(pattern: str) -> str:
    """A pattern of RE2's as Java reads it: a line ends with a line feed only, names without P."""
    return "(?d)" + re.sub(r"\(\?P<", "(?<", pattern)


def _one() -> Any:
    return sqlglot().exp.Literal.number(1)
