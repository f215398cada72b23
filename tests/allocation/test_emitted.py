"""The SQL for warehouses is whole, divides integers exactly, and means what the engine does."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

duckdb = pytest.importorskip("duckdb")
sqlglot = pytest.importorskip("sqlglot")

from allocation import small_worlds
from allocation.lake import at, charge, claim, numbered, write_lake
from trainfare.allocation import emitted
from trainfare.allocation.emitted import DIALECTS, STEPS, emitted_sql
from trainfare.allocation.engine_duckdb import allocate
from trainfare.allocation.evidence import Evidence, claim_tables
from trainfare.allocation.match import parse_match
from trainfare.allocation.pieces import face_columns
from trainfare.allocation.rules import Outcome, Rule, Rules
from trainfare.allocation.sql import statements
from trainfare.allocation.warehouse import plain_sql, tag_keys
from trainfare.core.errors import BadInput

exp = sqlglot.exp
GOLDEN = Path(__file__).parent / "golden"

RULES = Rules(
    tuple(
        Rule(
            name=f"rule {n}",
            match=parse_match(text),
            text=text,
            outcome=outcome,
            value=value,
            scope=parse_match(small_worlds.MATCHES[1]) if value == "proportional" else None,
        )
        for n, (text, outcome, value) in enumerate([
            ('ResourceId = "vol-1"', Outcome.SHARED, "proportional"),
            ('SubAccountId = "two"', Outcome.SHARED, "even"),
            ('Tags.job glob "night*" and ServiceName regex "^C"', Outcome.RUN, "{Tags.job}"),
            ('ResourceId prefix "b-"', Outcome.LABEL, "team=speech"),
        ])
    )
)  # fmt: skip


def parsed(dialect):
    """The statements of a dialect's text, each read back by its parser."""
    code = re.sub(r"^--.*\n", "", emitted_sql(dialect, RULES), flags=re.MULTILINE)
    texts = [text for text in code.split(";\n") if text.strip()]
    return [sqlglot.parse_one(text, read=dialect) for text in texts]


@pytest.fixture(scope="module", params=DIALECTS)
def trees(request):
    return request.param, parsed(request.param)


@pytest.mark.parametrize("dialect", [d for d in DIALECTS if d != "athena"])
def test_the_text_is_the_one_that_was_looked_at(dialect):
    """To look at it anew: trainfare allocate --emit-sql DIALECT, in an empty home."""
    path = GOLDEN / f"allocation.{dialect}.sql"
    assert emitted_sql(dialect) == path.read_text(encoding="utf-8")


def test_every_statement_is_read_back(trees):
    dialect, found = trees
    assert all(isinstance(tree, exp.Create | exp.Drop | exp.Insert | exp.Query) for tree in found)
    made = [tree.this.name for tree in found if isinstance(tree, exp.Create)]
    assert len(made) == len(set(made))
    assert made[-1] == "result"
    assert dialect == "databricks" or not any(
        join.kind in ("SEMI", "ANTI") for tree in found for join in tree.find_all(exp.Join)
    )


def test_integers_are_divided_exactly(trees):
    """By DIV where it is exact, else as (a - a % b) / b: never as doubles, never in 32 bits."""
    dialect, found = trees
    whole, quotients = 0, 0
    for tree in found:
        for node in tree.find_all(exp.IntDiv):
            assert dialect in ("bigquery", "databricks")
            wide = [
                kind
                for kind in node.find_all(exp.DataType)
                if kind.this == exp.DataType.Type.DECIMAL
            ]
            assert dialect == "bigquery" or not wide  # of decimals Databricks' DIV wraps unseen
            whole += 1
        for node in tree.find_all(exp.Div):
            quotients += 1
            even, part = node.this.unnest(), node.expression.unnest()
            rest = even.expression.unnest()
            assert isinstance(even, exp.Sub)
            assert isinstance(rest, exp.Mod)
            assert even.this.unnest() == rest.this.unnest()
            assert rest.expression.unnest() == part
        for cast in tree.find_all(exp.Cast):
            if cast.to.this == exp.DataType.Type.INT:  # it only counts bits to shift, or days
                assert dialect == "databricks"
                assert isinstance(cast.parent, exp.Binary) or "DATE" in cast.parent.sql("spark")
                assert not cast.find_ancestor(exp.IntDiv, exp.Div)
            if cast.to.this in (exp.DataType.Type.DOUBLE, exp.DataType.Type.FLOAT):
                assert cast.this.name == "ConsumedQuantity"  # a quantity of time, no money
    assert whole + quotients > 20
    assert (whole > 0) == (dialect in ("bigquery", "databricks"))
    assert (quotients > 0) == (dialect != "bigquery")


def test_what_does_not_exist_is_said():
    with pytest.raises(BadInput, match="no SQL for 'oracle'; say one of bigquery, trino"):
        emitted_sql("oracle")


def unnest(rows, name):
    """A list as rows, as DuckDB joins it."""
    alias = exp.TableAlias(this=exp.to_identifier("listed"), columns=[exp.to_identifier(name)])
    return exp.Unnest(expressions=[rows], alias=alias), exp.column(name, "listed")


PAIRS = """SELECT text, entry.key AS key, entry.value AS value FROM (
    SELECT text, unnest(map_entries(TRY_CAST(TRY_CAST(text AS JSON) AS MAP(VARCHAR, VARCHAR)))) AS entry
    FROM texts WHERE text IS NOT NULL)"""


def on_duckdb(database, rules):
    """Run what all warehouses are told, in DuckDB's words."""
    pieces = emitted._pieces(rules)
    found = [emitted._portable(s) for name in STEPS for s in statements(name, **pieces)]
    found = [tree for tree in found if tree is not None]
    keys = tag_keys(found)
    for tree in found:
        for each in tree.find_all(exp.CTE):
            if each.alias == "pairs":
                each.set("this", sqlglot.parse_one(PAIRS, read="duckdb"))
        text = plain_sql(tree, face_columns(rules), keys, unnest).sql("duckdb", identify=True)
        days = text.replace('MAKE_DATE("day")', 'MAKE_DATE("day"::INTEGER)')
        answer = database.execute(days)
    return answer.fetchall()


def test_what_warehouses_are_told_gives_what_the_engine_gives(tmp_path):
    """The plain text, which each of them says in its own words, run where the engine can be asked."""
    bill = [
        charge(10_000_000_007, tags={"user:run_id": "named", "team": "nlp"}),
        charge(-7, start=at(1)),
        charge(3_000_000_001, resource="vol-1", x_Component="storage"),
        charge(900_000_001, resource="b-1", SubAccountId="two"),
        charge(500, resource="b-2", tags={"job": "nightly", "Cost Center": "42"}),
        charge(24 * 10**9, hours=24, resource="arn:aws:x:instance/i-9", x_ListNano=None),
        charge(77, start=at(0.5), hours=1.25, ConsumedQuantity="0.5", ConsumedUnit="Hours"),
        charge(5, ChargeCategory="Tax", resource=None, BillingCurrency="EUR"),
    ]
    claims = [
        claim("a", 0, 1.5), claim("b", 0.2, 0.9, 1), claim("b", 0.5, 1.7), claim("c", 3, 9, resource="i-9"),
        claim("d", 8, 12, resource="i-9"),
    ]  # fmt: skip
    path = write_lake(tmp_path / "charges.parquet", numbered(bill))
    evidence = Evidence(claims=claims, attachments={"vol-1": "i-0"}, run_bytes={"a": 5})
    done = allocate([path], evidence, RULES, out=tmp_path / "result.parquet")
    database = duckdb.connect()
    database.execute(f"CREATE TABLE charges AS FROM read_parquet('{path}')")
    [table] = claim_tables(claims)
    database.register("incoming_claims", table)
    database.execute("CREATE TABLE jobs (name VARCHAR, run VARCHAR)")
    database.execute("CREATE TABLE attachments AS SELECT 'vol-1' AS name, 'i-0' AS parent")
    database.execute("CREATE TABLE lives (name VARCHAR, start_us BIGINT, end_us BIGINT)")
    database.execute("CREATE TABLE run_bytes AS SELECT 'a' AS run, 5::BIGINT AS bytes")
    proof = on_duckdb(database, RULES)
    assert proof == [("EUR", 0, 0, 0, 0), ("USD", 0, 0, 0, 0)]
    found = sorted(map(repr, database.execute("SELECT * EXCLUDE (face) FROM result").fetchall()))
    written = pq.read_table(done.out).drop_columns("face").to_pylist()
    expected = [tuple(row.values()) for row in written]
    assert found == sorted(map(repr, expected))
    assert len(found) > 15
