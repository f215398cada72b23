"""Settling: a thread of the server that keeps the sights of runs true."""

from __future__ import annotations

import logging
import threading
import time

from trainfare.flows.sights import Sights

REST_SECONDS = 2.0
"""Between two looks, at the least."""

WORK_SHARE = 9
"""A look that takes long is followed by a rest so many times as long: a tenth of one CPU."""

LOG = logging.getLogger("trainfare")


class Settling:
    """Looks until it is stopped; what fails once is tried again."""

    def __init__(self, sights: Sights) -> None:
        self._sights = sights
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="settling", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the look that goes on."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def _run(self) -> None:
        rest = 0.0
        while not self._stopped.wait(rest):
            began = time.monotonic()
            left = 0
            try:
                left = self._sights.settle().left
            except Exception as error:
                LOG.warning("settling=failed error=%r", error)
            spent = time.monotonic() - began
            # Half of a CPU while runs wait that no list shows yet.
            rest = max(0.05, spent) if left else max(REST_SECONDS, WORK_SHARE * spent)
