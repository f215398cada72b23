"""``trainfare utilization``: what paid GPUs did, in time and money, and what commitments saved."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import format_option, name_text, say, say_json, share_text, table
from trainfare.cli.argument import complete_run
from trainfare.core.period import HOUR, name_periods
from trainfare.core.plain import plain, plural

if TYPE_CHECKING:
    from trainfare.flows.utilization import GpuUse, Utilization
    from trainfare.reports.commitment_use import CommitmentUse
    from trainfare.reports.run_use import RunUse
    from trainfare.reports.utilization import UseRow

ROWS_SHOWN = 40
OUTSIDE_SHOWN = 5


@click.command("utilization")
@click.argument("period", required=False, metavar="[PERIOD]")
@click.option(
    "--by", default="run", show_default=True, help="Keys: labels, run, resource, day, state."
)
@click.option("--run", shell_complete=complete_run, help="Only what this run held.")
@format_option("table", "json")
def command(period: str | None, by: str, run: str | None, form: str) -> None:
    """Show what the GPUs that were paid for in PERIOD (2026-10; all when left out) did.

    Busy, low use, unknown, idle, shared and unallocated sum to what was paid, in time and in money.
    Where there is no bill, time and money are the estimates of the runs that were metered here.
    """
    from trainfare.flows.utilization import make_utilization
    from trainfare.flows.utilization_json import utilization_json
    from trainfare.metering.home import home_folder

    keys = tuple(name.strip() for name in by.split(",") if name.strip())
    found = make_utilization(home_folder(), keys, period=period, run=run)
    if form == "json":
        say_json(utilization_json(found))
    else:
        _show(found)


EXTRAS: dict[str, Callable[[RunUse], str]] = {
    "MFU": lambda use: "" if use.mfu is None else share_text(use.mfu),
    "waiting": lambda use: f"{use.waiting_ns / HOUR:,.1f} h" if use.waiting_ns else "",
    "kWh": lambda use: "" if use.energy_kwh is None else f"{float(use.energy_kwh):,.4g}",
}
"""What metered runs know besides; columns that nobody knows are left out."""


def _show(found: Utilization) -> None:
    whose = f"run {found.run}   " if found.run else ""
    for number, use in enumerate(found.uses):
        click.echo("\n" * bool(number), nl=False)
        book = "effective cost" if found.book == "billed" else "estimated cost"
        say(f"{whose}{name_periods(found.periods)}   {book} in {use.currency}")
        click.echo()
        _show_states(use)
        _show_rows(use, found)
    measured = ", ".join(found.sources) or "nobody: all held time is unknown"
    click.echo()
    say(f"Activity measured by {measured}.")
    if found.commitments:
        _show_commitments(found.commitments)
    _show_outside(found)


def _show_states(use: GpuUse) -> None:
    total = use.total
    rows = [
        [
            state.value.replace("_", " "),
            f"{total.gpu_ns[state] / HOUR:,.1f}",
            share_text(Fraction(total.gpu_ns[state], total.paid_ns) if total.paid_ns else None),
            amount.display(2),
        ]
        for state, amount in total.amounts.items()
    ]
    bold = [f"{total.paid_ns / HOUR:,.1f}", "", total.amount.display(2)]
    rows.append([click.style("paid", bold=True), *(click.style(text, bold=True) for text in bold)])
    click.echo(table(["GPUs", "GPU-hours", "share", "cost"], rows, right=[1, 2, 3]))


def _show_rows(use: GpuUse, found: Utilization) -> None:
    shown = [(row, found.use_of(row)) for row in use.rows[:ROWS_SHOWN]]
    extras = [
        (name, text)
        for name, text in EXTRAS.items()
        if any(one is not None and text(one) for _, one in shown)
    ]
    rows = [
        [
            *[plain(value) for value in row.key],
            f"{row.paid_ns / HOUR:,.1f}",
            row.amount.display(2),
            share_text(row.gpu_activity),
            *_parts(row),
            *[(one and text(one)) or "?" for _, text in extras],
        ]
        for row, one in shown
    ]
    by = found.by
    head = [
        *by,
        "GPU-hours",
        "cost",
        "activity",
        "low use",
        "unknown",
        *[name for name, _ in extras],
    ]
    click.echo()
    click.echo(table(head, rows, right=range(len(by), len(head))))
    if len(use.rows) > ROWS_SHOWN:
        more = plural(len(use.rows) - ROWS_SHOWN, "more row")
        click.echo(f"… and {more}; --format json has all.")


def _parts(row: UseRow) -> list[str]:
    """Low use and unknown, in money; a dash where there is none."""
    from trainfare.reports.utilization import GpuState

    states = (GpuState.LOW_USE, GpuState.UNKNOWN)
    return [row.amounts[state].display(2) if row.gpu_ns[state] else "–" for state in states]


def _show_commitments(uses: tuple[CommitmentUse, ...]) -> None:
    rows = []
    for one in uses:
        is_all = one.commitment is None
        if is_all and not (one.used or one.unused):
            continue
        name = one.name or one.commitment or "(not named)"
        rows.append(
            [
                one.provider if is_all else f"  {plain(name)}",
                one.used.display(2),
                one.unused.display(2),
                share_text(one.commitment_utilization),
                share_text(one.on_list.coverage) if is_all else "",
                share_text(one.on_list.rate),
                share_text(one.on_contracted.rate),
            ]
        )
    if not rows:
        return
    head = ["commitments", "used", "unused", "utilization", "coverage", "ESR list", "ESR contract"]
    click.echo()
    click.echo(table(head, rows, right=range(1, len(head))))


def _show_outside(found: Utilization) -> None:
    if found.outside:
        click.echo("\nNot in it, for it is not known whether they have GPUs:")
        for one in found.outside[:OUTSIDE_SHOWN]:
            say(f"{name_text(one.resource)}  {one.amount.display(2)}  {one.why}", "  ", "    ")
        if len(found.outside) > OUTSIDE_SHOWN:
            click.echo(f"  … and {plural(len(found.outside) - OUTSIDE_SHOWN, 'more machine')}")
    if found.not_allocated:
        listed = ", ".join(found.not_allocated)
        click.echo()
        say(f"Not in it: {listed}; run trainfare allocate.")
