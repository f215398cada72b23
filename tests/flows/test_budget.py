"""Budgets held against the bill: billed where it has arrived, estimated since."""

import json
import tempfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from flows.bills import trainfare
from flows.rides import charge, instant, ride, write_charges
from trainfare.core.budget import make_budget
from trainfare.core.charge import View
from trainfare.core.money import Money
from trainfare.core.period import DAY, format_instant
from trainfare.flows.alert_look import look
from trainfare.flows.allocation import allocate_periods
from trainfare.flows.bill import import_bills
from trainfare.flows.budget import set_budget, spent_course, standings
from trainfare.flows.report import make_report
from trainfare.metering.home import runs_folder

pytest.importorskip("duckdb")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    return tmp_path / "home"


def spent(home, name, view):
    trainfare(home, "budget", "set", name, "--limit", "1000", "--view", view)
    found = trainfare(home, "budget", "check", name)["budgets"]
    return Decimal(found[0]["spent"])


def test_before_any_bill_the_estimate_is_spent_and_what_is_billed_is_not_known(home):
    ride(home, "a", 8, 9)
    assert [spent(home, view, view) for view in ("estimated", "blended")] == [10, 10]
    trainfare(home, "budget", "set", "b", "--limit", "1000", "--view", "billed")
    [found] = trainfare(home, "budget", "check", "b", code=1)["budgets"]
    assert (found["spent"], found["state"]) == (None, "unknown")
    assert found["why"] == "no bill of 2026-10 is here yet"


def test_a_month_without_a_bill_is_unknown_in_the_billed_book_for_all_and_for_each_run(
    home, tmp_path
):
    """The bill of October is here and that of November is not, whatever was metered in it."""
    ride(home, "a", 8, 9)
    trainfare(home, "bill", "import", write_charges(tmp_path / "b.csv", charge(effective="12")))
    trainfare(home, "allocate")
    ride(home, "late", 8, 9, day=3, month="11")
    month = make_budget("m", "99", period="month", view="billed")
    each = make_budget("each", "99", period="run", view="billed")
    at_ns = instant(20, 0, "11")
    found = {(one.budget.id, one.run): one for one in standings(home, [month, each], at_ns=at_ns)}
    why = "no bill of 2026-11 is here yet"
    assert {key: (one.spent and one.spent.text(), one.why) for key, one in found.items()} == {
        ("m", None): (None, why),
        ("each", "a"): ("12.000000000", ""),
        ("each", "late"): (None, why),
    }
    assert spent_course(home, month, at_ns)[1][1:] == []


def test_a_budget_over_several_months_names_those_whose_bill_is_missing(home, tmp_path):
    """Runs of October, which is billed, and of November and December, which are not."""
    ride(home, "a", 8, 9)
    trainfare(home, "bill", "import", write_charges(tmp_path / "b.csv", charge(effective="12")))
    trainfare(home, "allocate")
    for month in ("11", "12"):
        ride(home, f"late-{month}", 8, 9, day=3, month=month)
    at_ns = instant(20, 0, "12")
    monthly = {"period": "month", "is_carried_over": True}

    def said(**words):
        [found] = standings(home, [make_budget("b", "15", **words)], at_ns=at_ns)
        return found.spent and found.spent.text(), found.why

    why = "no bill of 2026-11, 2026-12 is here yet"
    assert said(view="billed") == ("12.000000000", why)
    assert said(view="billed", **monthly) == (None, why)
    assert said(view="billed", period="month") == (None, "no bill of 2026-12 is here yet")
    assert said(view="blended") == ("32.000000000", "")


def test_a_bill_of_the_whole_month_takes_the_place_of_the_estimate(home, tmp_path):
    ride(home, "a", 8, 9)
    trainfare(home, "bill", "import", write_charges(tmp_path / "b.csv", charge(effective="12")))
    trainfare(home, "allocate")
    assert [spent(home, view, view) for view in ("estimated", "billed", "blended")] == [10, 12, 12]


def test_what_came_after_the_last_day_of_an_open_bill_is_estimated(home, tmp_path, monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: instant(27, 0, "11"))
    ride(home, "a", 8, 9, day=20, month="11")
    ride(home, "b", 8, 9, day=26, month="11")
    until = charge("i-9", day=25, month="11")
    bill = write_charges(tmp_path / "b.csv", charge(effective="12", day=20, month="11"), until)
    trainfare(home, "bill", "import", bill)
    trainfare(home, "allocate")
    assert [spent(home, view, view) for view in ("estimated", "billed", "blended")] == [20, 12, 22]


def test_a_budget_of_a_month_counts_that_month_alone(home, monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: instant(27, 0, "11"))
    ride(home, "a", 8, 9, day=31, month="10")
    ride(home, "b", 8, 10, day=20, month="11")
    trainfare(home, "budget", "set", "m", "--limit", "15", "--period", "month", "--carry-over")
    [found] = trainfare(home, "budget", "list")["budgets"]
    assert (Decimal(found["spent"]), Decimal(found["limit"])) == (20, 20)
    assert found["state"] == "over"


# Runs that only a bill names


def tagged(run, effective="12", **words):
    """A charge of a machine that nobody meters, whose tags name *run* and its team."""
    tags = {"run_id": run, "team": words.pop("team", "nlp")}
    return charge(f"i-{run}", effective=effective, Tags=json.dumps(tags), **words)


def bring(home, folder, *rows):
    """Import and allocate a bill of *rows*."""
    trainfare(home, "bill", "import", write_charges(folder / "b.csv", *rows))
    trainfare(home, "allocate")


def test_a_run_that_only_a_bill_names_counts_by_the_labels_of_its_tags(home, tmp_path, monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: instant(27, 0))
    rows = [tagged("nightly"), tagged("nightly", "3.5", day=9), tagged("other", "7", team="cv")]
    bring(home, tmp_path, *rows)
    for view in ("estimated", "billed", "blended"):
        month = ["--limit", "15", "--period", "month", "--view", view]
        trainfare(home, "budget", "set", f"nlp-{view}", *month, "--scope", "team=nlp")
        trainfare(home, "budget", "set", f"all-{view}", *month)
    found = {one["id"]: one for one in trainfare(home, "budget", "list")["budgets"]}
    said = {name: (Decimal(one["spent"]), one["state"]) for name, one in found.items()}
    assert said == {
        "nlp-estimated": (0, "ok"), "nlp-billed": (Decimal("15.5"), "over"),
        "nlp-blended": (Decimal("15.5"), "over"), "all-estimated": (0, "ok"),
        "all-billed": (Decimal("22.5"), "over"), "all-blended": (Decimal("22.5"), "over"),
    }  # fmt: skip
    trainfare(home, "budget", "check", "nlp-billed", code=1)


def test_a_metered_run_has_in_billed_budgets_the_labels_that_reports_give_it(home, tmp_path):
    ride(home, "a", 8, 9, resource="i-other")
    bring(home, tmp_path, tagged("a"))
    nlp = [make_budget("b", "99", scope="team=nlp", view=v) for v in ("estimated", "billed")]
    assert [one.spent for one in standings(home, nlp)] == [Money.zero(), Money.parse("12")]


def test_a_budget_on_each_run_answers_and_alerts_for_one_that_only_a_bill_names(home, tmp_path):
    bring(home, tmp_path, tagged("nightly", day=9), tagged("other", "3", day=9))
    budget = make_budget("each", "10", period="run", view="billed")
    set_budget(home, budget)
    found = standings(home, [budget], at_ns=instant(12, 0))
    assert [(one.run, one.spent, one.state) for one in found] == [
        ("nightly", Money.parse("12"), "over"),
        ("other", Money.parse("3"), "ok"),
    ]
    told = [[one.subject for one in look(home, instant(*at))[0] if one.kind == "budget"]
            for at in ((12, 0), (1, 0, "11"))]  # fmt: skip
    assert told == [["each · nightly"], []]  # it is over for three weeks


def test_the_chart_of_a_budget_and_its_outlook_know_such_runs(home, tmp_path):
    bring(home, tmp_path, *(tagged("nightly", "5", day=day) for day in range(1, 25)))
    budget = make_budget("m", "100", period="month", view="billed")
    standing, course = spent_course(home, budget, instant(25, 0))
    assert [spent for at, spent in course if at == instant(3, 0)] == [Money.parse("10")]
    assert (course[-1][1], standing.spent) == (Money.parse("120"), Money.parse("120"))
    assert standing.forecast == Money.parse("155")  # the days from the 25th on as those before


def test_an_open_bill_counts_to_its_end_where_nothing_is_estimated(home, tmp_path, monkeypatch):
    monkeypatch.setattr("time.time_ns", lambda: instant(27, 0, "11"))
    ride(home, "a", 8, 9, day=25, month="11", resource="i-a")
    both = [charge("i-a", effective="4", day=25, month="11"), tagged("b", day=25, month="11")]
    bring(home, tmp_path, *both)
    assert [spent(home, view, view) for view in ("billed", "blended")] == [16, 22]


def test_a_run_that_is_billed_in_another_currency_too_counts_in_both(home, tmp_path):
    ride(home, "a", 8, 9, resource="i-a")
    bring(home, tmp_path, charge("i-a", effective="12"))
    trainfare(home, "bill", "import", write_charges(
        tmp_path / "e.csv", tagged("a", "7", BillingCurrency="EUR", BillingAccountId="acct-2"),
        tagged("b", "2", BillingCurrency="EUR", BillingAccountId="acct-2")))  # fmt: skip
    trainfare(home, "allocate")
    for view in ("billed", "blended"):
        asked = [make_budget("b", limit, view=view) for limit in ("99USD", "99EUR")]
        assert [(one.spent, one.why) for one in standings(home, asked)] == [
            (Money.parse("12"), "2 of 2 runs cost another currency than USD"),
            (Money.parse("9", "EUR"), "1 of 2 runs cost another currency than EUR"),
        ]


def test_what_came_late_for_a_day_before_its_month_is_of_the_month_that_bills_it(home, tmp_path):
    late = tagged("a", "2", ChargePeriodStart="2026-09-28T08:00:00Z",
                  ChargePeriodEnd="2026-09-28T09:00:00Z")  # fmt: skip
    bring(home, tmp_path, tagged("a", day=9), late)
    budget = make_budget("m", "99", period="month", view="billed")
    months = [standings(home, [budget], at_ns=instant(20, 0, month))[0] for month in ("09", "10")]
    assert [one.spent for one in months] == [None, Money.parse("14")]


BILLED = st.tuples(
    st.sampled_from(["a", "b", "c", "d"]),
    st.sampled_from(["nlp", "cv"]),
    st.integers(-3, 33),
    st.integers(0, 23),
    st.decimals(-5, 50, places=9),
    st.booleans(),
)
METERED = st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 31), st.integers(0, 20))


@settings(
    max_examples=12,
    phases=[Phase.generate],
    deadline=timedelta(minutes=5),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    st.lists(BILLED, min_size=1, max_size=12),
    st.lists(METERED, max_size=2, unique_by=lambda one: one[0]),
)
def test_what_a_month_spent_is_what_its_report_gives_to_runs(rows, rides):
    """For all runs and for each team, in the billed book and the blended one, to the nano."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        runs_folder(home).mkdir(parents=True)
        for run, day, at in rides:
            ride(home, run, at, at + 2, day=day, resource=f"i-{run}")
        start = instant(1, 0)
        bill = write_charges(Path(folder) / "b.csv", *(_row(start, *one) for one in rows))
        import_bills(home, [str(bill)])
        allocate_periods(home)
        at_ns = instant(31, 23)
        for scope, where in (
            ("", {}),
            ("team=nlp", {"team": ["nlp"]}),
            ("team=cv", {"team": ["cv"]}),
        ):
            report = make_report(home, ["run"], where=where, period="2026-10", view=View.EFFECTIVE)
            amounts = [row["allocated"] for table in report.tables for row in table.rows]
            allocated = sum(one.nano for one in amounts if one is not None)
            for view in ("billed", "blended"):
                budget = make_budget("b", "99", scope=scope, period="month", view=view)
                [found] = standings(home, [budget], at_ns=at_ns)
                assert (found.spent.nano, found.why) == (allocated, "")


def _row(start, run, team, day, at, amount, is_tagged):
    """A charge of October for an hour in it, or on a day near it."""
    stamp = format_instant(start + day * DAY + at * DAY // 24)
    until = format_instant(start + day * DAY + (at + 1) * DAY // 24)
    made = (
        tagged(run, f"{amount:f}", team=team)
        if is_tagged
        else charge(f"i-{run}", effective=f"{amount:f}")
    )
    return made | {"ChargePeriodStart": stamp, "ChargePeriodEnd": until}
