"""Settings: who the caller is, tokens, jobs, and what was changed by whom."""

from __future__ import annotations

import time
from typing import Any

from litestar import Request, get
from litestar.response import Template

from trainfare.core.caller import Caller
from trainfare.core.period import SECOND, format_instant
from trainfare.flows.jobs import JOBS
from trainfare.server.grid import Cell, Column, Grid, Line, text_cell
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.service import Service
from trainfare.store.audit import read_entries
from trainfare.store.tokens import read_tokens

AUDIT_LINES = 500
"""The latest so many."""

_TONES = {"failed": "failed", "running": "running", "asked": "running"}


@get("/settings", sync_to_thread=False)
def settings(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """What the caller may do, and for admins tokens, jobs and the audit log."""
    caller.need("read")
    return make_page(
        request,
        caller,
        service,
        "settings",
        home=service.home if caller.team is None else None,
        is_postgres=str(service.settings.database or "").startswith("postgresql"),
        url=f"{request.url.scheme}://{request.headers.get('host', '')}",
    )


def _instant(ns: int | None) -> Cell:
    if ns is None:
        return text_cell(None)
    text = format_instant(ns // SECOND * SECOND)
    return Cell(text[:16].replace("T", " "), text)


def _tokens(ask: Ask) -> dict[str, Any]:
    with ask.service.ledger.look() as connection:
        found = read_tokens(connection)
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
                _instant(one.used_ns),
                _instant(one.expires_ns),
                text_cell(one.id),
            )
        )
        for one in found
        if ask.team is None or one.team == ask.team
    )
    return {"grids": [Grid("Tokens", columns, lines)]}


def _jobs(ask: Ask) -> dict[str, Any]:
    """Each job's last result."""
    board = ask.service.scheduler.read_board()
    rows = [(job, board.last.get(job.name), board.due_ns.get(job.name)) for job in JOBS.values()]
    columns = (
        Column("job", "Job"),
        Column("state", "Last result"),
        Column("started", "Began"),
        Column("message", "What it did"),
        Column("next", "Next"),
        Column("about", "What for"),
    )
    lines = tuple(
        Line(
            (
                text_cell(job.name.replace("_", " ")),
                text_cell(None)
                if last is None
                else Cell(last.state, last.state, tone=_TONES.get(last.state, "done")),
                _instant(None if last is None else last.started_ns),
                text_cell(None if last is None else last.message),
                _instant(due_ns),
                text_cell(job.about),
            )
        )
        for job, last, due_ns in rows
    )
    return {"grids": [Grid("Jobs", columns, lines)]}


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
