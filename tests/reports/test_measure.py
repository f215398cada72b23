"""Measures: each by its equation, by both books, and unknown with a reason rather than 0."""

from fractions import Fraction

import pytest

from reports.spends import HOUR, part, spend, work
from reports.test_attribution import line, report
from trainfare.core.errors import BadInput
from trainfare.core.money import NANO
from trainfare.reports.gain import parse_metric
from trainfare.reports.measure import MEASURES, ask, measure_columns
from trainfare.reports.scope import Book

UNIT = 10**9


def run(name, train, rest=0, *, labels=None, **more):
    parts = [part("train", 0, train, period="2026-10"), part("setup", None, rest, period="2026-10")]
    return spend(name, *parts, labels=labels or {"team": "nlp"}, **more)


def cells(table, row=0):
    names = [c.name for c in table.columns if c.name.startswith(("estimated_", "allocated_"))]
    line = table.rows[row] if row is not None else table.total
    return {name: line[name].nano if line[name] is not None else line.why(name) for name in names}


DONE = work(4, 100, samples=3200, tokens=2_000_000)


@pytest.mark.parametrize(
    ("measure", "estimated", "allocated"),
    [
        ("per_run", 10 * UNIT, 20 * UNIT),
        ("per_epoch", 2 * UNIT, 4 * UNIT),
        ("per_step", UNIT * 8 // 100, UNIT * 16 // 100),
        ("per_1k_samples", UNIT * 8 * 10 // 32, UNIT * 16 * 10 // 32),
        ("per_1m_tokens", 4 * UNIT, 8 * UNIT),
        ("per_gpu_hour", 10 * UNIT // 8, 20 * UNIT // 8),
        ("stall", UNIT, 2 * UNIT),
        ("redone", 2 * UNIT, 4 * UNIT),
        ("unfinished", 0, 0),
        ("lineage", 10 * UNIT, 20 * UNIT),
    ],
)
def test_each_unit_cost_is_its_equation_by_both_books(measure, estimated, allocated):
    one = run(
        "a",
        8 * UNIT,
        2 * UNIT,
        done=DONE,
        gpu_ns=Fraction(8 * HOUR),
        stalled=Fraction(1, 10),
        redone=Fraction(1, 5),
    )
    table = report(("run",), [one], lines=[line("a", 20 * UNIT)], measures=(measure,))
    assert cells(table) == {f"estimated_{measure}": estimated, f"allocated_{measure}": allocated}


def test_a_groups_unit_cost_is_money_over_work_and_no_mean_of_ratios():
    runs = [run("a", UNIT, done=work(1, 10)), run("b", 9 * UNIT, done=work(9, 30))]
    table = report(("team",), runs, view=None, measures=("per_epoch", "per_step", "epochs"))
    assert cells(table) == {
        "estimated_per_epoch": UNIT,
        "estimated_per_step": 10 * UNIT // 40,
    }
    assert table.rows[0]["epochs"] == 10


def test_a_run_that_does_not_tell_is_in_neither_sum_and_the_reason_counts_it():
    silent = run("b", 50 * UNIT, whys={"epochs": "the training names no epochs"})
    runs = [run("a", UNIT, done=work(1, 10)), silent, run("c", 3 * UNIT, done=work(1, 10))]
    table = report(("team",), runs, view=None, measures=("per_epoch", "epochs"))
    why = "1 of 3 runs is not in it: the training names no epochs"
    assert cells(table) == {"estimated_per_epoch": 2 * UNIT}
    assert table.rows[0].why("estimated_per_epoch") == table.rows[0].why("epochs") == why
    assert "*" in str(table)
    assert "* estimated per epoch, epochs: not whole: the training names no epochs" in str(table)


def test_what_is_not_metered_or_goes_on_outside_the_period_has_no_unit_cost():
    long = run("a", UNIT, done=DONE, is_whole=False)
    table = report(
        ("run",), [long], lines=[line("a", 5), line("x", 3)], measures=("per_step", "stall")
    )
    assert cells(table, 0)["allocated_per_step"] == "it goes on outside these periods"
    assert cells(table, 0)["allocated_stall"] == "it goes on outside these periods"
    assert cells(table, 1)["allocated_per_step"] == "not metered here"


def test_unknown_redone_work_is_no_zero():
    one = run("a", UNIT, redone=None, whys={"redone": "attempt 2 did not say"})
    assert cells(report(("run",), [one], view=None, measures=("redone",))) == {
        "estimated_redone": "attempt 2 did not say"
    }


def test_the_unfinished_are_those_that_failed_were_killed_or_stopped():
    runs = [
        run("a", 5, status="failed"),
        run("b", 7, status="killed", ending="cancelled"),
        run("c", 11),
        run("d", 13, status="running"),
        run("e", 17, status="stopped_by_budget"),
    ]
    table = report(("team",), runs, view=None, measures=("unfinished",))
    assert cells(table) == {"estimated_unfinished": 29}
    by_ending = report(("ending",), runs, view=None)
    found = {row["ending"]: row["estimated"].nano for row in by_ending}
    assert found == {
        "failed": 5,
        "cancelled": 7,
        "finished": 11,
        "running": 13,
        "stopped_by_budget": 17,
    }


def test_a_version_costs_its_whole_line_each_run_once_whatever_is_filtered():
    runs = [
        run("base", 100, labels={"version": "0"}),
        run("left", 10, labels={"version": "1"}, parents=("base",)),
        run("right", 20, labels={"version": "1"}, parents=("base",)),
        run("merge", 5, labels={"version": "2"}, parents=("left", "right")),
    ]
    table = report(
        ("version",), runs, view=None, measures=("lineage",), where={"status": "finished"}
    )
    found = {row["version"]: row["estimated_lineage"].nano for row in table}
    assert found == {"0": 100, "1": 130, "2": 135}
    filtered = report(("version",), runs, view=None, measures=("lineage",), where={"version": "2"})
    assert cells(filtered) == {"estimated_lineage": 135}
    assert table.total["estimated_lineage"].nano == 135


def test_a_parent_that_is_not_here_makes_the_line_unknown_and_a_circle_is_refused():
    table = report(("run",), [run("a", 5, parents=("gone",))], view=None, measures=("lineage",))
    assert cells(table) == {"estimated_lineage": "gone: not metered here"}
    circle = [run("a", 5, parents=("b",)), run("b", 5, parents=("a",))]
    with pytest.raises(BadInput, match="in a circle"):
        report(("run",), circle, view=None, measures=("lineage",))


def test_parts_of_runs_have_no_work_of_their_own():
    table = report(("stage",), [run("a", 5, done=DONE)], view=None, measures=("per_step", "steps"))
    assert "no work of their own" in table.rows[0].why("steps")
    assert "no work of their own" in cells(table)["estimated_per_step"]


def test_steps_of_an_epoch_are_its_own():
    done = work(2, 30, laps=((1, 0, 10, 0), (1, 1, 20, 0)))
    two = spend("a", part("train", 0, 100), part("train", 1, 400), part("eval", None, 9), done=done)
    table = report(("epoch",), [two], view=None, measures=("per_step", "steps"))
    assert [row["steps"] for row in table] == [10, 20, None]
    assert [cells(table, n)["estimated_per_step"] for n in range(3)] == [10, 20, "outside epochs"]


SERIES = {"accuracy": [(5, 0.5), (15, float("nan")), (25, 0.75), (35, 0.7)]}


def gaining(**more):
    return run("a", 8 * UNIT, done=DONE, series=SERIES, epochs=((0, 10, 0), (20, 40, 1)), **more)


def test_cost_per_gain_is_cost_over_best_less_first():
    table = report(("run",), [gaining()], lines=[line("a", UNIT)], measures=("per:accuracy",))
    assert cells(table) == {
        "estimated_per_accuracy": 32 * UNIT,
        "allocated_per_accuracy": 4 * UNIT,
    }
    assert str(table.rows[0]["accuracy"]) == "0.750000000"


def test_lower_is_better_where_the_name_or_the_user_says_so():
    falling = run(
        "a", UNIT, series={"val_loss": [(1, 3.0), (2, 1.0), (3, 2.0)], "x": [(1, 2), (2, 1)]}
    )
    table = report(("run",), [falling], view=None, measures=("per:val_loss", "per:x:min"))
    assert cells(table) == {"estimated_per_val_loss": UNIT // 2, "estimated_per_x": UNIT}
    worse = report(("run",), [falling], view=None, measures=("per:x",))
    assert cells(worse) == {"estimated_per_x": "x did not get better than before"}


def test_a_group_pays_for_the_runs_that_led_nowhere_too():
    runs = [
        run("a", UNIT, series={"accuracy": [(1, 0.5), (2, 0.6)]}),
        run("b", UNIT, status="failed"),
        run("c", 2 * UNIT, series={"accuracy": [(3, 0.2), (4, 0.75)]}),
    ]
    table = report(("team",), runs, view=None, measures=("per:accuracy",))
    assert cells(table) == {"estimated_per_accuracy": 16 * UNIT}


def test_the_gain_of_an_epoch_is_over_all_before_it():
    series = {"accuracy": [(5, 0.5), (15, 0.75), (25, 0.5), (35, 0.875)]}
    epochs = tuple((n * 10, n * 10 + 10, n) for n in range(4))
    parts = [part("train", n, 10) for n in range(4)]
    one = spend("a", *parts, series=series, epochs=epochs)
    table = report(("run", "epoch"), [one], view=None, measures=("per:accuracy",))
    assert [cells(table, n)["estimated_per_accuracy"] for n in range(4)] == [
        "accuracy did not get better than before",
        40,
        "accuracy did not get better than before",
        80,
    ]


def test_what_nobody_logged_is_said():
    table = report(("run",), [run("a", 5)], view=None, measures=("per:accuracy",))
    assert cells(table) == {"estimated_per_accuracy": "no accuracy was logged by any run here"}


@pytest.mark.parametrize("name", ["loss", "Val_Loss", "eval/perplexity", "test.wer", "f1:min"])
def test_names_of_losses_and_errors_are_better_lower(name):
    assert parse_metric(name).is_lower_better


@pytest.mark.parametrize("name", ["accuracy", "lossless", "bleu", "loss:max"])
def test_all_others_are_better_higher(name):
    assert not parse_metric(name).is_lower_better


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["per_mile"], "there is no measure 'per_mile'"),
        (["stall", "stall"], "stall twice"),
        (["per:"], "METRIC"),
    ],
)
def test_wrong_measures_are_named(names, sentence):
    with pytest.raises(BadInput, match=sentence):
        ask(names)


def test_every_column_of_every_measure_has_a_sentence_and_money_has_its_unit():
    asked = ask([*MEASURES, "per:accuracy"])
    columns = list(measure_columns(asked, tuple(Book), "EUR"))
    assert all(column.what.endswith(".") for column in columns)
    assert all(column.unit.startswith("EUR") for column in columns if column.is_money)
    assert len({column.name for column in columns}) == len(columns)
    assert NANO == UNIT
