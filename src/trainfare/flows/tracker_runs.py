"""The way in from a tracker: MLflow's runs → transcripts → runs of this home, each run once.

A run that MLflow and Trainfare both know is one run: where it was metered it is only linked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from trainfare.core.errors import BadInput
from trainfare.core.labels import check_run_id
from trainfare.core.run import TrackerRun
from trainfare.flows.transcribing import (
    ImportedRun,
    Source,
    Words,
    base_of,
    is_metered,
    store,
    transcribe,
)
from trainfare.logs.mlflow import KIND, MlflowRun, read_runs
from trainfare.logs.mlflow_store import open_store
from trainfare.metering.mlflow_run import page_of, place_of
from trainfare.metering.tracker_links import add_tracker, tracked_runs
from trainfare.metering.transcript import MARK, known_logs, store_transcripts

NAMED = 10
"""Of runs that make no sense so many are named, the others counted."""


def import_mlflow(
    home: Path, place: str, words: Words, *, experiments: Sequence[str] = ()
) -> tuple[list[ImportedRun], list[str]]:
    """Make runs of the runs of an MLflow store, all of them or none; and remarks on what was left out.

    Raises:
        BadInput: the store is damaged or no store of MLflow's, or MLflow's client is missing.
        NotFound: there is no such store or experiment.
        OutsideFailed: the store does not answer.
    """
    client, uri = open_store(place)
    found = list(read_runs(client, uri, experiments))
    logs = known_logs(home)
    known = {base_of(one.segment): one for one in logs}
    linked = tracked_runs(home, KIND)
    ours = {one.id: one.run or linked.get(one.id) for one in found}
    own = {id_ for id_, run_id in ours.items() if run_id is not None and is_metered(home, run_id)}
    around = _around(found, own) & ours.keys()
    stale = {_base(id_) for id_ in own | around}
    chosen: list[tuple[str, Source]] = []
    outer = empty = 0
    odd = [one for one in found if one.odd is not None and one.id not in own | around]
    for one in found:
        tracker = TrackerRun(KIND, one.id, place_of(uri), page_of(uri, one.experiment, one.id))
        run_id = ours[one.id]
        if run_id is not None and one.id in own:
            if one.id not in linked:
                add_tracker(home, run_id, tracker)
        elif one.id in around:
            outer += 1
        elif one.log is None:
            empty += one.odd is None
        else:
            source = _source(one, tracker)
            before = known.get(source.base)
            chosen.append((run_id or (before.run if before else f"mlflow-{one.id[:16]}"), source))
    if words.run_id is not None:
        chosen = _as_one(home, chosen, words.run_id)
    if len(chosen) > 1 and (words.start_ns is not None or words.end_ns is not None):
        raise BadInput(
            f"--start and --end are of one run, and here are {len(chosen)}; name its --only experiment"
        )
    groups: dict[str, list[Source]] = {}
    for run_id, source in chosen:
        groups.setdefault(run_id, []).append(source)
    made = [
        transcribe(home, run_id, sources[0].name, sources, words)
        for run_id, sources in groups.items()
    ]
    remarks = [
        (len(own), "were metered; they are linked and not imported again"),
        (outer, "have runs inside them, which are imported or metered; their time counts once"),
        (empty, "have no length of time; they are left out"),
    ]
    # What was imported before its own record came here gives way to that.
    gone = [f"{one.run}/{one.segment}" for one in logs if base_of(one.segment) in stale]
    store_transcripts(home, [], gone)
    return store(home, made, logs), [
        *(f"{count:,} of MLflow's runs {why}" for count, why in remarks if count),
        *(f"MLflow's run {one.id} ({one.name}) {one.odd}; it is left out" for one in odd[:NAMED]),
        *([f"… and so are {len(odd) - NAMED:,} more"] if len(odd) > NAMED else []),
    ]


def _around(found: Sequence[MlflowRun], own: AbstractSet[str]) -> set[str]:
    """The ids of runs with runs inside them, at any depth, that are imported or in *own*.

    Runs that are inside one another are inside nothing.
    """
    parents = {one.id: one.parent for one in found if one.parent is not None}
    rings = {id_ for id_ in parents if id_ in _outwards(id_, parents)}
    parents = {id_: parent for id_, parent in parents.items() if id_ not in rings}
    around: set[str] = set()
    for one in found:
        if one.log is not None or one.id in own:
            around |= set(_outwards(one.id, parents))
    return around


def _outwards(id_: str, parents: Mapping[str, str]) -> list[str]:
    """The runs around a run, the nearest first; each once."""
    way: list[str] = []
    while (outer := parents.get(way[-1] if way else id_)) is not None and outer not in way:
        way.append(outer)
    return way


def _source(one: MlflowRun, tracker: TrackerRun) -> Source:
    assert one.log is not None
    return Source(
        name=one.name,
        file=f"runs:/{one.id}",
        size=one.size,
        sha256=one.sha256,
        base=_base(one.id),
        known=None,
        logs=(one.log,),
        tracker=tracker,
    )


def _base(id_: str) -> str:
    return f"{MARK}mlflow{id_[:16]}"


def _as_one(
    home: Path, chosen: Sequence[tuple[str, Source]], run_id: str
) -> list[tuple[str, Source]]:
    """All of them as the one run that the user names."""
    if is_metered(home, check_run_id(run_id)):
        raise BadInput(
            f"the run {run_id} was metered, and another record of it would count its time twice; "
            "choose another --run-id"
        )
    return [(run_id, source) for _, source in chosen]
