"""``trainfare runs``: the runs of this home, and the way in for those that were not metered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import complain, format_option, say_json, table
from trainfare.cli.run_intake import import_
from trainfare.core.errors import BadInput
from trainfare.core.labels import parse_labels
from trainfare.core.plain import plain
from trainfare.core.stage import STATUS_COLOURS, Status

if TYPE_CHECKING:
    from trainfare.metering.receipt import Receipt


@click.group("runs", invoke_without_command=True)
@click.option("--model", help="Only runs of this model.")
@click.option("--experiment", help="Only runs of this experiment.")
@click.option("--team", help="Only runs of this team.")
@click.option("--label", "labels", multiple=True, metavar="K=V", help="Only runs with this label.")
@click.option("--status", type=click.Choice([s.value for s in Status]), help="Only runs so ended.")
@click.option(
    "--limit", type=click.IntRange(1), default=20, show_default=True, help="The latest so many."
)
@format_option("table", "json")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    model: str | None,
    experiment: str | None,
    team: str | None,
    labels: tuple[str, ...],
    status: str | None,
    limit: int,
    form: str,
) -> None:
    """List runs, the latest first; or bring in runs that you already have."""
    if ctx.invoked_subcommand is not None:
        _refuse_options(ctx)
        return
    from trainfare.flows.forecast import with_forecasts
    from trainfare.flows.months import with_bills
    from trainfare.metering.history import close_dead, read_history
    from trainfare.metering.home import home_folder

    wanted = parse_labels(labels, {"model": model, "experiment": experiment, "team": team})
    home = home_folder()
    close_dead(home)

    def matches(receipt: Receipt) -> bool:
        own = receipt.run.labels
        return (status in (None, receipt.run.status.value)) and all(
            own.get(key) == value for key, value in wanted.items()
        )

    receipts, remarks = read_history(home)
    found = [receipt for receipt in receipts if matches(receipt)][::-1]
    for remark in remarks:
        complain(plain(remark))
    if form == "json":
        listed = with_forecasts(home, with_bills(home, found[:limit]))
        say_json({"runs": [receipt.to_summary() for receipt in listed], "total": len(found)})
        return
    if not found:
        click.echo(
            "No runs yet. Start one: trainfare run --price 3.6/h -- python train.py"
            if not wanted and status is None
            else "No run matches."
        )
        return
    listed = with_bills(home, found[:limit])
    has_bills = any(receipt.billed is not None for receipt in listed)
    heads = ["run", "name", "model, experiment", "status", "time", "estimated"]
    rows = [_row(receipt, has_bills=has_bills) for receipt in listed]
    heads = [*heads, "billed"][: 6 + has_bills]
    if not any(row[1] for row in rows):
        heads, *rows = [[row[0], *row[2:]] for row in (heads, *rows)]
    click.echo(table(heads, rows, right=range(len(heads) - 2 - has_bills, len(heads))))
    if len(found) > limit:
        click.echo(f"\n{len(found) - limit} earlier runs; --limit shows more.")


def _row(receipt: Receipt, *, has_bills: bool) -> list[str]:
    from trainfare.metering.receipt_view import duration_text

    run, total, billed = receipt.run, receipt.estimate.total, receipt.billed
    cells = [
        plain(run.id),
        plain(run.name or "") * (run.name != run.id),
        plain(", ".join(filter(None, map(run.labels.get, ("model", "experiment"))))),
        click.style(run.status.value.replace("_", " "), fg=STATUS_COLOURS[run.status]),
        duration_text(receipt.duration_ns),
        total.display() if total is not None else "no price",
    ]
    return [*cells, billed.total.display() if billed is not None else "–"][: 6 + has_bills]


def _refuse_options(ctx: click.Context) -> None:
    """Options of the list mean nothing to what comes after it."""
    given = click.core.ParameterSource.COMMANDLINE
    for parameter in ctx.command.params:
        name = parameter.name or ""
        if parameter.expose_value and ctx.get_parameter_source(name) is given:
            raise BadInput(
                f"{parameter.opts[0]} before {ctx.invoked_subcommand} is an option of the list; "
                f"write it after {ctx.invoked_subcommand}"
            )


command.add_command(import_)
