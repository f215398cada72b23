"""Tellers: a thread that tells a tracker what a run costs, while it goes on and when it has ended.

Whatever a tracker does, slow or broken, is its thread's affair: the training neither waits for it nor
hears of it, but for one warning. The end of a run waits a bounded time for the last word; what did
not get there stands in the record and can be sent later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

from trainfare.metering.figures import figures_of
from trainfare.metering.history import read_receipt
from trainfare.metering.notice import warn
from trainfare.metering.ongoing import live_run
from trainfare.metering.receipt import Receipt
from trainfare.metering.track import Run, track

EVERY_SECONDS = 30.0

LAST_SECONDS = 10.0
"""The end of a run waits at most so long for a tracker to take the last word."""


class Tracker(Protocol):
    """One run of an experiment tracker; making it waits for nobody, for the training does that."""

    def meet(self) -> None:
        """Put the run's id on the tracker's side, before all else."""

    def tell(self, figures: Mapping[str, float], step: int) -> None:
        """Add the figures of this moment."""

    def conclude(self, receipt: Receipt, figures: Mapping[str, float]) -> None:
        """Add what stands at the end, and the receipt."""


def tell_costs(make: Callable[[Run], Tracker], system: str, every_seconds: float) -> Run:
    """Tell a tracker what the live run costs from now on; where none is live, one begins.

    Args:
        make: finds the tracker's side of the run, once the run is there, and links it here.
        system: the tracker's name, for warnings.
        every_seconds: between one word and the next.

    Returns:
        The run; leaving it as a block ends it where it began here.
    """
    live = live_run()
    run = track() if live is None else live
    try:
        tracker = make(run)
    except Exception as error:
        warn("no costs go to %s: %s: %s", system, type(error).__name__, error)
        return run
    teller = _Teller(run, tracker, system, every_seconds)
    run.when_ended(teller.finish)
    teller.start()
    return run


def receipt_now(run: Run) -> Receipt:
    """The receipt of a live run in milliseconds: by its last samples, without the runs beside it."""
    return read_receipt(
        run.home,
        run.id,
        own=run._spool,  # noqa: SLF001 (what it has still to write counts too)
        is_recent=True,
        with_makers=False,
        beside=(),
    )


class _Teller:
    """The thread of one run and one tracker."""

    def __init__(self, run: Run, tracker: Tracker, system: str, every_seconds: float) -> None:
        self._run, self._tracker, self._system = run, tracker, system
        self._every_seconds = every_seconds
        self._ended = threading.Event()
        self._has_met = self._has_warned = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to tell; where no thread can be had, all is told at the end."""
        thread = threading.Thread(target=self._live, name=f"trainfare-{self._system}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return
        self._thread = thread

    def finish(self) -> None:
        """Tell what stands at the end."""
        self._ended.set()
        if self._thread is None:
            self._guard(self._conclude)
            return
        self._thread.join(LAST_SECONDS)
        if self._thread.is_alive():
            self._warn(f"it took no last word within {LAST_SECONDS:.0f} s")

    def _live(self) -> None:
        self._guard(self._meet)
        while not self._ended.wait(self._every_seconds):
            self._guard(self._tell)
        self._guard(self._conclude)

    def _meet(self) -> None:
        """Meet once; a tracker that was away is met before it is told anything."""
        if not self._has_met:
            self._tracker.meet()
            self._has_met = True

    def _tell(self) -> None:
        self._meet()
        receipt = receipt_now(self._run)
        self._tracker.tell(figures_of(receipt), receipt.steps)

    def _conclude(self) -> None:
        self._meet()
        receipt = self._run.receipt()
        self._tracker.conclude(receipt, figures_of(receipt))

    def _guard(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:
            self._warn(f"{type(error).__name__}: {error}")

    def _warn(self, why: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            warn(
                "%s did not take the costs of run %s: %s; they are kept here%s",
                self._system,
                self._run.id,
                why,
                ", and `trainfare trackers sync` sends them later" * (self._system == "mlflow"),
            )
