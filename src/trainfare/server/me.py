"""Me: what the caller may do."""

from __future__ import annotations

from typing import Any

from litestar import get

from trainfare.core.caller import Caller


@get("/me", sync_to_thread=False, tags=["access"])
def me(caller: Caller) -> dict[str, Any]:
    """The caller's name, scopes and team."""
    return {"name": caller.name, "scopes": sorted(caller.scopes), "team": caller.team}
