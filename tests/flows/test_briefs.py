"""Briefs say what receipts say, to the nano, however the home changes."""

import json
import os
import tempfile
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from flows.rides import instant, ride
from trainfare.core.budget import make_budget
from trainfare.core.period import HOUR, Interval
from trainfare.core.price import Price
from trainfare.core.spending import spent_at, spent_within
from trainfare.flows import briefs
from trainfare.flows.brief import Brief, brief_of
from trainfare.flows.briefs import read_known, read_within
from trainfare.flows.budget import standings
from trainfare.flows.report import make_report
from trainfare.flows.report_json import report_json
from trainfare.flows.sights import Sights
from trainfare.metering import event as ev
from trainfare.metering.history import read_receipts
from trainfare.metering.home import runs_folder
from trainfare.metering.sizes import Size, remember
from trainfare.store.briefs import drop_briefs
from trainfare.store.ledger import open_ledger

NOW = instant(15, "7.31", "11")
BUCKET = Price("aws/us-east-1/s3/standard", Decimal("0.023"), "gb_month", source="a list")


@pytest.fixture(autouse=True)
def _any_number_is_many(monkeypatch):
    monkeypatch.setattr(briefs, "FEW", 0)


def settle(home):
    with open_ledger(home) as ledger:
        sights = Sights(home, ledger)
        while sights.settle(NOW).left:
            pass


def lay(home, run, *artifacts, labels=None, is_open=False):
    """Add artifacts (role, uri, bytes, instant, gone at) and labels to a ride; maybe no end."""
    path = next((runs_folder(home) / run).iterdir()) / "events.jsonl"
    head, *middle, end = map(json.loads, path.read_text().splitlines())
    head["labels"] = labels or {}
    for role, uri, size, at, gone in artifacts:
        word = {"role": role, "uri": uri, "w": at}
        price = ev.price_to_json(BUCKET)
        middle.append({"k": ev.ARTIFACT, "t": 0, **word, "bytes": size, "price": price})
        if gone is not None:
            middle.append({"k": ev.GONE, "t": 0, "role": role, "uri": uri, "w": gone})
    lines = [head, *middle, *([] if is_open else [end])]
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))


def compare(home, monkeypatch):
    """Reports and standings by briefs are those by receipts."""
    budgets = [
        make_budget("month", "5", period="month"),
        make_budget("team", "5", scope="team=nlp", period="week"),
        make_budget("carried", "5", period="quarter", is_carried_over=True),
        make_budget("each", "5", period="run"),
        make_budget("late", "5", period="total", starts_ns=instant(31, "9.5")),
        make_budget("blend", "5", period="month", view="blended"),
    ]

    def said():
        reports = [
            report_json(make_report(home, by, where=where, period=period))
            for by, where, period in (
                (("team",), None, None),
                (("run", "component"), None, None),
                (("status", "model"), {"team": ["nlp"]}, None),
                (("component", "team"), None, "2026-11"),
            )
        ]
        return reports, [
            (one.budget.id, one.run, one.spent, one.forecast, one.limit, one.why)
            for at in (NOW, instant(1, 0, "11"))
            for one in standings(home, budgets, at_ns=at)
        ]

    monkeypatch.setattr("trainfare.flows.briefs.time.time_ns", lambda: NOW)
    monkeypatch.setattr("trainfare.metering.history.time.time_ns", lambda: NOW)
    brief = said()
    with monkeypatch.context() as plain:
        plain.setattr(briefs, "FEW", 10**9)
        assert brief == said()


URIS = ("s3://b/one", "s3://b/one/part-0", "s3://b/two")
ARTIFACTS = st.tuples(
    st.sampled_from(["dataset", "checkpoint", "output"]),
    st.sampled_from(URIS),
    st.sampled_from([None, 0, 10**9, 10**13 + 7]),
    st.integers(1, 60),
    st.sampled_from([None, None, 1, 400]),
)
RUNS = st.tuples(
    st.integers(0, 70),
    st.sampled_from(["0.37", "2", "26.5"]),
    st.sampled_from(["i-1", "i-2"]),
    st.sampled_from(["1", "1/2", "1/3"]),
    st.sampled_from(["10", "3.3333", None]),
    st.lists(ARTIFACTS, max_size=2),
    st.sampled_from(["nlp", "vision", None]),
)


def write(home, number, made):
    """One made-up run, around the turn of a month."""
    start, lasted, place, share, price, artifacts, team = made
    run, begin = f"run-{number}", Fraction(start)
    day, hour = 30 + int(begin // 24), begin % 24
    month = "10"
    if day > 31:
        day, month = day - 31, "11"
    until = hour + Fraction(lasted)
    ride(
        home, run, float(hour), float(until), day=day, month=month, resource=place,
        share=Fraction(share), price=price,
    )  # fmt: skip
    at = instant(day, float(hour), month)
    laid = [
        (role, uri, size, at + after * HOUR // 7, None if gone is None else at + gone * HOUR)
        for role, uri, size, after, gone in artifacts
    ]
    lay(home, run, *laid, labels={"team": team} if team else {"model": "m"})


@settings(
    max_examples=8,
    phases=[Phase.generate],
    deadline=timedelta(minutes=5),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(RUNS, min_size=3, max_size=7), st.lists(RUNS, max_size=1))
def test_reports_and_budgets_by_briefs_are_those_by_receipts(monkeypatch, runs, late):
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ride(home, "run-always", 3, 9.25, month="11", resource="i-2")
        for number, made in enumerate(runs):
            write(home, number, made)
        settle(home)
        compare(home, monkeypatch)
        for number, made in enumerate(late, len(runs)):
            write(home, number, made)  # nobody has looked at it yet
        compare(home, monkeypatch)


def test_only_what_an_open_run_touches_is_read_anew(tmp_path):
    for number in range(10):
        ride(tmp_path, f"run-{number}", 8 + number, 9 + number, resource=f"i-{number % 2}")
    ride(tmp_path, "run-open", 9.5, 10.5, resource="i-1")
    lay(tmp_path, "run-open", is_open=True)
    settle(tmp_path)
    with open_ledger(tmp_path) as ledger, ledger.change() as connection:
        drop_briefs(connection, ["run-open"])
    ride(tmp_path, "run-late", 12.5, 12.75, resource="i-0")
    known = read_known(tmp_path)
    assert {one.run.id for one in known.receipts} == {"run-open", "run-1", "run-late", "run-4"}
    assert {one.run for one in known.briefs} == {
        f"run-{number}" for number in range(10) if number not in (1, 4)
    }


def test_a_changed_spool_or_price_leaves_no_brief_standing(tmp_path):
    for number in range(4):
        ride(tmp_path, f"run-{number}", 8, 9, resource=f"i-{number}")
    settle(tmp_path)
    assert len(read_known(tmp_path).briefs) == 4
    path = next((runs_folder(tmp_path) / "run-0").iterdir()) / "events.jsonl"
    os.utime(path, ns=(1, 1))
    assert [one.run.id for one in read_known(tmp_path).receipts] == ["run-0"]
    (tmp_path / "prices").mkdir(exist_ok=True)
    (tmp_path / "prices" / "overrides.toml").write_text("")
    assert len(read_known(tmp_path).receipts) == 4


def test_a_size_that_is_found_later_counts(tmp_path, monkeypatch):
    for number in range(4):
        ride(tmp_path, f"run-{number}", 8, 9, month="11", resource=f"i-{number}")
    at = instant(1, "8.5", "11")
    lay(tmp_path, "run-0", ("dataset", URIS[0], None, at, None))
    settle(tmp_path)
    assert len(read_known(tmp_path).briefs) == 4
    remember(tmp_path, URIS[0], Size(10**13, 1, at, newest_ns=1))
    assert [one.run.id for one in read_known(tmp_path).receipts] == ["run-0"]
    compare(tmp_path, monkeypatch)


def test_a_month_is_read_without_the_others(tmp_path):
    for number in range(8):
        ride(
            tmp_path, f"run-{number}", 8, 9, month="09" if number else "10", resource=f"i-{number}"
        )
    ride(tmp_path, "run-9", 8.5, 9, month="10", resource="i-0")
    settle(tmp_path)
    october = Interval(instant(1, 0, "10"), instant(1, 0, "11"))
    found = read_within(tmp_path, [october], {"run-3"})
    assert [one.run.id for one in found] == ["run-3", "run-0", "run-9"]
    whole = {one.run.id: one for one in read_receipts(tmp_path)}
    assert all(one.estimate == whole[one.run.id].estimate for one in found)


@given(st.lists(st.integers(0, 40 * 60), min_size=1, max_size=9, unique=True).map(sorted))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spending_at_many_instants_is_spending_until_each(one_receipt, minutes):
    instants = [instant(1, 8) - HOUR + minute * HOUR // 60 for minute in minutes]
    run, estimate = one_receipt.run, one_receipt.estimate
    each = [spent_within(run, estimate, Interval(0, at)) for at in instants]
    assert spent_at(run, estimate, instants) == [one.nano for one in each]


@pytest.fixture(scope="module")
def one_receipt(tmp_path_factory):
    home = tmp_path_factory.mktemp("one")
    ride(home, "run-1", 8, 9.3)
    at = instant(1, "8.5")
    lay(home, "run-1", ("output", URIS[0], 10**13 + 7, at, at + 30 * HOUR))
    return read_receipts(home)[0]


def test_a_brief_survives_the_ledger(one_receipt):
    brief = brief_of(one_receipt, Path())
    again = Brief.from_text(brief.to_text())
    assert again.to_text() == brief.to_text()
    assert again.spender(NOW).lasted == brief.spender(NOW).lasted
    assert sum(one.estimated_cost.nano for one in again.spend(None, NOW).parts) == (
        one_receipt.estimate.total.nano
    )
