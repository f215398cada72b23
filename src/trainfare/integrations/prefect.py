"""Prefect: a task run, metered as one run; Prefect's retries of it are attempts.

    @task(retries=2)
    def train():
        with trainfare.integrations.prefect.track(model="tiny") as run:
            ...

Tasks share a process, so nothing in its environment tells them apart: Prefect is asked.
"""

from __future__ import annotations

from typing import Any

from trainfare.core.errors import BadInput
from trainfare.metering.pipelines import step_job
from trainfare.metering.step import track_step
from trainfare.metering.track import Run


def track(name: str | None = None, **words: Any) -> Run:
    """Meter the task run, or the flow run, that this is called in.

    Args:
        name: how people call the run; otherwise the task's name.
        words: those of :func:`trainfare.track`.

    Raises:
        BadInput: no flow runs here, or a word is malformed; nothing was started.
    """
    from prefect.runtime import flow_run, task_run

    if not flow_run.id:
        raise BadInput("no Prefect flow runs here; call track() inside a flow or task")
    step = task_run.task_name or flow_run.flow_name
    own = task_run.id or flow_run.id
    job = step_job("prefect", str(flow_run.flow_name), str(flow_run.id), str(step), str(own))
    return track_step(job, name, **words)
