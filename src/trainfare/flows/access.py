"""The access path: secrets → callers; the tokens of a server, and who did what with them.

Every change here stands in the audit log, in the same transaction.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.core.caller import Caller
from trainfare.core.errors import BadInput, NotFound, TrainfareError
from trainfare.core.period import HOUR, SECOND, format_instant
from trainfare.store import sessions
from trainfare.store.audit import Entry, add_entry, read_entries
from trainfare.store.ledger import Ledger, open_ledger
from trainfare.store.sessions import Session, add_session, end_session, end_sessions_of
from trainfare.store.tokens import (
    Token,
    add_token,
    find_token,
    note_use,
    read_tokens,
    revoke_token,
    rotate_token,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

SESSION_NS = 12 * HOUR
"""For so long somebody is signed in, or as long as the token that was pasted holds."""

USE_NOTED_NS = 600 * SECOND
"""That a token is used is written down at most so often."""

LATEST_NS = 9_200_000_000 * SECOND
"""No instant after this one (in 2261) fits 64 bits of nanoseconds."""

TEXT_MAX = 256
ENTRIES_MAX = 500


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something, and from which address."""

    caller: Caller
    address: str | None = None


OPERATOR = Caller("trainfare token", frozenset({"admin"}))
"""Whoever has the home and its ledger under their hands may everything."""


def open_office(home: Path, database: str | None = None) -> Ledger:
    """The ledger that a server keeps open for as long as it runs; close it at the end."""
    return open_ledger(home, database).__enter__()


def caller_of(ledger: Ledger, secret: str) -> Caller | None:
    """Who asks with *secret*, of a token or a session; None where it opens nothing (any more)."""
    now = time.time_ns()
    with ledger.look() as connection:
        if secret.startswith(sessions.PREFIX):
            session = sessions.find_session(connection, secret, now)
            return None if session is None else session.caller
        token = find_token(connection, secret, now)
    if token is None:
        return None
    if token.used_ns is None or now - token.used_ns > USE_NOTED_NS:
        # A ledger that can only be read still lets in whom it knows.
        with contextlib.suppress(TrainfareError), ledger.change() as connection:
            note_use(connection, token.id, now)
    return token.caller


def make_first_token(ledger: Ledger) -> str | None:
    """The secret of a new admin token where a server has none yet, else None."""
    with ledger.change() as connection:
        if read_tokens(connection):
            return None
        secret, token = add_token(
            connection, "first admin", frozenset({"admin"}), created_by="trainfare serve"
        )
        add_entry(
            connection, time.time_ns(), "trainfare serve", "token.create", described(token), None
        )
    return secret


def list_tokens(ledger: Ledger, caller: Caller) -> list[Token]:
    """The tokens that *caller* may manage, the oldest first.

    Raises:
        NotAllowed: it is no admin.
    """
    caller.need("admin")
    with ledger.look() as connection:
        return [token for token in read_tokens(connection) if caller.sees(token.team)]


def create_token(
    ledger: Ledger,
    actor: Actor,
    name: str,
    scopes: frozenset[str],
    *,
    team: str | None = None,
    expires_ns: int | None = None,
) -> tuple[str, Token]:
    """A new token; its secret comes first and can never be read again.

    Raises:
        NotAllowed: the actor is no admin, or gives more than it has.
        BadInput: a text cannot be a name, there is no scope, or it would be expired already.
    """
    actor.caller.need("admin")
    actor.caller.need_to_grant(scopes, team)
    now = time.time_ns()
    for what, text in (("name", name), ("team", team)):
        if text is not None:
            _check_text(what, text)
    if not scopes:
        raise BadInput("a token without a scope opens nothing; give it one of ingest, read …")
    if expires_ns is not None and not now < expires_ns < LATEST_NS:
        raise BadInput("a token expires in the future and before 2261; leave it out for never")
    with ledger.change() as connection:
        secret, token = add_token(
            connection,
            name,
            scopes,
            team=team,
            created_by=actor.caller.signature[:TEXT_MAX],
            expires_ns=expires_ns,
        )
        _note(connection, actor, "token.create", described(token))
    return secret, token


def renew_token(ledger: Ledger, actor: Actor, token_id: str) -> tuple[str, Token]:
    """A token with a new secret; the old one and the sessions it opened end now.

    Raises:
        NotAllowed: the actor is no admin, or the token may more than it.
        NotFound: there is no such token, or it is another team's.
        BadInput: it is revoked or expired.
    """
    now = time.time_ns()
    with ledger.change() as connection:
        token = _managed(read_tokens(connection), actor.caller, token_id)
        actor.caller.need_to_grant(token.scopes, token.team)
        if not token.is_valid(now):
            raise BadInput(f"token {token.id} is over; create another one")
        secret = rotate_token(connection, token.id)
        end_sessions_of(connection, token.id)
        _note(connection, actor, "token.rotate", described(token))
    return secret, token


def withdraw_token(ledger: Ledger, actor: Actor, token_id: str) -> Token:
    """Revoke a token, and end the sessions it opened; a second time changes nothing.

    Raises:
        NotAllowed: the actor is no admin.
        NotFound: there is no such token, or it is another team's.
    """
    now = time.time_ns()
    with ledger.change() as connection:
        token = _managed(read_tokens(connection), actor.caller, token_id)
        if token.revoked_ns is not None:
            return token
        revoke_token(connection, token.id, now)
        end_sessions_of(connection, token.id)
        _note(connection, actor, "token.revoke", described(token))
    return dataclasses.replace(token, revoked_ns=now)


def sign_in_with_token(ledger: Ledger, secret: str, address: str | None) -> str | None:
    """The secret of a new session for whoever has a token's; None, and a line, where it is none."""
    now = time.time_ns()
    with ledger.change() as connection:
        token = find_token(connection, secret, now)
        if token is None:
            add_entry(connection, now, "unknown", "login.refused", "by token", address)
            return None
        note_use(connection, token.id, now)
        expires_ns = min(now + SESSION_NS, token.expires_ns or LATEST_NS)
        session = Session(token.caller, expires_ns, token.id)
        _note(connection, Actor(token.caller, address), "login", "by token")
        return add_session(connection, session, now)


def sign_in_person(ledger: Ledger, actor: Actor, provider: str) -> str:
    """The secret of a new session for a person whom *provider* vouches for."""
    now = time.time_ns()
    with ledger.change() as connection:
        _note(connection, actor, "login", f"by {provider}")
        return add_session(connection, Session(actor.caller, now + SESSION_NS), now)


def refuse_sign_in(ledger: Ledger, who: str, what: str, address: str | None) -> None:
    """Write down that somebody was not let in."""
    with ledger.change() as connection:
        add_entry(connection, time.time_ns(), who, "login.refused", what, address)


def sign_out(ledger: Ledger, secret: str, address: str | None) -> None:
    """End a session."""
    now = time.time_ns()
    with ledger.change() as connection:
        session = sessions.find_session(connection, secret, now)
        if session is not None:
            end_session(connection, secret)
            _note(connection, Actor(session.caller, address), "logout", "")


def write_audit(ledger: Ledger, actor: Actor, action: str, what: str) -> None:
    """Write down a change that was made elsewhere than in the ledger."""
    with ledger.change() as connection:
        _note(connection, actor, action, what)


def read_audit(
    ledger: Ledger, caller: Caller, before: int | None = None, limit: int = 100
) -> list[Entry]:
    """Lines of the audit log, the newest first.

    Raises:
        NotAllowed: the caller is no admin of all teams.
        BadInput: *limit* is out of range.
    """
    caller.need_all_teams("admin")
    if not 1 <= limit <= ENTRIES_MAX:
        raise BadInput(f"limit {limit} is not in 1..{ENTRIES_MAX}")
    with ledger.look() as connection:
        return read_entries(connection, before, limit)


def described(token: Token) -> str:
    """A token in words, without its secret."""
    team = "" if token.team is None else f" for {token.team}"
    return f"{token.id} {token.name}: {' '.join(sorted(token.scopes))}{team}"


def token_json(token: Token) -> dict[str, object]:
    """A token as the command line and the API show it."""

    def shown(instant_ns: int | None) -> str | None:
        # A wall clock tells when; its nanoseconds tell nobody anything.
        return None if instant_ns is None else format_instant(instant_ns // SECOND * SECOND)

    state = "revoked" if token.revoked_ns is not None else "valid"
    if state == "valid" and not token.is_valid(time.time_ns()):
        state = "expired"
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "team": token.team,
        "state": state,
        "created_at": shown(token.created_ns),
        "created_by": token.created_by,
        "expires_at": shown(token.expires_ns),
        "revoked_at": shown(token.revoked_ns),
        "used_at": shown(token.used_ns),
    }


def _managed(tokens: list[Token], caller: Caller, token_id: str) -> Token:
    caller.need("admin")
    found = next((one for one in tokens if one.id == token_id and caller.sees(one.team)), None)
    if found is None:
        raise NotFound(f"there is no token {token_id[:40]!r}; `trainfare token list` names them")
    return found


def _check_text(what: str, text: str) -> None:
    if not text.strip() or len(text) > TEXT_MAX or not text.isprintable():
        raise BadInput(
            f"{what} {text[:40]!r} is empty, over {TEXT_MAX} characters or not printable; "
            "write another"
        )


def _note(connection: sa.Connection, actor: Actor, action: str, what: str) -> None:
    add_entry(connection, time.time_ns(), actor.caller.signature, action, what, actor.address)
