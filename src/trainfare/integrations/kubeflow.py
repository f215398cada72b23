"""Kubeflow Pipelines, also as Vertex AI runs them: a task, metered as one run; retries are attempts.

    @dsl.component(packages_to_install=["trainfare"])
    def train(pipeline: str, run: str, step: str):
        from trainfare.integrations.kubeflow import track
        with track(pipeline, run, step, model="tiny") as metered:
            ...

A pod knows neither its pipeline nor its run; the pipeline passes them, with kfp's placeholders::

    train(pipeline="nightly", run=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
          step=dsl.PIPELINE_TASK_NAME_PLACEHOLDER)
"""

from __future__ import annotations

from typing import Any

from trainfare.metering.pipelines import step_job
from trainfare.metering.step import track_step
from trainfare.metering.track import Run


def track(pipeline: str, run: str, step: str, name: str | None = None, **words: Any) -> Run:
    """Meter the task *step* of the pipeline *pipeline* in its execution *run*.

    Args:
        pipeline: its name.
        run: the id of this execution: ``dsl.PIPELINE_JOB_ID_PLACEHOLDER``.
        step: the task's name: ``dsl.PIPELINE_TASK_NAME_PLACEHOLDER``.
        name: how people call the run; otherwise the task's name.
        words: those of :func:`trainfare.track`.

    Raises:
        BadInput: a word is malformed; nothing was started.
    """
    return track_step(step_job("kubeflow", pipeline, run, step), name, **words)
