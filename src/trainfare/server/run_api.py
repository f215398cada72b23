"""Runs over the API: lists, and everything that the command line says of one run or two."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Request, Response, get
from litestar.params import QueryParameter

from trainfare.core.caller import Caller
from trainfare.core.errors import NotFound
from trainfare.core.labels import parse_labels
from trainfare.core.period import parse_instant
from trainfare.core.stage import Status
from trainfare.flows.compare import compare_runs
from trainfare.flows.explain import explain_charge, explain_run
from trainfare.flows.explain_json import charge_json, run_json
from trainfare.flows.forecast import with_forecasts
from trainfare.flows.months import with_bills
from trainfare.flows.show import open_dossier
from trainfare.flows.watch import take_frame
from trainfare.metering.history import read_receipt
from trainfare.metering.receipt_text import receipt_csv, receipt_page
from trainfare.server.own_runs import own_among, own_run, without_others
from trainfare.server.service import Service
from trainfare.server.sheet import CSV, Form, as_file, as_form, flat
from trainfare.store.sights import Wanted, count_by_status, read_page

LIMIT_MAX = 1000

Text = Annotated[str, QueryParameter(max_length=200, description="words in its id, name or labels")]
Labels = Annotated[
    list[str] | None,
    QueryParameter(name="label", description="key=value; repeat it: all of them"),
]
Statuses = Annotated[
    list[Status] | None, QueryParameter(name="status", description="repeat it: any of them")
]
Order = Annotated[
    str,
    QueryParameter(
        max_length=20,
        description="started, name, status, duration, estimated or billed; - before it: greatest first",
    ),
]
Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[
    str | None, QueryParameter(max_length=1000, description="next of the page before")
]
Since = Annotated[str | None, QueryParameter(description="started then or later, RFC 3339")]
Until = Annotated[str | None, QueryParameter(description="started before, RFC 3339")]


@get("/runs", sync_to_thread=True, tags=["runs"])
def list_runs(
    request: Request[Any, Any, Any],
    caller: Caller,
    service: Service,
    model: str | None = None,
    experiment: str | None = None,
    team: str | None = None,
    labels: Labels = None,
    statuses: Statuses = None,
    q: Text = "",
    since: Since = None,
    until: Until = None,
    order: Order = "-started",
    limit: Limit = 50,
    cursor: Cursor = None,
    form: Form = "json",
) -> Response[Any]:
    """Runs, the latest first, a page at a time; ``next`` and the header Link lead on."""
    caller.need("read")
    wanted = Wanted(
        team=caller.team,
        of_team=team,
        model=model,
        experiment=experiment,
        labels=parse_labels(labels or ()),
        status=tuple(one.value for one in statuses or ()),
        text=q,
        since_ns=None if since is None else parse_instant(since),
        until_ns=None if until is None else parse_instant(until),
    )
    with service.ledger.look() as connection:
        page = read_page(connection, wanted, order=order, limit=limit, cursor=cursor)
    document = {"runs": list(page.rows), "total": page.total, "next": page.next}
    answer = as_form(form, "runs", document, lambda: [flat(row) for row in page.rows])
    if page.next is not None:
        query = _query(request, page.next)
        answer.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return answer


def _query(request: Request[Any, Any, Any], cursor: str) -> str:
    pairs = [(key, value) for key, value in request.query_params.multi_items() if key != "cursor"]
    return urlencode([*pairs, ("cursor", cursor)])


@get("/runs/counts", sync_to_thread=True, tags=["runs"])
def count_runs(caller: Caller, service: Service) -> dict[str, Any]:
    """How many runs stand how."""
    caller.need("read")
    with service.ledger.look() as connection:
        counts = count_by_status(connection, Wanted(team=caller.team))
    return {"counts": {one.value: counts.get(one.value, 0) for one in Status}}


@get("/runs/{run:str}", sync_to_thread=True, tags=["runs"])
def show_run(caller: Caller, service: Service, run: str) -> dict[str, Any]:
    """Everything known about one run; RUN is an id, the beginning of one, a name, or ``last``."""
    run_id = own_run(service, caller, run)
    return without_others(
        service,
        caller,
        open_dossier(service.home, run_id, beside=service.sights.beside(run_id)).to_json(),
    )


@get("/runs/{run:str}/receipt", sync_to_thread=True, tags=["runs"])
def get_receipt(
    caller: Caller,
    service: Service,
    run: str,
    form: Annotated[str, QueryParameter(name="format", pattern="^(json|csv|html)$")] = "json",
) -> Response[Any]:
    """The receipt of a run."""
    run_id = own_run(service, caller, run)
    [receipt] = with_bills(
        service.home, [read_receipt(service.home, run_id, beside=service.sights.beside(run_id))]
    )
    [receipt] = with_forecasts(service.home, [receipt])
    seen = own_among(service, caller, [one.run for one in receipt.prepared_by])
    makers = tuple(one for one in receipt.prepared_by if one.run in seen)
    receipt = replace(receipt, prepared_by=makers)
    if form == "csv":
        return as_file(receipt_csv(receipt).encode(), CSV, f"{run_id}.csv")
    if form == "html":
        return Response(receipt_page(receipt), media_type="text/html")
    return Response(receipt.to_json())


@get("/runs/{run:str}/frame", sync_to_thread=True, tags=["runs"])
def get_frame(caller: Caller, service: Service, run: str) -> dict[str, Any]:
    """The run as it stands now, as ``trainfare watch --once`` has it."""
    run_id = own_run(service, caller, run)
    return take_frame(service.home, run_id, beside=service.sights.beside(run_id)).to_json()


@get("/runs/{run:str}/explain", sync_to_thread=True, tags=["runs"])
def explain_one(
    caller: Caller, service: Service, run: str, period: str | None = None
) -> dict[str, Any]:
    """What a run got, charge by charge; runs that are only on bills are found by their id."""
    try:
        run_id = own_run(service, caller, run)
    except NotFound:
        if run not in own_among(service, caller, [run]):
            raise
        run_id = run
    document: dict[str, Any] = service.answer(
        caller,
        ("explain", run_id, period),
        lambda: run_json(run_id, explain_run(service.home, run_id, period)),
    )
    seen = own_among(service, caller, {p["tag_run"] for p in document["parts"] if p["tag_run"]})
    parts = [
        one if one["tag_run"] in {*seen, None} else {**one, "tag_run": None}
        for one in document["parts"]
    ]
    return {**document, "parts": parts}


@get("/explain", sync_to_thread=True, tags=["bills"])
def explain_a_charge(
    caller: Caller,
    service: Service,
    charge: Annotated[str, QueryParameter(description="delivery/file:row")],
) -> dict[str, Any]:
    """How one charge was divided."""
    caller.need_all_teams("read")
    return {"charges": [charge_json(one) for one in explain_charge(service.home, charge)]}


@get("/compare", sync_to_thread=True, tags=["runs"])
def compare_two(caller: Caller, service: Service, first: str, second: str) -> dict[str, Any]:
    """Two runs side by side; differences are second minus first."""
    one, other = (own_run(service, caller, text) for text in (first, second))
    return compare_runs(service.home, one, other).to_json()


ROUTES = [
    list_runs,
    count_runs,
    show_run,
    get_receipt,
    get_frame,
    explain_one,
    explain_a_charge,
    compare_two,
]
"""For the application."""
