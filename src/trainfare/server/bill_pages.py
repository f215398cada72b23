"""Bills on pages: deliveries, upload, the seal, and one charge explained."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litestar import Request, get, post
from litestar.datastructures import UploadFile
from litestar.response import Redirect, Template

from trainfare.core.caller import Caller
from trainfare.core.charge import Remainder, View
from trainfare.core.errors import BadInput, TrainfareError
from trainfare.core.money import Money
from trainfare.core.period import format_instant
from trainfare.flows.allocation import allocate_periods, verify
from trainfare.flows.bill import has_analytics, import_bills, list_deliveries
from trainfare.flows.explain import explain_charge
from trainfare.flows.report import make_report
from trainfare.metering.receipt_view import duration_text
from trainfare.server.grid import (
    Cell,
    Column,
    Grid,
    Line,
    money_cell,
    nano_cell,
    resource_cell,
    text_cell,
)
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.service import Service

UPLOAD_MAX = 4 * 2**30
"""A larger bill comes in by a bucket or by ``trainfare bill import`` on the server's machine."""

_CHUNK = 1 << 20


@get("/bills", sync_to_thread=False)
def bills(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """Every delivery, and the proof that each cent of them has a place."""
    caller.need_all_teams("read")
    return make_page(
        request, caller, service, "bills", problem=None, done=request.query_params.get("done")
    )


@post("/bills", status_code=303, request_max_body_size=UPLOAD_MAX)
async def upload_bill(
    request: Request[Any, Any, Any], caller: Caller, service: Service
) -> Template | Redirect:
    """Import the files of a form, then allocate what they changed."""
    caller.need_all_teams("admin")
    form = await request.form()
    files = [one for one in form.getall("bill", []) if isinstance(one, UploadFile) and one.filename]
    try:
        if not files:
            raise BadInput("no file was chosen; choose the files of one delivery")
        with tempfile.TemporaryDirectory(prefix="trainfare-bill-") as folder:
            places = [await _keep(one, Path(folder)) for one in files]
            await asyncio.to_thread(_take, service, places)
    except TrainfareError as error:
        return make_page(
            request,
            caller,
            service,
            "bills",
            status=400,
            problem=str(error).replace(f"{folder}/" if files else "\0", ""),
            done=None,
        )
    return Redirect("/bills?done=imported", status_code=303)


async def _keep(file: UploadFile, folder: Path) -> str:
    """The upload as a file of its own name; its path."""
    path = folder / (Path(file.filename).name or "bill")
    with path.open("wb") as kept:
        while chunk := await file.read(_CHUNK):
            await asyncio.to_thread(kept.write, chunk)
    return str(path)


def _take(service: Service, places: Sequence[str]) -> None:
    import_bills(service.home, places)
    _allocate(service)


def _allocate(service: Service) -> None:
    allocate_periods(service.home)
    service.answers.forget()  # the page that follows shows the new result, or that it is to come


@post("/allocations", status_code=303)
async def allocate(caller: Caller, service: Service) -> Redirect:
    """Give every charge to a run or a named remainder again, where something changed."""
    caller.need_all_teams("admin")
    await asyncio.to_thread(_allocate, service)
    return Redirect("/bills?done=allocated", status_code=303)


@get("/charges", sync_to_thread=False)
def charge_page(
    request: Request[Any, Any, Any], caller: Caller, service: Service, charge: str
) -> Template:
    """One charge, and how it was divided."""
    caller.need_all_teams("read")
    return make_page(request, caller, service, "charge", page="bills", charge=charge)


def _deliveries(ask: Ask) -> dict[str, Any]:
    found = list_deliveries(ask.home) if has_analytics() else []
    place = View.EFFECTIVE.value
    lines = [
        Line(
            (
                text_cell(one.period),
                resource_cell(one.source),
                Cell(
                    "counts" if is_current else "replaced",
                    tone="ok" if is_current else "replaced",
                ),
                text_cell(one.format),
                _files_cell(one.files),
                Cell(f"{one.rows:,}", one.rows),
                Cell(f"{one.repairs:,}", one.repairs),
                _sums(one.totals, place),
                text_cell(format_instant(one.imported_ns // 10**9 * 10**9)[:16].replace("T", " ")),
                Cell(one.id[:8], one.id[:12], why=one.id),
            )
        )
        for one, is_current in reversed(found)
    ]
    columns = (
        Column("period", "Period"),
        Column("source", "Source"),
        Column("state", "State"),
        Column("format", "Format"),
        Column("files", "Files"),
        Column("rows", "Rows", is_right=True),
        Column("repairs", "Repaired", is_right=True),
        Column("effective", "Total", is_right=True, mark="effective"),
        Column("imported_at", "Arrived"),
        Column("delivery", "Delivery"),
    )
    return {"grids": [Grid("Deliveries", columns, tuple(lines))]}


def _files_cell(files: Sequence[str]) -> Cell:
    """The first file, and how many more there are; a file of the table has two of them."""
    short = resource_cell(files[0]).text if files else "–"
    more = f" +{len(files) - 1}" if len(files) > 1 else ""
    said = ", ".join(files[:2]) + (" …" if len(files) > 2 else "")
    return Cell(short + more, said, why=said)


def _sums(totals: Any, view: str) -> Cell:
    """A delivery's totals in every currency."""
    amounts = [
        Money(int(views[view]), currency) for currency, views in totals.items() if view in views
    ]
    return Cell(
        ", ".join(one.display(2) for one in amounts) or "–",
        ", ".join(f"{one.text()} {one.currency}" for one in amounts),
    )


def _proof(ask: Ask) -> dict[str, Any]:
    """Conservation of every period, currency and view."""
    balances = verify(ask.home) if has_analytics() else []
    columns = (
        Column("state", "Seal"),
        Column("period", "Period"),
        Column("view", "Book"),
        Column("bill", "Bill", is_right=True),
        Column("runs", "Runs", is_right=True),
        *(
            Column(one.value, one.value.replace("_", " ").capitalize(), is_right=True)
            for one in Remainder
        ),
        Column("difference", "Difference", is_right=True),
    )
    lines = tuple(
        Line(
            (
                Cell(
                    "sealed" if not one.difference else "broken",
                    tone="sealed" if not one.difference else "broken",
                ),
                text_cell(one.period),
                Cell(one.currency, f"{one.view.value}, {one.currency}", mark=one.view.value),
                *(
                    money_cell(Money(nano, one.currency))
                    for nano in (one.bill, one.runs, *(one.remainders[name] for name in Remainder))
                ),
                Cell(
                    Money(one.difference, one.currency).text() if one.difference else "0",
                    str(one.difference),
                ),
            )
        )
        for one in balances
    )
    return {
        "grids": [Grid("Proof of conservation", columns, lines)],
        "is_conserved": all(not one.difference for one in balances),
        "stale": sorted({one.period for one in balances if one.is_stale}),
    }


def _untagged(ask: Ask) -> dict[str, Any]:
    report = make_report(ask.home, ("component",))
    columns = (
        Column("resource", "Resource"),
        Column("service", "Service"),
        Column("account", "Account"),
        Column("effective", "Nobody's", is_right=True, mark="effective"),
        Column("rule", "A rule that would settle it"),
    )
    lines = tuple(
        Line(
            (
                resource_cell(one.resource or "(none)"),
                text_cell(one.service),
                text_cell(None) if one.account is None else resource_cell(one.account),
                money_cell(one.amount),
                _rule_cell(one.rule, one.resource or one.account or ""),
            )
        )
        for one in report.untagged
    )
    return {"grids": [Grid("What nobody owns", columns, lines)]}


def _rule_cell(rule: str, subject: str) -> Cell:
    """A rule on one line, with its long *subject* as short as it stands beside it."""
    whole = " · ".join(rule.splitlines()[2:])
    short = resource_cell(subject).text
    if short == subject:  # or there is none
        return text_cell(whole)
    return Cell(whole.replace(subject, f"…{short.lstrip('…')}"), whole, why=whole)


def _charge(ask: Ask) -> dict[str, Any]:
    found = explain_charge(ask.home, ask.word("charge") or "")
    place = list(View).index(View.EFFECTIVE)
    columns = (
        Column("owner", "Goes to"),
        Column("method", "Found by"),
        Column("held", "Held"),
        Column("effective", "Its part", is_right=True, mark="effective"),
    )
    told = []
    for one in found:
        first = one.explanation.lines[0]
        lines = [
            Line(
                (
                    text_cell(line.run, href=f"/runs/{line.run}")
                    if line.run
                    else text_cell(f"({str(line.remainder or 'nobody').replace('_', ' ')})"),
                    text_cell(
                        line.method.replace("_", " ") + (f", {line.label}" if line.label else "")
                    ),
                    text_cell(
                        duration_text(one.held_us[line.run] * 1000)
                        if line.run and line.run in one.held_us
                        else None
                    ),
                    nano_cell(line.amounts[place], line.currency),
                ),
                "group" if line.run else "remainder",
            )
            for line in one.explanation.lines
        ]
        nanos = [line.amounts[place] or 0 for line in one.explanation.lines]
        whole = nano_cell(sum(nanos), first.currency)
        lines.append(Line((text_cell("the charge"), text_cell(""), text_cell(""), whole), "total"))
        told.append(
            {
                "one": one,
                "first": first,
                "start": format_instant(first.start_us * 1000),
                "end": format_instant(first.end_us * 1000),
                "paid": None
                if one.explanation.capacity_us is None
                else one.explanation.capacity_us * 1000,
                "rule": one.explanation.rule.name if one.explanation.rule else None,
            }
        )
        told[-1]["grid"] = Grid("Parts of the charge", columns, tuple(lines))
    return {"told": told, "grids": [one["grid"] for one in told]}


add_parts(
    Part("deliveries", _deliveries, is_for_all_teams=True, height="big"),
    Part("proof", _proof, is_for_all_teams=True, height="big"),
    Part("untagged", _untagged, is_for_all_teams=True),
    Part("charge", _charge, takes=("charge",), is_for_all_teams=True, height="big"),
)
