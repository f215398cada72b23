"""``trainfare run``: meter any command."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trainfare.cli.answer import format_option, width
from trainfare.core.errors import BadInput, OutsideFailed
from trainfare.core.labels import make_labels, parse_labels
from trainfare.core.price import Price, parse_hourly

if TYPE_CHECKING:
    from trainfare.metering.track import Run


@click.command(
    "run", context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False}
)
@click.option("--name", help="How people call the run.  [default: the script's name]")
@click.option("--run-id", help="Continue this run (a-z, 0-9 and '-').")
@click.option(
    "--parent", "parents", multiple=True, metavar="RUN", help="A run it begins from; repeat it."
)
@click.option("--model", help="Label: the model.")
@click.option("--experiment", help="Label: the question that a group of runs answers.")
@click.option("--team", help="Label: the team that pays.")
@click.option("--project", help="Label: the project.")
@click.option("--label", "labels", multiple=True, metavar="K=V", help="Any other label; repeat it.")
@click.option("--price", help="What the whole machine costs per hour: 3.6, 3.6EUR/h.")
@click.option("--instance", help="The instance type, where it cannot be recognised.")
@click.option("--region", help="The region, where it cannot be recognised.")
@click.option("--spot/--on-demand", "spot", default=None, help="How the machine was bought.")
@click.option("--budget", metavar="AMOUNT", help="The most it may cost, as 25: then it is stopped.")
@click.option("--stage", help="The whole run is this stage: data for data preparation.")
@click.option(
    "--dataset", "datasets", multiple=True, metavar="URI", help="Data that it reads; repeat it."
)
@click.option(
    "--output", "outputs", multiple=True, metavar="URI", help="Data that it makes; repeat it."
)
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
    parents: tuple[str, ...],
    model: str | None,
    experiment: str | None,
    team: str | None,
    project: str | None,
    labels: tuple[str, ...],
    price: str | None,
    instance: str | None,
    region: str | None,
    spot: bool | None,
    budget: str | None,
    stage: str | None,
    datasets: tuple[str, ...],
    outputs: tuple[str, ...],
    receipt: Path | None,
    quiet: bool,
    form: str,
) -> None:
    """Meter CMD: its output, signals and exit code pass through untouched.

    The receipt is printed on standard error when CMD has ended.
    """
    from trainfare.flows import live
    from trainfare.metering.place import Stated

    known = {"model": model, "experiment": experiment, "team": team, "project": project}
    words = make_labels(parse_labels(labels, known))
    _check_writable(receipt)
    ride = live.ride(
        command,
        words,
        name=name,
        run_id=run_id,
        parents=parents,
        stated=Stated(instance=instance, region=region, spot=spot),
        stated_price=_price(price),
        stage=stage,
        budget=budget,
        datasets=datasets,
        outputs=outputs,
    )
    # The command has ended: its exit code matters more than whatever keeps us from a receipt.
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        try:
            _hand_over(ride.run, receipt, quiet=quiet, form=form)
        except Exception as error:
            click.echo(f"trainfare: no receipt for {ride.run_id}: {error}", err=True)
    live.end_like(ride.exit_code)


def _price(text: str | None) -> Price | None:
    """The price of ``--price``, else of the variable that an outer run or the user set."""
    from trainfare.metering.inheritance import PRICE_VARIABLE

    stated = text if text is not None else os.environ.get(PRICE_VARIABLE)
    return parse_hourly(stated) if stated else None


def _check_writable(receipt: Path | None) -> None:
    """Refuse a receipt that could not be written, before anything has started."""
    if receipt is None:
        return
    folder = receipt.absolute().parent
    if not folder.is_dir():
        raise BadInput(f"--receipt {receipt}: its folder does not exist; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise BadInput(f"--receipt {receipt}: its folder is not writable; choose another")


def _hand_over(run: Run | None, receipt: Path | None, *, quiet: bool, form: str) -> None:
    """Print the receipt, then write its file."""
    from trainfare.metering.receipt_text import receipt_text

    if run is None:
        raise OutsideFailed("it could not be metered")
    found = run.receipt()
    document = found.to_json() if receipt is not None or form == "json" else {}
    if not quiet:
        is_json = form == "json"
        text = json.dumps(document) if is_json else f"\n{receipt_text(found, min(78, width()))}"
        click.echo(text, err=True)
    if receipt is not None:
        _write(receipt, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _write(path: Path, text: str) -> None:
    """Replace *path* as a whole, so that nobody ever reads half a receipt; a pipe is written to."""
    is_plain = path.is_file() or not path.exists()
    target = path.resolve() if is_plain else path
    fresh = target.with_name(f".{target.name}.{os.getpid()}") if is_plain else target
    try:
        fresh.write_text(text, encoding="utf-8")
        if is_plain:
            fresh.replace(target)
    except OSError as error:
        if is_plain:
            fresh.unlink(missing_ok=True)
        raise OutsideFailed(f"cannot write the receipt to {path}: {error.strerror}") from None
