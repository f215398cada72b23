"""Trackio: what a run costs, beside its metrics.

    trackio.init(project="lm")
    trainfare.integrations.trackio.send_costs()

Figures are system metrics, which Trackio draws over time, so that the training's steps stay what
they are. Exact amounts and the receipt stay with Trainfare.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainfare.metering.receipt import Receipt
from trainfare.metering.teller import EVERY_SECONDS, tell_costs
from trainfare.metering.track import Run

SYSTEM = "trackio"


def send_costs(trackio_run: Any = None, *, every_seconds: float = EVERY_SECONDS) -> Run:
    """Send what the live run costs to a Trackio run from now on; where no run is live, one begins.

    Args:
        trackio_run: otherwise the one that ``trackio.init()`` made last.
        every_seconds: between one word and the next.
    """
    return tell_costs(lambda run: TrackioRun(run, trackio_run), SYSTEM, every_seconds)


class TrackioRun:
    """A Trackio run that bears the id of Trainfare's in its configuration."""

    def __init__(self, run: Run, trackio_run: Any = None) -> None:
        from trackio import context_vars

        self._run = trackio_run or context_vars.current_run.get()
        if self._run is None:
            raise RuntimeError("no Trackio run is live; call trackio.init() first")
        self._run.config["trainfare.run"] = run.id
        run.tracked(SYSTEM, self._run.id, place=self._run.project, url=self._run.url)

    def meet(self) -> None:
        """Nothing is left to say: the configuration goes along with the first row."""

    def tell(self, figures: Mapping[str, float], step: int) -> None:
        """Log the figures of this moment."""
        self._run.log_system(dict(figures))

    def conclude(self, receipt: Receipt, figures: Mapping[str, float]) -> None:
        """Log the last figures."""
        self.tell(figures, receipt.steps)
