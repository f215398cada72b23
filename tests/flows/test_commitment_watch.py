"""The watch over commitments: bills → plan → alerts and a purchase, and nothing twice."""

from decimal import Decimal

import pytest

from flows.bills import said, trainfare
from trainfare.core.period import DAY, parse_instant
from trainfare.flows.alert_look import look
from trainfare.flows.commitment_watch import Order, find_watched, read_weeks, watch
from trainfare.flows.jobs import do_job
from trainfare.simulation.commitment import SAVINGS_PLAN
from trainfare.simulation.folder import write_world
from trainfare.simulation.line import Kind
from trainfare.simulation.world import make_world

RATES = """sku,kind,term,rate
aws/us-east-1/p5.48xlarge,aws_reserved_instance,1y,30
aws/us-east-1/p4d.24xlarge,aws_reserved_instance,1y,9
"""
NOW = parse_instant("2026-10-01T00:00:00Z")


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    world = make_world(5, runs=40, days=16, teams=2, machines=4, period="2026-09")
    places = write_world(world, home / "files", bills="focus-1.2")
    trainfare(home, "bill", "import", *(one for one in places if "rented" not in str(one)))
    (home / "rates.csv").write_text(RATES)
    return home, world


def findings(home, at_ns=NOW):
    found, unseen = look(home, at_ns)
    assert "commitment" not in unseen
    return {one.subject: one for one in found if one.kind == "commitment"}


def test_a_plan_is_made_once_and_again_only_when_something_changed(watched):
    home, _ = watched
    order = Order(rate_file=home / "rates.csv")
    first = watch(home, order, at_ns=NOW)
    assert first.is_new
    again = watch(home, order, at_ns=NOW + DAY)
    assert not again.is_new
    assert again.document == first.document == find_watched(home)
    assert watch(home, Order("3y", rate_file=home / "rates.csv"), at_ns=NOW).is_new
    trainfare(home, "commit", "record", "mine", "own:1y=1", "--start", "2026-08-01")
    assert watch(home, order, at_ns=NOW).is_new
    trainfare(home, "commit", "withdraw", "mine")


def test_the_week_is_what_the_simulation_says(watched):
    home, world = watched
    [week] = [one for one in read_weeks(home, ["2026-09"]) if one.id == SAVINGS_PLAN.id]
    lines = [one for one in world.lines if one.commitment and one.commitment.id == week.id]
    last = max(one.interval.end_ns for one in lines)
    inside = [
        one
        for one in lines
        if one.interval.start_ns >= last - 7 * DAY and one.kind in (Kind.USAGE, Kind.UNUSED)
    ]
    assert week.paid.nano == sum(one.effective_nano for one in inside)
    assert week.used.nano == sum(one.effective_nano for one in inside if one.kind is Kind.USAGE)


def test_a_purchase_that_pays_is_told_with_every_word_that_a_human_needs(watched):
    home, _ = watched
    rates = ("--rates", home / "rates.csv")
    found = trainfare(home, "commit", "watch", *rates)
    assert found["orders"], found["why"]
    for one in found["orders"]:
        assert one["where"].startswith("EC2 console")
        assert one["record"].startswith("trainfare commit record ID 'aws_reserved_instance 1y aws/")
        assert Decimal(one["binds"]) == 8760 * Decimal(one["commitment_per_hour"])
    assert "purchase USD" in [one["subject"] for one in found["alerts"]]
    text = said(home, "commit", "watch", *rates)
    assert "As planned on" in text
    assert "Buy, and save" in text
    assert "Open alerts" in text
    dearer = trainfare(home, "commit", "watch", *rates, "--least-saving", "99999999")
    assert dearer["orders"] == found["orders"]
    assert "purchase USD" not in findings(home)


def test_what_was_bought_as_told_is_planned_no_more(watched):
    home, _ = watched
    rates = ("--rates", home / "rates.csv")
    before = trainfare(home, "commit", "watch", *rates)
    for number, one in enumerate(before["orders"]):
        what = one["record"].split("'")[1]
        trainfare(home, "commit", "record", f"bought-{number}", what, "--start", "2026-08-01",
                  "--until", "2099-01-01", *rates)  # fmt: skip
    after = trainfare(home, "commit", "watch", *rates)
    saving = [float(one["saving_per_month"]) for one in (before, after)]
    assert saving[1] < 0.25 * saving[0]
    for number in range(len(before["orders"])):
        trainfare(home, "commit", "withdraw", f"bought-{number}")


def test_an_end_is_told_before_it_comes_whether_or_not_anybody_watched(watched):
    home, _ = watched
    words = ("mine", "own:1y=1", "--start", "2025-10-20", "--name", "our contract")
    trainfare(home, "commit", "record", *words)
    assert "in 19 days" in findings(home)["mine end"].sentence
    assert "mine end" not in findings(home, NOW - 90 * DAY)
    trainfare(home, "commit", "withdraw", "mine")
    assert "mine end" not in findings(home)


def test_the_server_s_job_does_the_same_and_a_home_without_bills_has_nothing(watched, tmp_path):
    home, _ = watched
    (home / "jobs.toml").write_text('[commitments]\nrates = "rates.csv"\nleast_saving = "5"\n')
    done = do_job(home, "commitments")
    assert "a purchase would save" in done.message
    assert done.next == ("alerts",)
    assert "as before" in do_job(home, "commitments").message
    assert do_job(tmp_path, "commitments").message == "no bill is here yet"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('least_saving = "0"', "is not more than 0"),
        ('longest = "9y"', "is none of 1m"),
        ('most = "3"', "there is no key 'most'"),
    ],
)
def test_what_is_wrong_in_jobs_toml_is_one_sentence(tmp_path, text, what):
    (tmp_path / "jobs.toml").write_text(f"[commitments]\n{text}\n")
    assert what in said(tmp_path, "jobs", "run", "commitments", code=2)


def test_a_saving_of_nothing_is_refused(tmp_path):
    assert "not more than 0" in said(tmp_path, "commit", "watch", "--least-saving", "0", code=2)
