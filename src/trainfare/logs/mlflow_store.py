"""MLflow's stores: a server, a database or a folder, opened by MLflow's own client.

That client makes a database of an empty file and brings an old one up to date. A store that is only
read is opened so that neither can happen, and what is no store of MLflow's is refused before.
Source: MLflow, "Backend Stores"; SQLite, "Database File Format" and "URI Filenames".
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trainfare.core.errors import BadInput, NotFound, OutsideFailed
from trainfare.metering.mlflow_run import place_of, reach

_DATABASE = "sqlite:///"

_HEADER = b"SQLite format 3\0"

_TABLES = frozenset(("alembic_version", "experiments", "metrics", "params", "runs", "tags"))
"""Every version of MLflow has them."""

_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}
"""By itself MLflow's client asks eight times and waits two minutes each."""


def open_store(place: str, *, is_written: bool = False) -> tuple[Any, str]:
    """A client of the MLflow store at *place*, a URL, database or folder, and its tracking URI.

    Raises:
        BadInput: MLflow's client is not installed here, or cannot read what is there.
        NotFound: there is no such folder, or there are no runs in it.
        OutsideFailed: no server answers there.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing is sent unless told to
    for name, most in _PATIENCE.items():
        os.environ.setdefault(name, most)
    uri = _uri_of(place)
    try:
        from mlflow import MlflowClient, __version__
    except ModuleNotFoundError:
        raise BadInput(
            "MLflow's runs are read by its own client; install it here: pip install mlflow-skinny "
            "(for a database or a folder: pip install mlflow)"
        ) from None
    reach(uri)
    logging.getLogger("mlflow").setLevel(logging.CRITICAL)  # what fails is said here, in a sentence
    logging.getLogger().addFilter(_is_not_mlflow)  # its file store warns there, with a traceback
    if not uri.startswith(_DATABASE):
        with explained(uri):
            return MlflowClient(uri), uri
    path = Path(uri.removeprefix(_DATABASE))
    _check_database(path)
    # Named with its driver, for otherwise MLflow makes a folder of the name.
    reading = f"sqlite+pysqlite:///{path.as_uri()}?mode=ro&uri=true"
    try:
        client = MlflowClient(reading)
    except Exception as error:  # it is whole and MLflow's, so it is its schema that does not fit
        raise BadInput(
            f"{path} is of another version of MLflow than {__version__}, which is installed here; "
            f"import from its server, or from a copy after mlflow db upgrade ({_first_line(error)})"
        ) from None
    return MlflowClient(uri) if is_written else client, uri


@contextlib.contextmanager
def explained(uri: str) -> Iterator[None]:
    """Say in one sentence what kept MLflow's client from reading the store at *uri*.

    Raises:
        BadInput: the database or folder is damaged, or another version's.
        OutsideFailed: the server does not answer, or not as MLflow.
    """
    try:
        yield
    except Exception as error:  # damage makes MLflow, SQLAlchemy and SQLite raise anything
        why = _first_line(error)
        if not uri.startswith((_DATABASE, "file:")):
            raise OutsideFailed(f"MLflow does not answer at {place_of(uri)}: {why}") from None
        place = uri.removeprefix(_DATABASE).removeprefix("file://")
        raise BadInput(
            f"{place} cannot be read as MLflow's store, it is damaged or of another version: {why}"
        ) from None


def _check_database(path: Path) -> None:
    """Refuse what MLflow's client would turn into a database of its own, and what is damaged."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_HEADER))
    except OSError as error:
        raise OutsideFailed(f"{path} cannot be read: {error.strerror or error}") from None
    if head != _HEADER:
        what = "is no SQLite database" if head else "is empty"
        raise BadInput(f"{path} {what}; name the database that MLflow keeps its runs in")
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            missing = _TABLES - {name for (name,) in found}
            [state] = database.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        missing, state = frozenset(), str(error)
    if missing:
        raise BadInput(
            f"{path} is a database, but not MLflow's: it has no table {min(missing)}; "
            "name the database that MLflow keeps its runs in"
        )
    if state != "ok":
        raise BadInput(
            f"{path} is a damaged database ({state.splitlines()[-1]}); import from a whole copy of it"
        )


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"


def _is_not_mlflow(record: logging.LogRecord) -> bool:
    return "mlflow" not in Path(record.pathname).parts


def _uri_of(place: str) -> str:
    if place.startswith(_DATABASE):
        place = place.removeprefix(_DATABASE)
    elif place.startswith("file:"):
        place = urlsplit(place).path
    elif "://" in place or place.startswith("databricks"):
        return place
    path = Path(place).absolute()
    if path.is_file():
        return f"{_DATABASE}{path}"
    if not path.is_dir():
        raise NotFound(f"there is no folder {place}; name a URL, a database or a folder of MLflow")
    if (path / "mlflow.db").is_file():
        return f"{_DATABASE}{path / 'mlflow.db'}"
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # it is only read
    folder = path / "mlruns" if (path / "mlruns").is_dir() else path
    if not any(folder.glob("*/meta.yaml")):
        beside = folder.parent / "mlflow.db"
        database = beside if beside.is_file() else "mlflow.db"
        raise NotFound(
            f"there are no runs of MLflow in {folder}, at most their artifacts; "
            f"name the database that it keeps its runs in: {database}"
        )
    return folder.as_uri()
