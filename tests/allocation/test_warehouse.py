"""What no warehouse has is said in plain SQL, clause by clause."""

import pytest

pytest.importorskip("sqlglot")

from trainfare.allocation.dialect_trino import unnest
from trainfare.allocation.portable import portable
from trainfare.allocation.warehouse import plain_sql, tag_keys, text

KEYS = ["runid", "team"]


def plain(statement):
    return plain_sql(portable(statement), ["ResourceId", "Tags"], KEYS, unnest).sql("trino")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            "SELECT a FROM t SEMI JOIN u USING (c, d)",
            (
                "SELECT a FROM t WHERE EXISTS(SELECT 1 FROM u AS held_0 "
                "WHERE held_0.c = t.c AND held_0.d = t.d)"
            ),
        ),
        (
            "SELECT a FROM t ANTI JOIN (SELECT c FROM v) USING (c)",
            (
                "SELECT a FROM t WHERE NOT EXISTS(SELECT 1 FROM (SELECT c FROM v) AS held_0 "
                "WHERE held_0.c = t.c)"
            ),
        ),
        (
            "SELECT a FROM t JOIN u USING (c) SEMI JOIN v USING (d) LEFT JOIN w USING (e) WHERE a > 1",
            (
                "SELECT a FROM t JOIN u USING (c) LEFT JOIN w USING (e) "
                "WHERE a > 1 AND EXISTS(SELECT 1 FROM v AS held_1 WHERE held_1.d = u.d)"
            ),
        ),
        ("SELECT a FROM t JOIN u USING (c)", "SELECT a FROM t JOIN u USING (c)"),
    ],
)
def test_a_semi_join_asks_whether_there_is_one_and_an_anti_join_whether_not(ours, theirs):
    assert plain(ours) == theirs


def test_lists_among_what_is_selected_become_rows_where_they_stood():
    assert plain("SELECT b, unnest(l) AS x, c FROM t") == (
        "SELECT b, listed.x AS x, c FROM t CROSS JOIN UNNEST(l) AS listed(x)"
    )


def test_a_face_is_described_by_a_column_for_each_of_the_bill():
    made = "SELECT any_value(struct_pack(a := a)) AS description, mark FROM t"
    assert plain(made) == (
        'SELECT ARBITRARY("ResourceId") AS "ResourceId", ARBITRARY("Tags") AS "Tags", mark FROM t'
    )
    read = 'SELECT mark, "ResourceId", "Tags" FROM t'
    assert plain("SELECT mark, description.* FROM t") == read
    assert plain("SELECT other.* FROM other") == "SELECT other.* FROM other"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("SELECT tag_map['team'] FROM t", "SELECT tag_team FROM t"),
        ("SELECT f.allocated_tag_map['runid'] FROM f", "SELECT f.allocated_tag_runid FROM f"),
        ("SELECT other['team'] FROM t", "SELECT other['team'] FROM t"),
        (
            "SELECT u.x, v.tag_map FROM u JOIN v USING (text)",
            "SELECT u.x, v.tag_runid AS tag_runid, v.tag_team AS tag_team FROM u JOIN v USING (text)",
        ),
        (
            "SELECT v.tag_map AS allocated_tag_map FROM v",
            "SELECT v.tag_runid AS allocated_tag_runid, v.tag_team AS allocated_tag_team FROM v",
        ),
        (
            "SELECT text, map_from_entries(list(key, value)) AS tag_map FROM pairs",
            (
                "SELECT text, MAX(CASE WHEN key = 'runid' THEN value END) AS tag_runid, "
                "MAX(CASE WHEN key = 'team' THEN value END) AS tag_team FROM pairs"
            ),
        ),
    ],
)
def test_a_map_of_tags_is_a_column_for_each_key_that_is_asked_for(ours, theirs):
    assert plain(ours) == theirs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            "SELECT b, lower(a) AS a, count(*) FROM t GROUP BY b, a",
            "SELECT b, LOWER(a) AS a, COUNT(*) FROM t GROUP BY b, 2",
        ),
        ("SELECT count(*), a, b + 1 FROM t GROUP BY ALL",
         "SELECT COUNT(*), a, b + 1 FROM t GROUP BY 2, 3"),
        (
            "SELECT t.a AS a, count(*) FROM t GROUP BY t.a",
            "SELECT t.a AS a, COUNT(*) FROM t GROUP BY t.a",
        ),
        ("SELECT a FROM t GROUP BY a, c", "SELECT a FROM t GROUP BY a, c"),
    ],
)  # fmt: skip
def test_groups_are_named_by_their_place(ours, theirs):
    assert plain(ours) == theirs


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("SELECT regexp_replace(a, 'x', '', 'g')", "SELECT REGEXP_REPLACE(a, 'x', '')"),
        ("SELECT contains(a, 'b')", "SELECT (STRPOS(a, 'b') > 0)"),
        (
            "SELECT last_value(a IGNORE NULLS) OVER (ORDER BY b DESC)",
            "SELECT LAST_VALUE(a) OVER (ORDER BY b DESC)",
        ),
    ],
)
def test_words_that_only_some_have_are_left_out(ours, theirs):
    assert plain(ours) == theirs


def test_the_keys_that_statements_ask_for_are_known():
    asked = ["SELECT tag_map['team'], m['x'] FROM t", "SELECT allocated_tag_map['runid'] FROM t"]
    assert tag_keys([portable(each) for each in asked]) == ["runid", "team"]


def test_a_text_keeps_its_quotes():
    assert text("it's").sql("trino") == "'it''s'"
