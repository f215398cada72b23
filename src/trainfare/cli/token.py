"""``trainfare token``: who may ask this home's server, managed on the machine that has the home."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from trainfare.cli.answer import format_option, say_json, table
from trainfare.core.caller import SCOPES, read_scopes
from trainfare.core.errors import MissingExtra
from trainfare.core.period import DAY
from trainfare.core.plain import plain, shorten
from trainfare.metering.home import home_folder

if TYPE_CHECKING:
    from trainfare.store.ledger import Ledger
    from trainfare.store.tokens import Token


@click.group("token")
def command() -> None:
    """Tokens of the server on this home; whoever has the home may make any."""


@command.command("create")
@click.argument("name")
@click.option("--scopes", required=True, metavar="WORDS", help=f"Some of: {' '.join(SCOPES)}.")
@click.option("--team", help="Bind it to one team; without, it sees all of them.")
@click.option("--days", type=click.IntRange(1, 36_500), help="Expire after so many days.")
@format_option("table", "json")
def create(name: str, scopes: str, team: str | None, days: int | None, form: str) -> None:
    """Make a token called NAME; its secret is shown only now."""
    expires_ns = None if days is None else time.time_ns() + days * DAY
    with _ledger() as ledger:
        from trainfare.flows.access import OPERATOR, Actor, create_token

        secret, token = create_token(
            ledger, Actor(OPERATOR), name, read_scopes(scopes), team=team, expires_ns=expires_ns
        )
    _say_secret(secret, token, form)


@command.command("list")
@format_option("table", "json")
def list_(form: str) -> None:
    """List all tokens, without their secrets."""
    with _ledger() as ledger:
        from trainfare.flows.access import OPERATOR, list_tokens, token_json

        tokens = [token_json(one) for one in list_tokens(ledger, OPERATOR)]
    if form == "json":
        say_json({"tokens": tokens})
    elif not tokens:
        click.echo("no tokens yet: trainfare token create NAME --scopes read")
    else:
        headers = ["id", "name", "scopes", "team", "state", "expires", "last used"]
        click.echo(table(headers, [_row(one) for one in tokens]))


@command.command("rotate")
@click.argument("token_id", metavar="ID")
@format_option("table", "json")
def rotate(token_id: str, form: str) -> None:
    """Give a token a new secret; the old one opens nothing from then on."""
    with _ledger() as ledger:
        from trainfare.flows.access import OPERATOR, Actor, renew_token

        secret, token = renew_token(ledger, Actor(OPERATOR), token_id)
    _say_secret(secret, token, form)


@command.command("revoke")
@click.argument("token_id", metavar="ID")
@format_option("table", "json")
def revoke(token_id: str, form: str) -> None:
    """Let a token open nothing any more."""
    with _ledger() as ledger:
        from trainfare.flows.access import OPERATOR, Actor, token_json, withdraw_token

        token = withdraw_token(ledger, Actor(OPERATOR), token_id)
    if form == "json":
        say_json({"token": token_json(token)})
    else:
        click.echo(f"token {token.id} ({shorten(token.name, 40)}) is revoked")


@contextmanager
def _ledger() -> Iterator[Ledger]:
    try:
        from trainfare.store.ledger import open_ledger
    except ModuleNotFoundError as error:
        raise MissingExtra("server", "manage tokens") from error
    with open_ledger(home_folder()) as ledger:
        yield ledger


def _say_secret(secret: str, token: Token, form: str) -> None:
    from trainfare.flows.access import token_json

    if form == "json":
        say_json({"token": token_json(token), "secret": secret})
        return
    click.echo(f"token {token.id} ({shorten(token.name, 40)}), shown only now: {secret}")


def _row(one: dict[str, Any]) -> list[str]:
    return [
        one["id"],
        plain(one["name"]),
        " ".join(one["scopes"]),
        plain(one["team"] or "all"),
        one["state"],
        one["expires_at"] or "never",
        one["used_at"] or "never",
    ]
