"""An MLflow run as Trainfare writes to it: its figures, exact amounts, receipt, and whose it is.

Only what is handed in is called: MLflow is loaded by whoever has a client of it. That client tries
for minutes where no server answers, so :func:`reach` asks first.
Source: MLflow, "MlflowClient" (log_batch, log_dict) and "Search runs".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainfare.core.errors import OutsideFailed
from trainfare.metering.figures import words_of
from trainfare.metering.receipt import Receipt

SYSTEM = "mlflow"

RUN_TAG = "trainfare.run"
"""The tag by which an MLflow run names the run of Trainfare that it is."""

_DATABASE = "sqlite:///"

RECEIPT_FILE = "trainfare/receipt.json"

REACH_SECONDS = 10.0
"""A server that has not said a word by then counts as away."""


def reach(uri: str) -> None:
    """Make sure that a server answers, whatever it says; a folder or a database needs none.

    Raises:
        OutsideFailed: nothing answers there.
    """
    if not uri.startswith(("http://", "https://")):
        return
    from ssl import SSLError
    from urllib.error import HTTPError
    from urllib.request import urlopen

    place = place_of(uri).rstrip("/")
    try:
        with urlopen(f"{place}/health", timeout=REACH_SECONDS):  # noqa: S310 (http, as seen above)
            return
    except HTTPError as answer:
        answer.close()
    except OSError as error:
        reason = getattr(error, "reason", error)
        if not isinstance(reason, SSLError):  # whom to trust, MLflow's client is told otherwise
            raise OutsideFailed(
                f"MLflow at {place} does not answer ({reason}); start it, or check the address"
            ) from None


def put_figures(
    client: Any, run_id: str, figures: Mapping[str, float], step: int, now_ns: int
) -> None:
    """Log *figures* as metrics of this moment, in one request."""
    from mlflow.entities import Metric

    at_ms = now_ns // 10**6
    client.log_batch(run_id, [Metric(key, value, at_ms, step) for key, value in figures.items()])


def put_receipt(client: Any, run_id: str, receipt: Receipt) -> None:
    """Put what is exact on an MLflow run: amounts as tags, the receipt as an artifact."""
    from mlflow.entities import RunTag

    client.log_dict(run_id, receipt.to_json(), RECEIPT_FILE)
    client.log_batch(run_id, tags=[RunTag(key, word) for key, word in words_of(receipt).items()])


def place_of(uri: str) -> str:
    """A tracking URI as it holds everywhere on this machine, without the password that it may carry.

    >>> place_of("https://me:secret@mlflow.example/base")
    'https://mlflow.example/base'
    >>> place_of("sqlite:////data/mlflow.db")
    'sqlite:////data/mlflow.db'
    """
    if uri.startswith(_DATABASE) and "?" not in uri:
        return f"{_DATABASE}{Path(uri.removeprefix(_DATABASE)).absolute()}"
    if ":" not in uri and uri != "databricks":
        return str(Path(uri).absolute())
    return re.sub(r"(?<=://)[^/]*@", "", uri)


def page_of(uri: str, experiment: str, run_id: str) -> str | None:
    """Where people look at a run; a folder or a database has no page.

    >>> page_of("http://127.0.0.1:5000/", "1", "ab")
    'http://127.0.0.1:5000/#/experiments/1/runs/ab'
    """
    if not uri.startswith(("http://", "https://")):
        return None
    return f"{place_of(uri).rstrip('/')}/#/experiments/{experiment}/runs/{run_id}"
