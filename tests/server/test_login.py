"""Signing in with a browser: how a session begins, what it may not be made to do, how it ends."""

import json
import re

import pytest

from server.browser import Browser
from server.served import serving
from trainfare.server.door import page_word


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("home")) as one:
        yield one


@pytest.fixture
def browser(server):
    return Browser(server.url)


@pytest.fixture
def signed_in(server, browser):
    assert browser.go("/login", {"token": server.token})[0] == 303
    return browser


def test_a_browser_that_nobody_knows_is_sent_to_sign_in_and_back(server, browser):
    status, headers, _ = browser.go("/?team=a&b=c")
    assert (status, headers["Location"]) == (303, "/login?next=/%3Fteam%3Da%26b%3Dc")
    _, _, page = browser.go(headers["Location"])
    back = re.search(r'name="next" value="([^"]*)"', page)[1].replace("&amp;", "&")
    status, headers, _ = browser.go("/login", {"token": server.token, "next": back})
    assert (status, headers["Location"]) == (303, "/?team=a&b=c")
    assert browser.go("/")[0] == 200


def test_a_program_is_told_and_not_redirected(server):
    assert server.ask("/", token="x")[0] == 401
    assert Browser(server.url).go("/", headers={"Accept": "application/json"})[0] == 401
    status, headers, _ = Browser(server.url).go("/", headers={"HX-Request": "true"})
    assert (status, headers["HX-Redirect"]) == (401, "/login")


def test_the_cookie_of_a_session_is_kept_from_scripts_and_other_sites(signed_in):
    cookie = signed_in.cookie()
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "lax"
    assert cookie.path == "/"
    assert not cookie.secure  # this one came by http; test_gate has https


def test_every_login_makes_another_session_and_ends_the_one_before(server, signed_in):
    first = signed_in.cookie().value
    assert signed_in.go("/login", {"token": server.token})[0] == 303
    second = signed_in.cookie().value
    assert first != second
    old = {"Cookie": f"trainfare_session={first}"}
    assert Browser(server.url).go("/api/v1/me", headers=old)[0] == 401


def test_a_wrong_token_makes_no_session_and_is_written_down(server, browser):
    status, _, page = browser.go("/login", {"token": "tf_wrong"})
    assert status == 401
    assert "opens nothing" in page
    assert browser.cookie() is None
    assert server.json("/api/v1/audit?limit=1")["entries"][0]["action"] == "login.refused"


@pytest.mark.parametrize(
    "next_path",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: a=b",
        "",
    ],
)
def test_signing_in_leads_to_no_other_site(server, browser, next_path):
    status, headers, _ = browser.go("/login", {"token": server.token, "next": next_path})
    assert (status, headers["Location"]) == (303, "/")


def test_a_session_ends_when_somebody_signs_out(signed_in):
    word = page_word(signed_in.cookie().value)
    kept = {"Cookie": f"trainfare_session={signed_in.cookie().value}"}
    status, headers, _ = signed_in.go("/logout", {"_csrf_token": word})
    assert (status, headers["Location"]) == (303, "/login")
    assert signed_in.cookie() is None
    assert Browser(signed_in.url).go("/api/v1/me", headers=kept)[0] == 401


def test_a_session_ends_with_the_token_that_opened_it(server, browser):
    body = {"name": "short", "scopes": ["read"]}
    for end in (("DELETE", ""), ("POST", "/rotate")):
        made = server.json("/api/v1/tokens", method="POST", body=body)
        assert browser.go("/login", {"token": made["secret"]})[0] == 303
        assert browser.go("/api/v1/me")[0] == 200
        server.json(f"/api/v1/tokens/{made['token']['id']}{end[1]}", method=end[0])
        assert browser.go("/api/v1/me")[0] == 401


def test_a_session_is_no_token_and_a_token_no_session(server, signed_in):
    assert server.ask("/api/v1/me", token=signed_in.cookie().value)[0] == 401
    as_cookie = {"Cookie": f"trainfare_session={server.token}"}
    assert Browser(server.url).go("/api/v1/me", headers=as_cookie)[0] == 401


def change(browser, headers=None, form=None):
    """Try to change something by the cookie of a browser."""
    return browser.go("/api/v1/tokens/none", form, headers, "DELETE" if form is None else "POST")


def test_a_change_by_cookie_needs_the_word_of_our_own_page(signed_in):
    word = page_word(signed_in.cookie().value)
    other = page_word("ts_other")
    for headers in ({}, {"X-CSRF-Token": other}, {"X-CSRF-Token": "é"}):
        status, _, body = change(signed_in, headers)
        assert (status, json.loads(body)["error"]["type"]) == (403, "not_allowed")
    assert change(signed_in, {"X-CSRF-Token": word})[0] == 404  # let in: there is no such token
    assert signed_in.go("/logout", {"_csrf_token": other})[0] == 403
    assert signed_in.go("/logout", {"_csrf_token": word})[0] == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_no_other_site_changes_anything_even_with_the_word(server, signed_in, headers):
    word = page_word(signed_in.cookie().value)
    assert change(signed_in, {"X-CSRF-Token": word, **headers})[0] == 403
    form = {"token": server.token}
    assert Browser(server.url).go("/login", form, headers)[0] == 403  # nor signs anybody in


def test_our_own_page_changes_things(server, signed_in):
    word = page_word(signed_in.cookie().value)
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Origin": server.url}):
        assert change(signed_in, {"X-CSRF-Token": word, **headers})[0] == 404


def test_a_program_with_a_token_needs_no_word(server):
    assert server.ask("/api/v1/tokens/none", method="DELETE")[0] == 404
