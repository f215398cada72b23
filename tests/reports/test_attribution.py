"""Attribution: whatever is asked, rows, remainders and what is left out sum to the bill."""

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.spends import part, spend, work
from trainfare.core.charge import Remainder, View
from trainfare.core.errors import BadInput
from trainfare.core.money import Money
from trainfare.reports.attribution import Question, attribute
from trainfare.reports.entry import BilledPeriod
from trainfare.reports.measure import MEASURES, ask
from trainfare.reports.scope import Book
from trainfare.reports.table_text import table_text
from trainfare.store.results import Group

RUNS = ["a", "b", "c", "claimed"]
LABELS = {
    "a": {"team": "nlp", "model": "bert"},
    "b": {"team": "vision", "model": "bert"},
    "c": {"team": "nlp"},
    "claimed": {"team": "vision"},
}
PERIODS = ("2026-10", "2026-11")
KEYS = [
    "run",
    "team",
    "model",
    "status",
    "ending",
    "component",
    "stage",
    "epoch",
    "step",
    "service",
    "day",
]
VALUES = ["nlp", "vision", "a", "claimed", "train", "setup", "0", "compute", "storage", "ec2"]
nano = st.integers(-(10**12), 10**12)
stages = st.sampled_from(
    [("setup", None), ("train", 0), ("train", 1), ("eval", None), (None, None)]
)


@st.composite
def parts(draw):
    stage, epoch = draw(stages)
    size = draw(st.integers(0, 10**12) | st.none())
    component = "storage" if stage is None else draw(st.sampled_from(["compute", "data"]))
    return part(
        stage,
        epoch,
        size,
        period=draw(st.sampled_from(PERIODS)),
        component=component,
        weight=draw(st.integers(0, 10**15)),
    )


@st.composite
def charges(draw):
    """(period, run, remainder, label, columns, currency, nano)."""
    run = draw(st.sampled_from([*RUNS, None, None]))
    left = None if run else draw(st.sampled_from(list(Remainder)))
    label = draw(st.sampled_from([None, "team=nlp", "cost-centre=7"]))
    columns = {
        "component": draw(st.sampled_from(["compute", "storage", "other"])),
        "service": draw(st.sampled_from(["ec2", "s3", None])),
        "day": draw(st.sampled_from(["2026-10-01", "2026-10-02"])),
    }
    currency = draw(st.sampled_from(["USD", "USD", "EUR"]))
    given_to = label if left is Remainder.SHARED else None
    return draw(st.sampled_from(PERIODS)), run, left, given_to, columns, currency, draw(nano)


questions = st.tuples(
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True),
    st.dictionaries(
        st.sampled_from(KEYS), st.lists(st.sampled_from(VALUES), min_size=1).map(tuple), max_size=2
    ),
    st.lists(st.sampled_from(MEASURES), max_size=4, unique=True),
)


def bill_of(question, lines):
    return [
        BilledPeriod(
            period,
            question.columns,
            [
                Group(tuple(columns[c] for c in question.columns), run, left, currency, size, label)
                for when, run, left, label, columns, currency, size in lines
                if when == period
            ],
        )
        for period in PERIODS
    ]


@given(st.lists(st.lists(parts(), max_size=6), max_size=3), st.lists(charges()), questions)
def test_any_grouping_and_filter_of_any_allocation_sums_to_the_bill(runs, lines, asked):
    spends = [
        spend(run, *own, labels=LABELS[run]) for run, own in zip(RUNS[:3], runs, strict=False)
    ]
    by, where, measures = asked
    question = Question(tuple(by), View.EFFECTIVE, where, ask(measures), PERIODS)
    tables = {t.currency: t for t in attribute(question, spends, bill_of(question, lines), LABELS)}
    bill = defaultdict(int)
    for *_, currency, size in lines:
        bill[currency] += size
    for currency, whole in bill.items():
        table = tables[currency]
        assert table.total["allocated"].nano == whole
        cells = [line["allocated"] for line in table.lines]
        assert sum(cell.nano for cell in cells if cell is not None) == whole
        assert (table.left_out is not None) == bool(where)


@given(st.lists(st.lists(parts(), max_size=6), min_size=1, max_size=3), questions)
def test_without_a_bill_the_lines_sum_to_the_estimates(runs, asked):
    spends = [
        spend(run, *own, labels=LABELS[run]) for run, own in zip(RUNS[:3], runs, strict=False)
    ]
    by, where, measures = asked
    question = Question(tuple(by), None, where, ask(measures))
    if question.is_of_bill:
        return
    known = [p.estimated_cost for own in runs for p in own]
    for table in attribute(question, spends, [], LABELS):
        priced = Money.total(cost for cost in known if cost is not None)
        assert (table.total["estimated"] or Money(0)) == priced
        assert table.total["allocated"] is None
        assert not table.remainders


def report(by, spends, *, lines=(), where=None, measures=(), view=View.EFFECTIVE):
    question = Question(
        by, view, {k: (v,) for k, v in (where or {}).items()}, ask(measures), PERIODS[:1]
    )
    labels = {**LABELS, **{one.run: one.labels for one in spends}}
    (table,) = attribute(question, spends, bill_of(question, lines) if view else [], labels)
    return table


def line(run, size, *, left=None, label=None, component="compute"):
    columns = {"component": component, "service": "ec2", "day": "2026-10-01"}
    return "2026-10", run, left, label, columns, "USD", size


RUN_A = spend(
    "a",
    part("setup", None, 100, period="2026-10"),
    part("train", 0, 300, period="2026-10"),
    part("train", 1, 600, period="2026-10"),
    part(None, None, 7, period="2026-10", component="storage"),
    labels=LABELS["a"],
)


def rows(table, *names):
    return [
        tuple(str(row[n].nano if isinstance(row[n], Money) else row[n]) for n in names)
        for row in table
    ]


def test_a_bill_is_divided_over_stages_as_the_estimate_is():
    lines = [line("a", 2000), line("a", 50, component="storage")]
    table = report(("stage",), [RUN_A], lines=lines)
    assert rows(table, "stage", "estimated", "allocated") == [
        ("train", "900", "1800"),
        ("setup", "100", "200"),
        ("(outside stages)", "7", "50"),
    ]


def test_epochs_stand_in_their_order_and_sum_to_the_train_stage_by_both_books():
    table = report(("epoch",), [RUN_A], lines=[line("a", 1001)])
    assert rows(table, "epoch", "estimated", "allocated") == [
        ("0", "300", "300"),
        ("1", "600", "601"),
        ("(outside epochs)", "107", "100"),
    ]


def test_without_a_price_a_bill_is_divided_by_time_held():
    run = spend(
        "a",
        part("setup", None, None, period="2026-10", weight=1),
        part("train", 0, None, period="2026-10", weight=3),
    )
    table = report(("stage",), [run], lines=[line("a", 400)])
    assert rows(table, "stage", "estimated", "allocated") == [
        ("train", "None", "300"),
        ("setup", "None", "100"),
    ]
    assert table.rows[0].why("estimated") == "no price was known"


def test_a_run_that_only_the_bill_knows_has_no_stages():
    table = report(("stage", "status"), [RUN_A], lines=[line("claimed", 400)])
    assert ("(not metered)", "(not metered)", "None", "400") in rows(
        table, "stage", "status", "estimated", "allocated"
    )


def test_a_run_that_is_not_on_the_bill_is_in_the_report_without_an_allocated_cost():
    table = report(("run",), [RUN_A], lines=[line("b", 400)])
    assert rows(table, "run", "estimated", "allocated") == [
        ("b", "None", "400"),
        ("a", "1007", "None"),
    ]
    assert table.rows[1].why("allocated") == "nothing of the bill was given to it"
    assert table.rows[0].why("estimated") == "not metered here"


def test_a_sum_that_lacks_a_run_says_so():
    other = spend("c", part("train", 0, None, weight=5, period="2026-10"), labels=LABELS["c"])
    table = report(("team",), [RUN_A, other], lines=[line("a", 1)])
    assert table.rows[0]["estimated"].nano == table.total["estimated"].nano == 1007
    assert table.rows[0].why("estimated") == "1 of 2 runs is not in it: no price was known"


def test_a_run_of_which_a_part_has_no_price_shows_the_rest_and_says_so():
    mixed = spend("c", part("train", 0, None, weight=5), part("setup", None, 7))
    table = report(("run",), [mixed], view=None)
    assert table.rows[0]["estimated"].nano == 7
    assert table.rows[0].why("estimated") == "some of it is not in it: no price was known"
    assert "$0.000000007*" in str(table)


def test_a_filter_leaves_remainders_standing_and_names_what_it_leaves_out():
    lines = [line("a", 100), line("b", 30), line(None, 7, left=Remainder.IDLE)]
    table = report(("run",), [RUN_A], lines=lines, where={"team": "nlp"})
    assert rows(table, "run", "allocated") == [("a", "100")]
    assert (table.left_out["allocated"].nano, table.left_out["runs"]) == (30, 1)
    assert table.remainders[0]["allocated"].nano == 7
    assert table.total["allocated"].nano == 137


def test_a_filter_on_what_the_bill_says_holds_for_remainders_too():
    lines = [
        line("a", 100),
        line(None, 7, left=Remainder.IDLE),
        line(None, 9, left=Remainder.IDLE, component="storage"),
    ]
    table = report(("run",), [], lines=lines, where={"component": "compute"})
    assert table.remainders[0]["allocated"].nano == 7
    assert table.left_out["allocated"].nano == 9


@pytest.mark.parametrize("where", [{}, {"component": "compute"}])
def test_sums_that_are_known_are_whole_though_no_run_has_a_part(where):
    lines = [line(None, 7, left=Remainder.UNALLOCATED, component="storage")]
    table = report(("service",), [], lines=lines, where=where)
    sums = [one for one in (table.left_out, table.total) if one is not None]
    assert [(one["allocated"].nano, one.why("allocated")) for one in sums] == [(7, None)] * len(
        sums
    )
    assert "*" not in table_text(table)


def test_money_that_a_rule_gave_to_a_label_is_filtered_by_that_label():
    lines = [line("a", 100), line(None, 7, left=Remainder.SHARED, label="team=platform")]
    table = report(("team",), [RUN_A], lines=lines, where={"team": "nlp"})
    assert table.left_out["allocated"].nano == 7
    assert rows(report(("model",), [RUN_A], lines=lines), "model") == [("bert",)]


def test_keys_of_the_bill_have_no_estimate_and_say_so():
    table = report(("service",), [RUN_A], lines=[line("a", 5)])
    assert table.rows[0]["estimated"] is None
    assert "not estimated apart" in table.rows[0].why("estimated")


def test_other_currencies_are_tables_of_their_own():
    lines = [line("a", 5), ("2026-10", "a", None, None, line("a", 1)[4], "EUR", 900)]
    question = Question(("run",), View.EFFECTIVE, periods=PERIODS[:1])
    tables = attribute(question, [RUN_A], bill_of(question, lines), LABELS)
    assert [(t.currency, t.total["allocated"].nano) for t in tables] == [("EUR", 900), ("USD", 5)]
    assert tables[0].rows[0]["estimated"] is None


def test_a_run_is_counted_only_in_the_currencies_that_it_has_amounts_in():
    """Of a run that is billed in euros and has no price no dollars are lacking."""
    unpriced = spend("b", part("train", 0, None, weight=5, period="2026-10"), currency=None)
    nowhere = spend("c", part("train", 0, None, weight=5, period="2026-10"), currency=None)
    lines = [line("a", 5), ("2026-10", "b", None, None, line("b", 1)[4], "EUR", 3)]
    question = Question(("team",), View.EFFECTIVE, periods=PERIODS[:1])
    dollars, euros = attribute(
        question, [RUN_A, unpriced, nowhere], bill_of(question, lines), LABELS
    )
    assert (dollars.currency, dollars.total["runs"], dollars.total["allocated"].nano) == (
        "USD",
        2,
        5,
    )
    assert (euros.currency, euros.total["runs"], euros.total["allocated"].nano) == ("EUR", 1, 3)
    assert dollars.total["estimated"].nano == 1007
    assert dollars.rows[0].why("estimated") == "1 of 2 runs is not in it: no price was known"
    assert euros.rows[0].why("estimated") == "no price was known"


@pytest.mark.parametrize("view", [None, View.EFFECTIVE])
def test_the_books_are_those_there_are(view):
    table = report(("run",), [RUN_A], lines=[line("a", 5)], measures=("per_run",), view=view)
    names = {column.name for column in table.columns}
    assert "estimated_per_run" in names
    assert (f"{Book.ALLOCATED.value}_per_run" in names) == (view is not None)


def test_steps_sum_to_their_epoch_by_both_books_and_are_counted_over_the_whole_run():
    done = work(2, 7, laps=((1, 0, 3, 0), (1, 1, 4, 0)))
    run = replace(RUN_A, work=done)
    table = report(("epoch", "step"), [run], lines=[line("a", 1001)])
    by_epoch = defaultdict(lambda: [0, 0, []])
    for row in table:
        sums = by_epoch[row["epoch"]]
        sums[0] += row["estimated"].nano
        sums[1] += row["allocated"].nano if row["allocated"] else 0
        sums[2].append(row["step"])
    assert by_epoch["0"] == [300, 300, ["0", "1", "2"]]
    assert by_epoch["1"] == [600, 601, ["3", "4", "5", "6"]]
    many = replace(RUN_A, work=work(2, 200_000, laps=((1, 0, 200_000, 0),)))
    with pytest.raises(BadInput, match="made 200,000 steps"):
        report(("step",), [many])
