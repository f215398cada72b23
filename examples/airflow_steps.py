# /// script
# requires-python = ">=3.11"
# dependencies = ["apache-airflow==3.3.2"]
# ///
"""A DAG whose tasks are metered: each is one run, and a retry is an attempt of it.

``dag.test()`` runs the tasks in this process, without a scheduler.
"""

import os
import subprocess
import sys
import tempfile
from datetime import timedelta

HOME = tempfile.mkdtemp(prefix="trainfare-airflow-")
os.environ.setdefault("TRAINFARE_HOME", HOME)
os.environ.setdefault("TRAINFARE_PRICE", "3.6/h")
os.environ.setdefault("AIRFLOW_HOME", HOME)
os.environ.setdefault("AIRFLOW__CORE__DAGS_FOLDER", os.path.dirname(__file__))
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
os.environ.setdefault("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{HOME}/airflow.db")

from airflow.sdk import dag, task  # noqa: E402 (Airflow reads its settings at import)

import trainfare  # noqa: E402


@dag(schedule=None)
def nightly():
    @task
    def prepare() -> int:
        with trainfare.track(stage="data"):
            return sum(range(100_000))

    @task(retries=1, retry_delay=timedelta(0))
    def train(rows: int) -> None:
        with trainfare.track(model="tiny") as run:
            for _ in run.steps(range(100)):
                rows += 1
            if os.environ["AIRFLOW_CTX_TRY_NUMBER"] == "1":
                raise RuntimeError("the first try fails")

    train(prepare())


pipeline = nightly()

if __name__ == "__main__":
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True)
    pipeline.test()
    trained = trainfare.receipt("last").run
    assert [attempt.status.value for attempt in trained.attempts] == ["failed", "finished"]
    print(trainfare.report(by=("pipeline", "pipeline.step")))
