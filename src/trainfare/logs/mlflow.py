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
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainfare.core.errors import BadInput, NotFound
from trainfare.core.labels import check_run_id
from trainfare.core.period import LAST_NS
from trainfare.core.stage import Status
from trainfare.logs.mlflow_store import explained
from trainfare.logs.training_log import (
    ENTRIES_MAX,
    Clock,
    Entry,
    TrainingLog,
    mark_stages,
    merge_entries,
    whole_step,
)
from trainfare.metering.mlflow_run import RUN_TAG
from trainfare.metering.shape import DURATION_MAX_NS

KIND = "mlflow"

PARAMETERS_MAX = 100
"""So many parameters of a run become labels."""

_OWN = ("system/", "trainfare/")
"""Metrics that count steps for themselves, or that Trainfare wrote there."""

_STATUS = {"FINISHED": Status.FINISHED, "FAILED": Status.FAILED, "KILLED": Status.KILLED}

_GOING = ("RUNNING", "SCHEDULED")
"""What MLflow says of a run until somebody ends it; of many nobody ever does."""

_KINDS = {"number": (int, float), "text": (str,)}

_NOT_KEY = re.compile(r"[^A-Za-z0-9_.-]+")

_MILLISECOND = 10**6

Points = Mapping[str, Sequence[tuple[int, int, float]]]
"""Metric → its history: when in ms, step and value."""


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
    """None where it has no length of time, or …"""
    odd: str | None
    """… what makes no sense of it."""
    size: int
    sha256: str
    """Of all that was read: the same run is known again."""


def read_runs(client: Any, uri: str, experiments: Sequence[str] = ()) -> Iterator[MlflowRun]:
    """The runs of a store, those of *experiments* alone where any is named, oldest first.

    Raises:
        BadInput: the store is damaged.
        NotFound: there is no experiment of that name.
        OutsideFailed: the store does not answer.
    """
    with explained(uri):
        found = list(_pages(client.search_experiments))
    unknown = sorted(set(experiments) - {one.name for one in found})
    if unknown:
        raise NotFound(
            f"MLflow has no experiment {unknown[0]!r}; it has "
            f"{', '.join(sorted(one.name for one in found)[:10])}"
        )
    names = {
        one.experiment_id: one.name for one in found if not experiments or one.name in experiments
    }
    with explained(uri):
        runs = list(_pages(client.search_runs, list(names))) if names else []
    for run in runs:
        _check_kind(run.info.run_id, "time", [run.info.start_time or 0, run.info.end_time or 0])
    for run in sorted(runs, key=lambda one: (one.info.start_time or 0, one.info.run_id)):
        with explained(uri):
            points = _points(client, run)
        yield _read_run(run, names[run.info.experiment_id], points)


def tagged_runs(client: Any, uri: str) -> Iterator[tuple[str, str, str]]:
    """MLflow's id, experiment and our id of every run of a store that says which run of ours it is.

    Raises:
        OutsideFailed: the store does not answer.
    """
    with explained(uri):
        experiments = [one.experiment_id for one in _pages(client.search_experiments)]
        runs = list(_pages(client.search_runs, experiments, f"tags.`{RUN_TAG}` LIKE '%'"))
    for run in runs:
        run_id = _run_of(run.data.tags)
        if run_id is not None:
            yield run.info.run_id, run.info.experiment_id, run_id


def _pages(ask: Any, *words: Any) -> Iterator[Any]:
    token = None
    while True:
        page = ask(*words, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _points(client: Any, run: Any) -> Points:
    return {
        key: [
            (one.timestamp, one.step, one.value)
            for one in client.get_metric_history(run.info.run_id, key)
        ]
        for key in sorted(run.data.metrics)
        if not key.startswith(_OWN)
    }


def _read_run(run: Any, experiment: str, points: Points) -> MlflowRun:
    info, tags = run.info, run.data.tags
    for key, series in points.items():
        _check_kind(info.run_id, f"metric {key!r}", itertools.chain.from_iterable(series))
        if not series:
            raise BadInput(
                f"MLflow's run {info.run_id} has the metric {key!r} and none of its history: "
                "the store is damaged; import from a whole copy of it"
            )
    texts = [info.run_name or "", *run.data.params.values(), *tags.values()]
    _check_kind(info.run_id, "name, parameters or tags", texts, "text")
    odd = _oddity(info, points)
    facts = [info.start_time, info.end_time, info.status, info.run_name, experiment]
    own = {key: value for key, value in tags.items() if not key.startswith("trainfare.")}
    told = json.dumps([facts, run.data.params, own, points], sort_keys=True).encode()
    return MlflowRun(
        id=info.run_id,
        name=info.run_name or info.run_id,
        experiment=info.experiment_id,
        run=_run_of(tags),
        parent=tags.get("mlflow.parentRunId"),
        log=None if odd else _log(run, experiment, points),
        odd=odd,
        size=len(told),
        sha256=hashlib.sha256(told).hexdigest(),
    )


def _check_kind(run_id: str, what: str, values: Iterable[object], kind: str = "number") -> None:
    """A database takes text where a number belongs, and bytes where text does."""
    for value in values:
        if not isinstance(value, _KINDS[kind]):
            raise BadInput(
                f"MLflow's run {run_id} has {str(value)[:40]!r} in its {what}, which is no {kind}: "
                "the store is damaged; import from a whole copy of it"
            )


def _oddity(info: Any, points: Points) -> str | None:
    """What cannot be of a run that people made, in words that follow its name."""
    start_ms = info.start_time or 0
    end_ms = info.end_time or max((at for s in points.values() for at, _, _ in s), default=0)
    if start_ms < 0:
        return "begins before 1970"
    if max(start_ms, end_ms) * _MILLISECOND > LAST_NS:
        return "begins or ends after 2260"
    if start_ms and (end_ms - start_ms) * _MILLISECOND > DURATION_MAX_NS:
        return "is longer than a hundred years"
    if sum(map(len, points.values())) > ENTRIES_MAX:
        return f"has more than {ENTRIES_MAX:,} metrics"
    return None


def _run_of(tags: Mapping[str, str]) -> str | None:
    try:
        return check_run_id(tags[RUN_TAG])
    except (KeyError, BadInput):
        return None


def _log(run: Any, experiment: str, points: Points) -> TrainingLog | None:
    start_ns = (run.info.start_time or 0) * _MILLISECOND
    times = [at for series in points.values() for at, _, _ in series]
    notes = []
    if run.info.end_time:
        end_ns = run.info.end_time * _MILLISECOND
    else:
        end_ns = max(times, default=0) * _MILLISECOND
        notes.append("MLflow knows no end of it; it is read up to its last metric")
    if run.info.status in _GOING:
        notes.append(
            f"MLflow says {run.info.status}: until somebody ends it there, it counts as unfinished "
            "(killed); import it again then"
        )
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
        status=Status.KILLED if run.info.status in _GOING else _STATUS.get(run.info.status),
        labels=labels,
        notes=tuple(notes),
    )


def _entries(points: Points, start_ns: int, end_ns: int) -> list[Entry]:
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
