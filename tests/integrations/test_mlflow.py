"""MLflow has what a run costs, and the two know each other by name."""

import importlib.metadata
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import mlflow
import pytest

import trainfare
from trainfare.integrations.mlflow import RUN_TAG, TrainfareRunContext, send_costs
from trainfare.metering.history import read_receipt

from .tracking import mlflow_server, silent_server

ROOT = Path(__file__).parents[2]


pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(scope="module")
def store(mlflow_store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("costs")
    mlflow.create_experiment("costs", artifact_location=str(folder / "artifacts"))
    mlflow.set_experiment("costs")
    return mlflow_store


def train(steps=3):
    with mlflow.start_run() as one, send_costs(every_seconds=3600) as run:
        for step in range(steps):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
            run.step()
    return one.info.run_id, run


def check(run_id, receipt):
    """The MLflow run *run_id* says what the receipt says."""
    client = mlflow.MlflowClient()
    found = client.get_run(run_id)
    total = receipt.estimate.total
    assert found.data.metrics["trainfare/estimated_cost_USD"] == total.nano / 1e9
    assert found.data.tags["trainfare.estimated_cost"] == f"{total.text()} USD"
    assert (found.data.tags[RUN_TAG], found.data.tags["trainfare.status"]) == (
        receipt.run.id,
        "finished",
    )
    [metric] = client.get_metric_history(run_id, "trainfare/estimated_cost_USD")
    assert metric.step == receipt.steps == 3
    kept = mlflow.artifacts.load_dict(f"runs:/{run_id}/trainfare/receipt.json")
    assert kept == json.loads(json.dumps(receipt.to_json()))


def test_a_run_of_mlflow_has_figures_exact_amounts_and_the_receipt(store, home, monkeypatch):
    monkeypatch.setenv("TRAINFARE_PRICE", "3600/h")
    run_id, run = train()
    receipt = read_receipt(home, run.id)
    check(run_id, receipt)
    [link] = receipt.run.trackers
    assert (link.system, link.run, link.place, link.url) == ("mlflow", run_id, store, None)


@pytest.mark.long
def test_a_real_server_takes_it_all(tmp_path, home, monkeypatch):
    monkeypatch.setenv("TRAINFARE_PRICE", "3600/h")
    before = mlflow.get_tracking_uri()
    with mlflow_server(tmp_path) as address:
        mlflow.set_tracking_uri(address)
        mlflow.set_experiment("costs")
        try:
            run_id, run = train()
            receipt = read_receipt(home, run.id)
            check(run_id, receipt)
            [link] = receipt.run.trackers
            assert link.url.startswith(f"{address}/#/experiments/")
        finally:
            mlflow.set_tracking_uri(before)


def test_every_mlflow_run_in_a_metered_command_bears_its_id(store, monkeypatch):
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    [[name, value]] = table["mlflow.run_context_provider"].items()
    point = importlib.metadata.EntryPoint(name, value, "mlflow.run_context_provider")
    assert point.load() is TrainfareRunContext
    from mlflow.tracking.context import registry

    monkeypatch.setattr(
        registry._run_context_provider_registry, "_registry", [TrainfareRunContext()]
    )
    with mlflow.start_run() as alone:
        assert RUN_TAG not in mlflow.get_run(alone.info.run_id).data.tags
    with trainfare.track() as run, mlflow.start_run() as one:
        assert mlflow.get_run(one.info.run_id).data.tags[RUN_TAG] == run.id


AWAY = """
import sys
import mlflow
import trainfare
from trainfare.integrations.mlflow import send_costs

trainfare.metering.mlflow_run.REACH_SECONDS = 1.0
mlflow.set_tracking_uri(sys.argv[1])
with trainfare.track(run_id="linked") as run:
    send_costs("0123456789abcdef0123456789abcdef", every_seconds=0.01)
    run.step()
with trainfare.track(run_id="alone") as run:
    send_costs()  # would begin a run of MLflow
    run.step()
"""


@pytest.mark.parametrize("kind", ["refuses", "hangs"])
def test_a_server_that_is_away_holds_no_training_up(kind, home):
    """MLflow's own client would try for four minutes, or for a quarter of an hour where it hangs."""
    with silent_server() as hanging:
        address = hanging if kind == "hangs" else "http://127.0.0.1:9"
        done = subprocess.run(
            [sys.executable, "-c", AWAY, address],
            capture_output=True,
            text=True,
            timeout=200,
            check=True,
        )
    said = [line for line in done.stderr.splitlines() if "mlflow" in line.lower()]
    assert [line.partition(" of run")[0].partition(": ")[0] for line in said] == [
        "mlflow did not take the costs",
        "no costs go to mlflow",
    ]
    assert all(f"MLflow at {address} does not answer" in line for line in said)
    linked, alone = (read_receipt(home, name).run for name in ("linked", "alone"))
    assert (linked.status.value, alone.status.value) == ("finished", "finished")
    [link] = linked.trackers  # so that `trackers sync` can send later
    assert (link.run, link.place) == ("0123456789abcdef0123456789abcdef", address)
    assert alone.trackers == ()


@pytest.mark.long
def test_the_example_says_what_it_cost(tmp_path):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "mlflow_costs.py"],
        env={**os.environ, "PATH": path, "TRAINFARE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert "MLflow says it cost 0.00" in done.stdout
    assert "1 of MLflow's runs were metered" in done.stdout
    assert "unmetered" in done.stdout
