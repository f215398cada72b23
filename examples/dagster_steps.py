# /// script
# requires-python = ">=3.11"
# dependencies = ["dagster==1.13.29"]
# ///
"""A Dagster job whose ops are metered: each is one run, and a retry is an attempt of it."""

import os
import tempfile

from dagster import OpExecutionContext, RetryPolicy, job, op

import trainfare
from trainfare.integrations.dagster import track

os.environ.setdefault("TRAINFARE_HOME", tempfile.mkdtemp(prefix="trainfare-dagster-"))
os.environ.setdefault("TRAINFARE_PRICE", "3.6/h")


@op
def prepare(context: OpExecutionContext) -> int:
    with track(context, stage="data"):
        return sum(range(100_000))


@op(retry_policy=RetryPolicy(max_retries=1))
def train(context: OpExecutionContext, rows: int) -> int:
    with track(context, model="tiny") as run:
        for _ in run.steps(range(100)):
            rows += 1
        if context.retry_number == 0:
            raise RuntimeError("the first try fails")
    return rows


@job
def nightly() -> None:
    train(prepare())


if __name__ == "__main__":
    nightly.execute_in_process()
    trained = trainfare.receipt("last").run
    assert [attempt.status.value for attempt in trained.attempts] == ["failed", "finished"]
    print(trainfare.report(by=("pipeline", "pipeline.step")))
