"""A store that is damaged, foreign or another version's is refused in one sentence and left as it is."""

import contextlib
import sqlite3
from pathlib import Path

import mlflow
import pytest
from alembic.script import ScriptDirectory
from mlflow.entities import Metric, Param
from mlflow.store.db.utils import _get_alembic_config

from flows.bills import said
from trainfare.metering.history import run_ids

START_MS = 1_790_812_800_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a database with one run."""
    folder = tmp_path_factory.mktemp("damage")
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.create_experiment("one", artifact_location=str(folder / "artifacts"))
    run = client.create_run(experiment, START_MS, run_name="a run")
    client.log_batch(
        run.info.run_id,
        [Metric("loss", 0.5, START_MS + n * 1000, n) for n in range(3)],
        [Param("lr", "0.1")],
    )
    client.set_terminated(run.info.run_id, "FINISHED", START_MS + 60_000)
    return (folder / "mlflow.db").read_bytes()


@pytest.fixture
def path(tmp_path, whole):
    file = tmp_path / "mlflow.db"
    file.write_bytes(whole)
    return file


def refused(home, path, *words):
    """The one sentence of a refusal that has stored nothing and changed no byte of the database."""
    before = path.read_bytes()
    text = said(home, *(words or ("runs", "import", "--from", "mlflow")), str(path), code=2)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir() if one.name != "home"] == [path.name]
    assert run_ids(home) == []
    assert "unexpected" not in text
    [sentence] = [line for line in text.splitlines() if not line.startswith("0 runs sent")]
    return sentence


def change(path, sql):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(sql)


def test_a_whole_database_is_only_read(home, path, whole):
    text = said(home, "runs", "import", "--from", "mlflow", str(path))
    assert "a run" in text
    assert path.read_bytes() == whole
    assert len(run_ids(home)) == 1


@pytest.mark.parametrize("words", [(), ("trackers", "sync")])
def test_an_empty_file_is_not_made_a_database(home, path, words):
    path.write_bytes(b"")
    assert "is empty; name the database" in refused(home, path, *words)


@pytest.mark.parametrize("words", [(), ("trackers", "sync")])
def test_a_database_of_something_else_is_not_made_one_of_mlflow(home, path, words):
    path.unlink()
    change(path, "CREATE TABLE songs (name)")
    assert "is a database, but not MLflow's" in refused(home, path, *words)


def test_what_is_no_database_is_said(home, path):
    path.write_text("run,loss\n1,0.5\n")
    assert "is no SQLite database" in refused(home, path)


def cut(whole):
    return whole[: len(whole) // 3]


def overwritten(whole):
    return whole[:8192] + b"\xa5" * 65536 + whole[8192 + 65536 :]


@pytest.mark.parametrize("damage", [cut, overwritten])
def test_a_damaged_database_is_said(home, path, whole, damage):
    path.write_bytes(damage(whole))
    assert "is a damaged database" in refused(home, path)


@pytest.mark.parametrize("words", [(), ("trackers", "sync")])
@pytest.mark.parametrize("version", ["older", "unknown"])
def test_a_database_of_another_version_is_said_and_not_brought_up_to_date(
    home, path, words, version
):
    schemas = ScriptDirectory.from_config(_get_alembic_config(""))
    head = schemas.get_revision(schemas.get_current_head())
    name = head.down_revision if version == "older" else "0123456789ab"
    change(path, f"DROP TABLE issues; UPDATE alembic_version SET version_num = '{name}'")
    assert "of another version of MLflow" in refused(home, path, *words)


def test_a_database_that_the_client_would_fill_is_refused_without_a_traceback(home, path):
    change(path, "DELETE FROM experiments")
    assert "attempt to write a readonly database" in refused(home, path)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE metrics SET step = 'third'", "'third' in its metric 'loss', which is no number"),
        ("UPDATE metrics SET timestamp = 'noon'", "'noon' in its metric 'loss'"),
        ("UPDATE runs SET start_time = 'soon'", "'soon' in its time"),
        ("UPDATE params SET value = x'ff'", "in its name, parameters or tags, which is no text"),
        ("DELETE FROM metrics", "has the metric 'loss' and none of its history"),
    ],
    ids=["step", "timestamp", "start", "bytes", "history"],
)
def test_a_run_that_the_database_tells_wrongly_is_named(home, path, sql, words):
    change(path, sql)
    sentence = refused(home, path)
    assert words in sentence
    assert "the store is damaged" in sentence


def test_a_folder_of_files_that_is_damaged_is_said(home, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    folder = tmp_path / "mlruns"
    client = mlflow.MlflowClient(folder.as_uri())
    run = client.create_run(client.create_experiment("files"), START_MS)
    client.log_metric(run.info.run_id, "loss", 0.5, START_MS + 1000, 1)
    client.set_terminated(run.info.run_id, "FINISHED", START_MS + 60_000)
    [metric] = folder.glob("*/*/metrics/loss")
    Path(metric).write_text("noon low first\n")
    text = said(home, "runs", "import", "--from", "mlflow", str(folder), code=2)
    assert "cannot be read as MLflow's store" in text
    assert run_ids(home) == []
