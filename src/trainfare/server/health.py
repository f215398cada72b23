"""Health: whether the process lives, and whether it can do its work."""

from __future__ import annotations

from litestar import get

from trainfare.server.door import OPEN
from trainfare.server.service import Service


@get("/healthz", opt=OPEN, sync_to_thread=False, tags=["health"])
def healthz() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@get("/readyz", opt=OPEN, sync_to_thread=True, tags=["health"])
def readyz(service: Service) -> dict[str, str]:
    """The ledger answers; 503 where it does not."""
    service.ledger.ping()
    return {"status": "ready"}
