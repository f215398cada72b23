"""The settings page: tokens are made, rotated and revoked, and jobs are asked for, from a browser."""

import re
import time

import pytest

from server.browser import Browser
from server.served import serving


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("settings")
    (home / "jobs.toml").write_text("[when]\nallocate = 'off'\nalerts = 'off'\n")
    with serving(home) as one:
        yield one


def signed_in(server, scopes=("admin",), team=None):
    """A browser of somebody who has such a token."""
    body = {"name": "somebody", "scopes": list(scopes), "team": team}
    secret = server.json("/api/v1/tokens", method="POST", body=body)["secret"]
    browser = Browser(server.url)
    assert browser.go("/login", {"token": secret})[0] == 303
    return browser


def word_of(browser):
    return re.search(r'name="page-word" content="([^"]+)"', browser.go("/settings")[2])[1]


def send(browser, path, **fields):
    return browser.go(path, {"_csrf_token": word_of(browser), **fields})


def secret_in(text):
    return re.search(r'id="secret">(tf_[^<]+)<', text)[1]


def id_in(text, name):
    return re.search(rf"/settings/tokens/(\w+)/rotate\" data-confirm=\"Give {name} ", text)[1]


def test_a_token_lives_from_its_making_to_its_end(server):
    """Its secrets are each shown once, on a page that no browser keeps; each opens until its end."""
    browser = signed_in(server)
    status, headers, text = send(browser, "/settings/tokens", name="node-1", scope="ingest", days=9)
    assert (status, headers["Cache-Control"]) == (200, "no-store")
    first = secret_in(text)
    assert server.json("/api/v1/me", token=first)["scopes"] == ["ingest"]
    assert first not in browser.go("/settings")[2]
    token = id_in(text, "node-1")
    _, _, text = send(browser, f"/settings/tokens/{token}/rotate")
    second = secret_in(text)
    assert server.ask("/api/v1/me", token=first)[0] == 401
    assert server.ask("/api/v1/me", token=second)[0] == 200
    status, headers, _ = send(browser, f"/settings/tokens/{token}/revoke")
    assert (status, headers["Location"]) == (303, "/settings?done=revoked#tokens")
    assert server.ask("/api/v1/me", token=second)[0] == 401
    actions = [one["action"] for one in server.json("/api/v1/audit")["entries"]]
    assert actions[:3] == ["token.revoke", "token.rotate", "token.create"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "x"}, "a token without a scope opens nothing"),
        ({"name": " ", "scope": "read"}, "is empty"),
        ({"name": "x", "scope": "read", "days": "soon"}, "is no number of days"),
        ({"name": "x", "scope": "read", "days": "0"}, "is no number of days"),
        ({"name": "x", "scope": "all"}, "there is no scope"),
    ],
)
def test_a_form_that_is_filled_in_wrongly_is_explained(server, fields, said):
    status, _, text = send(signed_in(server), "/settings/tokens", **fields)
    assert status == 400
    assert said in text.lower().replace("&#39;", "'")
    assert 'id="secret"' not in text


def test_an_admin_of_a_team_makes_tokens_of_that_team_alone(server):
    browser = signed_in(server, team="nlp")
    _, _, text = send(browser, "/settings/tokens", name="own", scope="read")
    assert server.json("/api/v1/me", token=secret_in(text))["team"] == "nlp"
    assert send(browser, "/settings/tokens", name="x", scope="read", team="vision")[0] == 403
    foreign = server.json(
        "/api/v1/tokens", method="POST", body={"name": "f", "scopes": ["read"], "team": "vision"}
    )["token"]["id"]
    assert send(browser, f"/settings/tokens/{foreign}/rotate")[0] == 404
    assert send(browser, f"/settings/tokens/{foreign}/revoke")[0] == 404


@pytest.mark.parametrize(
    "path", ["tokens", "tokens/x/rotate", "tokens/x/revoke", "jobs/alerts/run"]
)
def test_another_site_or_a_reader_changes_nothing(server, path):
    admin, reader = signed_in(server), signed_in(server, ("read",))
    fields = {"name": "x", "scope": "read"}
    assert admin.go(f"/settings/{path}", fields)[0] == 403, "without the page's word"
    assert send(reader, f"/settings/{path}", **fields)[0] == 403
    text = reader.go("/settings")[2]
    assert "Make a token" not in text
    assert "Run now" not in text


def test_a_job_is_run_from_the_page(server):
    browser = signed_in(server)
    _, headers, _ = send(browser, "/settings/jobs/alerts/run")
    assert headers["Location"] == "/settings?done=asked#jobs"
    until = time.monotonic() + 60
    while (last := server.json("/api/v1/jobs/alerts")["results"][0])["state"] != "done":
        assert time.monotonic() < until, last
        time.sleep(0.2)
    assert last["asked_by"] == "somebody"
    assert "POST /settings/jobs/alerts/run" in browser.go("/parts/audit")[2]
