"""Serving: one process that listens until it is told to stop."""

from __future__ import annotations

import gc
import logging
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from trainfare.core.errors import OutsideFailed
from trainfare.flows.access import make_first_token
from trainfare.server.app import make_app
from trainfare.server.gate import Gate
from trainfare.server.ingest import Ingest
from trainfare.server.protocol import ImpatientProtocol
from trainfare.server.service import Service, Settings


def serve(
    home: Path,
    database: str | None,
    host: str,
    port: int,
    greet: Callable[[Path, str, str | None], None],
) -> None:
    """Listen until told to stop.

    Args:
        home: where runs, bills and charges are kept.
        database: the URL of the ledger; SQLite in the home where it is None.
        host: address to listen on.
        port: 0 takes any free one.
        greet: told the home, the URL and, once in a server's life, the first admin token.

    Raises:
        OutsideFailed: the address is taken or not this machine's.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of every look at the ledger
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    service = Service(Settings(home, database, host, port))
    greet(home, f"http://{_written(host)}:{port}", make_first_token(service.ledger))
    config = uvicorn.Config(
        Gate(Ingest(make_app(service), service), service),
        http=ImpatientProtocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(service.policy.trusted_proxies),
        forwarded_allow_ips=list(service.policy.trusted_proxies),
        timeout_graceful_shutdown=5,
    )
    _spare_pauses()
    uvicorn.Server(config).run(sockets=[listener])


def _spare_pauses() -> None:
    """Look for garbage among what requests make, not among all that was loaded at the start.

    With half a million objects of the libraries, each full look stops every request for a tenth of
    a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that the port is ours before the URL is printed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise OutsideFailed(
            f"cannot listen on {host} port {port}: {error.strerror}; choose another with --port"
        ) from None
    return listener


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host
