"""The access path: secrets → callers, and the tokens of a server."""

from __future__ import annotations

import time
from pathlib import Path

from trainfare.core.caller import Caller
from trainfare.store.ledger import Ledger, open_ledger
from trainfare.store.tokens import add_token, find_token, read_tokens


def open_office(home: Path, database: str | None = None) -> Ledger:
    """The ledger that a server keeps open for as long as it runs; close it at the end."""
    return open_ledger(home, database).__enter__()


def caller_of(ledger: Ledger, secret: str) -> Caller | None:
    """Who asks with *secret*; None where it opens nothing (any more)."""
    with ledger.look() as connection:
        token = find_token(connection, secret, time.time_ns())
    return None if token is None else token.caller


def make_first_token(ledger: Ledger) -> str | None:
    """The secret of a new admin token where a server has none yet, else None."""
    with ledger.change() as connection:
        if read_tokens(connection):
            return None
        secret, _ = add_token(
            connection, "first admin", frozenset({"admin"}), created_by="trainfare serve"
        )
    return secret
