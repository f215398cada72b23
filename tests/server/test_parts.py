"""Parts of pages: what a team sees of alerts, and what a page says where a part of it fails."""

import re
import time

import pytest
from litestar.testing import TestClient

from server.browser import Browser
from server.served import serving
from server.two_teams import FOREIGN, OWN, fill
from trainfare.core.errors import BadInput, NotFound
from trainfare.server.app import make_app
from trainfare.server.page import STOPS
from trainfare.server.part import PARTS, Part
from trainfare.server.service import Service, Settings


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("parts") / "home"
    fill(home)
    with serving(home) as one:
        yield one


def signed_in(server, scopes, team=None):
    """A browser of somebody who has such a token."""
    body = {"name": "somebody", "scopes": scopes, "team": team}
    secret = server.json("/api/v1/tokens", method="POST", body=body)["secret"]
    browser = Browser(server.url)
    assert browser.go("/login", {"token": secret})[0] == 303
    return browser


def test_a_team_sees_and_acknowledges_its_own_alerts_alone(server):
    browser = signed_in(server, ["budget"], OWN)
    _, _, text = browser.go("/budgets")
    assert f"{OWN}-over" in text
    assert FOREIGN not in text
    form = re.search(r'action="(/alerts/[^"]+)".*?value="([^"]+)"', text, re.DOTALL)
    status, headers, _ = browser.go(form[1], {"_csrf_token": form[2]})
    assert (status, headers["Location"]) == (303, "/budgets?done=acknowledged#alerts")
    assert "seen by somebody" in browser.go("/parts/alerts")[2]
    assert signed_in(server, ["read"], OWN).go("/parts/alerts")[2].count("<form") == 0


def test_every_alert_is_in_the_file(server):
    _, _, body = server.ask("/files/alerts")
    lines = body.decode().splitlines()
    assert lines[0].startswith("state,severity,kind,subject,sentence,opened_at")
    assert {line.split(",")[3] for line in lines[1:]} >= {f"{OWN}-over", f"{FOREIGN}-over"}


BROKEN = {
    "fault": (ValueError("a secret"), "Trainfare made a mistake (ValueError).", "alert"),
    "input": (BadInput("no such month; write 2026-10"), "Write 2026-10.", "alert"),
    "nothing": (NotFound("no run was recorded yet; start one"), "Start one.", "empty"),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Litestar 3 will want
@pytest.mark.parametrize("is_slow", [False, True])
@pytest.mark.parametrize("kind", BROKEN)
def test_a_part_that_fails_says_what_to_do_and_its_page_stands(
    tmp_path, monkeypatch, kind, is_slow
):
    error, said, shape = BROKEN[kind]

    def fail(_):
        raise error

    monkeypatch.setitem(PARTS, "audit", Part("audit", fail, is_slow=is_slow))
    service = Service(Settings(tmp_path))
    token = make_first(service)
    with TestClient(make_app(service)) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        until = time.monotonic() + 60
        while "aria-busy" in (answer := client.get("/parts/audit")).text:
            assert time.monotonic() < until
            time.sleep(0.01)
        assert answer.status_code == 200
        assert said in answer.text
        assert "a secret" not in answer.text
        assert ("Try again" in answer.text) == (shape == "alert")
        page = client.get("/settings")
        assert page.status_code == 200
        assert said in page.text


def make_first(service):
    from trainfare.flows.access import make_first_token

    return make_first_token(service.ledger)


def test_the_month_stands_beside_the_budget_of_all_of_it_and_a_team_sees_its_own(server):
    def says(browser, words):
        until = time.monotonic() + 120
        while not re.search(words, text := browser.go("/parts/now")[2], re.DOTALL):
            assert time.monotonic() < until, text
            time.sleep(0.2)
        return text

    admin, team = signed_in(server, ["admin"]), signed_in(server, ["read"], OWN)
    assert "Idle now" in says(admin, "no budget is for all runs and each month")
    assert "Idle now" not in says(team, f"no budget is for all of {OWN} and each month")
    body = {"limit": "100", "period": "month"}
    server.json("/api/v1/budgets/all", method="PUT", body=body)
    server.json("/api/v1/budgets/own", method="PUT", body={**body, "scope": f"team={OWN}"})
    says(admin, r"0 % of .*\$100\.00")
    says(team, "/budgets#b-own")


def test_a_team_s_resources_are_what_its_runs_hold(server):
    text = signed_in(server, ["read"], OWN).go("/resources")[2]
    assert "Held now" in text
    assert "Idle machines belong to no team" in text
    assert "nodes" not in text


@pytest.mark.parametrize("path", [*(one.path for one in STOPS), "/parts/advice", "/parts/decided"])
def test_every_form_that_changes_something_has_the_word_of_its_page(server, path):
    """Without it a change is refused, and no test that shows a token would notice."""
    browser = signed_in(server, ["admin"])
    until = time.monotonic() + 120
    while "bone half" in (text := browser.go(path)[2]):
        assert time.monotonic() < until, path
        time.sleep(0.2)
    forms = re.findall(r'<form method="post".*?</form>', text, re.DOTALL)
    assert path.startswith("/parts") or forms
    for form in forms:
        assert re.search(r'name="_csrf_token" value="[0-9a-f]{64}"', form), form
