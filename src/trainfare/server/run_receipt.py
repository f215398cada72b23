"""The receipt of a run on its page, and the tables of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from trainfare.core.charge import Component
from trainfare.core.money import Money
from trainfare.core.period import SECOND
from trainfare.core.plain import percent
from trainfare.flows.show import open_dossier
from trainfare.metering.receipt import Receipt
from trainfare.metering.receipt_view import duration_text, view_of
from trainfare.server.grid import Cell, Column, Grid, Line, money_cell, text_cell
from trainfare.server.part import Ask

NO_PRICE = "no price was known"


def show_receipt(ask: Ask, run: str) -> dict[str, Any]:
    """What the part of the receipt of *run* is made of."""
    dossier = open_dossier(ask.home, run)
    document = dossier.to_json()
    return {
        "dossier": dossier,
        "it": document,
        "grids": [
            _components(document, _nothing(dossier.receipt)),
            _stages(document),
            _devices(document),
            _metrics(document),
        ],
    }


def _money(text: str | None, currency: str) -> Money | None:
    return None if text is None else Money.parse(text, currency)


def _nothing(receipt: Receipt) -> set[str]:
    """Components of which the run had nothing; the receipt in a terminal says so too."""
    had = {one.label for one in view_of(receipt).lines if (one.words, one.amount) != ("none", "—")}
    return {one.value for one in Component} - had


def _components(document: Mapping[str, Any], nothing: Collection[str]) -> Grid:
    """What each component was estimated at, and billed; *nothing* names those that had none."""
    currency, estimated, billed = document["currency"], document["estimated"], document["billed"]

    def line(name: str, ours: str | None, theirs: str | None, role: str = "group") -> Line:
        paid = money_cell(_money(theirs, billed["currency"]) if billed else None)
        own = money_cell(_money(ours, currency), why=NO_PRICE)
        if name in nothing:
            own = Cell("none", own.value)
        return Line((text_cell(name), own, paid), role)

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
                    text_cell(None if activity is None else percent(activity)),
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
