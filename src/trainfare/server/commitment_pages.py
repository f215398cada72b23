"""Commitments on a page: what to buy, demand and its line, what is held, what it saved, which runs used it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Request, get
from litestar.response import Template

from trainfare.core.caller import Caller
from trainfare.core.errors import BadInput, MissingExtra, NotFound
from trainfare.core.money import Money
from trainfare.core.period import name_periods
from trainfare.core.plain import percent
from trainfare.flows.commitment_charts import read_watched
from trainfare.flows.commitment_source import has_optimize
from trainfare.flows.commitment_status import read_alignment, read_status
from trainfare.flows.contracts import Recorded, SavedOnBill, recorded
from trainfare.flows.utilization import make_utilization
from trainfare.reports.commitment_runs import Alignment, CommitmentRun
from trainfare.server.grid import Cell, Column, Grid, Line, money_cell, text_cell
from trainfare.server.page import make_page
from trainfare.server.part import Ask, Part, add_parts
from trainfare.server.service import Service

SOON_DAYS = 30
"""What ends so soon is marked."""
RUNS_SHOWN = 12


@get("/commitments", sync_to_thread=False)
def commitments(request: Request[Any, Any, Any], caller: Caller, service: Service) -> Template:
    """What to buy, what was prepaid, how much of it was used, and what it saved."""
    caller.need_all_teams("read")
    period = request.query_params.get("period", "")
    lacking = "" if has_optimize() else str(MissingExtra("optimize", "plan commitments"))
    return make_page(request, caller, service, "commitments", period=period, lacking=lacking)


def _plan(ask: Ask) -> dict[str, Any]:
    """The purchase for a human, or that there is none, and the proof on later hours."""
    document = read_watched(ask.home)
    plan = document["plan"]
    currency = document["currency"]
    saving = document["saving_per_month"]
    return {
        "document": document,
        "plan": plan,
        "currency": currency,
        "periods": name_periods(document["periods"]),
        "saving": None if saving is None else Money.parse(saving, currency),
        "grids": [] if plan is None else [_windows(plan), _policies(plan)],
    }


def _windows(plan: Mapping[str, Any]) -> Grid:
    """What was promised beside what came of it, window by window."""
    currency = plan["currency"]
    columns = (
        Column("from", "Later hours, from"),
        Column("hours", "Hours", is_right=True),
        Column("promised", "Promised", is_right=True),
        Column("saved_share", "Saved", is_right=True),
        Column("saved", "Saved", is_right=True, mark="saving"),
        Column("regret", "Hindsight saved more", is_right=True, mark="saving"),
    )
    lines = tuple(
        Line(
            (
                text_cell(one["tested_from"][:10]),
                Cell(f"{one['tested_hours']:,}", one["tested_hours"]),
                _share_cell(one["promised_rate"]),
                _share_cell(one["backtested_rate"]),
                money_cell(Money.parse(one["saving"], currency)),
                money_cell(Money.parse(one["regret"], currency)),
            )
        )
        for one in plan["backtest"]
    )
    return Grid("Promised and what came of it", columns, lines)


def _policies(plan: Mapping[str, Any]) -> Grid:
    """What other ways of buying would have saved over the same hours, the best first."""
    currency = plan["currency"]
    tested = plan["backtest"]
    base = Money.total([Money.parse(one["on_demand"], currency) for one in tested], currency)
    names = tested[0]["paid"] if tested else ()
    saved = {
        name: base
        - Money.total([Money.parse(one["paid"][name], currency) for one in tested], currency)
        for name in names
    }
    columns = (
        Column("policy", "Way of buying"),
        Column("saved", "Saved", is_right=True, mark="saving"),
        Column("share", "Of on demand", is_right=True),
    )
    lines = tuple(
        Line(
            (
                text_cell(name.replace("_", " ")),
                money_cell(amount),
                _share_cell(amount.nano / base.nano if base else None),
            )
        )
        for name, amount in sorted(saved.items(), key=lambda pair: -pair[1].nano)
    )
    return Grid("Ways of buying over the same hours", columns, lines)


def _held(ask: Ask) -> dict[str, Any]:
    """What is held, how far it was used, and when it ends."""
    found = read_status(ask.home, ask.word("period"))
    columns = (
        Column("commitment", "Commitment"),
        Column("kind", "Kind"),
        Column("per_hour", "An hour", is_right=True, mark="effective"),
        Column("used", "Used", is_right=True, mark="effective"),
        Column("unused", "Unused", is_right=True, mark="effective"),
        Column("utilization", "Used of it"),
        Column("ends", "Ends"),
    )
    lines = [_held_line(one, found["currency"]) for one in found["commitments"]]
    rest = (*found["unmeasured"], *found["not_on_bill"])
    lines += [_held_line(one, one["currency"]) for one in rest]
    return {"found": found, "grids": [Grid("What is held", columns, tuple(lines))]}


def _held_line(one: Mapping[str, Any], currency: str) -> Line:
    hourly, share = one["commitment_per_hour"], one.get("commitment_utilization")

    def money(name: str) -> Cell:
        text = one.get(name)
        why = "" if text is not None else one.get("why", "no bill has it yet")
        return money_cell(None if text is None else Money.parse(text, currency), why=why)

    used = Cell("unknown", None, is_known=False)
    if share is not None:
        said = percent(share)
        pieces = (
            ("own", share * 100, f"used {said}"),
            ("unused_commitment", 100 - share * 100, "unused"),
        )
        used = Cell(said, f"{share:.6f}", pieces=pieces, sub=said)
    name = Cell(one["name"], one["id"], why=one["id"])
    return Line(
        (
            name,
            text_cell(one["kind"].replace("_", " ")),
            money_cell(None if hourly is None else Money.parse(hourly, currency), places=3),
            money("used"),
            money("unused"),
            used,
            _end_cell(one),
        )
    )


def _end_cell(one: Mapping[str, Any]) -> Cell:
    if one["ends"] is None:
        return Cell("unknown", None, why="trainfare commit record says it", is_known=False)
    days = one["days_left"]
    left = "over" if days < 0 else "today" if days == 0 else f"in {days:,} days"
    tone = "over" if days < 0 else "warn" if days <= SOON_DAYS else ""
    return Cell(one["ends"][:10], one["ends"], sub=left, tone=tone)


def _recorded(ask: Ask) -> dict[str, Any]:
    """What was bought, and what it saved on each bill beside the promise."""
    columns = (
        Column("commitment", "Commitment"),
        Column("bill", "Bill"),
        Column("hours", "Hours", is_right=True),
        Column("on_demand", "On demand", is_right=True, mark="contracted"),
        Column("paid", "Paid for it", is_right=True, mark="effective"),
        Column("saved", "Saved", is_right=True, mark="saving"),
        Column("promised", "Promised", is_right=True, mark="saving"),
    )
    lines = [line for one in recorded(ask.home) for line in _recorded_lines(one)]
    return {"grids": [Grid("What was bought, and what it saved", columns, tuple(lines))]}


def _recorded_lines(one: Recorded) -> list[Line]:
    name = Cell(one.contract.name, one.contract.id, why=one.contract.id)
    if not one.bills:
        blank = [Cell("–", None, is_known=False) for _ in range(5)]
        return [Line((name, Cell("none yet", None, why=one.why, is_known=False), *blank))]
    return [Line((name, *_bill_cells(bill))) for bill in one.bills]


def _bill_cells(bill: SavedOnBill) -> tuple[Cell, ...]:
    return (
        text_cell(bill.period),
        Cell(f"{bill.hours:,}", bill.hours),
        money_cell(bill.on_demand, why="" if bill.on_demand else "the bill does not say"),
        money_cell(bill.paid),
        money_cell(bill.saved),
        money_cell(bill.promised),
    )


def _runs(ask: Ask) -> dict[str, Any]:
    """Which runs used commitments, and which paid on demand beside unused ones."""
    try:
        found = read_alignment(ask.home, ask.word("period"))
    except (BadInput, NotFound) as error:
        return {"why": str(error), "found": [], "grids": []}
    return {"why": "", "found": found, "grids": [_runs_grid(one) for one in found]}


def _runs_grid(one: Alignment) -> Grid:
    columns = (
        Column("run", "Run"),
        Column("covered", "Covered", is_right=True, mark="contracted",
               what="What it would have cost on demand where a commitment paid for it."),
        Column("used", "Of commitments", is_right=True, mark="effective"),
        Column("open", "On demand", is_right=True, mark="effective",
               what="Paid for machines that commitments could have paid for."),
        Column("beside", "Beside unused", is_right=True, mark="saving",
               what="Paid on demand in hours in which commitment lay unused."),
    )  # fmt: skip
    lines = [_run_line(run) for run in one.runs]
    blank = Cell("–", None, is_known=False)
    unused = (text_cell("(unused)"), blank, money_cell(one.unused), blank, blank)
    lines.append(Line(unused, "remainder"))
    return Grid(one.provider, columns, tuple(lines), shown=RUNS_SHOWN)


def _run_line(run: CommitmentRun) -> Line:
    is_unknown = bool(run.unpriced and not run.covered)
    why = "the bill does not say what it would have cost on demand" if is_unknown else ""
    covered = money_cell(None if is_unknown else run.covered, why=why)
    amounts = (covered, *(money_cell(each) for each in (run.used, run.open, run.beside)))
    if run.run is not None:
        return Line((text_cell(run.run, href=f"/runs/{run.run}"), *amounts))
    word = (run.remainder or "").replace("_", " ")
    return Line((text_cell(f"({word})"), *amounts), "remainder")


def _months(ask: Ask) -> dict[str, Any]:
    found = make_utilization(ask.home, ("state",), period=ask.word("period"))
    columns = (
        Column("commitment", "Commitment"),
        Column("period", "Month"),
        Column("used", "Used", is_right=True, mark="effective"),
        Column("unused", "Unused", is_right=True, mark="effective"),
        Column("utilization", "Used of it", is_right=True),
        Column("savings", "Saved against list", is_right=True),
    )
    lines = tuple(
        Line(
            (
                text_cell(one.provider if one.commitment is None else one.name or one.commitment),
                text_cell(one.period),
                money_cell(one.used),
                money_cell(one.unused),
                text_cell(_share(one.commitment_utilization)),
                text_cell(_share(one.on_list.rate)),
            ),
            "total" if one.commitment is None else "group",
        )
        for one in found.commitments
        if one.used or one.unused
    )
    providers = [
        (one.provider, one.used, one.unused, float(one.commitment_utilization))
        for one in found.commitments
        if one.commitment is None and one.commitment_utilization is not None
    ]
    return {"grids": [Grid("Commitments", columns, lines)], "providers": _latest(providers)}


def _latest(providers: Sequence[tuple[str, Money, Money, float]]) -> list[Any]:
    """One line per provider: of several months the last."""
    return list({one[0]: one for one in providers}.values())


def _share(value: Any) -> str | None:
    return None if value is None else percent(value)


def _share_cell(value: float | None) -> Cell:
    return (
        Cell("–", None, is_known=False) if value is None else Cell(percent(value), f"{value:.6f}")
    )


add_parts(
    Part("commitment_plan", _plan, is_for_all_teams=True, height="big"),
    Part("commitment_order", _plan, is_for_all_teams=True, height="big"),
    Part("commitment_held", _held, takes=("period",), is_for_all_teams=True, height="big"),
    Part("commitment_recorded", _recorded, is_for_all_teams=True),
    Part("commitment_runs", _runs, takes=("period",), is_for_all_teams=True, height="big"),
    Part("commitments", _months, takes=("period",), is_for_all_teams=True, height="big"),
)
