"""Emitted SQL: the whole allocation as one text for a warehouse where the bill lies.

The same statements that the engines run, in the warehouse's own words. What engines ask in between
(how long the bill is, which grains it has) is left open: every case is provided for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from trainfare.allocation import dialect_bigquery, dialect_snowflake, dialect_trino
from trainfare.allocation.dialect_spark import spark_tree
from trainfare.allocation.evidence import SHARE_GRID
from trainfare.allocation.pieces import (
    bill_pieces,
    decision_pieces,
    face_columns,
    missing_counts,
    pool_rules,
    rule_pieces,
    survey_pieces,
    tag_pieces,
)
from trainfare.allocation.portable import changed, portable, sqlglot
from trainfare.allocation.rules import NO_RULES, Rules
from trainfare.allocation.sql import heading, statements
from trainfare.allocation.time_shares import TICKS
from trainfare.allocation.warehouse import plain_sql, tag_keys
from trainfare.core.charge import View
from trainfare.core.errors import BadInput

DIALECTS = ("bigquery", "trino", "athena", "snowflake", "databricks")
"""Warehouses that allocations can be written for."""

STEPS = (
    "claims", "faces", "narrow", "census", "survey", "paid", "places", "ways", "decisions",
    "shares", "capacity", "division", "crowd", "amounts", "pools", "result", "proof",
)  # fmt: skip

_INPUTS = {
    "jobs": {"name": "VARCHAR", "run": "VARCHAR"},
    "attachments": {"name": "VARCHAR", "parent": "VARCHAR"},
    "lives": {"name": "VARCHAR", "start_us": "BIGINT", "end_us": "BIGINT"},
    "run_bytes": {"run": "VARCHAR", "bytes": "BIGINT"},
}
"""What may be known beside claims, each a table; where it is missing it is made, empty."""

_HEAD = """\
-- Trainfare: every charge of a bill to a run or to a named remainder, for {dialect}.
--
-- Written from the statements that Trainfare runs on DuckDB and on Spark. It was read back by a parser
-- of this dialect and was not executed there: run it in an empty schema, and look at the proof at its end.
--
-- It expects
--   charges          one billing period, with the columns of Trainfare's lake: FOCUS names as they are
--                    written there, times with a zone, amounts in nano-units as x_BilledNano,
--                    x_EffectiveNano, x_ListNano, x_ContractedNano (64-bit integers)
--   incoming_claims  who used what: run, resource_id, start_ns, end_ns, share_numerator,
--                    share_denominator (64-bit integers)
-- and takes, where they are: jobs (name, run), attachments (name, parent), lives (name, start_us,
-- end_us), run_bytes (run, bytes). It makes the tables named below, and last of all: result.
--
-- A text in tags that names a run and is no run id stands as it is; put the id into the table derived.
-- A sum or product that does not fit 38 digits is an error, never another number.
"""


def emitted_sql(dialect: str, rules: Rules = NO_RULES) -> str:
    """The allocation of the table ``charges`` as SQL for *dialect*, with comments.

    Raises:
        BadInput: there is no such dialect.
        MissingExtra: a package is missing.
    """
    if dialect not in DIALECTS:
        raise BadInput(f"no SQL for {dialect!r}; say one of {', '.join(DIALECTS)}")
    pieces = _pieces(rules)
    steps = {name: [_portable(each) for each in statements(name, **pieces)] for name in STEPS}
    every = [tree for trees in steps.values() for tree in trees if tree is not None]
    say = _speaker(dialect, rules, every)
    parts = [_HEAD.format(dialect=dialect)]
    for name, columns in _INPUTS.items():
        none = ", ".join(f"CAST(NULL AS {kind}) AS {column}" for column, kind in columns.items())
        query = f"CREATE TABLE IF NOT EXISTS {name} AS SELECT {none} WHERE false"
        parts.append(say(sqlglot().parse_one(query, read="duckdb")))
    for name, trees in steps.items():
        parts.append(heading(name, **pieces))
        parts += [say(each) for tree in trees if tree is not None for each in _renewed(tree)]
    return "\n\n".join(parts) + "\n"


def _pieces(rules: Rules) -> dict[str, object]:
    """All pieces of the statements, for any bill."""
    columns = face_columns(rules)
    pieces: dict[str, object] = bill_pieces("charges", columns) | tag_pieces() | rule_pieces(rules)
    pieces |= decision_pieces(rules) | survey_pieces("narrow_lines", "narrow_totals")
    every = dict.fromkeys(("has_uneven", "has_odd", "needs_grains", "has_pools"), "true")
    return pieces | every | {
        "lines_file": "'narrow_lines'",
        "totals_file": "'narrow_totals'",
        "source": "incoming_claims",
        "share_grid": SHARE_GRID,
        "missing": missing_counts(list(View)),
        "pool_rules": pool_rules(rules),
        "first_us": "(SELECT first_us FROM census)",
        "last_us": "(SELECT last_us FROM census)",
        "period": "place, start_us, end_us",
        "first_grain": 0,
        "is_one_grain": "false",
        "share_unit": 1,
        "whole": SHARE_GRID,
        "number": "HUGEINT",
        "scaled": "HUGEINT",
        "whole_ticks": TICKS * SHARE_GRID,
        "capacity": "coalesce(paid_us, end_us - start_us)",
        "join_capacities": "LEFT JOIN capacities USING (place, start_us, end_us)",
        "first_period": 0,
        "last_period": 2**63 - 1,
    }  # fmt: skip


def _portable(statement: str) -> Any | None:
    """A statement whose table is one that stays, and is no file."""
    exp = sqlglot().exp
    tree = portable(statement)
    if isinstance(tree, exp.Copy):
        name = tree.args["files"][0].name
        return exp.Create(this=exp.to_table(name), kind="TABLE", expression=tree.this.unnest())
    if isinstance(tree, exp.Create):
        return exp.Create(this=tree.this, kind="TABLE", expression=tree.expression)
    if isinstance(tree, exp.Insert) and tree.this.name == "raw_claims":
        return exp.Create(this=tree.this, kind="TABLE", expression=tree.expression)
    return tree


def _renewed(tree: Any) -> Iterator[Any]:
    """What makes a table, after what drops one of that name."""
    exp = sqlglot().exp
    if isinstance(tree, exp.Create):
        yield sqlglot().parse_one(f"DROP TABLE IF EXISTS {tree.this.name}", read="duckdb")
    yield tree


def _speaker(dialect: str, rules: Rules, every: list[Any]) -> Callable[[Any], str]:
    """What says a portable tree in *dialect*."""
    if dialect == "databricks":
        return lambda tree: _written(spark_tree(tree), dialect)
    there = {"bigquery": dialect_bigquery, "snowflake": dialect_snowflake}.get(
        dialect, dialect_trino
    )
    columns, keys = face_columns(rules), tag_keys(every)

    def said(tree: Any) -> str:
        plain = plain_sql(_with_pairs(tree, there), columns, keys, there.unnest)
        return _written(changed(plain, there.said), dialect)

    return said


def _with_pairs(tree: Any, there: Any) -> Any:
    """Tags are read from JSON as each warehouse does it."""
    exp = sqlglot().exp
    for each in tree.find_all(exp.CTE):
        if each.alias == "pairs":
            each.set("this", sqlglot().parse_one(there.PAIRS, read=there.NAME))
    return tree


def _written(tree: Any, dialect: str) -> str:
    text: str = tree.sql(dialect, pretty=True, identify=True)
    return re.sub(r"[ \t]+\n", "\n", text) + ";"
