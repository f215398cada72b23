"""Jobs over HTTP: what the server does by itself, how it went, and asking for it now."""

from __future__ import annotations

from typing import Any

from litestar import get, post
from litestar.status_codes import HTTP_202_ACCEPTED

from trainfare.core.caller import Caller
from trainfare.core.period import format_instant
from trainfare.flows.jobs import JOBS, find_job
from trainfare.flows.preview import find_preview, preview_document
from trainfare.server.service import Service
from trainfare.store.jobs import JobResult


@get("/jobs", sync_to_thread=True, tags=["jobs"])
def list_jobs(caller: Caller, service: Service) -> dict[str, Any]:
    """Every job, when it is due next and how its last run ended."""
    caller.need_all_teams("read")
    board = service.scheduler.read_board()
    return {
        "leader": board.leader,
        "jobs": [
            {
                "name": job.name,
                "about": job.about,
                "when": board.times[job.name],
                "needs": job.needs,
                "next_at": _instant(board.due_ns.get(job.name)),
                "last": _result(board.last.get(job.name)),
            }
            for job in JOBS.values()
        ],
    }


@get("/jobs/{name:str}", sync_to_thread=True, tags=["jobs"])
def get_job(caller: Caller, service: Service, name: str) -> dict[str, Any]:
    """The last runs of one job, the newest first."""
    caller.need_all_teams("read")
    job = find_job(name)
    results = service.scheduler.read_runs(job.name)
    return {"name": job.name, "about": job.about, "results": [_result(one) for one in results]}


@post("/jobs/{name:str}/run", status_code=HTTP_202_ACCEPTED, sync_to_thread=True, tags=["jobs"])
def run_job(caller: Caller, service: Service, name: str) -> dict[str, Any]:
    """Ask for a job; the leading server does it within seconds."""
    caller.need_all_teams("admin")
    job = find_job(name)
    return {"id": service.scheduler.ask(job.name, caller.name), "name": job.name, "state": "asked"}


@get("/preview", sync_to_thread=True, tags=["bills"])
def read_preview(caller: Caller, service: Service) -> dict[str, Any]:
    """What the cloud's own tools say of the open month: beside the bill, never part of it."""
    caller.need_all_teams("read")
    found = find_preview(service.home)
    return {"preview": None if found is None else preview_document(service.home, found)}


def _result(one: JobResult | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "id": one.id,
        "state": one.state,
        "message": one.message,
        "started_at": _instant(one.started_ns),
        "ended_at": _instant(one.ended_ns),
        "asked_by": one.asked_by,
        "holder": one.holder,
    }


def _instant(at_ns: int | None) -> str | None:
    return None if at_ns is None else format_instant(at_ns)
