"""The gate: what every answer bears, which names are answered to, and how often one may ask."""

import json
import socket

import pytest

from server.browser import Browser
from server.served import serving

PROXIED = """
url = "https://fare.example.com"
hosts = ["fare.internal"]
trusted_proxies = ["127.0.0.1"]
"""
EVERY = {
    "content-security-policy": "default-src 'self'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("home")) as one:
        yield one


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    (home / "server.toml").write_text(PROXIED)
    with serving(home) as one:
        yield one


@pytest.mark.parametrize(
    "path", ["/", "/login", "/healthz", "/api/v1/me", "/nothing", "/static/nothing", "/%00"]
)
def test_every_answer_bears_the_headers(server, path):
    for token in (None, "tf_wrong"):
        _, headers, _ = server.ask(path, token=token)
        for name, value in EVERY.items():
            assert (headers[name] or "").startswith(value), (path, name)
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert "strict-transport-security" not in headers  # nothing says that this is https


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", ""])
def test_a_name_that_is_not_ours_is_not_answered(server, host):
    status, _, body = server.ask("/api/v1/me", headers={"Host": host})
    assert status in (400, 421)
    if status == 421:
        assert json.loads(body)["error"]["what_to_do"] == "add it to hosts in server.toml"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80", "10.1.2.3"])
def test_our_names_and_addresses_are_answered(server, host):
    assert server.ask("/api/v1/me", headers={"Host": host})[0] == 200


def test_names_from_the_policy_are_answered(proxied):
    for host in ("fare.example.com", "fare.internal"):
        assert proxied.ask("/api/v1/me", headers={"Host": host})[0] == 200


def test_what_a_trusted_proxy_says_is_believed(proxied):
    told = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    _, headers, _ = proxied.ask("/login", headers=told)
    assert headers["strict-transport-security"].startswith("max-age=31536000")
    body = {"name": "x", "scopes": ["read"]}
    proxied.ask("/api/v1/tokens", method="POST", body=body, headers=told)
    assert proxied.json("/api/v1/audit?limit=1")["entries"][0]["address"] == "203.0.113.9"


def test_a_session_behind_https_is_secure(proxied):
    browser = Browser(proxied.url)
    _, headers, _ = browser.go("/login", {"token": proxied.token})
    assert "Secure" in headers["set-cookie"]


def test_nobody_else_is_believed_about_where_they_come_from(server):
    told = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    _, headers, _ = server.ask("/login", headers=told)
    assert "strict-transport-security" not in headers
    body = {"name": "x", "scopes": ["read"]}
    server.ask("/api/v1/tokens", method="POST", body=body, headers=told)
    assert server.json("/api/v1/audit?limit=1")["entries"][0]["address"] == "127.0.0.1"


def test_who_asks_too_often_waits_as_long_as_is_said(tmp_path):
    (tmp_path / "server.toml").write_text("[limits]\ntoken = 5\n")
    with serving(tmp_path) as one:
        answers = [one.ask("/api/v1/me") for _ in range(8)]
        statuses = [status for status, _, _ in answers]
        assert statuses[:5] == [200] * 5
        assert statuses[-1] == 429
        _, headers, body = answers[-1]
        assert 1 <= int(headers["Retry-After"]) <= 12
        assert json.loads(body)["error"]["type"] == "too_many_requests"
        assert one.ask("/healthz")[0] == 200  # whoever watches over the server is not counted


def test_who_tries_secrets_is_held_up_and_who_has_one_is_not(tmp_path):
    (tmp_path / "server.toml").write_text("[limits]\nfailures = 4\n")
    with serving(tmp_path) as one:
        assert one.ask("/api/v1/me")[0] == 200
        tried = [one.ask("/api/v1/me", token=f"tf_{number}")[0] for number in range(6)]
        assert tried[:4] == [401] * 4
        assert tried[-1] == 429
        assert Browser(one.url).go("/login", {"token": "tf_x"})[0] == 429
        assert one.ask("/api/v1/me")[0] == 200


def test_a_request_that_is_too_large_is_refused(server):
    body = {"name": "x" * 2**24, "scopes": ["read"]}  # more than the sockets between us hold
    status, _, answer = server.ask("/api/v1/tokens", method="POST", body=body)
    assert status == 413
    assert json.loads(answer)["error"]["type"] == "too_large"


def test_whoever_never_ends_a_request_is_hung_up_on(server):
    """Else a few hundred idle connections would be all that a server can hold."""
    host, port = server.url.removeprefix("http://").split(":")
    with (
        socket.create_connection((host, int(port)), timeout=60) as silent,
        socket.create_connection((host, int(port)), timeout=60) as slow,
    ):
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        assert slow.recv(1) == silent.recv(1) == b""
