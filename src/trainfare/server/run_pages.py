"""Runs: the list with its filters in the address, one run with all that is known, two compared."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from litestar import Request, get
from litestar.response import Template

from trainfare.core.caller import Caller
from trainfare.core.charge import View
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.money import Money
from trainfare.core.period import SECOND, format_instant
from trainfare.core.plain import percent
from trainfare.core.stage import Status
from trainfare.flows.compare import Figure, compare_runs
from trainfare.flows.explain import explain_run
from trainfare.metering.receipt_view import duration_text
from trainfare.server.grid import Cell, Column, Grid, Line, nano_cell, resource_cell, text_cell
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.run_receipt import show_receipt
from trainfare.server.service import Service
from trainfare.store.sights import Wanted, count_by_status, find_run, read_page, read_sights

ROWS = 50
FIELDS = ("q", "status", "model", "experiment", "team", "label", "order")
"""What the address of the list may hold, beside the cursor."""

PARTS_SHOWN = 200

OF_MONEY = ("money", "unit", "epoch")
"""Sections of a comparison that hold estimates."""


@get("/runs", sync_to_thread=True)
def run_list(
    request: Request[Any, Any, Any],
    caller: Caller,
    service: Service,
    cursor: str | None = None,
) -> Template:
    """The runs that the address asks for, the latest first."""
    caller.need("read")
    asked = {name: request.query_params.get(name, "") for name in FIELDS}
    wanted = wanted_of(asked, caller.team)
    order = asked["order"] or "-started"
    with service.ledger.look() as connection:
        page = read_page(connection, wanted, order=order, limit=ROWS, cursor=cursor)
        counts = count_by_status(connection, Wanted(team=caller.team))
    kept = {key: value for key, value in asked.items() if value}

    def sort_link(name: str) -> str:
        now = f"-{name}" if order != f"-{name}" else name
        return "/runs?" + urlencode({**kept, "order": now})

    def status_link(status: str) -> str:
        rest = {key: value for key, value in kept.items() if key != "status"}
        return "/runs?" + urlencode({**rest, **({"status": status} if status else {})})

    return make_page(
        request,
        caller,
        service,
        "run_list",
        page="runs",
        runs=page.rows,
        total=page.total,
        next="/runs?" + urlencode({**kept, "cursor": page.next}) if page.next else "",
        first="/runs?" + urlencode(kept) if cursor else "",
        asked=asked,
        kept=urlencode(kept),
        counts=counts,
        order=order,
        sort_link=sort_link,
        status_link=status_link,
        statuses=[one.value for one in Status],
    )


def wanted_of(asked: Mapping[str, str], team: str | None) -> Wanted:
    """Which runs the words of an address mean.

    Raises:
        BadInput: a label is not written as key=value.
    """
    labels = {}
    for pair in asked["label"].split(","):
        key, mark, value = pair.strip().partition("=")
        if pair.strip() and not mark:
            raise BadInput(f"a label is written key=value, not {pair!r}")
        if mark:
            labels[key] = value
    return Wanted(
        team=team,
        status=(asked["status"],) if asked["status"] else (),
        model=asked["model"] or None,
        experiment=asked["experiment"] or None,
        of_team=asked["team"] or None,
        labels=labels,
        text=asked["q"],
    )


def get_run(service: Service, caller_team: str | None, run: str) -> str:
    """The id of a run that the caller may see.

    Raises:
        NotFound: there is none.
    """
    with service.ledger.look() as connection:
        found = find_run(connection, run, caller_team)
    if len(found) != 1:
        raise NotFound(f"there is no run {run!r}; /runs lists those there are")
    return found[0]


@get("/runs/{run:str}", sync_to_thread=True)
def run_page(
    run: str, request: Request[Any, Any, Any], caller: Caller, service: Service
) -> Template:
    """One run: live while it goes on, then its receipt, its bill and every charge of it."""
    caller.need("read")
    found = get_run(service, caller.team, run)
    with service.ledger.look() as connection:
        sight = read_sights(connection, [found])[found]
    return make_page(request, caller, service, "run", page="runs", run=sight)


@get("/compare", sync_to_thread=True)
def compare(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """Two runs side by side."""
    caller.need("read")
    runs = request.query_params.getall("run", [])
    if len(runs) != 2:
        raise BadInput("two runs are compared; choose two in the list of runs")
    first, second = (get_run(service, caller.team, one) for one in runs)
    with service.ledger.look() as connection:
        sights = read_sights(connection, [first, second])
    return make_page(
        request, caller, service, "compare", page="runs", first=sights[first], second=sights[second]
    )


def _own(ask: Ask, name: str = "run") -> str:
    """The run asked about, which the caller may see."""
    return get_run(ask.service, ask.team, ask.word(name) or "")


def _receipt(ask: Ask) -> dict[str, Any]:
    return show_receipt(ask, _own(ask))


def _charges(ask: Ask) -> dict[str, Any]:
    """What the run got of every charge, the largest first."""
    told = explain_run(ask.home, _own(ask))
    place = list(View).index(View.EFFECTIVE)
    parts = sorted(told.parts, key=lambda part: -abs(part.line.amounts[place] or 0))
    is_open = ask.team is None
    lines = [
        Line(
            (
                resource_cell(
                    part.charge, href=f"/charges?charge={part.charge}" if is_open else ""
                ),
                resource_cell(part.line.resource) if part.line.resource else text_cell(None),
                text_cell(format_instant(part.line.start_us * 1000)[:16].replace("T", " ")),
                text_cell(part.line.method.replace("_", " ")),
                nano_cell(part.line.amounts[place], part.line.currency, 4),
            )
        )
        for part in parts
    ]
    lines += [
        Line(
            (
                text_cell(f"all charges of rule {one.rule}"),
                text_cell(one.text),
                text_cell(one.period),
                text_cell("shared"),
                nano_cell(one.amounts[place], one.currency, 4),
            )
        )
        for one in told.pooled
    ]
    columns = (
        Column("charge", "Charge", what="delivery/file:row, as the provider's file has it"),
        Column("resource", "Resource"),
        Column("start", "From"),
        Column("method", "Found by"),
        Column("effective", "Its part", is_right=True, mark="effective"),
    )
    return {"grids": [Grid("Charges of this run", columns, tuple(lines), shown=PARTS_SHOWN)]}


def _compared(ask: Ask) -> dict[str, Any]:
    found = compare_runs(ask.home, _own(ask, "first"), _own(ask, "second"))
    first, second = (one.run for one in found.receipts)
    grids = []
    for section in dict.fromkeys(row.section for row in found.rows):
        mark = "estimated" if section in OF_MONEY else ""
        columns = (
            Column("what", "What", mark=mark),
            Column("first", first.name or first.id, is_right=True, mark=mark),
            Column("second", second.name or second.id, is_right=True, mark=mark),
            Column("difference", "Difference", is_right=True, mark=mark),
            Column("ratio", "Ratio", is_right=True),
        )
        lines = tuple(
            Line(
                (
                    text_cell(row.what),
                    *(_figure(one) for one in row.figures),
                    _figure(
                        None
                        if row.difference is None or row.figures[0] is None
                        else Figure(row.difference, row.figures[0].unit),
                        is_signed=True,
                    ),
                    text_cell(None if row.ratio is None else f"{row.ratio:.2f} ×"),
                )
            )
            for row in found.rows
            if row.section == section
        )
        grids.append(Grid(section.capitalize(), columns, lines))
    return {"grids": grids, "labels": found.differing_labels}


def _figure(one: Figure | None, *, is_signed: bool = False) -> Cell:
    if one is None:
        return text_cell(None)
    if one.value is None:
        return Cell("unknown", None, is_known=False)
    sign = "+" if is_signed and one.value > 0 else ""
    if one.unit == "s":
        text = f"{'-' if one.value < 0 else ''}{duration_text(abs(round(one.value * SECOND)))}"
    elif one.unit == "share":
        text = percent(one.value)
    elif len(one.unit) == 3 and one.unit.isupper():
        text = Money.nearest(Decimal(one.value), one.unit).display()
    else:
        text = f"{one.value:,.5g}" if one.value != one.value.to_integral() else f"{one.value:,.0f}"
    return Cell(sign + text, f"{one.value:f}")


def _table(ask: Ask) -> dict[str, Any]:
    """The list of runs as a file has it: all that match."""
    wanted = wanted_of({name: ask.words.get(name, "") for name in FIELDS}, ask.team)
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    with ask.service.ledger.look() as connection:
        while True:
            order = ask.word("order") or "-started"
            page = read_page(connection, wanted, order=order, limit=1000, cursor=cursor)
            rows += page.rows
            cursor = page.next
            if cursor is None:
                break
    plain = ("run", "name", "status", "started_at", "ended_at", "duration_seconds", "currency")
    labels = ("model", "experiment", "team")
    names = (*plain, *labels, "estimated", "billed")
    lines = tuple(
        Line(
            tuple(
                text_cell(None if value is None else str(value))
                for value in (
                    *(row[name] for name in plain),
                    *(row["labels"].get(name) for name in labels),
                    row["estimated"]["total"],
                    row["billed"] and row["billed"]["total"],
                )
            )
        )
        for row in rows
    )
    columns = tuple(Column(name, name) for name in names)
    return {"grids": [Grid("Runs", columns, lines, shown=PARTS_SHOWN)]}


add_parts(
    Part("run_table", _table, takes=FIELDS, is_slow=False),
    Part("receipt", _receipt, takes=("run",), height="big"),
    Part("charges", _charges, takes=("run",), height="big"),
    Part("compared", _compared, takes=("first", "second"), height="big"),
)
