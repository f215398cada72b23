"""Reports over the API: the same keys as the command line's JSON, and CSV or Parquet of their rows.

A caller that is bound to a team gets the rows of its runs; what belongs to no single team (the
remainders, the totals of all, what nobody owns) is left out, and so is null.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from litestar import Response, get
from litestar.params import QueryParameter

from trainfare.core.caller import Caller
from trainfare.core.charge import Sharing, View
from trainfare.core.labels import parse_label
from trainfare.core.money import decimal_of
from trainfare.core.period import parse_instant
from trainfare.flows.allocation import verify
from trainfare.flows.bill_json import balances_json
from trainfare.flows.frontier import find_frontier
from trainfare.flows.own import own_report
from trainfare.flows.reconcile import reconcile
from trainfare.flows.report import make_report
from trainfare.flows.report_json import report_json
from trainfare.flows.statement import state
from trainfare.flows.statement_json import check_team, own_statement_json, statement_json
from trainfare.flows.utilization import make_utilization
from trainfare.flows.utilization_json import utilization_json
from trainfare.server.own_runs import own_among, own_run
from trainfare.server.service import Service
from trainfare.server.sheet import Form, as_form, flat

Names = Annotated[str, QueryParameter(max_length=500, description="keys, a comma between")]
Where = Annotated[
    list[str] | None,
    QueryParameter(name="where", description="key=value; the same key is or, another is and"),
]
Period = Annotated[str | None, QueryParameter(description="a billing period, 2026-10")]
AsOf = Annotated[str | None, QueryParameter(description="as it stood then, RFC 3339")]

OF_ALL = ("remainders", "left_out", "total", "total_row", "coverage", "untagged", "notes")
"""What of a report belongs to no single team."""


def filters_for(caller: Caller, texts: Sequence[str] | None) -> dict[str, list[str]]:
    """The filters asked for, within what the caller sees.

    Raises:
        NotAllowed: only another team's rows are asked for.
    """
    where: dict[str, list[str]] = {}
    for text in texts or ():
        key, value = parse_label(text)
        where.setdefault(key, []).append(value)
    if caller.team is not None:
        if caller.team not in where.get("team", [caller.team]):
            caller.need_all_teams("read")
        where["team"] = [caller.team]
    return where


@get("/report", sync_to_thread=True, tags=["money"])
def get_report(
    caller: Caller,
    service: Service,
    by: Names = "model",
    measures: Names = "",
    where: Where = None,
    period: Period = None,
    view: View = View.EFFECTIVE,
    as_of: AsOf = None,
    sharing: Annotated[
        Sharing, QueryParameter(name="commitments", description="who has their benefit")
    ] = Sharing.BILLED,
    form: Form = "json",
) -> Response[Any]:
    """Money by any keys; rows, remainders and what is left out sum to the bill."""
    caller.need("read")
    filters = filters_for(caller, where)
    as_of_ns = None if as_of is None else parse_instant(as_of)
    keys, columns = _names(by), _names(measures)

    def work() -> dict[str, Any]:
        report = make_report(
            service.home,
            keys,
            measures=columns,
            where=filters,
            period=period,
            view=view,
            as_of_ns=as_of_ns,
            sharing=sharing,
        )
        return report_json(report if caller.team is None else own_report(report))

    question = ("report", keys, columns, _frozen(filters), period, view, as_of_ns, sharing)
    document: dict[str, Any] = service.answer(caller, question, work)
    if caller.team is not None:
        others = [{**one, **dict.fromkeys(OF_ALL)} for one in document["other_currencies"]]
        document = {**document, **dict.fromkeys(OF_ALL), "other_currencies": others}
    return as_form(form, "report", document, lambda: _report_rows(document))


def _report_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every line of every currency."""
    rows = []
    for one in (document, *document["other_currencies"]):
        beside = {"currency": one.get("currency"), "view": one.get("view")}
        rows += [{**flat(row), **beside} for row in one.get("rows", ())]
        for name, amount in (one.get("remainders") or {}).items():
            first = (one.get("by") or ["row"])[0]
            rows.append({first: f"({name})", "allocated": amount, **beside})
        if one.get("left_out"):
            rows.append({**flat(one["left_out"]), **beside})
    return rows


@get("/reconcile", sync_to_thread=True, tags=["money"])
def get_reconciliation(
    caller: Caller,
    service: Service,
    period: Period = None,
    run: str | None = None,
    as_of: AsOf = None,
    form: Form = "json",
) -> Response[Any]:
    """Estimates beside the bill, run by run; as allocated: asking allocates nothing."""
    caller.need("read")
    run_id = None if run is None else own_run(service, caller, run)
    as_of_ns = None if as_of is None else parse_instant(as_of)
    document: dict[str, Any] = service.answer(
        caller,
        ("reconcile", period, run_id, as_of_ns),
        lambda: reconcile(
            service.home, period, run=run_id, as_of_ns=as_of_ns or time.time_ns()
        ).to_json(),
    )
    if caller.team is not None:
        seen = own_among(service, caller, [row["run"] for row in document["rows"]])
        rows = [row for row in document["rows"] if row["run"] in seen]
        document = {**document, "rows": rows, "totals": None, "median_absolute_error": None}
    return as_form(form, "reconcile", document, lambda: [flat(row) for row in document["rows"]])


@get("/verify", sync_to_thread=True, tags=["money"])
def get_proof(
    caller: Caller, service: Service, period: Period = None, form: Form = "json"
) -> Response[Any]:
    """Whether runs and remainders sum to the bill, to the nano."""
    caller.need_all_teams("read")
    document: dict[str, Any] = service.answer(
        caller, ("verify", period), lambda: balances_json(verify(service.home, period))
    )
    return as_form(form, "verify", document, lambda: document["periods"])


@get("/utilization", sync_to_thread=True, tags=["money"])
def get_utilization(
    caller: Caller,
    service: Service,
    period: Period = None,
    by: Names = "run",
    run: str | None = None,
    form: Form = "json",
) -> Response[Any]:
    """What paid GPUs did, in time and money; a caller of one team names a run."""
    caller.need("read")
    if run is None:
        caller.need_all_teams("read")
    run_id = None if run is None else own_run(service, caller, run)
    keys = _names(by)
    document: dict[str, Any] = service.answer(
        caller,
        ("utilization", period, keys, run_id),
        lambda: utilization_json(make_utilization(service.home, keys, period=period, run=run_id)),
    )
    if caller.team is not None:
        document = {**document, "commitments": None, "outside": None}
    return as_form(form, "utilization", document, lambda: _use_rows(document))


def _use_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {**flat(row), "currency": one.get("currency")}
        for one in (document, *document["other_currencies"])
        for row in one.get("rows", ())
    ]


@get("/frontier", sync_to_thread=True, tags=["money"])
def get_frontier(
    caller: Caller,
    service: Service,
    where: Where = None,
    metric: str | None = None,
    target: str | None = None,
    form: Form = "json",
) -> Response[Any]:
    """The runs that no other beats in time and cost."""
    caller.need("read")
    filters = filters_for(caller, where)
    aim = None if target is None else decimal_of(target)
    document: dict[str, Any] = service.answer(
        caller,
        ("frontier", _frozen(filters), metric, aim),
        lambda: find_frontier(service.home, filters, metric=metric, target=aim).to_json(),
    )
    return as_form(form, "frontier", document, lambda: [flat(row) for row in document["rows"]])


@get("/statement", sync_to_thread=True, tags=["money"])
def get_statement(
    caller: Caller,
    service: Service,
    period: Period = None,
    team: str | None = None,
    kind: Literal["showback", "chargeback"] = "showback",
    view: View = View.EFFECTIVE,
    as_of: AsOf = None,
    form: Form = "json",
) -> Response[Any]:
    """What each team has of a month's bill."""
    from trainfare.reports.statement import StatementKind

    caller.need("read")
    if not caller.sees(team) and team is not None:
        caller.need_all_teams("read")
    whose = caller.team or team
    as_of_ns = None if as_of is None else parse_instant(as_of)

    def work() -> dict[str, Any]:
        stated = state(service.home, period, kind=StatementKind(kind), view=view, as_of_ns=as_of_ns)
        if caller.team is None:
            check_team(stated, whose)
        return statement_json(stated, whose)

    document: dict[str, Any] = service.answer(
        caller, ("statement", period, whose, kind, view, as_of_ns), work
    )
    if caller.team is not None:
        document = own_statement_json(document)
    return as_form(form, "statement", document, lambda: _statement_rows(document))


def _statement_rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"team": one["team"], **flat(line), "currency": book["currency"]}
        for book in document["books"]
        for one in book["statements"]
        for line in one["runs"]
    ]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _frozen(filters: Mapping[str, Sequence[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((key, tuple(values)) for key, values in sorted(filters.items()))


ROUTES = [get_report, get_reconciliation, get_proof, get_utilization, get_frontier, get_statement]
"""For the application."""
