"""Sessions: people who signed in with a browser, kept as digests of their cookies."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from trainfare.core.caller import Caller
from trainfare.store.schema import SESSION
from trainfare.store.tokens import digest_of, make_secret

PREFIX = "ts_"
"""How the secret of a session begins, so that it is never taken for a token's."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in."""

    caller: Caller
    expires_ns: int
    token: str | None = None
    """The id of the token that was pasted; None where a provider vouched for a person."""


def add_session(connection: sa.Connection, session: Session, at_ns: int) -> str:
    """Keep a new session and return its secret, which is seen only here; forget expired ones."""
    connection.execute(SESSION.delete().where(SESSION.c.expires_ns <= at_ns))
    secret = make_secret(PREFIX)
    caller = session.caller
    connection.execute(
        SESSION.insert().values(
            digest=digest_of(secret),
            subject=caller.id,
            token=session.token,
            name=caller.name,
            scopes=" ".join(sorted(caller.scopes)),
            team=caller.team,
            created_ns=at_ns,
            expires_ns=session.expires_ns,
        )
    )
    return secret


def find_session(connection: sa.Connection, secret: str, at_ns: int) -> Session | None:
    """The session of *secret*; None where it has ended."""
    row = connection.execute(
        sa.select(SESSION).where(
            SESSION.c.digest == digest_of(secret), SESSION.c.expires_ns > at_ns
        )
    ).one_or_none()
    if row is None:
        return None
    caller = Caller(row.name, frozenset(row.scopes.split()), row.team, row.subject)
    return Session(caller, row.expires_ns, row.token)


def end_session(connection: sa.Connection, secret: str) -> None:
    """Forget one session."""
    connection.execute(SESSION.delete().where(SESSION.c.digest == digest_of(secret)))


def end_sessions_of(connection: sa.Connection, token: str) -> None:
    """Forget all sessions that a token opened."""
    connection.execute(SESSION.delete().where(SESSION.c.token == token))
