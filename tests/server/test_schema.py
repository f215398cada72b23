"""The API keeps its head: whatever is asked by its own description, no answer is a fault of ours."""

import json
import re
import subprocess
import sys

import jsonschema
import pytest

from server.answer_forms import QUESTIONS, answers, tokens_of
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


STREAMS = ("/api/v1/live", "/api/v1/runs/{run}/live", "/api/v1/charts/{name}")
WRITTEN = (
    *("/api/v1/bills/{delivery}", "/api/v1/explain", "/api/v1/utilization", "/api/v1/jobs/{name}"),
    *("/api/v1/preview", "/api/v1/advice", "/api/v1/advice/{advice}", "/api/v1/advice/decided"),
    *(
        f"/api/v1/commitments/{name}"
        for name in ("status", "runs", "plan", "backtest", "simulate", "watch", "recorded")
    ),
)
"""Routes without a form: their answers are no JSON, or this home has nothing that they tell of."""


def test_every_answer_has_the_form_that_the_description_promises(server):
    paths = server.json("/schema/openapi.json")["paths"]
    described = {path for path, item in paths.items() if "get" in item and "/api/v1/" in path}
    assert described - QUESTIONS.keys() - {*STREAMS, *WRITTEN} == set()
    for path in QUESTIONS:
        told = paths[path]["get"]["responses"]["200"]["content"]["application/json"]
        validator = jsonschema.Draft202012Validator(told["schema"])
        example = next(iter(told["examples"].values()))["value"]
        found = [one for token in tokens_of(server) for one in answers(server, token, path)]
        assert found, path
        for one in (example, *found):
            problems = [(path, list(e.path), e.message) for e in validator.iter_errors(one)]
            assert problems == []


def test_a_refusal_has_the_form_that_the_description_promises(server):
    paths = server.json("/schema/openapi.json")["paths"]
    for path, status in (("/api/v1/runs/nobody", 404), ("/api/v1/runs?order=x", 400)):
        found, _, body = server.ask(path)
        told = paths["/api/v1/runs"]["get"]["responses"][str(status)]["content"]
        assert found == status
        jsonschema.validate(json.loads(body), told["application/json"]["schema"])


def ask_everything(server, token, *options):
    """What schemathesis finds when it asks all that the description offers."""
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/schema/openapi.json",
         "--header", f"Authorization: Bearer {token}", "--checks", "not_a_server_error,response_schema_conformance",
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
