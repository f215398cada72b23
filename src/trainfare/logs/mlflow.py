"""MLflow's runs as training logs: times, parameters, tags and metrics of runs that nobody metered.

MLflow's own client asks the store, so that a server, a database and a folder are all the same.
A metric has a time and a step, but each may count steps in its own way (epochs beside batches): the
one that counts furthest gives the steps, and others keep their steps where they keep pace with it.
Source: MLflow, "MlflowClient" and "Search runs"; mlflow.utils.mlflow_tags.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trainfare.core.errors import BadInput, NotFound, OutsideFailed
from trainfare.core.labels import check_run_id
from trainfare.core.stage import Status
from trainfare.logs.training_log import (
    ENTRIES_MAX,
    Clock,
    Entry,
    TrainingLog,
    mark_stages,
    merge_entries,
    whole_step,
)
from trainfare.metering.mlflow_run import RUN_TAG, reach

KIND = "mlflow"

PARAMETERS_MAX = 100
"""So many parameters of a run become labels."""

_OWN = ("system/", "trainfare/")
"""Metrics that count steps for themselves, or that Trainfare wrote there."""

_STATUS = {"FINISHED": Status.FINISHED, "FAILED": Status.FAILED, "KILLED": Status.KILLED}

_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}
"""By itself MLflow's client asks eight times and waits two minutes each."""

_NOT_KEY = re.compile(r"[^A-Za-z0-9_.-]+")

_MILLISECOND = 10**6


@dataclass(frozen=True, slots=True)
class MlflowRun:
    """One run of an MLflow store."""

    id: str
    name: str
    experiment: str
    """The id of its experiment."""
    run: str | None
    """The run of Trainfare that it says it is."""
    parent: str | None
    """The MLflow run that it ran inside of."""
    log: TrainingLog | None
    """None where it has no length of time."""
    size: int
    sha256: str
    """Of all that was read: the same run is known again."""


def open_store(place: str) -> tuple[Any, str]:
    """A client of the MLflow store at *place*, a URL, database or folder, and its tracking URI.

    Raises:
        BadInput: MLflow's client is not installed here.
        NotFound: there is no such folder, or there are no runs in it.
        OutsideFailed: no server answers there.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nothing is sent unless told to
    for name, most in _PATIENCE.items():
        os.environ.setdefault(name, most)
    uri = _uri_of(place)
    try:
        from mlflow import MlflowClient
    except ModuleNotFoundError:
        raise BadInput(
            "MLflow's runs are read by its own client; install it here: pip install mlflow-skinny "
            "(for a database or a folder: pip install mlflow)"
        ) from None
    reach(uri)
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger().addFilter(_is_not_mlflow)  # its file store warns there, with a traceback
    return MlflowClient(uri), uri


def _is_not_mlflow(record: logging.LogRecord) -> bool:
    return "mlflow" not in Path(record.pathname).parts


def _uri_of(place: str) -> str:
    if place.startswith("sqlite:///"):
        place = place.removeprefix("sqlite:///")
    elif place.startswith("file:"):
        place = urlsplit(place).path
    elif "://" in place or place.startswith("databricks"):
        return place
    path = Path(place).absolute()
    if path.is_file():
        return f"sqlite:///{path}"
    if not path.is_dir():
        raise NotFound(f"there is no folder {place}; name a URL, a database or a folder of MLflow")
    if (path / "mlflow.db").is_file():
        return f"sqlite:///{path / 'mlflow.db'}"
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


def read_runs(client: Any, experiments: Sequence[str] = ()) -> Iterator[MlflowRun]:
    """The runs of a store, those of *experiments* alone where any is named, oldest first.

    Raises:
        NotFound: there is no experiment of that name.
        OutsideFailed: the store does not answer.
    """
    from mlflow.exceptions import MlflowException

    try:
        found = list(_pages(client.search_experiments))
        unknown = sorted(set(experiments) - {one.name for one in found})
        if unknown:
            raise NotFound(
                f"MLflow has no experiment {unknown[0]!r}; it has "
                f"{', '.join(sorted(one.name for one in found)[:10])}"
            )
        names = {
            one.experiment_id: one.name
            for one in found
            if not experiments or one.name in experiments
        }
        runs = _pages(client.search_runs, list(names)) if names else ()
        for run in sorted(runs, key=lambda one: (one.info.start_time or 0, one.info.run_id)):
            yield _read_run(client, run, names[run.info.experiment_id])
    except MlflowException as error:
        raise OutsideFailed(f"MLflow does not answer: {str(error)[:300]}") from None


def tagged_runs(client: Any) -> Iterator[tuple[str, str, str]]:
    """MLflow's id, experiment and our id of every run of a store that says which run of ours it is.

    Raises:
        OutsideFailed: the store does not answer.
    """
    from mlflow.exceptions import MlflowException

    try:
        experiments = [one.experiment_id for one in _pages(client.search_experiments)]
        for run in _pages(client.search_runs, experiments, f"tags.`{RUN_TAG}` LIKE '%'"):
            run_id = _run_of(run.data.tags)
            if run_id is not None:
                yield run.info.run_id, run.info.experiment_id, run_id
    except MlflowException as error:
        raise OutsideFailed(f"MLflow does not answer: {str(error)[:300]}") from None


def _pages(ask: Any, *words: Any) -> Iterator[Any]:
    token = None
    while True:
        page = ask(*words, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _read_run(client: Any, run: Any, experiment: str) -> MlflowRun:
    info, tags = run.info, run.data.tags
    points = {
        key: [(m.timestamp, m.step, m.value) for m in client.get_metric_history(info.run_id, key)]
        for key in sorted(run.data.metrics)
        if not key.startswith(_OWN)
    }
    if sum(map(len, points.values())) > ENTRIES_MAX:
        raise BadInput(f"MLflow's run {info.run_id} has more than {ENTRIES_MAX:,} metrics")
    facts = [info.start_time, info.end_time, info.status, info.run_name, experiment]
    own = {key: value for key, value in tags.items() if not key.startswith("trainfare.")}
    told = json.dumps([facts, run.data.params, own, points], sort_keys=True).encode()
    return MlflowRun(
        id=info.run_id,
        name=info.run_name or info.run_id,
        experiment=info.experiment_id,
        run=_run_of(tags),
        parent=tags.get("mlflow.parentRunId"),
        log=_log(run, experiment, points),
        size=len(told),
        sha256=hashlib.sha256(told).hexdigest(),
    )


def _run_of(tags: Mapping[str, str]) -> str | None:
    try:
        return check_run_id(tags[RUN_TAG])
    except (KeyError, BadInput):
        return None


def _log(
    run: Any, experiment: str, points: Mapping[str, list[tuple[int, int, float]]]
) -> TrainingLog | None:
    start_ns = (run.info.start_time or 0) * _MILLISECOND
    times = [at for series in points.values() for at, _, _ in series]
    notes = []
    if run.info.end_time:
        end_ns = run.info.end_time * _MILLISECOND
    else:
        end_ns = max(times, default=0) * _MILLISECOND
        notes.append("MLflow knows no end of it; it is read up to its last metric")
    if not start_ns or end_ns <= start_ns:
        return None
    labels, left_out = labels_of(run.data.params, run.data.tags, experiment)
    if left_out:
        notes.append(
            f"{left_out:,} of its parameters and tags do not fit a label; they are left out"
        )
    entries = _entries(points, start_ns, end_ns)
    return TrainingLog(
        kind=KIND,
        clock=Clock.WALL,
        start_ns=start_ns,
        duration_ns=end_ns - start_ns,
        entries=tuple(entries),
        stages=mark_stages(entries, Clock.WALL, start_ns, end_ns),
        status=_STATUS.get(run.info.status),
        labels=labels,
        notes=tuple(notes),
    )


def _entries(
    points: Mapping[str, list[tuple[int, int, float]]], start_ns: int, end_ns: int
) -> list[Entry]:
    """Metrics as lines of progress in the order of time; of one step at one time they are one."""
    furthest = max((step for series in points.values() for _, step, _ in series), default=0)
    pacing = {k for k, series in points.items() if 2 * max(s for _, s, _ in series) >= furthest}
    merged: dict[tuple[int, int | None], dict[str, float]] = defaultdict(dict)
    for key, series in points.items():
        for at_ms, step, value in series:
            merged[at_ms, whole_step(step) if key in pacing else None][key] = value
    lines = []
    for moment in sorted(merged, key=lambda one: (one[0], one[1] or 0)):
        (at_ms, counted), metrics = moment, merged[moment]
        is_inside = start_ns <= at_ms * _MILLISECOND <= end_ns
        at_ns = at_ms * _MILLISECOND if is_inside else None
        epoch = metrics.pop("epoch", None)
        known = epoch is not None and 0 <= epoch < 2**53
        lines.append(Entry(at_ns, counted, epoch if known else None, metrics))
    return [*_lead(lines), *merge_entries(lines)]


def _lead(lines: Sequence[Entry]) -> list[Entry]:
    """Where counting began: one stride before the first line, for MLflow knows when the run did.

    Who numbers steps from 0 has made one by then: 0, 1, 2 are three steps, and so are 9, 19, 29 thirty.
    """
    steps = [one.step for one in lines if one.step is not None]
    if not steps:
        return []
    first = steps[0]
    stride = min((b - a for a, b in itertools.pairwise(steps) if b > a), default=None)
    if stride is not None and first in (0, stride - 1):
        return [Entry(None, -1, None, {})]
    return [Entry(None, max(0, first - (stride or first)), None, {})]


def labels_of(
    parameters: Mapping[str, str], tags: Mapping[str, str], experiment: str
) -> tuple[dict[str, str], int]:
    """Labels of a run: its own tags by their names, parameters as ``param.NAME``; and how many do not fit.

    >>> labels_of({"lr": "0.1"}, {"team": "nlp", "mlflow.user": "ann"}, "sweep")
    ({'experiment': 'sweep', 'mlflow.user': 'ann', 'team': 'nlp', 'param.lr': '0.1'}, 0)
    """
    labels = {} if experiment == "Default" else {"experiment": experiment}
    if tags.get("mlflow.user"):
        labels["mlflow.user"] = tags["mlflow.user"]
    labels |= {k: v for k, v in tags.items() if not k.startswith(("mlflow.", "trainfare."))}
    first = sorted(parameters)[:PARAMETERS_MAX]
    labels |= {f"param.{key}": parameters[key] for key in first}
    clean = {_NOT_KEY.sub("_", key): value for key, value in labels.items()}
    fit = {
        key: value
        for key, value in clean.items()
        if len(key) <= 63
        and key[:1].isalpha()
        and value.strip()
        and len(value) <= 256
        and value.isprintable()
    }
    return fit, len(labels) - len(fit) + len(parameters) - len(first)
