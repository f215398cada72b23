"""The API keeps its head: whatever is asked by its own description, no answer is a fault of ours."""

import re
import subprocess
import sys

import pytest

from server.served import serving
from server.two_teams import fill


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("schema") / "home"
    fill(home)
    many = 10**6
    (home / "server.toml").write_text(
        f"[limits]\naddress = {many}\ntoken = {many}\nfailures = {many}\n"
    )
    with serving(home) as one:
        yield one


def ask_everything(server, token, *options):
    """What schemathesis finds when it asks all that the description offers."""
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/schema/openapi.json",
         "--header", f"Authorization: Bearer {token}", "--checks", "not_a_server_error",
         "--no-color", "--seed", "1", *options],
        capture_output=True, text=True, check=False, cwd=server.home,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def test_no_question_to_the_api_is_answered_with_a_fault(server):
    told = ask_everything(server, server.token, "--phases", "examples,fuzzing", "-n", "3")
    asked = re.search(r"(\d+) generated, (\d+) passed", told)
    assert int(asked[1]) == int(asked[2]) >= 5
    assert server.json("/readyz") == {"status": "ready"}


@pytest.mark.long
def test_nor_are_many_questions_in_the_order_that_answers_suggest(server):
    body = {"name": "team", "scopes": ["admin"], "team": "okapi"}
    team = server.json("/api/v1/tokens", method="POST", body=body)["secret"]
    for token in (server.token, team):
        ask_everything(server, token, "-n", "8")
    assert server.json("/readyz") == {"status": "ready"}
