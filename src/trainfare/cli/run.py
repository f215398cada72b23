"""``trainfare run``: meter any command."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click

from trainfare.cli.answer import format_option, width
from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.core.labels import make_labels, parse_label
from trainfare.core.price import Price, parse_hourly


@click.command(
    "run", context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False}
)
@click.option("--name", help="How people call the run.  [default: the script's name]")
@click.option("--run-id", help="Continue this run (a-z, 0-9 and '-').")
@click.option("--model", help="Label: the model.")
@click.option("--experiment", help="Label: the question that a group of runs answers.")
@click.option("--team", help="Label: the team that pays.")
@click.option("--project", help="Label: the project.")
@click.option("--label", "labels", multiple=True, metavar="K=V", help="Any other label; repeat it.")
@click.option("--price", help="What the whole machine costs per hour: 3.6, 3.6EUR/h.")
@click.option("--instance", help="The instance type, where it cannot be recognised.")
@click.option("--region", help="The region, where it cannot be recognised.")
@click.option("--spot/--on-demand", "spot", default=None, help="How the machine was bought.")
@click.option("--stage", help="The whole run is this stage: data for data preparation.")
@click.option(
    "--receipt", type=click.Path(path_type=Path, dir_okay=False), help="Write the receipt as JSON."
)
@click.option("--quiet", is_flag=True, help="Print no receipt at the end.")
@format_option("table", "json")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True, metavar="-- CMD …")
def command(
    command: tuple[str, ...],
    name: str | None,
    run_id: str | None,
    model: str | None,
    experiment: str | None,
    team: str | None,
    project: str | None,
    labels: tuple[str, ...],
    price: str | None,
    instance: str | None,
    region: str | None,
    spot: bool | None,
    stage: str | None,
    receipt: Path | None,
    quiet: bool,
    form: str,
) -> None:
    """Meter CMD: its output, signals and exit code pass through untouched.

    The receipt is printed on standard error when CMD has ended.
    """
    from trainfare.flows import live
    from trainfare.metering.home import home_folder
    from trainfare.metering.place import Stated

    words = make_labels(
        {
            **dict(parse_label(text) for text in labels),
            "model": model,
            "experiment": experiment,
            "team": team,
            "project": project,
        }
    )
    _check_writable(receipt)
    ride = live.ride(
        command,
        words,
        name=name,
        run_id=run_id,
        stated=Stated(instance=instance, region=region, spot=spot),
        stated_price=_price(price),
        stage=stage,
    )
    try:
        _hand_over(home_folder(), ride.run, receipt, quiet=quiet, form=form)
    except Exception as error:
        # The command has ended: its exit code matters more than our receipt.
        click.echo(f"trainfare: no receipt for {ride.run}: {error}", err=True)
    live.end_like(ride.exit_code)


def _price(text: str | None) -> Price | None:
    return None if text is None else parse_hourly(text)


def _check_writable(receipt: Path | None) -> None:
    if receipt is not None and not receipt.absolute().parent.is_dir():
        raise BadInput(f"--receipt {receipt}: its folder does not exist; make it first")


def _hand_over(home: Path, run_id: str, receipt: Path | None, *, quiet: bool, form: str) -> None:
    from trainfare.metering.history import read_receipt
    from trainfare.metering.receipt_text import receipt_text

    found = read_receipt(home, run_id)
    if receipt is not None:
        _write(receipt, json.dumps(found.to_json(), indent=2, ensure_ascii=False) + "\n")
    if not quiet:
        text = (
            json.dumps(found.to_json()) if form == "json" else receipt_text(found, min(78, width()))
        )
        sys.stdout.flush()
        click.echo(f"\n{text}" if form == "table" else text, err=True)


def _write(path: Path, text: str) -> None:
    """Replace *path* as a whole, so that nobody ever reads half a receipt."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise OutsideFailed(f"cannot write the receipt to {path}: {error.strerror}") from None
