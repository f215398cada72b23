"""Ongoing runs: those that this process has begun and not ended, and what ends them with it."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import TYPE_CHECKING

from trainfare.core.stage import Status
from trainfare.metering import ship
from trainfare.metering.inheritance import begin_as_child, take_back
from trainfare.metering.saying import words_of

if TYPE_CHECKING:
    from trainfare.metering.track import Run

_local = threading.local()

_unfinished: dict[int, Run] = {}
"""Runs of this process that have not ended, for the interpreter's exit."""


def thread_run() -> Run | None:
    """The run that this thread is in."""
    run: Run | None = getattr(_local, "run", None)
    return run


def live_run() -> Run | None:
    """The run that goes on in this process: this thread's, else the one begun last."""
    own = thread_run()
    if own is not None and id(own) in _unfinished:
        return own
    return next(reversed(_unfinished.values()), None)


def enter(run: Run) -> None:
    """From now on this thread is in *run*; where it was in another, that goes on around it."""
    run.outer = thread_run()
    _local.run = run


def keep(run: Run) -> None:
    """End *run* when the interpreter exits, if nobody has by then."""
    _unfinished[id(run)] = run


def forget(run: Run) -> None:
    """Take the run out of this thread and out of the environment; a run around it is back.

    Runs of tasks that take turns in one thread end in any order: one that has ended is not back.
    """
    _unfinished.pop(id(run), None)
    take_back(run.id)
    if thread_run() is run:
        outer = run.outer
        while outer is not None and id(outer) not in _unfinished:
            outer = outer.outer
        _local.run = outer
        if outer is not None:
            outer.pass_down_again()


def _finish_at_exit() -> None:
    """End the runs that nobody ended; an exception that ended the interpreter made them fail."""
    died_of = getattr(sys, "last_type", None)
    for run in list(_unfinished.values()):
        if died_of is None:
            run.end()
        else:
            words = words_of(died_of, getattr(sys, "last_value", ""))
            run.end(Status.FAILED, error=words)
    ship.finish()


atexit.register(_finish_at_exit)


def _after_fork_in_child() -> None:
    """A forked child is not in its parent's run; if it tracks, it joins by the environment."""
    _local.run = None
    _unfinished.clear()
    begin_as_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
