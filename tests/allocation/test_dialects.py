"""What warehouses say in other words than the engine, expression by expression, warehouse by warehouse."""

import pytest

pytest.importorskip("sqlglot")

from trainfare.allocation import dialect_bigquery, dialect_snowflake, dialect_trino
from trainfare.allocation.portable import changed, portable
from trainfare.allocation.warehouse import plain_sql

WIDE = "CAST(a AS DECIMAL(38, 0))"
EPOCH = "CAST('1970-01-01' AS DATE)"


def said(dialect, expression, tail=""):
    """*expression* as *dialect* has it, after SELECT."""
    tree = portable(f"SELECT {expression}{tail}")
    plain = plain_sql(tree, ["ResourceId"], ["team"], dialect.unnest)
    return changed(plain, dialect.said).sql(dialect.NAME).removeprefix("SELECT ")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("a::HUGEINT", "CAST(a AS BIGNUMERIC)"),
        ("a::BIGINT", "CAST(a AS INT64)"),
        ("a // b", "DIV(a, b)"),
        ("regexp_full_match(a, 'b|c')", "REGEXP_CONTAINS(a, '^(?:b|c)$')"),
        ("regexp_matches(a, 'b')", "REGEXP_CONTAINS(a, 'b')"),
        ("make_date(day)", "DATE_FROM_UNIX_DATE(day)"),
        ("epoch_us(a)", "UNIX_MICROS(a)"),
        ("hash(a, b)", "FARM_FINGERPRINT(TO_JSON_STRING([a, b]))"),
        ("odd(a, b)", "odd(a, b)"),
    ],
)
def test_bigquery_is_told_in_its_own_words(ours, theirs):
    assert said(dialect_bigquery, ours) == theirs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("a::HUGEINT", WIDE),
        ("a::BIGINT", "CAST(a AS BIGINT)"),
        ("a // b", "CAST((a - (a % b)) / b AS BIGINT)"),
        ("a::HUGEINT // b", f"CAST(({WIDE} - ({WIDE} % b)) / b AS DECIMAL(38, 0))"),
        ("regexp_full_match(a, 'b|c')", r"REGEXP_LIKE(a, '\A(?:b|c)\z')"),
        ("regexp_matches(a, 'b')", "REGEXP_LIKE(a, 'b')"),
        ("make_date(day)", f"DATE_ADD('day', day, {EPOCH})"),
        ("epoch_us(a)", "CAST(ROUND(TO_UNIXTIME(a) * 1000000) AS BIGINT)"),
        (
            "hash(a, b)",
            "FROM_BIG_ENDIAN_64(XXHASH64(TO_UTF8(JSON_FORMAT(CAST(ARRAY[a, b] AS JSON)))))",
        ),
        ("odd(a, b)", "ODD(a, b)"),
    ],
)
def test_trino_is_told_in_its_own_words(ours, theirs):
    assert said(dialect_trino, ours) == theirs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("a::HUGEINT", WIDE),
        ("a::BIGINT", WIDE),
        ("a::VARCHAR", "CAST(a AS VARCHAR)"),
        ("a // b", "CAST((a - (a % b)) / b AS DECIMAL(38, 0))"),
        ("TRY_CAST(a AS DOUBLE)", "TRY_TO_DOUBLE(a)"),
        ("TRY_CAST(a AS BIGINT)", WIDE),
        ("row_number() OVER ()", "ROW_NUMBER() OVER (ORDER BY NULL NULLS FIRST)"),
        ("row_number() OVER (ORDER BY a)", "ROW_NUMBER() OVER (ORDER BY a)"),
        ("count(a) OVER ()", "COUNT(a) OVER ()"),
        ("regexp_full_match(a, 'b|c')", "REGEXP_LIKE(a, 'b|c')"),
        ("regexp_matches(a, 'b')", "(REGEXP_INSTR(a, 'b') > 0)"),
        ("make_date(day)", f"DATEADD(DAY, day, {EPOCH})"),
        ("epoch_us(a)", "DATE_PART(EPOCH_MICROSECOND, a)"),
        ("odd(a, b)", "ODD(a, b)"),
    ],
)
def test_snowflake_is_told_in_its_own_words(ours, theirs):
    assert said(dialect_snowflake, ours) == theirs


@pytest.mark.parametrize(
    ("dialect", "theirs"),
    [
        (dialect_bigquery, "n AS n FROM t CROSS JOIN UNNEST(GENERATE_ARRAY(a, (9) - 1, 2)) AS n"),
        (
            dialect_trino,
            "listed.n AS n FROM t CROSS JOIN UNNEST(SEQUENCE(a, (9) - 1, 2)) AS listed(n)",
        ),
        (
            dialect_snowflake,
            (
                'CAST("listed_n".VALUE AS DECIMAL(38, 0)) AS n FROM t CROSS JOIN LATERAL FLATTEN('
                "INPUT => ARRAY_GENERATE_RANGE(a, ((9) - 1) + 1, 2)) AS listed_n"
            ),
        ),
    ],
)
def test_a_list_becomes_rows(dialect, theirs):
    assert said(dialect, "unnest(range(a, 9, 2)) AS n", " FROM t") == theirs
