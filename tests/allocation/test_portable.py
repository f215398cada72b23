"""A statement of the engine's becomes one that means the same elsewhere."""

import pytest

pytest.importorskip("sqlglot")

from trainfare.allocation.dialect_spark import spark_sql
from trainfare.allocation.portable import portable

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
        (r"SELECT regexp_full_match(a, 'b\d')", r"SELECT a RLIKE '\\A(?:(?d)b\\d)\\z'"),
        (r"SELECT regexp_matches(a, '(?P<n>b)')", "SELECT a RLIKE '(?d)(?<n>b)'"),
    ],
)
def test_spark_is_told_in_its_own_words(ours, theirs):
    assert spark(ours) == theirs


def test_types_of_words_are_nothing_elsewhere():
    assert portable("CREATE TYPE day_word AS ENUM (SELECT 'a')") is None


def test_macros_stand_in_full():
    text = spark("SELECT part(a + b, low, high)")
    assert "PART(" not in text
    assert "(a + b) < 0" in text
