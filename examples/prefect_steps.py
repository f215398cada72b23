# /// script
# requires-python = ">=3.11"
# dependencies = ["prefect==3.9.1"]
# ///
"""A Prefect flow whose tasks are metered: each is one run, and a retry is an attempt of it."""

import os
import tempfile

HOME = tempfile.mkdtemp(prefix="trainfare-prefect-")
os.environ.setdefault("TRAINFARE_HOME", HOME)
os.environ.setdefault("TRAINFARE_PRICE", "3.6/h")
os.environ.setdefault("PREFECT_HOME", HOME)
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
os.environ["PREFECT_API_URL"] = ""  # a server of its own, for as long as the flow runs

from prefect import flow, task  # noqa: E402 (Prefect reads its settings at import)
from prefect.runtime import task_run  # noqa: E402

import trainfare  # noqa: E402
from trainfare.integrations.prefect import track  # noqa: E402


@task
def prepare() -> int:
    with track(stage="data"):
        return sum(range(100_000))


@task(retries=1)
def train(rows: int) -> int:
    with track(model="tiny") as run:
        for _ in run.steps(range(100)):
            rows += 1
        if task_run.run_count == 1:
            raise RuntimeError("the first try fails")
    return rows


@flow
def nightly() -> int:
    return train(prepare())


if __name__ == "__main__":
    nightly()
    trained = trainfare.receipt("last").run
    assert [attempt.status.value for attempt in trained.attempts] == ["failed", "finished"]
    print(trainfare.report(by=("pipeline", "pipeline.step")))
