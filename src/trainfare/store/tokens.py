"""Tokens: who may ask a server, kept as digests of their secrets.

A secret is ``tf_`` and 256 random bits, so one SHA-256 is as safe as any slow hash and costs
nothing per request. It is shown once and cannot be read back.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from trainfare.core.caller import Caller
from trainfare.store.schema import TOKEN

PREFIX = "tf_"


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret."""

    id: str
    name: str
    scopes: frozenset[str]
    team: str | None
    created_ns: int
    created_by: str
    expires_ns: int | None
    revoked_ns: int | None
    used_ns: int | None

    def is_valid(self, at_ns: int) -> bool:
        """Whether it opens anything at *at_ns*."""
        return self.revoked_ns is None and (self.expires_ns is None or at_ns < self.expires_ns)

    @property
    def caller(self) -> Caller:
        """Who asks with it."""
        return Caller(self.name, self.scopes, self.team, self.id)


def make_secret(prefix: str) -> str:
    """A new secret of 256 random bits behind *prefix*."""
    return prefix + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def add_token(
    connection: sa.Connection,
    name: str,
    scopes: frozenset[str],
    *,
    team: str | None = None,
    created_by: str,
    expires_ns: int | None = None,
) -> tuple[str, Token]:
    """Make a token; the secret comes first and is seen only here."""
    secret = make_secret(PREFIX)
    row = {
        "id": secrets.token_hex(4),
        "name": name,
        "digest": digest_of(secret),
        "scopes": " ".join(sorted(scopes)),
        "team": team,
        "created_ns": time.time_ns(),
        "created_by": created_by,
        "expires_ns": expires_ns,
    }
    connection.execute(TOKEN.insert().values(row))
    [token] = _read(connection, TOKEN.c.id == row["id"])
    return secret, token


def find_token(connection: sa.Connection, secret: str, at_ns: int) -> Token | None:
    """The token of *secret* if it opens anything at *at_ns*.

    In a transaction that changes, it can be neither revoked nor rotated until that is over.
    """
    found = _read(connection, TOKEN.c.digest == digest_of(secret), is_held=True)
    return next((token for token in found if token.is_valid(at_ns)), None)


def read_tokens(connection: sa.Connection) -> list[Token]:
    """All tokens ever made, the oldest first."""
    return _read(connection, sa.true())


def rotate_token(connection: sa.Connection, token_id: str) -> str:
    """A new secret for a token; the old one opens nothing from here on."""
    secret = make_secret(PREFIX)
    _set(connection, token_id, digest=digest_of(secret))
    return secret


def revoke_token(connection: sa.Connection, token_id: str, at_ns: int) -> None:
    """Let a token open nothing any more."""
    _set(connection, token_id, revoked_ns=at_ns)


def note_use(connection: sa.Connection, token_id: str, at_ns: int) -> None:
    """Say that a token was used."""
    _set(connection, token_id, used_ns=at_ns)


def _set(connection: sa.Connection, token_id: str, **values: object) -> None:
    connection.execute(TOKEN.update().where(TOKEN.c.id == token_id).values(**values))


def _read(
    connection: sa.Connection, where: sa.ColumnElement[bool], *, is_held: bool = False
) -> list[Token]:
    asked = sa.select(TOKEN).where(where).order_by(TOKEN.c.created_ns, TOKEN.c.id)
    if is_held and connection.get_execution_options().get("is_change"):
        asked = asked.with_for_update()
    rows: Sequence[sa.Row[tuple[object, ...]]] = connection.execute(asked).all()
    return [
        Token(
            row.id,
            row.name,
            frozenset(row.scopes.split()),
            row.team,
            row.created_ns,
            row.created_by,
            row.expires_ns,
            row.revoked_ns,
            row.used_ns,
        )
        for row in rows
    ]
