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
import re
import time
from collections.abc import Mapping
from typing import Any

from trainfare.metering.figures import words_of
from trainfare.metering.receipt import Receipt
from trainfare.metering.teller import EVERY_SECONDS, tell_costs
from trainfare.metering.track import Run

SYSTEM = "mlflow"

RUN_TAG = "trainfare.run"

RECEIPT_FILE = "trainfare/receipt.json"


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
        run.tracked(
            SYSTEM, run_id, place=plain_place(place), url=page_of(place, experiment, run_id)
        )

    def tell(self, figures: Mapping[str, float], step: int) -> None:
        """Log the figures as metrics of this moment."""
        put_figures(self._client, self._id, figures, step)

    def conclude(self, receipt: Receipt, figures: Mapping[str, float]) -> None:
        """Log the last figures, exact amounts as tags, and the receipt as an artifact."""
        put_figures(self._client, self._id, figures, receipt.steps)
        put_receipt(self._client, self._id, receipt)


def put_figures(client: Any, run_id: str, figures: Mapping[str, float], step: int) -> None:
    """Log *figures* as metrics of this moment, in one request."""
    from mlflow.entities import Metric

    now_ms = time.time_ns() // 10**6
    client.log_batch(run_id, [Metric(key, value, now_ms, step) for key, value in figures.items()])


def put_receipt(client: Any, run_id: str, receipt: Receipt) -> None:
    """Put what is exact on an MLflow run: amounts as tags, the receipt as an artifact."""
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(key, word) for key, word in words_of(receipt).items()])
    client.log_dict(run_id, receipt.to_json(), RECEIPT_FILE)


def plain_place(uri: str) -> str:
    """A tracking URI without the password that it may carry.

    >>> plain_place("https://me:secret@mlflow.example/base")
    'https://mlflow.example/base'
    """
    return re.sub(r"(?<=://)[^/]*@", "", uri)


def page_of(uri: str, experiment: str, run_id: str) -> str | None:
    """Where people look at a run; a folder or a database has no page.

    >>> page_of("http://127.0.0.1:5000/", "1", "ab")
    'http://127.0.0.1:5000/#/experiments/1/runs/ab'
    """
    if not uri.startswith(("http://", "https://")):
        return None
    return f"{plain_place(uri).rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"


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
