"""Commitments of a server: status, plans, what was bought, and the page, over a simulated month."""

import json
import os
import time
from decimal import Decimal
from urllib.parse import quote, urlencode

import pytest

from flows.bills import trainfare
from server.served import serving
from trainfare.simulation.commitment import SAVINGS_PLAN
from trainfare.simulation.folder import write_world
from trainfare.simulation.world import make_world

RATES = """sku,kind,term,rate
aws/us-east-1/p5.48xlarge,aws_reserved_instance,1y,30
aws/us-east-1/p4d.24xlarge,aws_reserved_instance,1y,9
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("commitments") / "home"


@pytest.fixture(scope="module")
def server(home):
    world = make_world(5, runs=30, days=15, teams=2, machines=3, period="2026-09")
    places = write_world(world, home / "files", bills="focus-1.2")
    (home / "rates.csv").write_text(RATES)
    (home / "jobs.toml").write_text('[commitments]\nrates = "rates.csv"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRAINFARE_HOME", "")  # commands set it; put back afterwards
        trainfare(home, "bill", "import", *(one for one in places if "rented" not in str(one)))
        trainfare(home, "claims", "import", home / "files" / "claims" / "meter.csv")
        trainfare(home, "allocate")
    with serving(home) as running:
        yield running


def ask(server, path, **query):
    """An answer; one that takes longer than a request may wait is asked again."""
    until = time.monotonic() + 240
    words = urlencode(query, doseq=True)
    while True:
        status, _, body = server.ask(f"/api/v1/commitments/{path}{words and f'?{words}'}")
        if status != 503 or time.monotonic() > until:
            assert status == 200, body
            return json.loads(body)
        time.sleep(0.5)


def part(server, name):
    """A part of a page, as soon as it is worked out."""
    until = time.monotonic() + 240
    while True:
        status, _, body = server.ask(f"/parts/{name}")
        text = body.decode()
        if "Being worked out" not in text or time.monotonic() > until:
            assert status == 200
            return text
        time.sleep(0.3)


def chart(server, name="commitment"):
    """A chart, as soon as it is drawn."""
    until = time.monotonic() + 240
    while True:
        status, _, body = server.ask(f"/charts/{name}")
        if status != 202 or time.monotonic() > until:
            assert status == 200
            return body.decode()
        time.sleep(0.5)


def test_what_is_held_and_which_runs_used_it(server):
    status = ask(server, "status")
    assert SAVINGS_PLAN.id in [one["id"] for one in status["commitments"]]
    [aws] = [one for one in ask(server, "runs")["alignment"] if one["provider"] == "AWS"]
    paid = sum(
        Decimal(one["used"]) + Decimal(one["unused"])
        for one in status["commitments"]
        if one["kind"].startswith("aws")
    )
    assert Decimal(aws["used"]) + Decimal(aws["unused"]) == paid


def test_the_plan_is_that_of_the_command_and_the_watch_has_its_purchase(server):
    plan = ask(server, "plan", windows=3)
    assert plan["buy"] is True
    assert {one["kind"] for one in plan["plan"]} == {"aws_reserved_instance"}
    watched = ask(server, "watch")
    assert [one["machines"] for one in watched["orders"]] == [
        one["machines"] for one in watched["plan"]["plan"]
    ]
    shorter = ask(server, "plan", most="1", windows=3)
    assert shorter["buy"] is False
    assert ask(server, "backtest", windows=3)["windows"]


def test_a_purchase_of_one_s_own_is_priced(server):
    found = ask(server, "simulate", buy=["aws_reserved_instance 1y aws/us-east-1/p5.48xlarge=1"])
    assert found["plan"][0]["commitment_per_hour"] == "30.000000000"
    assert Decimal(found["cost_without"]) - Decimal(found["cost_with"]) == Decimal(found["saving"])


def test_what_was_bought_is_recorded_measured_and_withdrawn(server):
    told = {"id": SAVINGS_PLAN.id, "what": "own:1y=1", "start": "2026-01-01"}
    status, _, _ = server.ask("/api/v1/commitments/recorded", method="POST", body=told)
    assert status == 200
    [one] = ask(server, "recorded")["recorded"]
    assert Decimal(one["realized"]["saved"]) != 0
    assert one["who"] == "first admin"
    ends = {one["id"]: one["ends"] for one in ask(server, "status")["commitments"]}
    assert ends[SAVINGS_PLAN.id] == "2027-01-01T00:00:00Z"
    assert "2026-09" in part(server, "commitment_recorded")
    gone = f"/api/v1/commitments/recorded?commitment={quote(SAVINGS_PLAN.id, safe='')}"
    assert server.ask(gone, method="DELETE")[0] == 200
    assert ask(server, "recorded")["recorded"] == []
    for period in ("xx", "2026-9", ""):
        assert server.ask(f"/api/v1/commitments/status?period={period}")[0] == 400
    assert b"no bill of 2026-08" in server.ask("/api/v1/commitments/status?period=2026-08")[2]
    bad = {**told, "what": "aws_reserved_instance:1y"}
    assert server.ask("/api/v1/commitments/recorded", method="POST", body=bad)[0] == 400


def test_the_page_shows_the_purchase_the_proof_and_both_curves(server):
    assert "would save, a month" in part(server, "commitment_plan")
    text = part(server, "commitment_order")
    assert "trainfare commit record ID" in text
    assert "EC2 console" in text
    assert "hindsight" in text
    assert "three years, no upfront" in part(server, "commitment_held")
    assert "(unused)" in part(server, "commitment_runs")
    for name in ("demand", "commitment"):
        body = chart(server, name)
        assert "<svg" in body
        assert "data-tip" in body
    _, _, page = server.ask("/commitments")
    assert b"What is held" in page


def test_the_chart_is_of_the_rates_that_the_plan_is_of(server, home):
    old = chart(server)
    (home / "rates.csv").write_text(RATES.replace(",30\n", ",29\n"))
    new = chart(server)
    assert "aws_reserved_instance" in json.dumps(ask(server, "watch")["orders"])
    (home / "rates.csv").write_text("sku,kind,term,rate\naws/us-east-1/p5.48xlarge,own,1y,99\n")
    none = chart(server)
    assert len({old, new, none}) == 3
    assert "rate below the on-demand price" in none


def test_without_the_extra_the_job_is_off_and_the_page_says_so_once(tmp_path):
    hide = "import importlib.util as u; real = u.find_spec\n"
    hide += "u.find_spec = lambda name, *a: None if name == 'numpy' else real(name, *a)\n"
    (tmp_path / "sitecustomize.py").write_text(hide)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    with serving(tmp_path / "home", env={"PYTHONPATH": path}) as server:
        [job] = [one for one in server.json("/api/v1/jobs")["jobs"] if one["name"] == "commitments"]
        assert (job["when"], job["needs"]) == (None, "the extra trainfare[optimize]")
        page = server.ask("/commitments")[2].decode()
        assert page.count("To plan commitments, install the extra") == 1
        assert "/parts/commitment_plan" not in page
        assert "/parts/commitments" in page  # what bills alone tell is there
