"""The way back to a tracker: what runs cost, billed too once the bill is here → the tracker's runs.

Only what is other than it stands there is written, so that doing it again changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainfare.core.errors import OutsideFailed, TrainfareError
from trainfare.core.run import TrackerRun
from trainfare.core.stage import Status
from trainfare.flows.months import with_bills
from trainfare.logs.mlflow import KIND, tagged_runs
from trainfare.logs.mlflow_store import open_store
from trainfare.metering.figures import figures_of, words_of
from trainfare.metering.history import read_receipts
from trainfare.metering.mlflow_run import page_of, place_of, put_figures, put_receipt
from trainfare.metering.receipt import Receipt
from trainfare.metering.tracker_links import add_tracker

SENT, SAME, GONE = "sent", "unchanged", "gone"


@dataclass(frozen=True, slots=True)
class SentRun:
    """What became of one run in one tracker."""

    run: str
    tracker: TrackerRun
    state: str
    """sent, unchanged, or gone where the tracker has it no more."""
    is_billed: bool
    """Whether its bill is here, so that the billed cost is there, too."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What sending all costs came to."""

    runs: tuple[SentRun, ...]
    failures: tuple[TrainfareError, ...]
    """Of trackers that did not answer; the others were served."""


def sync_trackers(home: Path, places: Sequence[str] = (), *, only: str | None = None) -> Sent:
    """Send to every tracker what its ended runs cost, as far as it is not there yet.

    Args:
        home: where the runs are.
        places: MLflow stores that are asked besides which of their runs bear the id of one of ours.
        only: this run alone.
    """
    receipts = [one for one in read_receipts(home) if only in (None, one.run.id)]
    ended = [one for one in receipts if one.run.status is not Status.RUNNING]
    known = {one.run.id: one for one in with_bills(home, ended)}
    wanted: dict[str, dict[str, tuple[Receipt, TrackerRun]]] = defaultdict(dict)
    for receipt in known.values():
        for tracker in receipt.run.trackers:
            if tracker.system == KIND and tracker.place:
                wanted[tracker.place][tracker.run] = (receipt, tracker)
    done: list[SentRun] = []
    failures: list[TrainfareError] = []
    for place in dict.fromkeys([*places, *wanted]):
        try:
            client, uri = open_store(place, is_written=True)
            runs = wanted.pop(place_of(uri), {})
            if place in places:
                runs = {**_find(home, client, uri, known), **runs}
            done += _serve(client, list(runs.values()))
        except TrainfareError as error:
            failures.append(error)
    return Sent(tuple(done), tuple(failures))


def _find(
    home: Path, client: Any, uri: str, known: dict[str, Receipt]
) -> dict[str, tuple[Receipt, TrackerRun]]:
    """The runs of a store that bear the id of one of ours; they are linked from now on."""
    found = {}
    for mlflow_id, experiment, run_id in tagged_runs(client, uri):
        receipt = known.get(run_id)
        if receipt is None:
            continue
        tracker = TrackerRun(KIND, mlflow_id, place_of(uri), page_of(uri, experiment, mlflow_id))
        if all(one.run != mlflow_id for one in receipt.run.trackers):
            add_tracker(home, run_id, tracker)
            segments = receipt.run.attempts[0].segments
            first = replace(segments[0], trackers=(*segments[0].trackers, tracker))
            attempt = replace(receipt.run.attempts[0], segments=(first, *segments[1:]))
            run = replace(receipt.run, attempts=(attempt, *receipt.run.attempts[1:]))
            receipt = replace(receipt, run=run)
        found[mlflow_id] = (receipt, tracker)
    return found


def _serve(client: Any, runs: Iterable[tuple[Receipt, TrackerRun]]) -> list[SentRun]:
    from mlflow.exceptions import MlflowException

    done = []
    for receipt, tracker in runs:
        try:
            state = _send(client, tracker.run, receipt)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise OutsideFailed(
                    f"MLflow at {tracker.place} did not take the costs: {str(error)[:300]}"
                ) from None
            state = GONE
        done.append(SentRun(receipt.run.id, tracker, state, receipt.billed is not None))
    return done


def _send(client: Any, mlflow_id: str, receipt: Receipt) -> str:
    """Write what is other there: figures, then the receipt, and exact amounts last, which say all is done."""
    stands = client.get_run(mlflow_id).data
    if _has(stands.tags, words_of(receipt)):
        return SAME
    figures = {
        key: value for key, value in figures_of(receipt).items() if stands.metrics.get(key) != value
    }
    ended_ns = receipt.run.interval.end_ns
    if figures:
        put_figures(client, mlflow_id, figures, receipt.steps, _moment(receipt, ended_ns))
    put_receipt(client, mlflow_id, receipt)
    return SENT


def _has(tags: Mapping[str, str], words: Mapping[str, str]) -> bool:
    """Whether all of *words* stands there; an estimate grows by the hour while storage is held."""
    return all(
        key in tags if key == "trainfare.estimated_cost" else tags.get(key) == word
        for key, word in words.items()
    )


def _moment(receipt: Receipt, ended_ns: int) -> int:
    """When the figures became known: with the bill, else as the run ended."""
    return ended_ns if receipt.billed is None else max(ended_ns, receipt.billed.as_of_ns)
