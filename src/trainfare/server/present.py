"""The present: what runs hold at this moment, which machines wait, and what the month comes to."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from trainfare.core.budget import Budget, BudgetPeriod, Standing, make_budget
from trainfare.core.money import Money
from trainfare.flows.budget import standings
from trainfare.flows.machines import list_machines
from trainfare.flows.watch import Frame, take_frame
from trainfare.metering.budget_shelf import read_budgets
from trainfare.metering.receipt_view import duration_text
from trainfare.reports.machine_time import MachineTime
from trainfare.server.grid import Cell, Column, Grid, Line, money_cell, text_cell
from trainfare.server.part import Ask
from trainfare.server.writing import ago, percent
from trainfare.store.sights import Wanted, read_page

HOLDERS_MAX = 200
"""So many running runs are looked at for what they hold."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A run that goes on, and what it holds."""

    row: dict[str, Any]
    frame: Frame

    @property
    def machines(self) -> list[str]:
        """The machines of its present attempt."""
        segments = self.frame.receipt.run.attempts[-1].segments
        return sorted({one.machine.resource_id for one in segments})

    @property
    def kinds(self) -> list[str]:
        """The instance types of those."""
        segments = self.frame.receipt.run.attempts[-1].segments
        return sorted({one.machine.instance_type or "" for one in segments} - {""})

    @property
    def gpu_activity(self) -> float | None:
        """The mean of its GPUs now, 0 to 1."""
        known = [one.activity[-1] for one in self.frame.devices if one.activity]
        measured = [one for one in known if one is not None]
        return sum(measured) / len(measured) if measured else None


def find_holders(ask: Ask) -> tuple[list[Holder], int]:
    """The runs that go on, the latest first, at most HOLDERS_MAX of them; and how many there are."""
    wanted = Wanted(team=ask.team, status=("running",))
    with ask.service.ledger.look() as connection:
        page = read_page(connection, wanted, limit=HOLDERS_MAX)
    return [Holder(row, take_frame(ask.home, row["run"])) for row in page.rows], page.total


def show_holders(ask: Ask) -> dict[str, Any]:
    """Running runs with their machines and GPUs."""
    found, total = find_holders(ask)
    columns = (
        Column("run", "Run"),
        *((Column("team", "Team"),) if ask.team is None else ()),
        Column("machines", "Machines"),
        Column("gpus", "GPUs", is_right=True),
        Column("gpu_activity", "GPU activity", is_right=True),
        Column("per_hour", "Per hour", is_right=True, mark="estimated"),
    )
    lines = tuple(
        Line(
            (
                text_cell(one.row["name"] or one.row["run"], href=f"/runs/{one.row['run']}"),
                *((text_cell(one.row["labels"].get("team")),) if ask.team is None else ()),
                Cell(", ".join(one.machines), sub=", ".join(one.kinds)),
                Cell(str(len(one.frame.devices)), len(one.frame.devices)),
                text_cell(None if one.gpu_activity is None else percent(one.gpu_activity, 0)),
                money_cell(one.frame.price_per_hour, why="no price is known"),
            )
        )
        for one in found
    )
    notes = (
        (f"The latest {len(found)} of {total:,} runs that go on.",) if total > len(found) else ()
    )
    return {"grids": [Grid("Who holds what now", columns, lines, notes)]}


def show_nodes(ask: Ask) -> dict[str, Any]:
    """Machines whose agent was heard within a day, the dearest idle first."""
    columns = (
        Column("machine", "Machine"),
        Column("state", "State"),
        Column("gpus", "GPUs", is_right=True),
        Column("held_share", "Held now", is_right=True),
        Column("runs", "By"),
        Column("idle_now_per_hour", "Idle now, an hour", is_right=True, mark="estimated"),
        Column("idle", "Idle within a day", is_right=True, mark="estimated"),
        Column("idle_seconds", "Its idle time", is_right=True),
        Column("seen_at", "Heard", is_right=True),
    )
    lines = tuple(_node_line(one) for one in list_machines(ask.home))
    return {"grids": [Grid("Machines now", columns, lines)]}


def _node_line(one: MachineTime) -> Line:
    machine = one.last.machine
    state = "gone" if not one.is_there else "idle" if not one.held_share else "held"
    share = one.held_share if one.is_there else Fraction(0)
    kind = ", ".join(filter(None, (machine.instance_type, machine.region)))
    return Line(
        (
            Cell(machine.hostname, machine.resource_id, why=machine.resource_id, sub=kind),
            Cell(state, state, tone={"idle": "warn", "held": "running"}.get(state, "replaced")),
            Cell(str(len(machine.accelerators)), len(machine.accelerators)),
            Cell(percent(share, 0), str(share)),
            text_cell(one.runs[0], href=f"/runs/{one.runs[0]}")
            if len(one.runs) == 1
            else text_cell(", ".join(one.runs) or None),
            money_cell(one.idle_now_per_hour, why="no price is known"),
            money_cell(one.idle_cost, why="no price is known"),
            Cell(duration_text(int(one.idle_ns)), str(int(one.idle_ns // 10**9))),
            text_cell(ago(one.last.interval.end_ns)),
        )
    )


def show_now(ask: Ask) -> dict[str, Any]:
    """The month until now, what runs cost an hour, and what waits."""
    found, total = find_holders(ask)
    month, is_budget = _month(ask)
    machines = [one for one in list_machines(ask.home) if one.is_there] if ask.team is None else []
    return {
        "month": month,
        "is_budget": is_budget,
        "called": time.strftime("%B", time.gmtime()),
        "running": total,
        "gpus": sum(len(one.frame.devices) for one in found),
        "hourly": _sums(one.frame.price_per_hour for one in found),
        "unpriced": sum(one.frame.price_per_hour is None for one in found),
        "machines": machines,
        "idle": [one for one in machines if one.held_share < 1],
        "idle_hourly": _sums(one.idle_now_per_hour for one in machines),
    }


def _month(ask: Ask) -> tuple[Standing, bool]:
    """Where the month stands, and whether a budget for all of it says how much it may be."""
    scope = "" if ask.team is None else str(_team_budget(ask.team).scope)
    whole = [
        one
        for one in read_budgets(ask.home)
        if one.period is BudgetPeriod.MONTH and one.scope.text == scope
    ]
    chosen = max(whole, key=lambda one: one.limit.nano, default=None)
    [found] = standings(ask.home, [chosen or _team_budget(ask.team)])
    return found, chosen is not None


def _team_budget(team: str | None) -> Budget:
    """A measure without a limit of anybody's: all runs of a month, or a team's."""
    escaped = (team or "").replace("\\", "\\\\").replace('"', '\\"')
    scope = "" if team is None else f'team="{escaped}"'
    return make_budget("month", "1", scope=scope, period="month")


def _sums(amounts: Iterable[Money | None]) -> list[Money]:
    """What is known, by currency."""
    by_currency: dict[str, list[Money]] = defaultdict(list)
    for one in amounts:
        if one is not None:
            by_currency[one.currency].append(one)
    return [Money.total(some, currency) for currency, some in sorted(by_currency.items())]
