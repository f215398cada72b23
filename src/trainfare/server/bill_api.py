"""Bills over the API: deliveries, uploads and allocation; they belong to no single team."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.params import QueryParameter

from trainfare.core.caller import Caller
from trainfare.core.errors import BadInput
from trainfare.flows.allocation import allocate_periods
from trainfare.flows.bill import get_delivery, import_bills, list_deliveries
from trainfare.flows.bill_json import allocated_json, delivery_json, imported_json
from trainfare.server.service import Service
from trainfare.server.sheet import Form, as_form, flat

UPLOAD_MAX = 2 * 2**30
"""A larger bill is imported from object storage, or on the server's own machine."""


@get("/bills", sync_to_thread=True, tags=["bills"])
def list_bills(caller: Caller, service: Service, form: Form = "json") -> Response[Any]:
    """Every delivery; the current one of each source and period is marked."""
    caller.need_all_teams("read")
    rows = [{**delivery_json(d), "current": now} for d, now in list_deliveries(service.home)]
    return as_form(form, "bills", {"deliveries": rows}, lambda: [flat(row) for row in rows])


@get("/bills/{delivery:str}", sync_to_thread=True, tags=["bills"])
def show_bill(caller: Caller, service: Service, delivery: str) -> dict[str, Any]:
    """One delivery: its files, repairs and totals."""
    caller.need_all_teams("read")
    found = get_delivery(service.home, delivery)
    return {"deliveries": [{**delivery_json(one), "repair_notes": notes} for one, notes in found]}


@post("/bills", tags=["bills"], request_max_body_size=UPLOAD_MAX)
async def upload_bill(
    request: Request[Any, Any, Any],
    caller: Caller,
    service: Service,
    name: Annotated[str, QueryParameter(description="the file's name; its ending matters")],
    source: str | None = None,
) -> dict[str, Any]:
    """Import the bill that is the body of this request, as ``trainfare bill import`` does.

    Problems come with file, row, column and value; then nothing is imported.
    """
    caller.need_all_teams("admin")
    plain = Path(name).name
    if plain != name or not plain.isprintable() or plain in ("", ".", "..") or len(plain) > 200:
        raise BadInput(f"{name[:200]!r} is no file name; write for example bill.csv")
    with tempfile.TemporaryDirectory(prefix="trainfare-bill-") as folder:
        path = Path(folder) / plain
        with path.open("wb") as file:
            async for chunk in request.stream():
                await sync_to_thread(file.write, chunk)
        imported = await sync_to_thread(import_bills, service.home, [str(path)], source=source)
    return {"deliveries": [imported_json(one) for one in imported]}


@post("/allocate", status_code=200, sync_to_thread=True, tags=["bills"])
def allocate(caller: Caller, service: Service, period: str | None = None) -> dict[str, Any]:
    """Give every charge of a billing period, or of all, to a run or to a named remainder."""
    caller.need_all_teams("admin")
    done = allocate_periods(service.home, period)
    return {"periods": [allocated_json(one) for one in done]}


ROUTES = [list_bills, show_bill, upload_bill, allocate]
"""For the application."""
