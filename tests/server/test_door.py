"""The door of the server: who comes in, and in what shape refusals are said."""

import json
import os
import subprocess
import sys

import pytest

from flows.bills import hour, write_bill
from server.served import Served, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("home")) as one:
        yield one


def test_the_first_admin_may_everything(server):
    assert server.json("/api/v1/me") == {"name": "first admin", "scopes": ["admin"], "team": None}


def test_a_second_start_makes_no_second_first_token(server):
    with serving(server.home, token=server.token) as again:
        assert again.json("/api/v1/me")["name"] == "first admin"


@pytest.mark.parametrize("path", ["/api/v1/me", "/", "/schema/openapi.json"])
@pytest.mark.parametrize("token", ["", "tf_wrong", "ü"])
def test_nobody_unknown_comes_in(server, path, token):
    status, headers, body = server.ask(path, token=token or "x")
    assert status == 401
    assert headers["WWW-Authenticate"] == "Bearer"
    problem = json.loads(body)["error"]
    assert problem["type"] == "not_authorized"
    assert problem["what_to_do"]


def test_health_is_told_to_anybody(server):
    assert server.ask("/healthz", token="x")[0] == 200
    assert server.json("/readyz") == {"status": "ready"}


def test_a_path_that_is_not_there_is_said_in_the_same_shape(server):
    status, _, body = server.ask("/api/v1/nothing")
    assert status == 404
    assert json.loads(body)["error"]["type"] == "not_found"


def test_a_script_is_told_the_url_and_the_first_token(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "trainfare", "serve", "--port", "0", "--format", "json"],
        env={**os.environ, "TRAINFARE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        said = json.loads(process.stdout.readline())
        server = Served(said["url"], said["first_token"], process, tmp_path)
        assert server.json("/api/v1/me")["name"] == "first admin"
        assert said["home"] == str(tmp_path)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def test_the_log_of_a_server_is_its_own(tmp_path):
    """Each look at the ledger would have Alembic say which database it is."""
    bill = write_bill(tmp_path / "october.csv", hour("i-1", 0, "2.50"))
    with serving(tmp_path / "home") as one:
        one.json("/api/v1/bills?name=october.csv", method="POST", body=bill.read_bytes())
        one.process.terminate()
        said = one.process.stderr.read()
    assert "event=leads" in said
    assert "alembic" not in said
