"""Stages and statuses: what a run is doing, and how it stands."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    KILLED = "killed"
    STOPPED_BY_BUDGET = "stopped_by_budget"


SETUP, DATA, TRAIN, EVAL, CHECKPOINT, FINISH = (
    "setup",
    "data",
    "train",
    "eval",
    "checkpoint",
    "finish",
)
"""Names of the stages that Trainfare itself knows; a user may name others."""


def is_data(stage: str) -> bool:
    """Whether *stage* is data preparation: ``data``, or a named part of it.

    >>> is_data("data"), is_data("data/clean"), is_data("database")
    (True, True, False)
    """
    return stage == DATA or stage.startswith(f"{DATA}/")


UNNAMED = "run"
"""The stage of a command that was metered from outside and never said what it was doing."""


STATUS_COLOURS = {
    Status.RUNNING: "cyan",
    Status.FINISHED: "green",
    Status.FAILED: "red",
    Status.KILLED: "red",
    Status.STOPPED_BY_BUDGET: "yellow",
}
"""The colour of each status, in lists and live views."""
