"""``trainfare trackers``: what runs cost, where people look at their experiments."""

from __future__ import annotations

import click

from trainfare.cli.answer import complain, format_option, say_json, table
from trainfare.core.plain import plain, plural


@click.group("trackers")
def command() -> None:
    """Experiment trackers: send them what runs cost."""


@command.command("sync")
@click.argument("places", nargs=-1, metavar="[URL|FOLDER]…")
@click.option("--run", help="Only this run: an id, the beginning of one, a name, or last.")
@format_option("table", "json")
@click.pass_context
def sync(ctx: click.Context, /, places: tuple[str, ...], run: str | None, form: str) -> None:
    """Send to MLflow what ended runs cost; the billed cost as soon as all of it is on a bill.

    Runs that were sent before know where. Of the MLflow stores named here, runs that bear the id of
    one of ours (tag trainfare.run) are served, too. What stands there already is left alone.
    """
    from trainfare.flows.trackers import SENT, sync_trackers
    from trainfare.metering.history import close_dead, find_run_id
    from trainfare.metering.home import home_folder

    home = home_folder()
    close_dead(home)
    only = None if run is None else find_run_id(home, run)
    done = sync_trackers(home, places, only=only)
    if form == "json":
        say_json(
            {
                "runs": [
                    {
                        "run": one.run,
                        "system": one.tracker.system,
                        "tracker_run": one.tracker.run,
                        "url": one.tracker.url,
                        "state": one.state,
                        "billed": one.is_billed,
                    }
                    for one in done.runs
                ],
                "failures": [str(error) for error in done.failures],
            }
        )
    else:
        rows = [
            [
                one.run,
                one.tracker.system,
                plain(one.tracker.url or one.tracker.run),
                "billed" if one.is_billed else "estimated",
                one.state,
            ]
            for one in done.runs
            if one.state != "unchanged"
        ]
        if rows:
            click.echo(table(["run", "tracker", "there", "cost", ""], rows, right=[]))
        sent = sum(one.state == SENT for one in done.runs)
        click.echo(f"{plural(sent, 'run')} sent, {len(done.runs) - sent:,} as they were.")
        for error in done.failures:
            complain(f"· {error}")
    if done.failures:
        ctx.exit(max(error.exit_code for error in done.failures))
