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
from typing import Any

from trainfare.metering.mlflow_run import (
    RUN_TAG,
    SYSTEM,
    page_of,
    place_of,
    put_figures,
    put_receipt,
    reach,
)
from trainfare.metering.receipt import Receipt
from trainfare.metering.teller import EVERY_SECONDS, tell_costs
from trainfare.metering.track import Run


def send_costs(run_id: str | None = None, *, every_seconds: float = EVERY_SECONDS) -> Run:
    """Send what the live run costs to an MLflow run from now on; where no run is live, one begins.

    Args:
        run_id: of MLflow; otherwise its active run, which begins where there is none and a server
            answers.
        every_seconds: between one word and the next.
    """
    return tell_costs(lambda run: MlflowRun(run, run_id), SYSTEM, every_seconds)


class MlflowRun:
    """An MLflow run that bears the id of Trainfare's."""

    def __init__(self, run: Run, run_id: str | None = None) -> None:
        import mlflow

        self._uri = mlflow.get_tracking_uri()
        active = mlflow.active_run()
        if run_id is None and active is None:
            reach(self._uri)
            active = mlflow.start_run()
        self._run, self._id = run, run_id or active.info.run_id
        self._client: Any = None
        self._experiment: str | None = None
        if active is not None and active.info.run_id == self._id:
            self._experiment = active.info.experiment_id
        self._link()

    def _link(self) -> None:
        url = self._experiment and page_of(self._uri, self._experiment, self._id)
        self._run.tracked(SYSTEM, self._id, place=place_of(self._uri), url=url)

    def meet(self) -> None:
        """Tag MLflow's run with our id, and learn where its page is."""
        import mlflow

        reach(self._uri)
        self._client = mlflow.MlflowClient(self._uri)
        self._client.set_tag(self._id, RUN_TAG, self._run.id)
        if self._experiment is None:
            self._experiment = self._client.get_run(self._id).info.experiment_id
            self._link()

    def tell(self, figures: Mapping[str, float], step: int) -> None:
        """Log the figures as metrics of this moment."""
        reach(self._uri)
        put_figures(self._client, self._id, figures, step, time.time_ns())

    def conclude(self, receipt: Receipt, figures: Mapping[str, float]) -> None:
        """Log the last figures, exact amounts as tags, and the receipt as an artifact."""
        reach(self._uri)
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
