"""The audit log over the API, and the line that every change leaves there."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter

from trainfare.core.caller import Caller
from trainfare.core.errors import TrainfareError
from trainfare.core.period import format_instant
from trainfare.flows import access
from trainfare.server.door import SAFE, actor_of_scope
from trainfare.server.service import Service

Cursor = Annotated[
    int | None, QueryParameter(ge=1, lt=2**31, description="next of an earlier answer")
]
Limit = Annotated[int, QueryParameter(ge=1, le=access.ENTRIES_MAX)]


@get("/audit", sync_to_thread=True, tags=["access"])
def read_audit(
    caller: Caller, service: Service, cursor: Cursor = None, limit: Limit = 100
) -> dict[str, Any]:
    """Who changed what, when and from where, the newest first."""
    entries = access.read_audit(service.ledger, caller, cursor, limit)
    return {
        "entries": [
            {
                "id": one.id,
                "at": format_instant(one.at_ns),
                "who": one.who,
                "action": one.action,
                "what": one.what,
                "address": one.address,
            }
            for one in entries
        ],
        "next": entries[-1].id if len(entries) == limit else None,
    }


async def leave_line(message: Any, scope: Any) -> None:
    """Before a change is answered for, write it down, unless its route has done so itself."""
    if (
        message["type"] != "http.response.start"
        or message["status"] >= 400
        or scope["method"] in SAFE
        or "caller" not in scope.get("state", {})
    ):
        return
    handler = scope.get("route_handler")
    if handler is None or handler.opt.get("audited"):
        return
    service: Service = scope["litestar_app"].state.service
    what = f"{scope['method']} {scope['path']}"
    try:
        await asyncio.to_thread(
            access.write_audit, service.ledger, actor_of_scope(scope), handler.handler_name, what
        )
    except TrainfareError as error:
        why = str(error)
        logging.getLogger("trainfare").error("audit=unwritten what=%r why=%r", what, why)  # noqa: TRY400 (the sentence says it all)
