"""Runs: the list with its filters in the address, one run with all that is known, two compared."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from litestar import Request, get
from litestar.response import Template

from trainfare.core.caller import Caller
from trainfare.core.charge import Component, View
from trainfare.core.errors import BadInput, NotFound
from trainfare.core.money import Money
from trainfare.core.period import SECOND, format_instant
from trainfare.core.stage import Status
from trainfare.flows.compare import Figure, compare_runs
from trainfare.flows.explain import explain_run
from trainfare.flows.show import open_dossier
from trainfare.metering.receipt_view import duration_text
from trainfare.server.grid import Cell, Column, Grid, Line, money_cell, nano_cell, text_cell
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.service import Service
from trainfare.store.sights import Wanted, count_by_status, find_run, read_page, read_sights

ROWS = 50
FIELDS = ("q", "status", "model", "experiment", "team", "label", "order")
"""What the address of the list may hold, beside the cursor."""

PARTS_SHOWN = 200

NO_PRICE = "no price was known"

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
    dossier = open_dossier(ask.home, _own(ask))
    document = dossier.to_json()
    currency = document["currency"]
    epochs = Grid(
        "Epochs",
        (
            Column("epoch", "Epoch", is_right=True),
            Column("seconds", "Time", is_right=True),
            Column("estimated", "Estimated", currency, is_right=True, mark="estimated"),
        ),
        tuple(
            Line(
                (
                    Cell(str(one["epoch"]), one["epoch"]),
                    Cell(duration_text(round(one["seconds"] * SECOND)), str(one["seconds"])),
                    money_cell(_money(one["estimated"], currency), places=4),
                )
            )
            for one in document["epochs"]
        ),
    )
    return {
        "dossier": dossier,
        "it": document,
        "grids": [
            epochs,
            _devices(document),
            _metrics(document),
            _components(document),
            _stages(document),
        ],
    }


def _money(text: str | None, currency: str) -> Money | None:
    return None if text is None else Money.parse(text, currency)


def _components(document: Mapping[str, Any]) -> Grid:
    """What each component was estimated at, and billed."""
    currency, estimated, billed = document["currency"], document["estimated"], document["billed"]

    def line(name: str, ours: str | None, theirs: str | None, role: str = "group") -> Line:
        paid = money_cell(_money(theirs, billed["currency"]) if billed else None)
        return Line((text_cell(name), money_cell(_money(ours, currency), why=NO_PRICE), paid), role)

    columns = (
        Column("component", "Component"),
        Column("estimated", "Estimated", is_right=True, mark="estimated"),
        Column("billed", "Billed", is_right=True, mark=billed["view"] if billed else "effective"),
    )
    names = [one.value for one in Component]
    lines = [
        line(name, estimated["components"][name], billed and billed["components"][name])
        for name in names
    ]
    total = line("total", estimated["total"], billed and billed["total"], "total")
    return Grid("Estimated and billed by component", columns, (*lines, total))


def _stages(document: Mapping[str, Any]) -> Grid:
    """Time and cost of each stage."""
    columns = (
        Column("stage", "Stage"),
        Column("seconds", "Time", is_right=True),
        Column("estimated", "Estimated", is_right=True, mark="estimated"),
    )
    lines = tuple(
        Line(
            (
                text_cell(one["stage"]),
                Cell(duration_text(round(one["seconds"] * SECOND)), str(one["seconds"])),
                money_cell(_money(one["estimated"], document["currency"]), why=NO_PRICE),
            )
        )
        for one in document["stages"]
    )
    return Grid("Stages", columns, lines)


def _devices(document: Mapping[str, Any]) -> Grid:
    columns = (
        Column("gpu", "GPU"),
        Column("gpu_activity", "Activity", is_right=True),
        Column("low_use_seconds", "Low use", is_right=True),
        Column("energy_kwh", "Energy", "kWh", is_right=True),
    )
    lines = []
    for one in document["devices"]:
        activity, low = one.get("gpu_activity"), one.get("low_use_seconds")
        energy = one.get("energy_kwh")
        lines.append(
            Line(
                (
                    text_cell(f"{one.get('index', '')} {one.get('name', '')}".strip()),
                    text_cell(None if activity is None else f"{activity:.1%}"),
                    text_cell(None if low is None else duration_text(round(low * SECOND))),
                    text_cell(None if energy is None else f"{float(energy):,.2f}"),
                )
            )
        )
    return Grid("GPUs", columns, tuple(lines))


def _metrics(document: Mapping[str, Any]) -> Grid:
    names = ("first", "last", "min", "max")
    columns = (
        Column("metric", "Metric"),
        *(Column(name, name.capitalize(), is_right=True) for name in names),
    )
    lines = tuple(
        Line((text_cell(name), *(text_cell(_number(one.get(key))) for key in names)))
        for name, one in document["metrics"].items()
    )
    return Grid("Metrics", columns, lines)


def _number(value: Any) -> str | None:
    return None if value is None else f"{float(value):.5g}"


def _charges(ask: Ask) -> dict[str, Any]:
    """What the run got of every charge, the largest first."""
    told = explain_run(ask.home, _own(ask))
    place = list(View).index(View.EFFECTIVE)
    parts = sorted(told.parts, key=lambda part: -abs(part.line.amounts[place] or 0))
    is_open = ask.team is None
    lines = [
        Line(
            (
                text_cell(part.charge, href=f"/charges?charge={part.charge}" if is_open else ""),
                text_cell(part.line.resource),
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
        text = f"{one.value:.1%}"
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
    return {"grids": [Grid("Runs", tuple(Column(name, name) for name in names), lines)]}


add_parts(
    Part("run_table", _table, takes=FIELDS, is_slow=False),
    Part("receipt", _receipt, takes=("run",), height="big"),
    Part("charges", _charges, takes=("run",), height="big"),
    Part("compared", _compared, takes=("first", "second"), height="big"),
)
