"""A statement of the engine's becomes one that means the same elsewhere."""

import sys

import pytest

duckdb = pytest.importorskip("duckdb")
sqlglot = pytest.importorskip("sqlglot")

from trainfare.allocation.dialect_spark import spark_sql
from trainfare.allocation.portable import call, exact_quotient, portable, wrapped
from trainfare.allocation.proportion import ONE, portion, proportion
from trainfare.core.errors import MissingExtra

WIDE = "CAST(a AS DECIMAL(38, 0))"


def spark(text):
    return spark_sql(portable(text))


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("SELECT a // b", "SELECT a DIV b"),
        ("SELECT sum(a)::INTEGER", "SELECT CAST(SUM(CAST(a AS DECIMAL(38, 0))) AS BIGINT)"),
        ("SELECT count(*) FILTER (a) OVER ()", "SELECT COUNT(CASE WHEN a THEN 1 END) OVER ()"),
        ("SELECT a::day_word", "SELECT a"),
        ("SELECT sign(a)", "SELECT CASE WHEN a < 0 THEN -1 WHEN a > 0 THEN 1 ELSE 0 END"),
        ("SELECT MAP {'a': 1}[b]", "SELECT CASE b WHEN 'a' THEN 1 END"),
        ("SELECT epoch_us(a)", "SELECT UNIX_MICROS(a)"),
        ("SELECT a >> b", "SELECT SHIFTRIGHT(a, INT(b))"),
        ("SELECT row_number() OVER ()", "SELECT (MONOTONICALLY_INCREASING_ID() + 1)"),
        ("SELECT hash(a)", r"SELECT XXHASH64(COALESCE(a, '\001'))"),
        (
            "SELECT a::HUGEINT // b",
            f"SELECT CAST(({WIDE} - ({WIDE} % b)) / b AS DECIMAL(38, 0))",
        ),
        (
            "SELECT unnest(range(a, b, 5)) AS c",
            "SELECT EXPLODE(SEQUENCE(a, (b) - 1, 5)) AS c",
        ),
        (
            "SELECT sum(a) OVER w FROM t WINDOW w AS (PARTITION BY b)",
            "SELECT SUM(CAST(a AS DECIMAL(38, 0))) OVER (PARTITION BY b) FROM t",
        ),
        ("SELECT a << b", "SELECT SHIFTLEFT(a, INT(b))"),
        ("SELECT a >> 3", "SELECT SHIFTRIGHT(a, 3)"),
        ("SELECT a[1:3], a[b]", "SELECT SLICE(a, 1, 3), a[b]"),
        ("SELECT make_date(a)", "SELECT DATE_FROM_UNIX_DATE(INT(a))"),
        (
            "SELECT row_number() OVER (ORDER BY a), max(a) OVER ()",
            "SELECT ROW_NUMBER() OVER (ORDER BY a NULLS LAST), MAX(a) OVER ()",
        ),
        (
            "SELECT a::DECIMAL(9, 0) // b, a::BIGINT // b",
            (
                "SELECT CAST((CAST(a AS DECIMAL(9, 0)) - (CAST(a AS DECIMAL(9, 0)) % b)) / b AS DECIMAL(38, 0)), "
                "CAST(a AS BIGINT) DIV b"
            ),
        ),
        (r"SELECT regexp_full_match(a, 'b\d')", r"SELECT a RLIKE '\\A(?:(?d)b\\d)\\z'"),
        (r"SELECT regexp_matches(a, '(?P<n>b)')", "SELECT a RLIKE '(?d)(?<n>b)'"),
    ],
)
def test_spark_is_told_in_its_own_words(ours, theirs):
    assert spark(ours) == theirs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            "SELECT arg_max(a, b) FILTER (c > 0), max(a)",
            "SELECT ARG_MAX(CASE WHEN c > 0 THEN a END, CASE WHEN c > 0 THEN b END), MAX(a)",
        ),
        ("SELECT sum(a) FILTER (c)", "SELECT SUM(CAST(CASE WHEN c THEN a END AS INT128))"),
        ("SELECT count(a) FILTER (c)", "SELECT COUNT(CASE WHEN c THEN a END)"),
        (
            (
                "SELECT max(a) OVER w, min(b) OVER v, max(c) OVER (PARTITION BY x) FROM t "
                "WINDOW w AS (PARTITION BY b, d ORDER BY c ROWS UNBOUNDED PRECEDING), v AS (ORDER BY a)"
            ),
            (
                "SELECT MAX(a) OVER (PARTITION BY b, d ORDER BY c "
                "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), MIN(b) OVER (ORDER BY a), "
                "MAX(c) OVER (PARTITION BY x) FROM t"
            ),
        ),
        (
            "SELECT MAP {'a': 1, 'b': 2}[x + 1], m['a']",
            "SELECT CASE x + 1 WHEN 'a' THEN 1 WHEN 'b' THEN 2 END, m['a']",
        ),
        (
            "SELECT a::INTEGER, b::BIGINT, c::SMALLINT, d::VARCHAR, e::Team_Word",
            "SELECT CAST(a AS BIGINT), CAST(b AS BIGINT), CAST(c AS SMALLINT), CAST(d AS TEXT), e",
        ),
        (
            "SELECT range(a, b), generate_series(a, b)",
            "SELECT GENERATE_SERIES(a, (b) - 1), GENERATE_SERIES(a, b)",
        ),
        ("SELECT odd(a)", "SELECT ODD(a)"),
    ],
)
def test_what_only_the_engine_has_is_said_in_plain_words(ours, theirs):
    assert portable(ours).sql("duckdb") == theirs


@pytest.mark.parametrize("text", ["a", "1", "(a + 1)", "F(a)", "CAST(a AS BIGINT)"])
def test_one_word_or_call_needs_no_parentheses(text):
    assert wrapped(sqlglot.parse_one(text, read="duckdb")).sql("duckdb") == text


@pytest.mark.parametrize("text", ["a + 1", "a AND b", "-a"])
def test_all_else_does(text):
    assert wrapped(sqlglot.parse_one(text, read="duckdb")).sql("duckdb") == f"({text})"


def test_a_quotient_is_exact_whatever_its_sides_are():
    whole, part = (sqlglot.parse_one(text, read="duckdb") for text in ("a + 1", "b - c"))
    assert exact_quotient(whole, part, "BIGINT").sql("trino") == (
        "CAST(((a + 1) - ((a + 1) % (b - c))) / (b - c) AS BIGINT)"
    )
    assert call("Name", part, part).sql("trino") == "NAME(b - c, b - c)"


def test_where_the_package_is_missing_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    with pytest.raises(MissingExtra, match="analytics"):
        portable("SELECT 1")


AMOUNTS = [0, 7, -7, 10**10 + 1, 2**62 - 1, 2**62, -(2**62) - 12_345]
TOTALS = [(1, 3), (5, 7), (0, 9), (9, 9), (2**41 + 1, 2**42), (2**63 + 5, 2**65), (12, 2**41 - 1)]


@pytest.mark.parametrize(("share", "total"), TOTALS)
def test_macros_written_out_divide_as_they_do(share, total):
    """What stands for them is asked of the database that has none of them."""
    asked = f"SELECT proportion({ONE // 3}::BIGINT, {share}::HUGEINT, {total}::HUGEINT)"
    parts = ", ".join(f"part({amount}::BIGINT, {ONE // 7}, {ONE // 2})" for amount in AMOUNTS)
    with duckdb.connect() as database:
        [found] = database.execute(portable(asked).sql("duckdb")).fetchone()
        divided = database.execute(portable(f"SELECT {parts}").sql("duckdb")).fetchone()
    assert found == proportion(ONE // 3, share, total)
    assert list(divided) == [portion(a, ONE // 2) - portion(a, ONE // 7) for a in AMOUNTS]


def test_types_of_words_are_nothing_elsewhere():
    assert portable("CREATE TYPE day_word AS ENUM (SELECT 'a')") is None


def test_macros_stand_in_full():
    text = spark("SELECT part(a + b, low, high)")
    assert "PART(" not in text
    assert "(a + b) < 0" in text
