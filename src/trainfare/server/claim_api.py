"""Claims over the API: which run held which resource, from when to when, and who says so."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response, get
from litestar.params import QueryParameter

from trainfare.core.caller import Caller
from trainfare.core.errors import NotFound
from trainfare.flows.usage import claim_json
from trainfare.server.own_runs import own_among, own_run
from trainfare.server.service import Service
from trainfare.server.sheet import Form, as_form
from trainfare.store.claims import list_claims


@get("/claims", sync_to_thread=True, tags=["runs"])
def get_claims(
    caller: Caller,
    service: Service,
    run: str | None = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100_000)] = 100,
    form: Form = "json",
) -> Response[Any]:
    """Claims by run and time, as the last allocation knew them; somebody of one team names a run."""
    caller.need("read")
    if run is None:
        caller.need_all_teams("read")
    run_id = None if run is None else _own(service, caller, run)
    with service.ledger.look() as connection:
        more = list_claims(connection, run_id, limit + 1)
    rows = [claim_json(*one) for one in more[:limit]]
    return as_form(form, "claims", {"claims": rows, "has_more": len(more) > limit}, lambda: rows)


def _own(service: Service, caller: Caller, text: str) -> str:
    """The run that *text* names; one that only claims know by its whole id."""
    try:
        return own_run(service, caller, text)
    except NotFound:
        with service.ledger.look() as connection:
            is_known = bool(list_claims(connection, text, 1))
        if not is_known or text not in own_among(service, caller, [text]):
            raise
        return text


ROUTES = [get_claims]
"""For the application."""
