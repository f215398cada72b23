"""A command that a server answers says what it says on the home itself: text, JSON, files, codes."""

import pytest

from server.served import serving
from server.teams import make_home, trainfare, wait_for_runs

COMMANDS = [
    "runs",
    "runs --format json --team nlp",
    "runs --status running",
    "show run-a",
    "receipt run-a",
    "receipt run-v --format json",
    "receipt run-v --format csv",
    "receipt run-v --format html",
    "receipt nobody",
    "compare run-a run-v",
    "watch run-a --once",
    "watch",
    "report --by model,team",
    "report --by run --format json",
    "report --by nosuch",
    "report --format csv",
    "reconcile",
    "reconcile --run run-a",
    "verify",
    "verify --format json",
    "explain run-a",
    "utilization",
    "frontier",
    "statement",
    "statement --team vision --format csv",
    "bill list",
    "bill show nothing",
    "budget list",
    "budget show nlp-all",
    "budget check",
    "budget check --plan 'no plan'",
    "alerts list",
    "prices find p4d --limit 2",
    "prices show p4d.24xlarge --region us-east-1",
    "estimate --instance p4d.24xlarge --hours 2 --region us-east-1",
    "estimate --instance nosuch --hours 2",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    make_home(home)
    with serving(home) as one:
        wait_for_runs(one)
        yield one


def there(server, tmp_path, *arguments, token=None):
    env = {"TRAINFARE_SERVER": server.url, "TRAINFARE_TOKEN": token or server.token}
    return trainfare(tmp_path, *arguments, env=env)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_there_what_it_says_here(server, tmp_path, command):
    here = trainfare(server.home, *command.split())
    assert there(server, tmp_path, *command.split()) == here
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_written_here(server, tmp_path):
    out = tmp_path / "chart.svg"
    code, said, _ = there(
        server, tmp_path, "chart", "timeline", "--run", "run-a", "--out", str(out)
    )
    assert code == 0
    assert f"Written to {out}." in said
    assert b"<svg" in out.read_bytes()[:200]


def test_budgets_are_set_there(server, tmp_path):
    assert there(server, tmp_path, "budget", "set", "mine", "--limit", "7")[0] == 0
    assert "mine" in trainfare(server.home, "budget", "list")[1]
    assert there(server, tmp_path, "budget", "delete", "mine")[0] == 0


@pytest.mark.parametrize("command", ["allocate", "claims import x.csv", "bill import x.csv"])
def test_what_needs_the_home_itself_says_so(server, tmp_path, command):
    code, _, complaint = there(server, tmp_path, *command.split())
    assert code == 2
    assert "works on the home itself" in complaint


@pytest.mark.parametrize(
    "command",
    ["runs --home /tmp", "budget set x --limit 5 --cancel-command rm", "reconcile --learn"],
)
def test_options_for_the_servers_own_machine_are_refused(server, command):
    body = {"arguments": command.split()}
    assert server.ask("/api/v1/console", method="POST", body=body)[0] == 400


def test_a_caller_of_a_team_gets_its_own(server, tmp_path):
    body = {"name": "nlp", "scopes": ["read"], "team": "nlp"}
    token = server.json("/api/v1/tokens", method="POST", body=body)["secret"]
    code, said, _ = there(server, tmp_path, "runs", "--team", "vision", token=token)
    assert code == 0
    assert "run-v" not in said
    assert "run-a" in said
    for command in (
        "watch run-v",
        "compare run-a run-v",
        "bill list",
        "receipt run-a",
        "budget list",
    ):
        code, said, complaint = there(server, tmp_path, *command.split(), token=token)
        assert code == 2, command
        assert said == ""
        assert complaint.count("\n") == 1


def test_a_server_that_is_not_there_or_knows_nobody_is_one_sentence(server, tmp_path):
    env = {"TRAINFARE_SERVER": "http://127.0.0.1:9", "TRAINFARE_TOKEN": "tf_x"}
    code, _, complaint = trainfare(tmp_path, "runs", env=env)
    assert (code, complaint.count("\n")) == (3, 1)
    code, _, complaint = there(server, tmp_path, "runs", token="tf_wrong")
    assert code == 2
    assert "opens nothing" in complaint
    code, _, complaint = trainfare(
        tmp_path, "runs", env={"TRAINFARE_SERVER": server.url, "TRAINFARE_TOKEN": ""}
    )
    assert code == 2
    assert "TRAINFARE_TOKEN" in complaint
