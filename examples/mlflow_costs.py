# /// script
# requires-python = ">=3.11"
# dependencies = ["mlflow>=3.17", "setuptools"]
# ///
"""A training whose cost stands beside its loss in MLflow, and a sweep that MLflow knew before.

The store is a file in a temporary folder: no server, nothing is sent anywhere.
"""

# ruff: noqa: E402 (MLflow reads its environment when it loads)
import os
import tempfile
import time

FOLDER = tempfile.mkdtemp(prefix="trainfare-mlflow-")
os.environ.setdefault("TRAINFARE_HOME", f"{FOLDER}/home")
os.environ.setdefault("TRAINFARE_METADATA", "off")
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow

import trainfare
import trainfare.integrations.mlflow

STORE = f"sqlite:///{FOLDER}/mlflow.db"


def train(run: trainfare.Run) -> None:
    """Twenty steps of something that gets better."""
    for step in run.steps(range(20)):
        time.sleep(0.01)
        mlflow.log_metric("loss", 1 / (step + 1), step=step)


mlflow.set_tracking_uri(STORE)
mlflow.create_experiment("lr-sweep", artifact_location=f"{FOLDER}/artifacts")
mlflow.set_experiment("lr-sweep")

with mlflow.start_run(run_name="unmetered"):
    mlflow.log_param("lr", 0.1)
    time.sleep(0.5)

with (
    mlflow.start_run(run_name="metered") as one,
    trainfare.track("metered", model="toy", price="3.6/h") as metered,
):
    trainfare.integrations.mlflow.send_costs()
    train(metered)

tags = mlflow.get_run(one.info.run_id).data.tags
print("MLflow says it cost", tags["trainfare.estimated_cost"])

os.system(f"trainfare runs import --from mlflow {STORE} --only lr-sweep --price 3.6/h")  # noqa: S605
os.system("trainfare runs")  # noqa: S605
