"""BigQuery's SQL: what of the plain text is said differently there."""

from __future__ import annotations

from typing import Any

from trainfare.allocation.portable import call, sqlglot
from trainfare.allocation.warehouse import text

NAME = "bigquery"

PAIRS = """SELECT text, key, LAX_STRING(PARSE_JSON(text)[key]) AS value
FROM texts CROSS JOIN UNNEST(JSON_KEYS(SAFE.PARSE_JSON(text), 1)) AS key"""
"""Texts of tags as (text, key, value)."""


def said(node: Any) -> Any:
    """One node as BigQuery has it; whole numbers of 128 bits are big decimals there."""
    exp = sqlglot().exp
    match node:
        case exp.DataType() if node.this == exp.DataType.Type.INT128:
            return exp.DataType.build("BIGDECIMAL", dialect=NAME)
        case exp.RegexpFullMatch():
            return exp.RegexpLike(this=node.this, expression=text(f"^(?:{node.expression.name})$"))
        case exp.DateFromParts():
            return call("DATE_FROM_UNIX_DATE", node.args["year"])
        case exp.Anonymous() if node.name.lower() == "epoch_us":
            return call("UNIX_MICROS", *node.expressions)
        case exp.Anonymous() if node.name.lower() == "hash":
            return call(
                "FARM_FINGERPRINT", call("TO_JSON_STRING", exp.Array(expressions=node.expressions))
            )
    return node


def unnest(rows: Any, name: str) -> tuple[Any, Any]:
    """A list as rows, and the column that they are in."""
    exp = sqlglot().exp
    alias = exp.TableAlias(columns=[exp.to_identifier(name)])
    return exp.Unnest(expressions=[rows], alias=alias), exp.column(name)
