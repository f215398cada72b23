"""A command that a server answers says what it says on the home itself: text, JSON, files, codes."""

import re

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


def timeless(told):
    """What a command said, without the clock at the foot of a frame."""
    return [re.sub(r" *\d\d:\d\d:\d\d UTC", "", str(one)) for one in told]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_there_what_it_says_here(server, tmp_path, command):
    here = trainfare(server.home, *command.split())
    assert timeless(there(server, tmp_path, *command.split())) == timeless(here)
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


@pytest.fixture(scope="module")
def nlp(server):
    body = {"name": "nlp", "scopes": ["read"], "team": "nlp"}
    return server.json("/api/v1/tokens", method="POST", body=body)["secret"]


OF_OTHERS = ("run-v", "vision", "i-2")
"""Words of the other team: its run, its name, its machine."""


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("runs --team vision", "run-a"),
        ("receipt run-a", "run-a"),
        ("receipt last --format csv", "compute"),
        ("show run-b", "run-b"),
        ("explain run-a", "run-a"),
        ("explain run-a --format json", '"run-a"'),
        ("watch run-a --once", "run-a"),
        ("compare run-a run-b", "run-a"),
        ("report --by run,team", "run-a"),
        ("report --by component --format csv", "compute"),
        ("report --by run --where team=vision --format json", '"run-a"'),
        ("reconcile", "run-a"),
        ("reconcile --run run-a --format json", '"run-a"'),
        ("statement", "nlp"),
        ("statement --team vision --format json", '"nlp"'),
        ("statement --format csv", "nlp"),
        ("frontier", "run-a"),
        ("budget list", "nlp-all"),
        ("budget show nlp-all", "nlp-all"),
        ("budget check --format json", '"nlp-all"'),
        ("alerts list", ""),
        ("estimate --instance p4d.24xlarge --hours 2 --region us-east-1", "p4d"),
        ("prices find p4d --limit 2", "p4d"),
    ],
)
def test_a_caller_of_a_team_gets_its_own(server, nlp, tmp_path, command, word):
    code, said, complaint = there(server, tmp_path, *command.split(), token=nlp)
    assert code == 0, complaint
    assert word in said
    assert not [one for one in OF_OTHERS if one in said + complaint]


@pytest.mark.parametrize("command", ["report --by team", "report --by team --format json"])
def test_what_a_team_has_says_nothing_of_how_much_there_is(server, nlp, tmp_path, command):
    _, said, _ = there(server, tmp_path, *command.split(), token=nlp)
    # Machines cost 10.5, 11.5, 12.5 and 13.5: 48 on the bill, 22 of it nlp's.
    assert "22.0" in said
    assert not [one for one in ("48", "12.5", "26.0", "0.458", "45.8") if one in said]


@pytest.mark.parametrize(
    "command",
    [
        "watch run-v",
        "compare run-a run-v",
        "receipt run-v",
        "explain run-v",
        "explain --charge none/x.csv:1",
        "reconcile --run run-v",
        "report --by run --format html --out x.html",
        "bill list",
        "verify",
        "budget show vision-all",
        "budget check vision-all",
        "budget set mine --limit 5",
        "prices list",
        "utilization",
        "report --by nosuch",
        "report --nosuch",
    ],
)
def test_what_is_not_a_team_s_is_refused_in_one_sentence(server, nlp, tmp_path, command):
    code, said, complaint = there(server, tmp_path, *command.split(), token=nlp)
    assert (code, said, complaint.count("\n")) == (2, "", 1), complaint
    asked = command.split()
    assert not [one for one in OF_OTHERS if one in complaint and one not in " ".join(asked)]


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
