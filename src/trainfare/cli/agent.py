"""``trainfare agent``: one per node; ships every run and the node itself to the team's server."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click


@click.command("agent")
@click.option(
    "--also",
    "others",
    multiple=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Another home to ship runs of; repeat it.",
)
@click.option("--instance", help="The instance type, where it cannot be recognised.")
@click.option("--region", help="The region, where it cannot be recognised.")
@click.option("--spot/--on-demand", "spot", default=None, help="How the machine was bought.")
def command(
    others: tuple[Path, ...], instance: str | None, region: str | None, spot: bool | None
) -> None:
    """Ship every run of the home to TRAINFARE_SERVER, and this machine itself, until stopped.

    What nobody claims of the machine shows as idle there, also while no run is on.
    """
    from trainfare.flows.agent import run_agent
    from trainfare.metering.home import home_folder
    from trainfare.metering.place import Stated

    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    homes = list(dict.fromkeys([home_folder(), *(one.absolute() for one in others)]))
    run_agent(homes, stopped, stated=Stated(instance=instance, region=region, spot=spot))
