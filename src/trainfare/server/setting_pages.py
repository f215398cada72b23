"""Settings: who the caller is, tokens, jobs, and what was changed by whom."""

from __future__ import annotations

import time
from typing import Any

from litestar import Request, get
from litestar.response import Template

from trainfare.core.caller import SCOPES, Caller
from trainfare.core.period import SECOND, format_instant
from trainfare.flows.jobs import JOBS, Job
from trainfare.server.grid import Cell, Column, Grid, Line, text_cell
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.scheduler import Board
from trainfare.server.service import Service
from trainfare.store.audit import read_entries
from trainfare.store.tokens import Token, read_tokens

AUDIT_LINES = 500
"""The latest so many."""

SCOPES_SAID = {
    "ingest": "ship records of runs",
    "read": "see runs and money",
    "budget": "set budgets, acknowledge alerts",
    "admin": "everything, tokens and jobs too",
}
"""What each scope lets somebody do."""

_TONES = {"failed": "failed", "running": "running", "asked": "running"}


@get("/settings", sync_to_thread=False)
def settings(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """What the caller may do, and for admins tokens, jobs and the audit log."""
    return settings_page(request, caller, service, done=request.query_params.get("done"))


def settings_page(
    request: Request[Any, Any, Any],
    caller: Caller,
    service: Service,
    *,
    status: int = 200,
    problem: str | None = None,
    done: str | None = None,
    token: Token | None = None,
    secret: str | None = None,
) -> Template:
    """The page; with the *secret* of a *token* that was just made, which is shown only now."""
    caller.need("read")
    page = make_page(
        request,
        caller,
        service,
        "settings",
        status=status,
        home=service.home if caller.team is None else None,
        is_postgres=str(service.settings.database or "").startswith("postgresql"),
        url=f"{request.url.scheme}://{request.headers.get('host', '')}",
        problem=problem,
        done=done,
        token=token,
        secret=secret,
        scopes=[(one, SCOPES_SAID[one]) for one in SCOPES if caller.may(one)],
    )
    page.headers["Cache-Control"] = "no-store"
    return page


def _instant(ns: int | None, never: str = "–") -> Cell:
    if ns is None:
        return Cell(never, is_known=False)
    text = format_instant(ns // SECOND * SECOND)
    return Cell(text[:16].replace("T", " "), text)


def _tokens(ask: Ask) -> dict[str, Any]:
    with ask.service.ledger.look() as connection:
        found = read_tokens(connection)
    own = [one for one in found if ask.team is None or one.team == ask.team]
    now = time.time_ns()
    columns = (
        Column("name", "Token"),
        Column("state", "State"),
        Column("scopes", "May"),
        Column("team", "Team"),
        Column("created", "Made"),
        Column("used", "Last used"),
        Column("expires", "Expires"),
        Column("id", "Id"),
    )
    lines = tuple(
        Line(
            (
                text_cell(one.name),
                Cell("opens", tone="ok")
                if one.is_valid(now)
                else Cell("revoked" if one.revoked_ns else "expired", tone="replaced"),
                text_cell(" ".join(sorted(one.scopes))),
                text_cell(one.team or "all"),
                _instant(one.created_ns),
                _instant(one.used_ns, "never"),
                _instant(one.expires_ns, "never"),
                text_cell(one.id),
            ),
            key=one.id if one.is_valid(now) else "",
        )
        for one in sorted(own, key=lambda one: not one.is_valid(now))
    )
    return {"grids": [Grid("Tokens", columns, lines)]}


def _jobs(ask: Ask) -> dict[str, Any]:
    """Each job's last result, and when it is done next."""
    board = ask.service.scheduler.read_board()
    columns = (
        Column("job", "Job"),
        Column("state", "Last result"),
        Column("message", "What it did"),
        Column("started", "Began"),
        Column("when", "By itself"),
        Column("next", "Next"),
    )
    lines = tuple(_job_line(job, board) for job in JOBS.values())
    going = {one.state for one in board.last.values()} & {"asked", "running"}
    return {"grids": [Grid("Jobs", columns, lines)], "leader": board.leader, "is_going": going}


def _job_line(job: Job, board: Board) -> Line:
    last, when = board.last.get(job.name), board.times[job.name]
    is_pointless = when is None and job.needs is not None
    return Line(
        (
            Cell(job.name.replace("_", " "), job.name, sub=job.about),
            Cell("not yet", is_known=False)
            if last is None
            else Cell(last.state, last.state, tone=_TONES.get(last.state, "done")),
            text_cell(None if last is None else last.message),
            _instant(None if last is None else last.started_ns),
            Cell("off", "off", sub=f"needs {job.needs}" if is_pointless else "")
            if when is None
            else Cell(_often(when), when),
            _instant(board.due_ns.get(job.name)),
        ),
        key=job.name,
    )


def _often(when: str) -> str:
    """A time as people say it; five words of cron stay as they are."""
    return when if " " in when else f"every {when}"


def _audit(ask: Ask) -> dict[str, Any]:
    with ask.service.ledger.look() as connection:
        rows = read_entries(connection, None, AUDIT_LINES)
    columns = (
        Column("at", "When"),
        Column("who", "Who"),
        Column("action", "Did"),
        Column("what", "To what"),
        Column("address", "From"),
    )
    lines = tuple(
        Line(
            (
                _instant(row.at_ns),
                text_cell(row.who),
                text_cell(row.action),
                text_cell(row.what),
                text_cell(row.address),
            )
        )
        for row in rows
    )
    return {"grids": [Grid("Audit log", columns, lines, shown=50)]}


add_parts(
    Part("tokens", _tokens, is_slow=False, scope="admin"),
    Part("jobs", _jobs, is_for_all_teams=True, is_slow=False),
    Part("audit", _audit, is_for_all_teams=True, is_slow=False, scope="admin"),
)
