"""Snowflake's SQL: what of the plain text is said differently there."""

from __future__ import annotations

from typing import Any

from trainfare.allocation.portable import call, exact_quotient, sqlglot
from trainfare.allocation.warehouse import text

NAME = "snowflake"

PAIRS = """SELECT "texts"."text" AS "text", "entry".KEY AS "key", CAST("entry".VALUE AS VARCHAR) AS "value"
FROM "texts", LATERAL FLATTEN(INPUT => TRY_PARSE_JSON("texts"."text")) AS "entry"
WHERE NOT IS_NULL_VALUE("entry".VALUE)"""
"""Texts of tags as (text, key, value)."""


def said(node: Any) -> Any:
    """One node as Snowflake has it: every whole number is a decimal of 38 digits there."""
    exp = sqlglot().exp
    match node:
        case exp.DataType() if node.this in (exp.DataType.Type.INT128, exp.DataType.Type.BIGINT):
            return exp.DataType.build("DECIMAL(38, 0)")
        case exp.IntDiv():
            return exact_quotient(node.this, node.expression, "DECIMAL(38, 0)")
        case exp.TryCast() if node.to.this == exp.DataType.Type.DOUBLE:
            return call("TRY_TO_DOUBLE", node.this)
        case exp.TryCast():
            return exp.Cast(this=node.this, to=node.to)
        case exp.Window() if isinstance(node.this, exp.RowNumber) and not node.args.get("order"):
            node.set(
                "order", exp.Order(expressions=[exp.Ordered(this=exp.null(), nulls_first=True)])
            )
        case exp.RegexpFullMatch():
            return call("REGEXP_LIKE", node.this, node.expression)
        case exp.RegexpLike():
            found = call("REGEXP_INSTR", node.this, node.expression)
            return exp.paren(exp.GT(this=found, expression=exp.Literal.number(0)))
        case exp.DateFromParts():
            start = exp.cast(text("1970-01-01"), "DATE")
            return call("DATEADD", exp.Var(this="DAY"), node.args["year"], start)
        case exp.Anonymous() if node.name.lower() == "epoch_us":
            return call("DATE_PART", exp.Var(this="EPOCH_MICROSECOND"), *node.expressions)
    return node


def unnest(rows: Any, name: str) -> tuple[Any, Any]:
    """A list as rows, and the column that they are in."""
    exp = sqlglot().exp
    flat = exp.Kwarg(this=exp.Var(this="INPUT"), expression=rows)
    alias = exp.TableAlias(this=exp.to_identifier(f"listed_{name}"))
    column = exp.cast(
        exp.Dot(
            this=exp.to_identifier(f"listed_{name}", quoted=True), expression=exp.Var(this="VALUE")
        ),
        "DECIMAL(38, 0)",
    )
    return exp.Lateral(this=call("FLATTEN", flat), alias=alias), column
