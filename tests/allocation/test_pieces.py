"""Pieces of SQL: what the rules and the tags of a face say, asked of the database itself."""

import pytest

duckdb = pytest.importorskip("duckdb")

from trainfare.allocation.match import parse_match
from trainfare.allocation.pieces import (
    FACE_COLUMNS,
    FOLLOW_MAX,
    GRAIN_SQL,
    NEVER,
    bill_pieces,
    decision_pieces,
    face_columns,
    missing_counts,
    pool_rules,
    rule_pieces,
    survey_pieces,
    tag_pieces,
)
from trainfare.allocation.quantity import DAY_US, HOUR_US
from trainfare.allocation.rules import NO_RULES, Outcome, Rule, Rules
from trainfare.core.charge import View


def rule(name, text, outcome, value="", priority=700, scope=None):
    parsed = None if scope is None else parse_match(scope)
    return Rule(name, parse_match(text), text, outcome, value, priority, parsed)


RULES = Rules(
    (
        rule("label", 'RegionId = "eu"', Outcome.LABEL, "team=it's", 701),
        rule("job", 'Tags.job prefix "n"', Outcome.RUN, "{Tags.job}-{SubAccountId}", 703),
        rule("fixed", 'RegionId prefix "e"', Outcome.RUN, "fix", 709),
        rule("even", 'RegionId = "us"', Outcome.SHARED, "even", 719, 'SkuId = "s"'),
        rule("apart", 'RegionId = "ap"', Outcome.SHARED, "apart", 727),
        rule("bytes", 'SkuId = "b"', Outcome.SHARED, "bytes", 733),
        rule("nobody", 'RegionId glob "*"', Outcome.UNALLOCATED, priority=739),
        rule("late", 'RegionId = "us"', Outcome.LABEL, "team=late", 743, 'Tags.job = "n1"'),
    )
)


def told(sql, tags=None, **columns):
    """What *sql* is of a face with these columns and tags."""
    names = [*columns, *(name for name in face_columns(RULES) if name not in columns)]
    kinds = ", ".join(f'"{name}" VARCHAR' for name in names)
    with duckdb.connect() as database:
        database.execute(
            f"CREATE TABLE face ({kinds}, tag_map MAP(VARCHAR, VARCHAR), "
            "allocated_tag_map MAP(VARCHAR, VARCHAR), by_rule INTEGER, rule INTEGER, step VARCHAR)"
        )
        values = [columns.get(name) for name in names]
        marks = ", ".join("?" for _ in values)
        database.execute(
            f"INSERT INTO face VALUES ({marks}, ?, ?, NULL, NULL, NULL)",
            [*values, tags or {}, {"runid": " split ", **(tags or {})}],
        )
        return database.execute(f"SELECT {sql} FROM face").fetchone()[0]


def test_rules_add_the_columns_that_they_look_at_behind_the_fixed_ones():
    assert face_columns(NO_RULES) == list(FACE_COLUMNS)
    assert face_columns(RULES) == [*FACE_COLUMNS, "SkuId"]


@pytest.mark.parametrize(
    ("tags", "columns", "matched", "run", "text", "label"),
    [
        ({}, {}, None, None, None, None),
        ({}, {"RegionId": "eu"}, 0, 2, "fix", "team=it's"),
        ({"job": "n1"}, {"RegionId": "eu", "SubAccountId": "7"}, 0, 1, "n1-7", "team=it's"),
        ({"job": "n1"}, {"RegionId": "ap"}, 4, None, None, None),
        ({"job": "n1"}, {"SubAccountId": "  "}, None, None, None, None),
        ({"job": "x1"}, {"SubAccountId": "7", "SkuId": "b"}, 5, None, None, None),
        ({"team": "nlp", "owner": "kim"}, {"RegionId": "us"}, 3, None, None, "team=late"),
        ({"owner": "kim", "project": "p"}, {"RegionId": "x"}, 6, None, None, "owner=kim"),
        ({"costcenter": "42"}, {"RegionId": "e1"}, 2, 2, "fix", "costcenter=42"),
    ],
)
def test_the_first_rule_that_matches_and_the_first_that_names_a_run_and_the_label(
    tags, columns, matched, run, text, label
):
    pieces = rule_pieces(RULES)
    found = [told(pieces[name], tags, **columns) for name in ("rule", "run_rule", "rule_text")]
    assert found == [matched, run, text]
    assert told(pieces["owner_label"], tags, **columns) == label


@pytest.mark.parametrize(
    ("tags", "columns", "expected"),
    [
        ({"job": "n1"}, {"SkuId": "s"}, ",3,,7,"),
        ({}, {"SkuId": "s"}, ",3,"),
        ({"job": "n1"}, {"SkuId": "t"}, ",7,"),
        ({}, {}, ""),
    ],
)
def test_a_face_is_in_the_scopes_that_match_it(tags, columns, expected):
    assert told(rule_pieces(RULES)["scopes"], tags, **columns) == expected


def test_without_rules_nothing_is_said_but_the_tags():
    pieces = rule_pieces(NO_RULES)
    face = {"RegionId": "eu"}
    assert [told(pieces[name], **face) for name in ("rule", "run_rule", "rule_text")] == [None] * 3
    assert told(pieces["owner_label"], {"team": "nlp"}, **face) == "team=nlp"
    assert told(pieces["scopes"], **face) == ""


def by_number(piece):
    """What is said of each rule, by its number."""
    with duckdb.connect() as database:
        asked = f"SELECT {piece} FROM range(9) numbers(by_rule) ORDER BY by_rule"
        return [found for (found,) in database.execute(asked).fetchall()]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("name_of_rule", ["label", "job", "fixed", "even", "apart", "bytes", "nobody", "late", None]),
        ("remainder_of_rule",
         ["shared", None, None, "shared", "shared", "shared", "unallocated", "shared", None]),
        ("label_of_rule", ["team=it's", *[None] * 6, "team=late", None]),
        ("pool_of_rule", [None, None, None, 3, None, 5, None, None, None]),
    ],
)  # fmt: skip
def test_what_a_rule_makes_of_a_charge_goes_by_its_number(name, expected):
    assert by_number(decision_pieces(RULES)[name]) == expected
    assert by_number(decision_pieces(NO_RULES)[name]) == [None] * 9


def test_steps_and_rules_are_tried_by_priority_and_what_is_nothing_never():
    pieces = decision_pieces(RULES)
    for name in ("rule", "run_rule"):
        numbered = pieces[f"priority_of_{name}"].replace(f"CASE {name} ", "CASE by_rule ")
        assert by_number(numbered) == [701, 703, 709, 719, 727, 733, 739, 743, None]
    for name in ("step", "run_step", "source"):
        asked = pieces[f"priority_of_{name}"].replace(f"CASE {name} ", "CASE 'attached' ")
        assert by_number(asked) == [500] * 9
    assert pieces["never"] == NEVER == 1_000_000


def test_only_rules_that_divide_have_a_pool():
    with duckdb.connect() as database:
        assert database.execute(pool_rules(RULES)).fetchall() == [
            (3, "even", True, "even"),
            (5, "bytes", False, "bytes"),
        ]
        assert database.execute(pool_rules(NO_RULES)).fetchall() == []


def test_tags_name_the_run_and_the_cluster():
    pieces = tag_pieces()
    tags = {"runid": "other", "trainfare": " exp-7\t", "cluster": "Prod", "slurmcluster": "Big"}
    assert told(pieces["run_text"], tags) == "exp-7"
    assert told(pieces["run_text"], {"trainfare": " ", "runid": "other"}) == "other"
    assert told(pieces["run_text"]) is None
    assert told(pieces["allocated_run_text"]) == "split"
    assert told(pieces["cluster_name"], tags) == "cluster:big"
    assert (pieces["cluster"], pieces["follow_max"]) == ("cluster:", 8)
    assert FOLLOW_MAX == 8


def test_columns_of_a_bill_are_quoted_and_its_times_are_microseconds():
    pieces = bill_pieces("charges", ["ResourceId", "Tags"])
    assert (pieces["files"], pieces["face_columns"]) == ("charges", '"ResourceId", "Tags"')
    assert (pieces["hour_us"], pieces["day_us"]) == (HOUR_US, DAY_US)
    with duckdb.connect() as database:
        times = ", ".join(
            f"TIMESTAMPTZ '2026-10-01 0{hour}:00:00Z' AS \"ChargePeriod{edge}\""
            for hour, edge in ((2, "Start"), (5, "End"))
        )
        found = database.execute(f"SELECT {pieces['times']} FROM (SELECT {times})").fetchone()
    assert found[1] - found[0] == 3 * HOUR_US


@pytest.mark.parametrize(
    ("start", "end", "grain"),
    [(0, HOUR_US, 0), (0, DAY_US, 1), (1, HOUR_US + 1, 2), (HOUR_US, HOUR_US + DAY_US, 2), (7, 7, 3)],
)  # fmt: skip
def test_a_period_has_the_grain_that_it_has_by_hand(start, end, grain):
    with duckdb.connect() as database:
        asked = f"SELECT {GRAIN_SQL} FROM (SELECT {start} AS start_us, {end} AS end_us)"
        assert database.execute(asked).fetchone() == (grain,)


def test_amounts_that_agree_with_what_was_billed_are_read_back_from_it():
    """A survey keeps each view as what is different from the billed amount."""
    same = ", ".join(f"xor({nano}, 41) AS {view}" for view, nano in
                     [("effective", 43), ("list", 41), ("contracted", 7)])  # fmt: skip
    pieces = survey_pieces("kept", "totals")
    assert pieces["totals"] == "totals"
    with duckdb.connect() as database:
        row = f"1 AS face, 2 AS start_us, 3 AS end_us, 4 AS paid_us, 41 AS billed, {same}"
        database.execute(f"CREATE TABLE kept AS SELECT {row}")
        found = database.execute(f"FROM {pieces['lines']}").fetchone()
    assert found == (1, 2, 3, 4, 41, 43, 41, 7)


def test_missing_amounts_are_counted_in_the_views_where_there_can_be_any():
    counts = missing_counts([View.LIST, View.BILLED])
    with duckdb.connect() as database:
        values = "(1, 1, NULL, 1), (NULL, NULL, NULL, NULL), (2, 3, 5, 7)"
        rows = f"(VALUES {values}) AS t(billed, effective, list, contracted)"
        relation = database.sql(f"SELECT {counts} FROM {rows}")
        assert relation.columns == [f"{view}_missing" for view in View]
        assert relation.fetchall() == [(1, 0, 2, 0)]
