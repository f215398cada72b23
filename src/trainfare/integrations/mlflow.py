"""MLflow: what a run costs, on the MLflow run that it belongs to.

    with mlflow.start_run():
        trainfare.integrations.mlflow.send_costs()

While the run goes on its figures are metrics of the MLflow run; when it has ended they are once more,
exact amounts are tags, and the receipt is the artifact ``trainfare/receipt.json``. The MLflow run bears
Trainfare's run id (tag ``trainfare.run``), and Trainfare's run the MLflow run's.

Source: MLflow, "Tracking: MlflowClient" and "Plugins: Run Context Provider".
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from trainfare.metering.mlflow_run import (
    RUN_TAG,
    SYSTEM,
    page_of,
    place_of,
    put_figures,
    put_receipt,
)
from trainfare.metering.receipt import Receipt
from trainfare.metering.teller import EVERY_SECONDS, tell_costs
from trainfare.metering.track import Run


def send_costs(run_id: str | None = None, *, every_seconds: float = EVERY_SECONDS) -> Run:
    """Send what the live run costs to an MLflow run from now on; where no run is live, one begins.

    Args:
        run_id: of MLflow; otherwise its active run, which begins where there is none.
        every_seconds: between one word and the next.
    """
    return tell_costs(lambda run: MlflowRun(run, run_id), SYSTEM, every_seconds)


class MlflowRun:
    """An MLflow run that bears the id of Trainfare's."""

    def __init__(self, run: Run, run_id: str | None = None) -> None:
        import mlflow

        if run_id is None:
            active = mlflow.active_run() or mlflow.start_run()
            run_id = active.info.run_id
        place = mlflow.get_tracking_uri()
        self._client = mlflow.MlflowClient(place)
        self._id = run_id
        self._client.set_tag(run_id, RUN_TAG, run.id)
        experiment = self._client.get_run(run_id).info.experiment_id
        run.tracked(SYSTEM, run_id, place=place_of(place), url=page_of(place, experiment, run_id))

    def tell(self, figures: Mapping[str, float], step: int) -> None:
        """Log the figures as metrics of this moment."""
        put_figures(self._client, self._id, figures, step, time.time_ns())

    def conclude(self, receipt: Receipt, figures: Mapping[str, float]) -> None:
        """Log the last figures, exact amounts as tags, and the receipt as an artifact."""
        put_figures(self._client, self._id, figures, receipt.steps, time.time_ns())
        put_receipt(self._client, self._id, receipt)


class TrainfareRunContext:
    """Puts Trainfare's run id on every MLflow run that is started inside a metered command.

    MLflow finds it by the entry point ``mlflow.run_context_provider``; it asks for no line of code.
    """

    def in_context(self) -> bool:
        """Whether this process belongs to a metered run."""
        return bool(os.environ.get("TRAINFARE_RUN_ID"))

    def tags(self) -> dict[str, str]:
        """The tag that keeps the two one run."""
        return {RUN_TAG: os.environ["TRAINFARE_RUN_ID"]}
