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

UNNAMED = "run"
"""The stage of a command that was metered from outside and never said what it was doing."""
