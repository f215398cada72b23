"""``trainfare serve``: the team's server and its dashboard."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from trainfare.cli.answer import format_option
from trainfare.core.errors import MissingExtra


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8642,
    show_default=True,
    help="To listen at; 0 takes a free one.",
)
@format_option("text", "json")
def command(host: str, port: int, form: str) -> None:
    """Serve the API and the dashboard until stopped; state lives in the home.

    TRAINFARE_DATABASE=postgresql+psycopg://… keeps the ledger on PostgreSQL instead of SQLite.
    """
    try:
        from trainfare.server.serving import serve
    except ModuleNotFoundError as error:
        raise MissingExtra("server", "serve a team") from error
    from trainfare.metering.home import home_folder

    home = home_folder()
    serve(
        home,
        os.environ.get("TRAINFARE_DATABASE"),
        host,
        port,
        _greet_json if form == "json" else _greet,
    )


def _greet_json(home: Path, url: str, first_token: str | None) -> None:
    """One line, so that whoever starts a server knows when it listens and where."""
    click.echo(json.dumps({"url": url, "home": str(home), "first_token": first_token}))


def _greet(home: Path, url: str, first_token: str | None) -> None:
    click.echo(f"Trainfare serves {home} at {url}")
    if first_token is not None:
        click.echo(f"First admin token, shown only now: {first_token}")
