"""Dagster: an op or asset, metered as one run; Dagster's retries of it are attempts.

@op(retry_policy=RetryPolicy(max_retries=1))
def train(context):
    with trainfare.integrations.dagster.track(context, model="tiny") as run:
        ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainfare.metering.pipelines import step_job
from trainfare.metering.step import track_step
from trainfare.metering.track import Run

if TYPE_CHECKING:
    from dagster import AssetExecutionContext, OpExecutionContext


def track(
    context: OpExecutionContext | AssetExecutionContext, name: str | None = None, **words: Any
) -> Run:
    """Meter the step of *context*; a run that is executed again from a failure goes on with it.

    Args:
        context: what Dagster gives to an op or asset.
        name: how people call the run; otherwise the op's or asset's name.
        words: those of :func:`trainfare.track`.

    Raises:
        BadInput: a word is malformed; nothing was started.
    """
    dagster_run = context.run
    execution = dagster_run.root_run_id or dagster_run.run_id
    step = context.op_execution_context.get_step_execution_context().step.key
    return track_step(step_job("dagster", context.job_name, execution, step), name, **words)
