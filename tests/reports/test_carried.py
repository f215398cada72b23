"""The cost of data in a report: a column beside the own costs, which changes none of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.spends import part, spend
from trainfare.core.carry import CarryRule
from trainfare.core.charge import View
from trainfare.core.dataset import Output, Reading
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.reports.attribution import Question, attribute
from trainfare.reports.entry import BilledPeriod
from trainfare.reports.measure import ask
from trainfare.store.results import Group

LABELS = {"t1": {"team": "nlp"}, "t2": {"team": "vision"}}
MADE = (Output("prep", "s3://b/x", 9, None, (Reading("t1", 0, 30), Reading("t2", 0, 10))),)


def runs(prep, t1, t2):
    return [
        spend(run, part("train", None, nano, period="2026-10"), labels=LABELS.get(run))
        for run, nano in (("prep", prep), ("t1", t1), ("t2", t2))
    ]


def report(by, spends, rule="bytes", *, billed=None, where=None):
    view = View.EFFECTIVE if billed else None
    question = Question(by, view, where or {}, ask(()), ("2026-10",), CarryRule(rule), MADE)
    groups = []
    for run, nano in (billed or {}).items():
        left = None if run in ("prep", "t1", "t2") else run
        groups.append(
            Group(
                run=None if left else run,
                remainder=left,
                label=None,
                currency="USD",
                nano=nano,
                key=(),
            )
        )
    bill = [BilledPeriod("2026-10", question.columns, groups)] if billed else []
    (table,) = attribute(question, spends, bill, LABELS)
    return table


def nanos(table, name):
    return {
        row.cells[table.by[0]]: None if row[name] is None else row[name].nano for row in table.lines
    }


def test_received_and_given_stand_beside_the_own_costs():
    table = report(("run",), runs(1000, 70, 50))
    assert nanos(table, "estimated") == {"prep": 1000, "t1": 70, "t2": 50}
    assert nanos(table, "estimated_carried_data") == {"prep": -1000, "t1": 750, "t2": 250}
    assert nanos(table, "estimated_with_data") == {"prep": 0, "t1": 820, "t2": 300}
    assert table.total["estimated_with_data"] == table.total["estimated"] == Money(1120)


money = st.none() | st.integers(0, 10**12)


@given(
    st.tuples(money, money, money),
    st.sampled_from(list(CarryRule)),
    st.sampled_from([("run",), ("team",), ("team", "status")]),
    st.sampled_from([{}, {"team": ("nlp",)}, {"run": ("t2",)}]),
    st.none()
    | st.fixed_dictionaries({run: st.integers(-(10**9), 10**12) for run in ("prep", "t1")}),
)
def test_no_own_figure_changes_and_the_columns_sum_to_their_totals(own, rule, by, where, billed):
    """The table itself refuses a column that does not sum; the own columns are as without carrying."""
    spends = runs(*own)
    table = report(by, spends, rule, billed=billed, where=where)
    question = Question(by, View.EFFECTIVE if billed else None, where, ask(()), ("2026-10",))
    groups = [
        Group(run=r, remainder=None, label=None, currency="USD", nano=n, key=())
        for r, n in (billed or {}).items()
    ]
    bill = [BilledPeriod("2026-10", (), groups)] if billed else []
    (plain,) = attribute(question, spends, bill, LABELS)
    for name in ("runs", "estimated", "allocated", "share"):
        assert [line[name] for line in table.lines] == [line[name] for line in plain.lines]
    for book in ("estimated", "allocated") if billed else ("estimated",):
        moved = [line[f"{book}_carried_data"] for line in table.lines]
        assert sum(one.nano for one in moved if one is not None) == 0
        both = [line[f"{book}_with_data"] for line in table.lines]
        whole = plain.total[book]
        assert sum(one.nano for one in both if one) == (0 if whole is None else whole.nano)


def test_by_both_books_and_remainders_keep_theirs():
    from trainfare.core.charge import Remainder

    billed = {"prep": 4000, "t1": 100, "t2": 200, Remainder.IDLE: 77}
    table = report(("run",), runs(1000, 70, 50), billed=billed)
    assert nanos(table, "allocated_carried_data")["t1"] == 3000
    with_data = nanos(table, "allocated_with_data")
    assert (with_data["t1"], with_data["t2"], with_data["(idle)"]) == (3100, 1200, 77)
    assert table.total["allocated_with_data"] == table.total["allocated"] == Money(4377)


def test_data_without_a_price_is_unknown_where_it_would_be_carried_and_nowhere_zero():
    table = report(("run",), runs(None, 70, 50))
    row = next(row for row in table if row["run"] == "t1")
    assert row["estimated_carried_data"] is None
    assert row.why("estimated_carried_data") == "prep: no price was known"
    assert row["estimated_with_data"] == Money(70)


def test_data_is_carried_between_whole_runs_only():
    with pytest.raises(BadInput, match="epoch cuts them; group by labels"):
        report(("run", "epoch"), runs(1, 2, 3))
    assert replace(Question(("run", "epoch")), carry=None).carry is None
