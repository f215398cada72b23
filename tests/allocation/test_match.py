"""Match expressions mean the same in Python and in SQL, and are never read as SQL."""

import duckdb
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trainfare.allocation.match import (
    MATCHABLE,
    Comparison,
    Field,
    Join,
    Not,
    fields_of,
    holds,
    literal,
    parse_match,
    patterns_of,
    to_sql,
)
from trainfare.core.errors import BadInput


def matches(text, tags=None, **charge):
    return holds(parse_match(text), charge, tags or {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('ServiceName = "Amazon S3"', True),
        ("ServiceName = 'Amazon S3'", True),
        ('ServiceName != "Amazon S3"', False),
        ('ServiceName in ("x", "Amazon S3")', True),
        ('ServiceName prefix "Amazon"', True),
        ('ServiceName prefix "amazon"', False),
        ('ServiceName glob "*S?"', True),
        ('ServiceName glob "S*"', False),
        ('ServiceName regex "S[0-9]$"', True),
        ('not ServiceName prefix "Amazon"', False),
        ('Tags.team = "nlp"', True),
        ('Tags."Team" = "nlp"', True),
        ('Tags.owner = "kim"', False),
        ('Tags.owner != "kim"', True),
        ('RegionId = "x" or ServiceName prefix "A" and Tags.team = "nlp"', True),
        ('(RegionId = "x" or ServiceName prefix "A") and Tags.team = "vision"', False),
    ],
)
def test_expressions_say_what_they_look_like(text, expected):
    assert matches(text, {"team": "nlp"}, ServiceName="Amazon S3") is expected


def test_and_binds_closer_than_or_and_not_closest():
    found = parse_match('not RegionId = "a" and SkuId = "b" or SkuId = "c"')
    assert isinstance(found, Join)
    assert found.word == "or"
    inner = found.parts[0]
    assert isinstance(inner, Join)
    assert inner.word == "and"
    assert isinstance(inner.parts[0], Not)


def test_quotes_and_backslashes_can_be_written():
    found = parse_match(r'RegionId = "a\"b\\c"')
    assert isinstance(found, Comparison)
    assert found.values == ('a"b\\c',)


def test_a_glob_takes_other_signs_as_they_are():
    assert matches('ResourceId glob "a.b+(c)[d]$*"', ResourceId="a.b+(c)[d]$ and\nmore")
    assert not matches('ResourceId glob "a.b"', ResourceId="axb")
    assert matches('ResourceId glob "é–?.*"', ResourceId="é–7.8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "character 1: the end where a column or Tags.key is expected"),
        ("Nonsense = 'x'", "no column 'Nonsense'; name a FOCUS column"),
        ("regionid = 'x'", "did you mean RegionId"),
        ("x_BilledNano = '1'", "x_BilledNano holds int64s; expressions match words"),
        ("Tags = 'x'", "'.' and a tag key"),
        ("RegionId = x", "character 12: x where a value in quotes is expected"),
        ("RegionId == 'x'", "character 11: = where a value in quotes is expected"),
        ("RegionId like 'x'", "character 10: like where = != in prefix glob regex"),
        ("RegionId in 'x'", r"'\(' after in"),
        ("RegionId in ('x'", r"',' or '\)'"),
        ("(RegionId = 'x'", r"the end where '\)'"),
        ("RegionId = 'x' RegionId = 'y'", "'and', 'or' or the end"),
        ("RegionId = 'x'; DROP TABLE y", "character 15: '; DROP TABLE' is not understood"),
        ("RegionId regex '('", "is not a regular expression"),
        ("not " * 60 + "RegionId = 'x'", "nested more than 50 deep"),
        ("Tags.'' = 'x'", "a tag key with letters"),
        ("Tags.('x')", r"character 6: \( where a tag key is expected"),
        ("RegionId in ('x', )", r"character 19: \) where a value in quotes"),
        ("RegionId 'prefix' 'x'", "character 10: 'prefix' where = != in"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, message):
    with pytest.raises(BadInput, match=message):
        parse_match(text)


def test_what_is_nested_fifty_deep_is_read_and_no_deeper():
    deepest = "not " * 49 + "RegionId = 'x'"
    assert matches(deepest, RegionId="y")
    assert not matches(deepest, RegionId="x")
    assert matches("(" * 49 + "RegionId = 'x'" + ")" * 49, RegionId="x")
    with pytest.raises(BadInput, match="character 201: nested more than 50 deep"):
        parse_match("not " + deepest)


def test_what_stands_side_by_side_is_not_nested():
    many = " and ".join(["not (RegionId = 'x')"] * 60)
    assert matches(many, RegionId="y")
    assert not matches(many, RegionId="x")
    with pytest.raises(BadInput, match="nested more than 50 deep"):
        parse_match(f"{many} and {'not ' * 50} RegionId = 'x'")


def test_a_comparison_of_a_missing_column_is_false_and_its_opposite_true():
    for test in ("= 'x'", "in ('x', '')", "prefix ''", "glob '*'", "regex ''"):
        assert not matches(f"RegionId {test}", RegionId=None)
        assert matches(f"not RegionId {test}")


def test_fields_and_patterns_can_be_listed():
    found = parse_match("RegionId = 'x' and not (Tags.team regex 'a+' or SkuId glob 'b*')")
    assert fields_of(found) == {Field("RegionId"), Field("Tags", "team"), Field("SkuId")}
    assert patterns_of(found) == ["a+", "(?s)b.*"]


@pytest.fixture(scope="module")
def database():
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE charges (RegionId VARCHAR, SkuId VARCHAR, tag_map MAP(VARCHAR, VARCHAR))"
    )
    yield connection
    connection.close()


words = st.one_of(st.none(), st.text("ab'\"\\%_;-\n\0é", max_size=4))
values = st.text("ab'\"\\%_;-\n\0é", max_size=4)
fields = st.sampled_from([Field("RegionId"), Field("SkuId"), Field("Tags", "team")])
tests = st.one_of(
    st.builds(
        Comparison, fields, st.just("in"), st.lists(values, min_size=1, max_size=3).map(tuple)
    ),
    st.builds(Comparison, fields, st.just("prefix"), values.map(lambda text: (text,))),
)
trees = st.recursive(
    tests,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(
            Join, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple)
        ),
    ),
    max_leaves=6,
)


@given(trees, words, words, words)
@example(Comparison(Field("RegionId"), "in", ("'; DROP TABLE charges; --",)), "a", None, None)
def test_sql_means_the_same(database, tree, region, sku, team):
    tag_map = {} if team is None else {"team": team}
    database.execute("DELETE FROM charges")
    database.execute("INSERT INTO charges VALUES (?, ?, ?)", [region, sku, tag_map])
    row = database.execute(f"SELECT {to_sql(tree)} FROM charges").fetchone()
    assert row == (holds(tree, {"RegionId": region, "SkuId": sku}, tag_map),)


@given(st.text("ab*?.[]()+^$|{}\\'", max_size=6), st.text("ab.[]()+^$|{}\\'\n", max_size=6))
def test_globs_match_alike_in_both(database, glob, text):
    escaped = glob.replace("\\", "\\\\").replace('"', '\\"')
    tree = parse_match(f'RegionId glob "{escaped}"')
    row = database.execute(
        f'SELECT {to_sql(tree)} FROM (SELECT ? AS "RegionId")', [text]
    ).fetchone()
    assert row == (holds(tree, {"RegionId": text}, {}),)


@given(st.text())
def test_a_literal_is_read_back_as_it_was(database, text):
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        return
    assert database.execute(f"SELECT {literal(text)}").fetchone() == (text,)


def test_only_words_can_be_matched():
    assert "ResourceId" in MATCHABLE
    assert not {"Tags", "ChargePeriodStart", "x_BilledNano", "PricingQuantity"} & set(MATCHABLE)
