"""Statements: whatever the policy, all of them and what is kept sum to the bill."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainfare.core.charge import Component, Remainder
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.reports.statement import NO_TEAM, StatementKind, make_statements
from trainfare.reports.statement_policy import KEEP_ALL, Policy, Way, load_policy
from trainfare.reports.statement_table import (
    overview_table,
    pools_table,
    remainders_table,
    runs_table,
)
from trainfare.store.results import OwnerSum

SHOW, CHARGE = StatementKind.SHOWBACK, StatementKind.CHARGEBACK
LABELS = {"a": {"team": "nlp", "model": "bert"}, "b": {"team": "vision"}, "c": {"model": "x"}}

methods = st.sampled_from(["resource_overlap", "tax", "even pool", "unmatched"])
currencies = st.sampled_from(["USD", "USD", "EUR"])
components = st.sampled_from([one.value for one in Component])
nanos = st.integers(-(10**15), 10**15)


@st.composite
def owner_sums(draw):
    """A run's part or a remainder's, with or without a label."""
    run = draw(st.sampled_from(["a", "b", "c", "d", None]))
    left = None if run else draw(st.sampled_from(Remainder))
    label = None
    if run is None:
        label = draw(st.sampled_from([None, "team=nlp", "team=ops", "owner=ada", "team=vision"]))
    return OwnerSum(
        run, left, draw(methods), label, draw(components), draw(currencies), draw(nanos)
    )


last_ways = st.sampled_from([Way.PROPORTIONAL, Way.EVEN, Way.KEPT, Way.OWNER])
ways = st.one_of(
    last_ways.map(lambda way: (way,)),
    last_ways.filter(lambda way: way is not Way.OWNER).map(lambda way: (Way.OWNER, way)),
)
policies = st.dictionaries(
    st.sampled_from([*(one.value for one in Remainder), "tax", "unmatched"]), ways
).map(Policy)


@given(st.lists(owner_sums(), min_size=1, max_size=25), policies, st.sampled_from(StatementKind))
def test_all_statements_and_what_is_kept_sum_to_the_bill(lines, policy, kind):
    books = make_statements(lines, LABELS, ["even pool"], kind, policy)
    assert {book.currency for book in books} == {line.currency for line in lines}
    for book in books:
        bill = sum(line.nano for line in lines if line.currency == book.currency)
        statements = sum(one.total.nano for one in book.statements)
        assert statements + book.kept_total.nano == bill == book.bill.nano
        for one in book.statements:
            parts = [line.total for line in one.runs] + [line.amount for line in one.given]
            parts += [line.amount for line in one.remainders]
            assert Money.total(parts, book.currency) == one.total
        # Every table adds up by itself, or could not be made.
        assert overview_table(book).total["total"] == book.bill
        assert remainders_table(book.kept, book.currency, is_kept=True).total["amount"] == (
            book.kept_total
        )
        for one in book.statements:
            assert len(runs_table(one, LABELS)) == len(one.runs)
            assert pools_table(one, {}).currency == book.currency


@given(st.lists(owner_sums(), min_size=1, max_size=25), policies)
def test_a_showback_charges_nobody_for_what_no_run_owns(lines, policy):
    for book in make_statements(lines, LABELS, ["even pool"], SHOW, policy):
        assert all(one.remainders == () and one.total == one.own for one in book.statements)
        assert {line.way for line in book.kept} <= {Way.KEPT}


@given(st.lists(owner_sums(), min_size=1, max_size=25), policies)
def test_own_money_is_the_same_in_both_kinds(lines, policy):
    for show, charge in zip(
        make_statements(lines, LABELS, ["even pool"], SHOW),
        make_statements(lines, LABELS, ["even pool"], CHARGE, policy),
        strict=True,
    ):
        own = {one.team: one.own for one in charge.statements}
        assert {one.team: one.own for one in show.statements} == own


def line(nano, run=None, left=None, method="resource_overlap", label=None):
    return OwnerSum(run, left, method, label, "compute", "USD", nano)


BILL = [
    line(600, run="a"),
    line(200, run="b"),
    line(100, run="c"),
    line(90, run="a", method="even pool"),
    line(10, left=Remainder.SHARED, method="vision account", label="team=vision"),
    line(301, left=Remainder.IDLE, label="team=nlp"),
    line(100, left=Remainder.IDLE),
    line(7, left=Remainder.UNALLOCATED, method="tax"),
    line(50, left=Remainder.UNALLOCATED, method="unmatched", label="owner=ada"),
]


def amounts(book):
    return {one.team: one.total.nano for one in book.statements}


def test_a_showback_shows_own_runs_pools_and_gifts_and_what_tags_name():
    (book,) = make_statements(BILL, LABELS, ["even pool"], SHOW)
    assert amounts(book) == {"nlp": 690, "vision": 210, NO_TEAM: 100}
    nlp = book.statements[0]
    assert nlp.runs[0].pools == {"even pool": Money(90)}
    assert nlp.tagged[Remainder.IDLE] == Money(301)
    assert book.kept_total == Money(458)


def test_idle_goes_to_the_owner_that_tags_name_and_the_rest_by_use():
    policy = Policy({"idle": (Way.OWNER, Way.PROPORTIONAL), "tax": (Way.EVEN,)})
    (book,) = make_statements(BILL, LABELS, ["even pool"], CHARGE, policy)
    # 100 idle by 690 : 210 : 100, and 7 of tax in three parts, by largest remainder.
    assert amounts(book) == {
        "nlp": 690 + 301 + 69 + 2,
        "vision": 210 + 21 + 2,
        NO_TEAM: 100 + 10 + 3,
    }
    assert [(one.method, one.amount) for one in book.kept] == [("unmatched", Money(50))]


def test_a_team_that_only_tags_name_gets_a_statement_but_no_share_of_others():
    lines = [*BILL, line(5, left=Remainder.IDLE, label="team=ops")]
    policy = Policy({"idle": (Way.OWNER, Way.EVEN)})
    (book,) = make_statements(lines, LABELS, ["even pool"], CHARGE, policy)
    assert amounts(book)["ops"] == 5


def test_where_no_team_has_anything_all_is_kept():
    lines = [line(5, left=Remainder.IDLE), line(-9, run="a")]
    policy = Policy({"idle": (Way.PROPORTIONAL,)})
    (book,) = make_statements(lines, LABELS, [], CHARGE, policy)
    assert (amounts(book), book.kept_total) == ({"nlp": -9}, Money(5))


def test_a_policy_file_says_what_is_wrong_with_it(tmp_path):
    path = tmp_path / "statement.toml"
    assert load_policy(path) == KEEP_ALL
    path.write_text('[distribute]\nidle = ["owner", "even"]\ntax = "kept"\n')
    found = load_policy(path)
    assert found.ways_of(Remainder.IDLE, "attached") == (Way.OWNER, Way.EVEN)
    assert found.ways_of(Remainder.UNALLOCATED, "tax") == (Way.KEPT,)
    assert found.ways_of(Remainder.SHARED, "x") == (Way.KEPT,)
    for text, words in {
        'idle = "even"': "idle: is not known",
        "[distribute]\nidle = 3": "idle: 3 is not one of owner, proportional, even, kept",
        "[distribute]\nidle = []": "is not one of",
        '[distribute]\nidle = ["even", "owner"]': 'only "owner" stands before',
        '[distribute]\nidle = ["owner", "owner"]': 'only "owner" stands before',
        "distribute = 1": "is not a table",
        "[distribute": "is not TOML",
    }.items():
        path.write_text(text)
        with pytest.raises(BadInput, match=words):
            load_policy(path)
