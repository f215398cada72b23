"""The walk: every route of the server, asked by every kind of caller.

A route that is added without a line here fails: say who may ask it, and with what. Somebody of one
team sees no word of the other (``two_teams``); whatever belongs to no single team is refused to both.
"""

import json
import re
import time
from dataclasses import dataclass, field

import pytest

from server.served import serving
from server.two_teams import FOREIGN, OWN, fill
from trainfare.core.caller import Caller
from trainfare.server.app import make_app
from trainfare.server.ingest import PATH as INGEST
from trainfare.server.part import PARTS
from trainfare.server.service import Service, Settings

OPEN, KNOWN = "open", "known"
"""Who may ask, besides the scopes: anybody, or whoever has any token."""


@dataclass(frozen=True)
class Way:
    """Who may ask a route, and how it is asked so that it has something to answer."""

    scope: str
    is_for_all_teams: bool = False
    """Whether callers who are bound to a team are refused."""
    path: dict = field(default_factory=dict)
    """What stands in the path; ``TEAM`` in a value is the caller's own team, or okapi."""
    foreign: dict | None = None
    """What stands in the path where it is the other team's: not there, or not allowed."""
    query: str = ""
    body: object = None
    statuses: tuple = (200, 201, 202, 204, 303)
    """What whoever may ask is answered."""


NEW_TOKEN = {"name": "walk", "scopes": ["read"], "team": OWN}

WAYS = {
    "GET /healthz": Way(OPEN),
    "GET /readyz": Way(OPEN),
    "GET /static/{file_path}": Way(OPEN, path={"file_path": "/none"}, statuses=(404,)),
    "GET /schema": Way(KNOWN),
    "GET /schema/openapi.json": Way(KNOWN),
    "GET /schema/{path}": Way(KNOWN, path={"path": "none"}, statuses=(404,)),
    "GET /metrics": Way("read"),
    "GET /api/v1/me": Way(KNOWN),
    "GET /api/v1/machines": Way("read", is_for_all_teams=True),
    "GET /api/v1/clients": Way("read"),
    "GET /api/v1/tokens": Way("admin"),
    "POST /api/v1/tokens": Way("admin", body=NEW_TOKEN),
    "POST /api/v1/tokens/{token_id}/rotate": Way(
        "admin", path={"token_id": OWN}, foreign={"token_id": FOREIGN}
    ),
    "DELETE /api/v1/tokens/{token_id}": Way(
        "admin", path={"token_id": OWN}, foreign={"token_id": FOREIGN}
    ),
    "GET /api/v1/audit": Way("admin", is_for_all_teams=True),
    "GET /api/v1/jobs": Way("read", is_for_all_teams=True),
    "GET /api/v1/jobs/{name}": Way("read", is_for_all_teams=True, path={"name": "alerts"}),
    "POST /api/v1/jobs/{name}/run": Way("admin", is_for_all_teams=True, path={"name": "alerts"}),
    "GET /api/v1/server": Way("read"),
    "POST /api/v1/console": Way("read", body={"arguments": ["runs"]}),
    "GET /api/v1/live": Way("read", query="seconds=1"),
    "GET /api/v1/runs": Way("read"),
    "GET /api/v1/runs/counts": Way("read"),
    **{
        f"GET /api/v1/runs/{{run}}{part}": Way(
            "read", path={"run": f"r-{OWN}"}, foreign={"run": f"r-{FOREIGN}"}
        )
        for part in ("", "/receipt", "/frame", "/live")
    },
    "GET /api/v1/runs/{run}/explain": Way(
        "read",
        path={"run": f"c-{OWN}"},
        foreign={"run": f"c-{FOREIGN}"},
    ),
    "GET /api/v1/claims": Way("read", query=f"run=c-{OWN}"),
    "GET /api/v1/compare": Way("read", query=f"first=r-{OWN}&second={OWN}-name"),
    "GET /api/v1/explain": Way(
        "read", is_for_all_teams=True, query="charge=none/x.csv:1", statuses=(404,)
    ),
    "GET /api/v1/report": Way("read", query="by=run,team,model"),
    "GET /api/v1/reconcile": Way("read"),
    "GET /api/v1/verify": Way("read", is_for_all_teams=True),
    "GET /api/v1/utilization": Way("read", query=f"run=r-{OWN}", statuses=(200, 404)),
    "GET /api/v1/frontier": Way("read", statuses=(200, 404)),
    "GET /api/v1/statement": Way("read"),
    "GET /api/v1/bills": Way("read", is_for_all_teams=True),
    "GET /api/v1/bills/{delivery}": Way(
        "read", is_for_all_teams=True, path={"delivery": "none"}, statuses=(404,)
    ),
    "POST /api/v1/bills": Way(
        "admin", is_for_all_teams=True, query="name=x.csv", body=b"x", statuses=(400,)
    ),
    "POST /api/v1/allocate": Way("admin", is_for_all_teams=True),
    "GET /api/v1/budgets": Way("read"),
    "GET /api/v1/budgets/check": Way("read"),
    "GET /api/v1/budgets/{name}": Way(
        "read",
        path={"name": f"{OWN}-budget"},
        foreign={"name": f"{FOREIGN}-budget"},
        statuses=(200, 404),
    ),
    "PUT /api/v1/budgets/{name}": Way(
        "budget", path={"name": f"{OWN}-more"}, body={"limit": "5", "scope": f"team={OWN}"}
    ),
    "DELETE /api/v1/budgets/{name}": Way(
        "budget",
        path={"name": f"{OWN}-more"},
        foreign={"name": f"{FOREIGN}-more"},
        statuses=(200, 404),
    ),
    "GET /api/v1/alerts": Way("read"),
    "GET /api/v1/advice": Way("read", is_for_all_teams=True, statuses=(200, 404)),
    "GET /api/v1/advice/decided": Way("read", is_for_all_teams=True),
    "GET /api/v1/advice/{advice}": Way(
        "read", is_for_all_teams=True, path={"advice": "none"}, statuses=(404,)
    ),
    **{
        f"GET /api/v1/commitments/{name}": Way(
            "read", is_for_all_teams=True, query=query, statuses=(200, 400, 404)
        )
        for name, query in (
            ("status", ""),
            ("runs", ""),
            ("plan", ""),
            ("backtest", ""),
            ("watch", ""),
            ("recorded", ""),
            ("simulate", "buy=own:1y=1"),
        )
    },
    "POST /api/v1/commitments/recorded": Way(
        "budget",
        is_for_all_teams=True,
        body={"id": "sp-1", "what": "none", "start": "2026-01-01T00:00:00Z"},
        statuses=(400,),
    ),
    "DELETE /api/v1/commitments/recorded": Way(
        "budget", is_for_all_teams=True, query="commitment=none", statuses=(404,)
    ),
    "POST /api/v1/advice/{advice}/decision": Way(
        "budget",
        is_for_all_teams=True,
        path={"advice": "none"},
        body={"verdict": "accepted"},
        statuses=(404,),
    ),
    "POST /api/v1/alerts/acknowledge": Way("budget"),
    "GET /api/v1/prices": Way("read", query="q=p4d"),
    "GET /api/v1/prices/show": Way("read", query="sku=p4d.24xlarge&region=us-east-1"),
    "GET /api/v1/estimate": Way("read", query="instance=p4d.24xlarge&hours=1"),
    "GET /api/v1/charts/{name}": Way("read", path={"name": "timeline"}, query=f"run=r-{OWN}"),
    "GET /api/v1/preview": Way("read", is_for_all_teams=True),
    f"POST {INGEST}": Way(
        "ingest", body=b'{"v":1,"client":"walk","clock_ns":1,"chunks":[]}\n', statuses=(200,)
    ),
    "GET /login": Way(OPEN),
    "POST /login": Way(OPEN, body=b"token=tf_none", statuses=(401,)),
    "POST /logout": Way(KNOWN),
    "GET /login/provider": Way(OPEN, statuses=(404,)),
    "GET /login/provider/return": Way(OPEN, statuses=(400,)),
    "GET /": Way("read"),
    "GET /runs": Way("read"),
    "GET /runs/{run}": Way("read", path={"run": "r-TEAM"}, foreign={"run": f"r-{FOREIGN}"}),
    "GET /compare": Way("read", query="run=r-TEAM&run=r-TEAM"),
    "GET /resources": Way("read"),
    "GET /teams": Way("read"),
    "GET /experiments": Way("read", is_for_all_teams=True),
    "GET /prices": Way("read"),
    "GET /advice": Way("read", is_for_all_teams=True),
    "GET /commitments": Way("read", is_for_all_teams=True),
    "POST /advice/{advice_id}/decide": Way(
        "budget", is_for_all_teams=True, path={"advice_id": "none"}, statuses=(400,)
    ),
    "GET /bills": Way("read", is_for_all_teams=True),
    "POST /bills": Way("admin", is_for_all_teams=True, statuses=(400,)),
    "POST /allocations": Way("admin", is_for_all_teams=True),
    "GET /charges": Way("read", is_for_all_teams=True, query="charge=none"),
    "GET /budgets": Way("read"),
    "POST /budgets": Way("budget", statuses=(400,)),
    "POST /budgets/{name}/delete": Way(
        "budget",
        path={"name": "none"},
        foreign={"name": f"{FOREIGN}-budget"},
        statuses=(200, 303, 404),
    ),
    "POST /alerts/{alert}/acknowledge": Way(
        "budget", path={"alert": OWN}, foreign={"alert": FOREIGN}
    ),
    "GET /settings": Way("read"),
    "POST /settings/tokens": Way("admin", statuses=(400,)),
    "POST /settings/tokens/{token_id}/rotate": Way(
        "admin", path={"token_id": OWN}, foreign={"token_id": FOREIGN}
    ),
    "POST /settings/tokens/{token_id}/revoke": Way(
        "admin", path={"token_id": OWN}, foreign={"token_id": FOREIGN}
    ),
    "POST /settings/jobs/{name}/run": Way("admin", is_for_all_teams=True, path={"name": "alerts"}),
    "GET /words": Way(KNOWN),
    "GET /parts/{name}": Way("read", path={"name": "prices"}),
    "GET /files/{name}": Way("read", path={"name": "run_table"}),
    "GET /charts/{name}": Way("read", is_for_all_teams=True, path={"name": "spend"}),
    "GET /charts/{name}/table": Way("read", path={"name": "timeline"}, query="run=r-TEAM"),
}
"""Method and path, as the application has them → who may ask."""

ROLES = {
    "nobody": None,
    "ingest of okapi": Caller("", frozenset({"ingest"}), OWN),
    "read of okapi": Caller("", frozenset({"read"}), OWN),
    "budget of okapi": Caller("", frozenset({"budget"}), OWN),
    "admin of okapi": Caller("", frozenset({"admin"}), OWN),
    "read of all": Caller("", frozenset({"read"})),
    "budget of all": Caller("", frozenset({"budget"})),
    "admin of all": Caller("", frozenset({"admin"})),
}


@dataclass
class Walked:
    """The server and the secrets of every role."""

    server: object
    secrets: dict

    def token_of(self, team):
        """The id of a new token of a team: what a walk revokes is not missed by the next."""
        body = {"name": f"{team}-token", "scopes": ["read"], "team": team}
        made = self.server.json("/api/v1/tokens", method="POST", body=body)
        return made["token"]["id"]

    def alert_of(self, team):
        """The id of the alert about a budget of a team."""
        alerts = self.server.json("/api/v1/alerts")["alerts"]
        return next(one["id"] for one in alerts if one["subject"] == f"{team}-over")


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    home = tmp_path_factory.mktemp("walk") / "home"
    fill(home)
    (home / "server.toml").write_text("[limits]\nfailures = 100000\n")
    with serving(home) as server:
        secrets = {"nobody": None}
        for role, caller in ROLES.items():
            if caller is not None:
                body = {"name": role, "scopes": sorted(caller.scopes), "team": caller.team}
                made = server.json("/api/v1/tokens", method="POST", body=body)
                secrets[role] = made["secret"]
        yield Walked(server, secrets)


def routes_of(app):
    """Every method and path of an application."""
    return {
        f"{method} {route.path_format}"
        for route in app.routes
        for method in getattr(route, "methods", ())
        if method not in ("OPTIONS", "HEAD")
    }


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Litestar 3 will want
def test_every_route_has_its_line_here_and_every_line_its_route(tmp_path):
    app = make_app(Service(Settings(tmp_path)))
    try:
        there = routes_of(app) | {f"POST {INGEST}"}
    finally:
        app.state.service.close()
    assert there - set(WAYS) == set(), "say in WAYS who may ask these"
    assert set(WAYS) - there == set(), "these are gone"


def may(caller, way):
    if way.scope == OPEN:
        return True
    if caller is None:
        return False
    is_far_enough = caller.team is None or not way.is_for_all_teams
    return is_far_enough and (way.scope == KNOWN or caller.may(way.scope))


def ask(walked, name, way, role, place):
    """(status, text) of one route asked by one role."""
    method, _, path = name.partition(" ")
    for key, word in place.items():
        find = {"token_id": walked.token_of, "alert": walked.alert_of}.get(key, str)
        value = find(word)
        path = path.replace("{" + key + "}", value.replace("TEAM", OWN)).replace("//", "/")
    server, secret = walked.server, walked.secrets[role]
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    if path == "/login" and method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    status, _, body = server.ask(
        path + (way.query and f"?{way.query.replace('TEAM', OWN)}"),
        method=method,
        body=way.body,
        token="",
        headers=headers,
    )
    return status, body.decode("utf-8", "replace")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", WAYS)
def test_a_route_answers_whoever_may_ask_and_nobody_else(walked, name, role):
    way, caller = WAYS[name], ROLES[role]
    status, text = ask(walked, name, way, role, way.path)
    if may(caller, way):
        assert status in way.statuses, text
    else:
        assert status == (401 if caller is None else 403), text
        assert json.loads(text)["error"]["what_to_do"]
    if caller is None or caller.team is not None:
        assert FOREIGN not in text.lower()


NOBODY = "quagg"


def plain_of(text, team):
    """A part without the team that was asked for, and without what the clock says."""
    return re.sub(r"\d+", "#", text.replace(team, "TEAM"))


@pytest.mark.parametrize("name", sorted(PARTS))
def test_no_part_of_a_page_says_a_word_of_another_team(walked, name):
    """Parts come later than their pages, and are asked by an address of their own."""
    secret = walked.secrets["admin of okapi"]
    said = {}
    for team in (OWN, FOREIGN, NOBODY):
        query = f"run=r-{team}&first=r-{team}&second=r-{team}&team={team}&experiment={team}-quest"
        for path in (f"/parts/{name}?{query}", f"/files/{name}?{query}&form=csv"):
            until = time.monotonic() + 60
            while True:
                _, _, body = walked.server.ask(path, token=secret)
                text = body.decode("utf-8", "replace")
                if "Being worked out" not in text or time.monotonic() > until:
                    break
                time.sleep(0.2)
            said[team] = [*said.get(team, ()), text]
    assert FOREIGN not in "".join(said[OWN]).lower()
    # What is said of the other team is what is said of one that nobody ever had.
    assert [plain_of(one, FOREIGN) for one in said[FOREIGN]] == [
        plain_of(one, NOBODY) for one in said[NOBODY]
    ]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", [name for name, way in WAYS.items() if way.foreign])
def test_what_is_another_team_s_is_not_there(walked, name, role):
    way, caller = WAYS[name], ROLES[role]
    status, text = ask(walked, name, way, role, way.foreign)
    if caller is not None and caller.team is None and may(caller, way):
        assert status in way.statuses, text
    else:
        assert status in ((401,) if caller is None else (403, 404)), text
        assert text.lower().count(FOREIGN) <= sum(FOREIGN in one for one in way.foreign.values())
