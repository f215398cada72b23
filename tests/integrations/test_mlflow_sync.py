"""What a run was billed goes back to MLflow once it is known, and only once."""

import json
from pathlib import Path

import mlflow
import pytest

from flows.bills import said, trainfare
from flows.rides import charge, ride, write_charges
from trainfare.core.run import TrackerRun
from trainfare.flows.jobs import do_job
from trainfare.flows.trackers import sync_trackers
from trainfare.metering import mlflow_run
from trainfare.metering.history import read_receipt
from trainfare.metering.tracker_links import add_tracker

from .tracking import mlflow_server, silent_server


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRAINFARE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    return tmp_path / "home"


@pytest.fixture
def client(mlflow_store):
    mlflow.set_tracking_uri(mlflow_store)
    return mlflow.MlflowClient(mlflow_store)


def start(client, run, tmp_path):
    """An MLflow run that bears our run's id, as in any metered command."""
    is_file = client.tracking_uri.startswith("sqlite")
    experiment = client.create_experiment(
        f"sync {tmp_path.name}", str(tmp_path / "artifacts") if is_file else None
    )
    return client.create_run(experiment, tags={"trainfare.run": run}).info.run_id


def bill(home, tmp_path, *rows, name="b"):
    trainfare(home, "bill", "import", write_charges(tmp_path / f"{name}.csv", *rows))
    trainfare(home, "reconcile")


def walk(client, place, home, tmp_path):
    """From an estimate over a bill to a restated one; how often there were points and what stood there."""
    ride(home, "a", 8, 9)
    mlflow_id = start(client, "a", tmp_path)
    states, billed = [], []
    for step in ("estimate", "estimate", "bill", "bill", "restated", "restated"):
        if step == "bill" and "bill" not in states:
            bill(home, tmp_path, charge(effective="12"))
        if step == "restated" and "restated" not in states:
            bill(home, tmp_path, charge(effective="13"), name="again")
        answer = trainfare(home, "trackers", "sync", place)
        [row] = [one for one in answer["runs"] if one["run"] == "a"]
        assert (row["tracker_run"], row["billed"]) == (mlflow_id, step != "estimate")
        states += [step, row["state"]]
        billed.append(client.get_run(mlflow_id).data.tags.get("trainfare.billed_cost"))
    assert states[1::2] == ["sent", "unchanged"] * 3
    twelve, thirteen = "12.000000000 USD", "13.000000000 USD"
    assert billed == [None, None, twelve, twelve, thirteen, thirteen]
    history = client.get_metric_history(mlflow_id, "trainfare/billed_cost_USD")
    assert [metric.value for metric in history] == [12.0, 13.0]
    estimates = client.get_metric_history(mlflow_id, "trainfare/estimated_cost_USD")
    assert [metric.value for metric in estimates] == [10.0]
    return mlflow_id


def test_a_bill_goes_back_once_and_a_restated_one_again(client, mlflow_store, home, tmp_path):
    mlflow_id = walk(client, mlflow_store, home, tmp_path)
    kept = mlflow.artifacts.load_dict(f"runs:/{mlflow_id}/trainfare/receipt.json")
    assert kept["billed"]["total"] == "13.000000000"
    [tracker] = read_receipt(home, "a").run.trackers
    assert tracker.run == mlflow_id


@pytest.mark.long
def test_the_same_on_a_real_server(home, tmp_path):
    (tmp_path / "server").mkdir()
    with mlflow_server(tmp_path / "server") as address:
        client = mlflow.MlflowClient(address)
        experiment = client.create_experiment("an own one")
        client.create_run(experiment, tags={"trainfare.run": "somebody-elses"})
        ride(home, "b", 10, 11)  # known to no tracker
        mlflow_id = walk(client, address, home, tmp_path)
        kept = client.download_artifacts(mlflow_id, "trainfare/receipt.json", str(tmp_path))
        assert json.loads(Path(kept).read_text())["billed"]["total"] == "13.000000000"
        page = trainfare(home, "trackers", "sync")["runs"][0]["url"]
        assert page.startswith(address)
        assert page.endswith(f"runs/{mlflow_id}")


def test_a_run_that_the_tracker_has_no_more_is_said_and_keeps_no_other_back(client, home, tmp_path):
    for run in ("a", "b"):
        ride(home, run, 8, 9, resource=f"i-{run}")
    place = mlflow.get_tracking_uri()
    add_tracker(home, "a", TrackerRun("mlflow", "0" * 32, place))
    add_tracker(home, "b", TrackerRun("mlflow", start(client, "b", tmp_path), place))
    states = {one.run: one.state for one in sync_trackers(home).runs}
    assert states == {"a": "gone", "b": "sent"}


def test_a_tracker_that_does_not_answer_keeps_no_other_back(client, home, tmp_path):
    for run, place in (("a", "http://127.0.0.1:9"), ("b", mlflow.get_tracking_uri())):
        ride(home, run, 8, 9, resource=f"i-{run}")
        mlflow_id = start(client, run, tmp_path) if run == "b" else "0" * 32
        add_tracker(home, run, TrackerRun("mlflow", mlflow_id, place))
    text = said(home, "trackers", "sync", code=3)
    assert "1 run sent" in text
    assert "MLflow at http://127.0.0.1:9 does not answer" in text


def test_a_server_that_says_nothing_is_not_waited_for(home, monkeypatch):
    monkeypatch.setattr(mlflow_run, "REACH_SECONDS", 0.2)
    with silent_server() as address:
        text = said(home, "trackers", "sync", address, code=3)
    [sentence] = [line for line in text.splitlines() if "MLflow" in line]
    assert f"MLflow at {address} does not answer" in sentence


def test_only_the_run_that_is_named_is_sent(client, home, tmp_path):
    for run in ("a", "b"):
        ride(home, run, 8, 9, resource=f"i-{run}")
        mlflow_id = start(client, run, tmp_path / run)
        add_tracker(home, run, TrackerRun("mlflow", mlflow_id, mlflow.get_tracking_uri()))
    answer = trainfare(home, "trackers", "sync", "--run", "b")
    assert [one["run"] for one in answer["runs"]] == ["b"]
    assert json.dumps(answer["failures"]) == "[]"


def test_a_server_does_it_by_itself_where_its_plan_says_so(client, mlflow_store, home, tmp_path):
    ride(home, "by-itself", 8, 9)
    mlflow_id = start(client, "by-itself", tmp_path)
    assert "nothing to do" in do_job(home, "trackers").message
    (home / "jobs.toml").write_text(f'[trackers]\nmlflow = ["{mlflow_store}"]\n')
    assert do_job(home, "trackers").message.startswith("costs of 1 runs sent")
    assert do_job(home, "trackers").message.startswith("costs of 0 runs sent")
    tags = client.get_run(mlflow_id).data.tags
    assert tags["trainfare.estimated_cost"] == "10.000000000 USD"
