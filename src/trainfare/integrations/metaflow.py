"""Metaflow: a task of a step, metered as one run; retries by ``@retry`` are attempts.

    @retry(times=1)
    @step
    def train(self):
        with trainfare.integrations.metaflow.track(model="tiny") as run:
            ...

On AWS Batch and Kubernetes the environment says the same, so plain ``trainfare.track()`` will do.
"""

from __future__ import annotations

from typing import Any

from trainfare.core.errors import BadInput
from trainfare.metering.pipelines import metaflow_job
from trainfare.metering.step import track_step
from trainfare.metering.track import Run


def track(name: str | None = None, **words: Any) -> Run:
    """Meter the task that this is called in.

    Args:
        name: how people call the run; otherwise the step's name.
        words: those of :func:`trainfare.track`.

    Raises:
        BadInput: no Metaflow task runs here, or a word is malformed; nothing was started.
    """
    from metaflow import current

    if not current.is_running_flow:
        raise BadInput("no Metaflow flow runs here; call track() inside a step")
    job = metaflow_job(current.flow_name, current.run_id, current.step_name, current.task_id)
    return track_step(job, name, **words)
