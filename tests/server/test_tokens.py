"""Tokens: what admins hand out, what each opens, and when it stops."""

import json
import time

import pytest

from cli.commands import call
from server.served import serving
from trainfare.core.period import DAY, format_instant


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("home")) as one:
        yield one


def make(server, name="ci", scopes=("read",), *, by=None, **more):
    return server.json(
        "/api/v1/tokens",
        method="POST",
        body={"name": name, "scopes": list(scopes), **more},
        token=by,
    )


def refused(server, status, path, **how):
    found, _, body = server.ask(path, **how)
    assert found == status, body
    return json.loads(body)["error"]["message"]


def ids(server, by=None):
    return {one["id"] for one in server.json("/api/v1/tokens", token=by)["tokens"]}


def test_a_new_token_opens_what_it_was_made_for(server):
    made = make(server, "ci", ["read", "ingest"], team="nlp")
    assert made["secret"].startswith("tf_")
    assert server.json("/api/v1/me", token=made["secret"]) == {
        "name": "ci",
        "scopes": ["ingest", "read"],
        "team": "nlp",
    }


def test_no_secret_and_no_digest_is_ever_listed(server):
    secret = make(server)["secret"]
    told = server.ask("/api/v1/tokens")[2].decode() + server.ask("/api/v1/audit")[2].decode()
    assert secret not in told
    assert "digest" not in told
    assert secret.encode() not in (server.home / "ledger.db").read_bytes()


def test_a_rotated_token_opens_by_its_new_secret_only(server):
    made = make(server)
    assert server.ask("/api/v1/me", token=made["secret"])[0] == 200
    again = server.json(f"/api/v1/tokens/{made['token']['id']}/rotate", method="POST")
    assert again["token"]["id"] == made["token"]["id"]
    assert server.ask("/api/v1/me", token=again["secret"])[0] == 200
    assert server.ask("/api/v1/me", token=made["secret"])[0] == 401


def test_a_revoked_token_opens_nothing_at_once_and_cannot_come_back(server):
    made = make(server)
    path = f"/api/v1/tokens/{made['token']['id']}"
    assert server.ask("/api/v1/me", token=made["secret"])[0] == 200
    assert server.json(path, method="DELETE")["token"]["state"] == "revoked"
    assert server.ask("/api/v1/me", token=made["secret"])[0] == 401
    assert server.json(path, method="DELETE")["token"]["state"] == "revoked"
    assert "is over" in refused(server, 400, f"{path}/rotate", method="POST")


def test_a_token_opens_nothing_once_it_has_expired(server):
    expires_ns = time.time_ns() + 1_500_000_000
    made = make(server, expires_at=format_instant(expires_ns))
    while time.time_ns() < expires_ns:
        time.sleep(0.1)
    assert server.ask("/api/v1/me", token=made["secret"])[0] == 401
    listed = server.json("/api/v1/tokens")["tokens"]
    assert next(one for one in listed if one["id"] == made["token"]["id"])["state"] == "expired"


def test_a_token_that_would_be_over_already_is_not_made(server):
    body = {"name": "x", "scopes": ["read"], "expires_at": format_instant(time.time_ns() - DAY)}
    message = refused(server, 400, "/api/v1/tokens", method="POST", body=body)
    assert "in the future" in message


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "scopes": ["read"]},
        {"name": "a\x00b", "scopes": ["read"]},
        {"name": "x" * 257, "scopes": ["read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["root"]},
        {"name": "x", "scopes": ["read"], "team": " "},
        {"name": "x", "scopes": ["read"], "expires_at": "9999-01-01T00:00:00Z"},
        {"name": "x", "scopes": ["read"], "expires_at": "tomorrow"},
        {"name": 1, "scopes": ["read"]},
        {"scopes": ["read"]},
    ],
)
def test_a_token_that_cannot_be_is_refused_and_not_made(server, body):
    before = ids(server)
    assert refused(server, 400, "/api/v1/tokens", method="POST", body=body)
    assert ids(server) == before


def test_an_admin_of_a_team_manages_the_tokens_of_that_team_alone(server):
    admin = make(server, "lead", ["admin"], team="nlp")["secret"]
    other = make(server, "other", ["read"], team="vision")["token"]["id"]
    own = make(server, "mine", ["read"], team="nlp", by=admin)["token"]["id"]
    assert own in ids(server, admin)
    assert other not in ids(server, admin)
    assert {one["team"] for one in server.json("/api/v1/tokens", token=admin)["tokens"]} == {"nlp"}
    for team in ("vision", None):
        body = {"name": "x", "scopes": ["read"], "team": team}
        how = {"method": "POST", "body": body, "token": admin}
        assert "bound to 'nlp'" in refused(server, 403, "/api/v1/tokens", **how)
    for path, method in ((other, "DELETE"), (f"{other}/rotate", "POST")):
        where = f"/api/v1/tokens/{path}"
        assert "there is no token" in refused(server, 404, where, method=method, token=admin)


@pytest.mark.parametrize("scope", ["ingest", "read", "budget"])
def test_only_admins_manage_tokens(server, scope):
    plain = make(server, scope, [scope])
    for method, path in (
        ("GET", ""),
        ("POST", f"/{plain['token']['id']}/rotate"),
        ("DELETE", f"/{plain['token']['id']}"),
    ):
        how = {"method": method, "token": plain["secret"]}
        assert "'admin'" in refused(server, 403, f"/api/v1/tokens{path}", **how)


def test_whoever_has_the_machine_gets_in_without_any_token(server):
    made = call(server.home, "token", "create", "rescue", "--scopes", "admin", "--format", "json")
    secret = json.loads(made.stdout)["secret"]
    assert server.json("/api/v1/me", token=secret)["name"] == "rescue"
    listed = json.loads(call(server.home, "token", "list", "--format", "json").stdout)["tokens"]
    assert listed == server.json("/api/v1/tokens")["tokens"]
    last = listed[-1]["id"]
    assert b"shown only now: tf_" in call(server.home, "token", "rotate", last).stdout
    assert b"is revoked" in call(server.home, "token", "revoke", last).stdout
    assert call(server.home, "token", "rotate", last).returncode == 2
    unknown = call(server.home, "token", "revoke", "nothing")
    assert unknown.returncode == 2
    assert unknown.stderr == (
        b"trainfare: there is no token 'nothing'; `trainfare token list` names them\n"
    )


def test_every_change_of_tokens_stands_in_the_audit_log(server):
    made = make(server, "logged")["token"]
    server.json(f"/api/v1/tokens/{made['id']}/rotate", method="POST")
    server.json(f"/api/v1/tokens/{made['id']}", method="DELETE")
    lines = server.json("/api/v1/audit?limit=3")
    assert [one["action"] for one in lines["entries"]] == [
        "token.revoke",
        "token.rotate",
        "token.create",
    ]
    assert {one["what"] for one in lines["entries"]} == {f"{made['id']} logged: read"}
    assert {one["address"] for one in lines["entries"]} == {"127.0.0.1"}
    assert all(one["who"].startswith("first admin (") for one in lines["entries"])


def test_the_audit_log_is_read_page_by_page_to_its_end(server):
    pages, cursor = [], ""
    while cursor is not None:
        page = server.json(f"/api/v1/audit?limit=2{cursor}")
        pages += page["entries"]
        cursor = page["next"] and f"&cursor={page['next']}"
    numbers = [one["id"] for one in pages]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers == [one["id"] for one in server.json("/api/v1/audit?limit=500")["entries"]]
    assert pages[-1]["who"] == "trainfare serve"
