"""Runs that MLflow knows become runs of this home, each of them one run however often it is met."""

import json

import mlflow
import pytest
from click.testing import CliRunner
from mlflow.entities import Metric, Param

import trainfare
from trainfare.cli.main import cli
from trainfare.core.errors import OutsideFailed
from trainfare.core.period import SECOND
from trainfare.flows.tracker_runs import import_mlflow
from trainfare.flows.transcribing import Words
from trainfare.integrations.mlflow import send_costs
from trainfare.metering.history import read_receipt, run_ids
from trainfare.metering.receipt_view import view_of

START_MS = 1_790_812_800_000
"""2026-10-01T00:00:00Z."""


pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(scope="module")
def client(mlflow_store):
    return mlflow.MlflowClient(mlflow_store)


@pytest.fixture
def experiment(client, request, tmp_path):
    """A new experiment, for the store is shared."""
    client.create_experiment(request.node.name, artifact_location=str(tmp_path / "artifacts"))
    mlflow.set_experiment(request.node.name)
    return client.get_experiment_by_name(request.node.name)


def add_run(client, experiment, *, hours=2, metrics=(), tags=None, params=None, end="FINISHED"):
    """A run of so many hours, with metrics as (name, minutes, step, value)."""
    run = client.create_run(experiment.experiment_id, START_MS, tags=tags, run_name="a run")
    client.log_batch(
        run.info.run_id,
        [Metric(name, value, START_MS + at * 60_000, step) for name, at, step, value in metrics],
        [Param(key, value) for key, value in (params or {}).items()],
    )
    if end:
        client.set_terminated(run.info.run_id, end, START_MS + hours * 3_600_000)
    return run.info.run_id


def take(client, experiment, **words):
    home = trainfare.metering.home.home_folder()
    return import_mlflow(
        home, mlflow.get_tracking_uri(), Words(**words), experiments=[experiment.name]
    )


def test_times_parameters_tags_and_metrics_come_along(client, experiment, home):
    metrics = [("loss", 30, 50, 0.5), ("loss", 60, 100, 0.25), ("acc", 90, 1, 0.9)]
    tags = {"team": "nlp", "mlflow.user": "ann", "git commit": "abc"}
    mlflow_id = add_run(client, experiment, metrics=metrics, tags=tags, params={"lr": "0.1"})
    [run], remarks = take(client, experiment)
    assert (run.state, remarks) == ("added", [])
    receipt = read_receipt(home, run.run)
    assert receipt.run.name == "a run"
    assert receipt.duration_ns == 7200 * SECOND
    assert receipt.run.labels == {
        "experiment": experiment.name,
        "git_commit": "abc",
        "mlflow.user": "ann",
        "param.lr": "0.1",
        "team": "nlp",
    }
    assert (receipt.steps, receipt.run.status.value) == (100, "finished")
    assert [one.run for one in receipt.run.trackers] == [mlflow_id]
    stages = [(one["stage"], one["seconds"]) for one in receipt.to_json()["stages"]]
    assert stages == [("setup", 1800.0), ("train", 3600.0), ("finish", 1800.0)]
    found = [json.loads(line) for line in (metrics_file(home, run.run)).read_text().splitlines()]
    assert [(one["step"], one["m"]) for one in found] == [
        (50, {"loss": 0.5}),
        (100, {"loss": 0.25}),
        (100, {"acc": 0.9}),
    ]


def metrics_file(home, run_id):
    [path] = (home / "runs" / run_id).glob("*/metrics.jsonl")
    return path


def test_the_same_again_changes_nothing_and_a_run_that_grew_grows(client, experiment, home):
    mlflow_id = add_run(client, experiment, metrics=[("loss", 30, 1, 0.5)], end=None)
    [run], _ = take(client, experiment)
    assert any("no end" in note for note in run.notes)
    assert [one.state for one in take(client, experiment)[0]] == ["unchanged"]
    client.set_terminated(mlflow_id, "FAILED", START_MS + 3_600_000)
    [again], _ = take(client, experiment)
    assert (again.run, again.state) == (run.run, "changed")
    receipt = read_receipt(home, run.run)
    assert (receipt.duration_ns, receipt.run.status.value) == (3600 * SECOND, "failed")
    assert run_ids(home) == [run.run]


def test_a_price_makes_a_receipt_of_it(client, experiment, home):
    add_run(client, experiment)
    address = mlflow.get_tracking_uri()
    words = ["runs", "import", "--from", "mlflow", address, "--only", experiment.name]
    done = CliRunner().invoke(cli, [*words, "--price", "3.6/h", "--format", "json"])
    assert done.exit_code == 0, done.output
    [run] = json.loads(done.output)["runs"]
    assert (run["from"], run["held_seconds"]) == ("mlflow", 7200.0)
    assert read_receipt(home, run["run"]).estimate.total.text() == "7.200000000"


def test_a_run_that_was_metered_too_is_one_run(client, experiment, home):
    with mlflow.start_run() as one, send_costs(every_seconds=3600) as run:
        run.step()
    runs, [remark] = take(client, experiment)
    assert (runs, run_ids(home)) == ([], [run.id])
    assert "1 of MLflow's runs were metered" in remark
    assert [t.run for t in read_receipt(home, run.id).run.trackers] == [one.info.run_id]


def test_a_metered_run_that_only_mlflow_knows_of_is_linked_once(client, experiment, home):
    with trainfare.track() as run, mlflow.start_run() as one:
        mlflow.set_tag("trainfare.run", run.id)  # as in any metered command
    assert read_receipt(home, run.id).run.trackers == ()
    for _ in range(2):
        assert take(client, experiment)[0] == []
    [tracker] = read_receipt(home, run.id).run.trackers
    assert (tracker.system, tracker.run) == ("mlflow", one.info.run_id)
    [events] = (home / "runs" / run.id).glob("*/events.jsonl")
    assert events.read_text().count('"k":"tracker"') == 1


def test_a_run_metered_on_another_machine_keeps_its_name(client, experiment, home):
    add_run(client, experiment, tags={"trainfare.run": "r-elsewhere"})
    [run], _ = take(client, experiment)
    assert run.run == "r-elsewhere"


def test_an_imported_run_gives_way_to_its_own_record_once_that_is_here(client, experiment, home):
    add_run(client, experiment, tags={"trainfare.run": "r-elsewhere"})
    take(client, experiment)
    with trainfare.track(run_id="r-elsewhere"):  # as if its record had been shipped here
        pass
    assert take(client, experiment)[0] == []
    [segment] = read_receipt(home, "r-elsewhere").run.segments
    assert segment.log is None


def test_the_time_of_runs_inside_a_run_counts_once(client, experiment, home):
    outer = add_run(client, experiment)
    for _ in range(2):
        add_run(client, experiment, hours=1, tags={"mlflow.parentRunId": outer})
    runs, [remark] = take(client, experiment)
    assert len(runs) == 2
    assert "have runs inside them" in remark
    total = sum(read_receipt(home, one.run).duration_ns for one in runs)
    assert total == 2 * 3600 * SECOND


def names(home, runs):
    return sorted(read_receipt(home, one.run).run.name for one in runs)


def rename(client, mlflow_id, name, **tags):
    client.update_run(mlflow_id, name=name)
    for key, value in tags.items():
        client.set_tag(mlflow_id, f"mlflow.{key}", value)
    return mlflow_id


def test_a_run_around_runs_that_are_not_imported_is_imported_itself(client, experiment, home):
    outer = rename(client, add_run(client, experiment), "outer")
    rename(client, add_run(client, experiment, hours=0), "instant", parentRunId=outer)
    other = client.create_experiment(f"{experiment.name} elsewhere")
    elsewhere = rename(client, add_run(client, client.get_experiment(other)), "elsewhere")
    client.set_tag(elsewhere, "mlflow.parentRunId", outer)
    runs, [remark] = take(client, experiment)
    assert names(home, runs) == ["outer"]
    assert "1 of MLflow's runs have no length" in remark


def test_what_is_around_an_imported_run_at_any_depth_gives_way_to_it(client, experiment, home):
    top = rename(client, add_run(client, experiment), "top")
    assert names(home, take(client, experiment)[0]) == ["top"]
    middle = rename(client, add_run(client, experiment, hours=0), "middle", parentRunId=top)
    rename(client, add_run(client, experiment, hours=1), "inmost", parentRunId=middle)
    runs, [remark] = take(client, experiment)
    assert names(home, runs) == ["inmost"]
    assert "2 of MLflow's runs have runs inside them" in remark
    assert run_ids(home) == [runs[0].run]


def test_runs_that_are_inside_one_another_do_not_vanish(client, experiment, home):
    a, b, c = (rename(client, add_run(client, experiment), name) for name in "abc")
    for inner, outer in ((a, b), (b, a), (c, c)):
        client.set_tag(inner, "mlflow.parentRunId", outer)
    runs, remarks = take(client, experiment)
    assert (names(home, runs), remarks) == (["a", "b", "c"], [])


def test_a_run_that_makes_no_sense_is_named_and_keeps_no_other_back(client, experiment, home):
    rename(client, add_run(client, experiment), "good")
    early = client.create_run(experiment.experiment_id, -5, run_name="early").info.run_id
    client.set_terminated(early, "FINISHED", START_MS)
    long = rename(client, add_run(client, experiment, hours=200 * 365 * 24), "long")
    far = rename(client, add_run(client, experiment, hours=300 * 365 * 24), "far")
    runs, remarks = take(client, experiment)
    assert names(home, runs) == ["good"]
    assert sorted(remarks) == sorted(
        [
            f"MLflow's run {early} (early) begins before 1970; it is left out",
            f"MLflow's run {long} (long) is longer than a hundred years; it is left out",
            f"MLflow's run {far} (far) begins or ends after 2260; it is left out",
        ]
    )


def test_a_run_that_still_runs_there_is_not_finished(client, experiment, home):
    mlflow_id = add_run(client, experiment, metrics=[("loss", 30, 1, 0.5)], end=None)
    [run], _ = take(client, experiment)
    assert any("MLflow says RUNNING" in note for note in run.notes)
    assert not any("taken as finished" in note for note in run.notes)
    assert read_receipt(home, run.run).run.status.value == "killed"
    client.set_terminated(mlflow_id, "FINISHED", START_MS + 3_600_000)
    [run], _ = take(client, experiment)
    assert read_receipt(home, run.run).run.status.value == "finished"


def test_what_fits_no_label_is_left_out_and_said(client, experiment, home):
    add_run(client, experiment, params={"prompt": "x" * 300, "9th": "1"}, tags={"team": "nlp"})
    [run], _ = take(client, experiment)
    assert any("1 of its parameters and tags" in note for note in run.notes)
    assert read_receipt(home, run.run).run.labels["param.9th"] == "1"


def test_figures_that_trainfare_and_the_system_wrote_are_no_metrics(client, experiment, home):
    kept = ("loss", 30, 3, 0.5)
    others = [("trainfare/seconds", 31, 7, 1.0), ("system/gpu", 32, 900, 1.0)]
    add_run(client, experiment, metrics=[kept, *others])
    [run], _ = take(client, experiment)
    assert read_receipt(home, run.run).steps == 3
    assert "trainfare" not in metrics_file(home, run.run).read_text()


def test_an_experiment_or_folder_that_is_not_there_is_said(client, home):
    with pytest.raises(trainfare.NotFound, match="no experiment 'nowhere'"):
        import_mlflow(home, mlflow.get_tracking_uri(), Words(), experiments=["nowhere"])
    with pytest.raises(trainfare.NotFound, match="there is no folder nowhere"):
        import_mlflow(home, "nowhere", Words())


@pytest.mark.parametrize(
    ("logged", "made"),
    [([0, 1, 2, 3, 4], 5), ([1, 2, 3], 3), ([9, 19, 29], 30), ([10, 20], 20), ([0], 0)],
)
def test_steps_are_counted_from_where_the_log_begins(client, experiment, home, logged, made):
    metrics = [("loss", 5 + n, step, 0.5) for n, step in enumerate(logged)]
    add_run(client, experiment, metrics=metrics)
    [run], _ = take(client, experiment)
    receipt = read_receipt(home, run.run)
    assert receipt.steps == made
    assert ("machine", "unknown") in view_of(receipt).facts


def test_a_folder_of_artifacts_alone_is_said_and_its_database_named(tmp_path, home):
    (tmp_path / "mlruns" / "0" / "2c60" / "artifacts").mkdir(parents=True)
    with pytest.raises(trainfare.NotFound, match=r"no runs of MLflow in .*: mlflow\.db"):
        import_mlflow(home, str(tmp_path / "mlruns"), Words())
    (tmp_path / "mlflow.db").write_bytes(b"")
    with pytest.raises(trainfare.NotFound) as told:
        import_mlflow(home, str(tmp_path / "mlruns"), Words())
    assert str(told.value).endswith(str(tmp_path / "mlflow.db"))


def test_what_the_client_logs_of_a_broken_experiment_is_not_shown(
    tmp_path, home, caplog, monkeypatch
):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    files = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    files.create_experiment("files")
    (tmp_path / "mlruns" / "77" / "artifacts").mkdir(parents=True)
    assert import_mlflow(home, str(tmp_path), Words())[0] == []
    assert caplog.records == []


def test_an_old_folder_of_files_is_read(tmp_path, home, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    folder = tmp_path / "mlruns"
    files = mlflow.MlflowClient(folder.as_uri())
    files.create_experiment("files")
    add_run(files, files.get_experiment_by_name("files"), metrics=[("loss", 30, 5, 0.5)])
    [run], _ = import_mlflow(home, str(tmp_path), Words())
    assert read_receipt(home, run.run).duration_ns == 7200 * SECOND


def test_a_folder_with_a_database_is_read(client, experiment, home):
    add_run(client, experiment)
    folder = mlflow.get_tracking_uri().removeprefix("sqlite:///").rpartition("/")[0]
    for place in (folder, f"{folder}/mlflow.db"):
        [run], _ = import_mlflow(home, place, Words(), experiments=[experiment.name])
        assert run.kind == "mlflow"


def test_a_store_that_does_not_answer_is_said(home):
    with pytest.raises(OutsideFailed, match=r"MLflow at http://127\.0\.0\.1:9 does not answer"):
        import_mlflow(home, "http://127.0.0.1:9", Words())
