"""Steps of a pipeline that run inside this process: each is metered as a run of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainfare.metering.environment import clean_label, derive_run_id, read_surroundings
from trainfare.metering.inheritance import parent_environment
from trainfare.metering.track import Run, track

if TYPE_CHECKING:
    from trainfare.metering.schedulers import Job


def track_step(job: Job, name: str | None = None, **words: Any) -> Run:
    """Meter the step *job*; *words* are those of :func:`~trainfare.metering.track.track`.

    A run id in the environment (``TRAINFARE_RUN_ID``, a managed job's, Slurm's) stands: the step is
    then a part of that run, which is also what the provider or ``sacct`` calls it.

    Raises:
        BadInput: a label or price is malformed; nothing was started.
    """
    around = read_surroundings(parent_environment(), root=Path("/"))
    own_id = None if around.run_id else derive_run_id(*job.shown, within=job.within)
    found = {key: clean_label(text) for key, text in job.labels.items()}
    labels = {**found, **(words.pop("labels", None) or {})}
    words.setdefault("run_id", own_id)
    return track(name or found.get("pipeline.step"), labels=labels, **words)
