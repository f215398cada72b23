"""Tests against the real frameworks: they run in an environment of their own, with PyTorch."""

import atexit
import importlib.util
import os
import shutil
import tempfile

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before PyTorch loads: tiny models only lose by two
# Frameworks that tell their makers of their use are asked not to, before they load.
os.environ |= {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "WANDB_MODE": "offline",
    "HF_HUB_OFFLINE": "1",
    "TRACKIO_DIR": tempfile.mkdtemp(prefix="trackio-"),
}
atexit.register(shutil.rmtree, os.environ["TRACKIO_DIR"], ignore_errors=True)

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["*.py"]


def pytest_collection_modifyitems(items):
    """What a framework warns of is its own affair; what Trainfare warns of is still an error."""
    for item in items:
        item.add_marker(pytest.mark.filterwarnings("default"), append=False)
        item.add_marker(pytest.mark.filterwarnings("error:::trainfare"), append=True)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of the test's own, and no run inherited from whoever started the tests."""
    folder = tmp_path / "home"
    monkeypatch.setenv("TRAINFARE_HOME", str(folder))
    monkeypatch.setenv("TRAINFARE_METADATA", "off")
    for name in ("TRAINFARE_RUN_ID", "TRAINFARE_PRICE"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture(scope="session")
def mlflow_store(tmp_path_factory):
    """The address of an MLflow store that needs no server; making its tables takes seconds."""
    import mlflow

    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    mlflow.set_tracking_uri(uri)
    return uri
