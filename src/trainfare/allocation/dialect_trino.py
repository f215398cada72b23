"""Trino's SQL, which is Athena's: what of the plain text is said differently there."""

from __future__ import annotations

from typing import Any

from trainfare.allocation.portable import call, exact_quotient, sqlglot
from trainfare.allocation.warehouse import text

NAME = "trino"

PAIRS = """SELECT text, entry.key, entry.value
FROM texts
CROSS JOIN UNNEST(TRY(CAST(JSON_PARSE(text) AS MAP(VARCHAR, VARCHAR)))) AS entry(key, value)"""
"""Texts of tags as (text, key, value)."""


def said(node: Any) -> Any:
    """One node as Trino has it; whole numbers of 128 bits are decimals without places there."""
    exp = sqlglot().exp
    match node:
        case exp.DataType() if node.this == exp.DataType.Type.INT128:
            return exp.DataType.build("DECIMAL(38, 0)")
        case exp.IntDiv():
            is_wide = any(
                each.this == exp.DataType.Type.DECIMAL for each in node.find_all(exp.DataType)
            )
            return exact_quotient(
                node.this, node.expression, "DECIMAL(38, 0)" if is_wide else "BIGINT"
            )
        case exp.RegexpFullMatch():
            return exp.RegexpLike(
                this=node.this, expression=text(rf"\A(?:{node.expression.name})\z")
            )
        case exp.DateFromParts():
            return call(
                "DATE_ADD", text("day"), node.args["year"], exp.cast(text("1970-01-01"), "DATE")
            )
        case exp.Anonymous() if node.name.lower() == "epoch_us":
            # Seconds are a double there; until 2106 both roundings are under half a microsecond.
            seconds = exp.Anonymous(this="TO_UNIXTIME", expressions=node.expressions)
            micros = exp.Mul(this=seconds, expression=exp.Literal.number(1_000_000))
            return exp.cast(exp.Round(this=micros), "BIGINT")
        case exp.Anonymous() if node.name.lower() == "hash":
            words = exp.cast(exp.Array(expressions=node.expressions), "JSON")
            return call(
                "FROM_BIG_ENDIAN_64", call("XXHASH64", call("TO_UTF8", call("JSON_FORMAT", words)))
            )
    return node


def unnest(rows: Any, name: str) -> tuple[Any, Any]:
    """A list as rows, and the column that they are in."""
    exp = sqlglot().exp
    alias = exp.TableAlias(this=exp.to_identifier("listed"), columns=[exp.to_identifier(name)])
    return exp.Unnest(expressions=[rows], alias=alias), exp.column(name, "listed")
