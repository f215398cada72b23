"""ClearML: what a run costs, on the task that it belongs to.

    task = Task.init(project_name="lm", task_name="base")
    trainfare.integrations.clearml.send_costs()

Figures are scalars of the task, the receipt is its artifact ``trainfare-receipt``. End Trainfare's
run before ``task.close()``: a closed task takes nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainfare.metering.figures import ROOM, words_of
from trainfare.metering.receipt import Receipt
from trainfare.metering.teller import EVERY_SECONDS, tell_costs
from trainfare.metering.track import Run

SYSTEM = "clearml"

RECEIPT = "trainfare-receipt"


def send_costs(task: Any = None, *, every_seconds: float = EVERY_SECONDS) -> Run:
    """Send what the live run costs to a ClearML task from now on; where no run is live, one begins.

    Args:
        task: otherwise the current one.
        every_seconds: between one word and the next.
    """
    return tell_costs(lambda run: ClearmlTask(run, task), SYSTEM, every_seconds)


class ClearmlTask:
    """A task that bears the id of Trainfare's run."""

    def __init__(self, run: Run, task: Any = None) -> None:
        from clearml import Task

        self._task = task or Task.current_task()
        if self._task is None:
            raise RuntimeError("no ClearML task is live; call Task.init() first")
        self._run = run
        run.tracked(SYSTEM, self._task.id)

    def meet(self) -> None:
        """Put our id among the parameters, and learn where the task's page is."""
        from clearml import Task

        self._task.set_parameter("trainfare/run", self._run.id)
        url = None if Task.is_offline() else self._task.get_output_log_web_page()
        self._run.tracked(SYSTEM, self._task.id, place=self._task.get_project_name(), url=url)

    def tell(self, figures: Mapping[str, float], step: int) -> None:
        """Report the figures as scalars of the present step."""
        logger = self._task.get_logger()
        for key, value in figures.items():
            logger.report_scalar("trainfare", key.removeprefix(ROOM), value, iteration=step)

    def conclude(self, receipt: Receipt, figures: Mapping[str, float]) -> None:
        """Report the last figures, exact amounts as parameters, and the receipt as an artifact."""
        self.tell(figures, receipt.steps)
        for key, word in words_of(receipt).items():
            self._task.set_parameter(key.replace(".", "/", 1), word)
        self._task.upload_artifact(RECEIPT, receipt.to_json(), wait_on_upload=True)
