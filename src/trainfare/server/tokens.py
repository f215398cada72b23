"""Tokens over the API: admins make, list, rotate and revoke them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request, delete, get, post

from trainfare.core.caller import Caller, read_scopes
from trainfare.core.period import parse_instant
from trainfare.flows import access
from trainfare.server.door import AUDITED, actor_of
from trainfare.server.service import Service


@dataclass(frozen=True, slots=True)
class NewToken:
    """What a token is to be."""

    name: str
    scopes: list[str]
    team: str | None = None
    expires_at: str | None = None
    """RFC 3339; never where left out."""


@get("/tokens", sync_to_thread=True, tags=["access"])
def list_tokens(caller: Caller, service: Service) -> dict[str, Any]:
    """All tokens that the caller may manage, without their secrets."""
    tokens = access.list_tokens(service.ledger, caller)
    return {"tokens": [access.token_json(one) for one in tokens]}


@post("/tokens", sync_to_thread=True, tags=["access"], opt=AUDITED)
def create_token(
    request: Request[Any, Any, Any], data: NewToken, service: Service
) -> dict[str, Any]:
    """Make a token; its secret is in this answer and nowhere else."""
    secret, token = access.create_token(
        service.ledger,
        actor_of(request),
        data.name,
        read_scopes(" ".join(data.scopes)),
        team=data.team,
        expires_ns=None if data.expires_at is None else parse_instant(data.expires_at),
    )
    return {"token": access.token_json(token), "secret": secret}


@post("/tokens/{token_id:str}/rotate", sync_to_thread=True, tags=["access"], opt=AUDITED)
def rotate_token(
    request: Request[Any, Any, Any], token_id: str, service: Service
) -> dict[str, Any]:
    """Give a token a new secret; the old one opens nothing from then on."""
    secret, token = access.renew_token(service.ledger, actor_of(request), token_id)
    service.forget_callers()
    return {"token": access.token_json(token), "secret": secret}


@delete(
    "/tokens/{token_id:str}", status_code=200, sync_to_thread=True, tags=["access"], opt=AUDITED
)
def revoke_token(
    request: Request[Any, Any, Any], token_id: str, service: Service
) -> dict[str, Any]:
    """Let a token open nothing any more."""
    token = access.withdraw_token(service.ledger, actor_of(request), token_id)
    service.forget_callers()
    return {"token": access.token_json(token)}
