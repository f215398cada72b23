"""``trainfare simulate``: a company's month made up from a seed, with the truth beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trainfare.cli.answer import format_option, say, say_json, table
from trainfare.core.plain import plural

if TYPE_CHECKING:
    from trainfare.flows.simulated_month import SimulatedMonth

_POSITIVE = click.IntRange(min=1)


@click.command("simulate")
@click.argument("folder", type=click.Path(path_type=Path), metavar="FOLDER")
@click.option(
    "--seed", type=int, default=7, show_default=True, help="The same seed, the same month."
)
@click.option("--runs", type=_POSITIVE, default=1000, show_default=True, help="How many there are.")
@click.option("--teams", type=_POSITIVE, default=12, show_default=True, help="How many train.")
@click.option("--days", type=_POSITIVE, default=31, show_default=True, help="From the first on.")
@click.option("--period", help="The month, as 2026-10.  [default: the last that is over]")
@click.option(
    "--bills",
    type=click.Choice(("native", "focus-1.0", "focus-1.2", "focus-1.4", "every")),
    default="native",
    show_default=True,
    help="Each provider's own format, FOCUS, or every format beside the own ones.",
)
@click.option(
    "--faults",
    type=click.Choice(("none", "usual", "many")),
    default="usual",
    show_default=True,
    help="How much of what is recorded is wrong, late or missing.",
)
@format_option("table", "json")
def command(folder: Path, form: str, **asked: Any) -> None:
    """Make up a company's month in FOLDER: bills, records, a home, and what all of it truly cost.

    Four providers, a Slurm cluster, Kubernetes and SageMaker; runs that are preempted, share
    machines and waste money. The same seed gives the same bytes.
    """
    from trainfare.flows.simulated_month import Size, simulate_month

    month = simulate_month(folder, Size(**asked))
    if form == "json":
        say_json(_json(month))
        return
    _say(month, asked["seed"])


def _json(month: SimulatedMonth) -> dict[str, Any]:
    world = month.world
    return {
        "folder": str(month.folder),
        "home": str(month.home),
        "seed": world.seed,
        "period": str(world.period),
        "runs": len(world.runs),
        "billed": {currency: money.text() for currency, money in month.billed().items()},
        "deliveries": len(world.deliveries),
        "faults": len(world.faults),
        "steps": [list(step) for step in month.steps],
    }


def _formats(folder: Path) -> list[list[str]]:
    """The line of the other formats, where they were asked for."""
    place = folder / "formats"
    return [[str(place), "the final bills in every format"]] if place.exists() else []


def _say(month: SimulatedMonth, seed: int) -> None:
    world, folder = month.world, month.folder
    totals = " and ".join(money.display(2) for money in month.billed().values())
    say(f"A company's {world.period}, made from seed {seed}: {plural(len(world.runs), 'run')}")
    rows = [
        [
            str(folder / "bills"),
            f"{plural(len(world.deliveries), 'bill')} as they arrived, {totals} in the end",
        ],
        *_formats(folder),
        [str(folder / "claims"), "Slurm, OpenCost, DCGM, SageMaker"],
        [str(folder / "home"), f"{plural(month.metered, 'metered run')}, rules, budgets"],
        [str(folder / "truth.csv"), "what every run truly cost"],
        [str(folder / "faults.csv"), f"{plural(len(world.faults), 'fault')} of the records"],
        [str(folder / "planted.csv"), "what there is to find"],
    ]
    click.echo(table(["where", "what"], rows))
    click.echo(f"\nNext:\n  sh {folder / 'import.sh'}\n  export TRAINFARE_HOME={month.home}")
    for words in ("report --by team", "reconcile", "budget check", "advise", "serve"):
        click.echo(f"  trainfare {words}")
