"""Warehouses: what BigQuery, Trino and Snowflake all lack of the portable text, said in plain SQL.

They have no semi join, no list in a column that becomes rows, no ``GROUP BY ALL`` of one kind, and
no common map or struct. Lists become rows by a join, tags a column per key that some statement asks
for, and a face a column per column of the bill.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from trainfare.allocation.portable import changed, sqlglot

MAPS = ("tag_map", "allocated_tag_map")
"""Columns that hold tags by plain key."""


def plain_sql(
    tree: Any, columns: Sequence[str], keys: Sequence[str], unnest: Callable[..., Any]
) -> Any:
    """A portable tree without what warehouses lack.

    Args:
        tree: a portable statement.
        columns: the bill's columns that a face has.
        keys: plain keys of tags that some statement asks for.
        unnest: (list, name of its column) → what to join, and the column.
    """
    exp = sqlglot().exp
    for select in list(tree.find_all(exp.Select)):
        _with_exists(select)
        _with_joined_lists(select, unnest)
        _with_columns_of_faces(select, columns)
        _with_columns_of_tags(select, keys)
        _with_positions(select)
    return changed(tree, _plain)


def tag_keys(trees: Sequence[Any]) -> list[str]:
    """The plain keys of tags that *trees* ask for."""
    exp = sqlglot().exp
    found = {
        node.expressions[0].name
        for tree in trees
        for node in tree.find_all(exp.Bracket)
        if node.this.name in MAPS
    }
    return sorted(found)


def text(value: str) -> Any:
    """A text in SQL."""
    return sqlglot().exp.Literal.string(value)


def _with_exists(select: Any) -> None:
    """``FROM a SEMI JOIN b USING (c)`` → ``FROM a WHERE EXISTS (… b …)``; an anti join likewise."""
    exp = sqlglot().exp
    kept, left = [], select.args.get("from_") and select.args["from_"].this
    for number, join in enumerate(select.args.get("joins") or ()):
        if join.kind not in ("SEMI", "ANTI"):
            kept.append(join)
            left = join.this
            continue
        held = f"held_{number}"
        source = join.this.this if isinstance(join.this, exp.Subquery) else join.this
        table = (
            exp.alias_(source.copy(), held, table=True)
            if isinstance(source, exp.Table)
            else exp.Subquery(this=source, alias=exp.TableAlias(this=exp.to_identifier(held)))
        )
        inner = exp.select("1").from_(table)
        for column in join.args["using"]:
            ours = exp.column(column.name, left.alias_or_name)
            inner = inner.where(exp.EQ(this=exp.column(column.name, held), expression=ours))
        there = exp.Exists(this=inner)
        select.where(there if join.kind == "SEMI" else exp.Not(this=there), copy=False)
    select.set("joins", kept or None)


def _with_joined_lists(select: Any, unnest: Callable[..., Any]) -> None:
    """``SELECT unnest(list) AS x FROM t`` → ``SELECT x FROM t CROSS JOIN`` the list."""
    exp = sqlglot().exp
    for number, chosen in enumerate(list(select.expressions)):
        listed = chosen.unalias()
        if isinstance(listed, exp.Explode):
            joined, column = unnest(listed.this, chosen.alias)
            select.join(joined, join_type="CROSS", copy=False)
            select.expressions[number].replace(exp.alias_(column, chosen.alias))


def _with_columns_of_faces(select: Any, columns: Sequence[str]) -> None:
    """The struct that describes a face → its columns."""
    exp = sqlglot().exp
    for chosen in list(select.expressions):
        quoted = [exp.column(exp.to_identifier(name, quoted=True)) for name in columns]
        if chosen.alias == "description":
            chosen.replace([exp.alias_(exp.AnyValue(this=c), c.name, quoted=True) for c in quoted])
        elif isinstance(chosen, exp.Column) and chosen.is_star and chosen.table == "description":
            chosen.replace(quoted)


def _with_columns_of_tags(select: Any, keys: Sequence[str]) -> None:
    """A map of tags → a column per key."""
    exp = sqlglot().exp
    for chosen in [each for each in select.expressions if each.alias_or_name in MAPS]:
        made, name = chosen.unalias(), chosen.alias_or_name
        for key in keys:
            value = (
                exp.column(_tag(key), made.table)
                if isinstance(made, exp.Column)
                else exp.Max(this=exp.Case().when(exp.column("key").eq(key), exp.column("value")))
            )
            chosen.parent.append("expressions", exp.alias_(value, _tag(key, name)))
        chosen.pop()


def _tag(key: str, name: str = "tag_map") -> str:
    return f"{name.removesuffix('_map')}_{key}"


def _with_positions(select: Any) -> None:
    """Groups by their place among what is selected, as every engine reads them."""
    exp = sqlglot().exp
    group = select.args.get("group")
    if group is None:
        return
    names = {each.alias: n for n, each in enumerate(select.expressions, 1) if each.alias}
    if group.args.get("all"):
        keys = [
            exp.Literal.number(n)
            for n, each in enumerate(select.expressions, 1)
            if not each.find(exp.AggFunc)
        ]
        select.set("group", exp.Group(expressions=keys))
        return
    for key in group.expressions:
        if isinstance(key, exp.Column) and not key.table and key.name in names:
            key.replace(exp.Literal.number(names[key.name]))


def _plain(node: Any) -> Any:
    exp = sqlglot().exp
    match node:
        case exp.Bracket() if node.this.name in MAPS:
            return exp.column(
                _tag(node.expressions[0].name, node.this.name), node.this.args.get("table")
            )
        case exp.IgnoreNulls():
            return node.this
        case exp.Ordered() if not node.args.get("desc"):
            return node.this
        case exp.RegexpReplace():
            node.set("modifiers", None)
        case exp.Contains():
            return exp.paren(
                exp.GT(
                    this=exp.StrPosition(this=node.this, substr=node.expression),
                    expression=exp.Literal.number(0),
                )
            )
    return node
