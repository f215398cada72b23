"""Shipping: what a process records goes to the team's server, if ``TRAINFARE_SERVER`` names one.

Spool first, then send: a daemon thread reads back what the meter has written and ships it every few
seconds. Nothing here raises into the training, and nothing is lost while the server is away: the
spool stays, and this process, the next one on this home or an agent ships what is left.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from trainfare.metering.loading import import_alone
from trainfare.metering.notice import warn

if TYPE_CHECKING:
    from trainfare.metering.shipper import Shipper

SERVER_VARIABLE = "TRAINFARE_SERVER"

FIRST_SECONDS, EVERY_SECONDS = 1.0, 10.0
"""A run is to be seen soon after its start; from then on what is new is sent so often."""

LAST_SECONDS = 2.0
"""The end of a process waits at most so long for its last shipment."""

MODULES = (
    "json",
    "gzip",
    "random",
    "urllib.parse",
    "email.parser",
    "ssl",
    "http.client",
    "trainfare.metering.wire",
    "trainfare.metering.cargo",
    "trainfare.metering.shipper",
)
"""What the thread needs."""

_thread: ShippingThread | None = None


def follow(home: Path, folder: Path) -> None:
    """Ship the segment in *folder* from now on, where there is a server to ship to."""
    global _thread
    if not os.environ.get(SERVER_VARIABLE):
        return
    if _thread is None:
        _thread = ShippingThread(home)
        try:
            threading.Thread(target=_thread.live, name="trainfare-ship", daemon=True).start()
        except RuntimeError as error:
            warn("this run is not shipped now, but by the next one on this home: %s", error)
            _thread = None
            return
    _thread.follow(folder)


def finish() -> None:
    """Ship what is left, for a bounded time; called when the process ends."""
    if _thread is not None:
        _thread.finish()


def _import(name: str) -> None:
    import importlib

    importlib.import_module(name)


def _forget() -> None:
    """A forked child ships only what it records itself."""
    global _thread
    _thread = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class ShippingThread:
    """What the thread of a process does."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._own: list[Path] = []
        self._marked = 0
        self._wake = threading.Event()
        self._is_ending = False
        self._ended = threading.Event()
        self._shipper: Shipper | None = None

    def follow(self, folder: Path) -> None:
        """Ship *folder* too."""
        self._own.append(folder)

    def finish(self) -> None:
        """Have everything shipped once more, and wait for that as long as may be."""
        self._is_ending = True
        self._wake.set()
        self._ended.wait(LAST_SECONDS)

    def live(self) -> None:
        """Ship until the end; what goes wrong is said once and tried again."""
        try:
            # One by one, so that a fork waits for one of them only.
            for name in MODULES:
                import_alone(partial(_import, name))
            self._open()
            self._ship_until_end()
        except Exception as error:
            warn("shipping stopped: %s: %s; the record stays here", type(error).__name__, error)
        finally:
            self._ended.set()

    def _open(self) -> None:
        from trainfare.metering.shipper import Shipper
        from trainfare.metering.wire import server_of

        server = server_of(os.environ)
        assert server is not None
        self._shipper = Shipper(self._home, server)

    def _ship_until_end(self) -> None:
        shipper = self._shipper
        assert shipper is not None
        rest: Iterator[list[Path]] | None = None
        delay = FIRST_SECONDS
        while True:
            for folder in self._new():
                shipper.mark(folder)
            self._wake.wait(delay)
            if self._is_ending:
                shipper.ship(self._own, until=time.monotonic() + LAST_SECONDS)
                return
            delay = shipper.ship(self._own) or EVERY_SECONDS
            if not shipper.is_away:
                rest = rest or shipper.rest(self._own)
                delay = shipper.ship(next(rest, ())) or EVERY_SECONDS

    def _new(self) -> list[Path]:
        new, self._marked = self._own[self._marked :], len(self._own)
        return new
