"""Advice on pages: what could be saved, and what was paid for nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from litestar import Request, get
from litestar.response import Template

from trainfare.core.caller import Caller
from trainfare.core.money import Money
from trainfare.core.plain import percent
from trainfare.core.recommendation import Advice
from trainfare.flows.advise import advise
from trainfare.flows.utilization import make_utilization
from trainfare.reports.utilization import GpuState
from trainfare.server.grid import Cell, Column, Grid, Line, money_cell, resource_cell, text_cell
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.service import Service

SHOWN = 12
"""So many recommendations stand open to the eye, the largest savings; the others fold."""

_MONEY = re.compile(r"-?\d+\.\d{9}")
"""How evidence writes money."""


@get("/advice", sync_to_thread=False)
def advice(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """What could be saved, and what money was spent on nothing."""
    caller.need_all_teams("read")
    done = request.query_params.get("done")
    return make_page(request, caller, service, "advice", problem=None, done=done)


def _advice(ask: Ask) -> dict[str, Any]:
    """What is recommended, the largest saving first, and what was looked at and is not."""
    found = advise(ask.home)
    book = "effective" if found.book == "billed" else "estimated"
    columns = (
        Column("id", "Id"),
        Column("kind", "Kind"),
        Column("title", "What to do"),
        Column("saving", "Saving a month", is_right=True, mark="saving"),
        Column("saving_low", "From", is_right=True, mark="saving"),
        Column("saving_high", "To", is_right=True, mark="saving"),
        Column("base", "Of", is_right=True, mark=book),
        Column("confidence", "Sure"),
        Column("effort", "Effort"),
    )
    not_columns = (Column("kind", "Kind"), Column("subject", "What"), Column("why", "Why not"))
    not_lines = tuple(
        Line((text_cell(one.kind.value), resource_cell(one.subject), text_cell(one.why)))
        for one in found.not_advised
    )
    return {
        "found": found,
        "book": book,
        "shown": SHOWN,
        "told": [(one, _facts(one)) for one in found.advice],
        "sums": [
            (
                Money.total(
                    [a.saving for a in found.advice if a.saving.currency == currency], currency
                ),
                paid,
            )
            for currency, paid in sorted(
                found.paid_per_month.items(), key=lambda pair: -pair[1].nano
            )
        ],
        "grids": [
            Grid("Advice", columns, tuple(_advice_line(one) for one in found.advice)),
            Grid("Looked at and not recommended", not_columns, not_lines, shown=20),
        ],
    }


def _advice_line(one: Advice) -> Line:
    made = one.recommendation
    return Line(
        (
            text_cell(made.id),
            text_cell(made.kind.value),
            text_cell(made.title),
            money_cell(one.saving),
            money_cell(one.saving_low),
            money_cell(one.saving_high),
            money_cell(one.base_per_month),
            text_cell(made.confidence.value),
            text_cell(made.effort.value),
        )
    )


def _facts(one: Advice) -> list[tuple[str, list[tuple[str, bool]], list[float]]]:
    """The evidence as (what, words and whether they are money, numbers of a row of columns)."""
    facts: list[tuple[str, list[tuple[str, bool]], list[float]]] = []
    for name, value in one.recommendation.evidence.items():
        title = name.replace("_", " ").replace("gpu", "GPU")
        if isinstance(value, list) and value and all(isinstance(v, int | float) for v in value):
            facts.append((title, [], [float(v) for v in value]))
        else:
            some = value if isinstance(value, list) else [value]
            words = [(_said(v, one.recommendation.currency), _is_money(v)) for v in some]
            facts.append((title, words, []))
    return facts


def _is_money(value: Any) -> bool:
    """Whether there is an amount in one thing of the evidence."""
    if isinstance(value, Mapping):
        return any(map(_is_money, value.values()))
    return isinstance(value, str) and _MONEY.fullmatch(value) is not None


def _said(value: Any, currency: str) -> str:
    """One thing of the evidence in words."""
    if isinstance(value, Mapping):
        return ", ".join(_said(one, currency) for one in value.values())
    if isinstance(value, str) and value.count("/") > 2:
        return resource_cell(value).text
    if isinstance(value, float):
        return f"{value:,.5g}"
    if isinstance(value, str) and _MONEY.fullmatch(value):
        return Money.parse(value, currency).display(2)
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _wasted(ask: Ask) -> dict[str, Any]:
    """Idle machines and runs with low use, the dearest first."""
    idle = _states_of(ask, "resource", GpuState.IDLE, "Idle machines", "Machine", "")
    low = _states_of(ask, "run", GpuState.LOW_USE, "Runs whose GPUs did nothing", "Run", "/runs/")
    return {"grids": [idle, low]}


def _states_of(ask: Ask, by: str, which: GpuState, caption: str, title: str, link: str) -> Grid:
    found = make_utilization(ask.home, (by,))
    rows = [
        (row.key[0], row.gpu_ns[which], row.amounts[which], row.paid_ns)
        for use in found.uses
        for row in use.rows
        if row.gpu_ns[which]
    ]
    rows.sort(key=lambda row: -row[2].nano)
    mark = "effective" if found.book == "billed" else "estimated"
    columns = (
        Column(by, title),
        Column("gpu_hours", "GPU-hours", is_right=True),
        Column("share", "Of its time", is_right=True),
        Column("amount", "Paid for it", is_right=True, mark=mark),
    )
    lines = tuple(
        Line(
            (
                resource_cell(
                    name, href=f"{link}{name}" if link and not name.startswith("(") else ""
                ),
                Cell(f"{ns / 3.6e12:,.1f}", f"{ns / 3.6e12:.6f}"),
                Cell(percent(ns / paid, 0) if paid else "–", f"{ns / paid:.6f}" if paid else None),
                money_cell(amount),
            )
        )
        for name, ns, amount, paid in rows
    )
    return Grid(caption, columns, lines, shown=10)


add_parts(
    Part("advice", _advice, is_for_all_teams=True, height="big"),
    Part("wasted", _wasted, is_for_all_teams=True, height="big"),
)
