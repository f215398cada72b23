"""Everything that the command line can show has a route, or a reason why it has none."""

from pathlib import Path

import click
import pytest

from trainfare.cli.main import COMMANDS, cli
from trainfare.server.app import make_app
from trainfare.server.service import Service, Settings

ROUTES = {
    "advise": "GET /advice",
    "advise decided": "GET /advice/decided",
    "advise show": "GET /advice/{advice}",
    **dict.fromkeys(
        ("advise accept", "advise dismiss", "advise reopen", "advise snooze"),
        "POST /advice/{advice}/decision",
    ),
    "alerts ack": "POST /alerts/acknowledge",
    "alerts list": "GET /alerts",
    "allocate": "POST /allocate",
    "bill import": "POST /bills",
    "bill list": "GET /bills",
    "bill preview": "GET /preview",
    "bill show": "GET /bills/{delivery}",
    "budget check": "GET /budgets/check",
    "budget delete": "DELETE /budgets/{name}",
    "budget list": "GET /budgets",
    "budget set": "PUT /budgets/{name}",
    "budget show": "GET /budgets/{name}",
    "chart": "GET /charts/{name}",
    "claims list": "GET /claims",
    "commit backtest": "GET /commitments/backtest",
    "commit plan": "GET /commitments/plan",
    "commit record": "POST /commitments/recorded",
    "commit recorded": "GET /commitments/recorded",
    "commit simulate": "GET /commitments/simulate",
    "commit status": "GET /commitments/status",
    "commit watch": "GET /commitments/watch",
    "commit withdraw": "DELETE /commitments/recorded",
    "compare": "GET /compare",
    "estimate": "GET /estimate",
    "explain": "GET /runs/{run}/explain",
    "frontier": "GET /frontier",
    "jobs list": "GET /jobs",
    "jobs run": "POST /jobs/{name}/run",
    "prices find": "GET /prices",
    "prices show": "GET /prices/show",
    "receipt": "GET /runs/{run}/receipt",
    "reconcile": "GET /reconcile",
    "report": "GET /report",
    "runs": "GET /runs",
    "show": "GET /runs/{run}",
    "statement": "GET /statement",
    "token create": "POST /tokens",
    "token list": "GET /tokens",
    "token revoke": "DELETE /tokens/{token_id}",
    "token rotate": "POST /tokens/{token_id}/rotate",
    "utilization": "GET /utilization",
    "verify": "GET /verify",
    "watch": "GET /runs/{run}/live",
}

HERE = "it acts on the machine where it is typed"
FILES = "it reads or writes files of the home that is asked"
JOB = "the server does it by itself, as a job: POST /jobs/{name}/run"
CONSOLE = "POST /console runs it"

REASONS = {
    **dict.fromkeys(("agent", "completion", "doctor", "mcp", "run", "serve", "simulate", "tags"), HERE),
    **dict.fromkeys(
        ("alerts secret", "alerts test", "bill check", "claims import", "commit import",
         "prices import",
         "prices set", "prices unset", "rules check", "runs import"),
        FILES,
    ),
    "metrics": "GET /metrics, which stands beside the API",
    "trackers sync": "it writes to a tracker with the credentials of this machine",
    **dict.fromkeys(("alerts check", "alerts send", "alerts watch", "prices refresh"), JOB),
    "prices list": CONSOLE,
}  # fmt: skip

UNROUTED = ("datasets", "plan")
"""Commands that ask the home, and no server yet."""


def leaves(command, name, context):
    """Every command that does something by itself."""
    if not isinstance(command, click.Group):
        yield name
        return
    if command.invoke_without_command:
        yield name
    for word in command.list_commands(context):
        yield from leaves(command.get_command(context, word), f"{name} {word}", context)


def commands():
    context = click.Context(cli)
    for name in COMMANDS:
        yield from leaves(cli.get_command(context, name), name, context)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Litestar 3 will want
def test_every_command_has_a_route_or_a_reason(tmp_path):
    app = make_app(Service(Settings(tmp_path)))
    app.state.service.close()
    there = {
        f"{method} {route.path_format.removeprefix('/api/v1')}"
        for route in app.routes
        if route.path_format.startswith("/api/v1/")
        for method in route.methods
    }
    known = [one for one in commands() if one.split()[0] not in UNROUTED]
    assert set(known) - ROUTES.keys() - REASONS.keys() == set(), "say which route shows these"
    assert (ROUTES.keys() | REASONS.keys()) - set(known) == set(), "these are gone"
    assert set(ROUTES.values()) - there == set()


def test_the_reference_names_every_route_of_a_command():
    text = (Path(__file__).parents[2] / "docs/reference/api.md").read_text()
    firsts = {"/" + route.split("/")[1] for route in ROUTES.values()}
    assert {one for one in firsts if f"{one}`" not in text and f"{one}/" not in text
            and f"{one}?" not in text} == set()  # fmt: skip
